// SPDX-License-Identifier: Apache-2.0
// What a client is told when its request is not served.
#pragma once

#include <string>
#include <string_view>

#include "flow/decision.h"
#include "openai/error.h"

namespace llmd::request {

struct Refusal {
  openai::ApiError error;
  /// Value of x-llm-d-request-dropped-reason; empty where the request itself is at fault.
  std::string_view dropped_reason = {};
  int retry_after_s = 0;  ///< 0: no Retry-After
};

/// As flow control's table says it.
inline Refusal refusal_of(flow::Decision decision) {
  const flow::Verdict& verdict = flow::verdict_of(decision);
  return {openai::make_error(verdict.status, std::string(verdict.message)), verdict.reason,
          verdict.retry_after_s};
}

/// As above, with words of one's own.
inline Refusal refusal_of(flow::Decision decision, std::string message) {
  Refusal refusal = refusal_of(decision);
  refusal.error.message = std::move(message);
  return refusal;
}

}  // namespace llmd::request
