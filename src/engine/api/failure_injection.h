// SPDX-License-Identifier: Apache-2.0
// Errors on purpose, for clients and routers that must bear them.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "http/message.h"
#include "openai/error.h"

namespace llmd::engine {

struct FailureOptions {
  uint32_t rate_percent = 0;
  std::vector<std::string> types;  ///< of failure_types(); none: all of them
};

/// Names as llm-d-inference-sim's --failure-types has them.
std::span<const std::string_view> failure_types();

/// Loop thread only.
class FailureInjection {
 public:
  FailureInjection(FailureOptions options, uint64_t seed);

  /// What a request is to be answered instead of being served, if anything: the status that its
  /// header X-Return-Error asks for, else an injected failure.
  std::optional<openai::ApiError> next(const http::RequestHead& head);

 private:
  FailureOptions options_;
  Random random_;
};

}  // namespace llmd::engine
