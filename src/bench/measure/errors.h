// SPDX-License-Identifier: Apache-2.0
// What went wrong in a run, grouped so that a person sees causes and not a thousand lines.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bench/measure/run_result.h"

namespace llmd::bench {

struct ErrorGroup {
  std::string label;  ///< "429 - Rate Limit", "Timeout": inference-perf's words where it has any
  Outcome outcome = Outcome::kOk;
  uint64_t count = 0;
  std::vector<std::string> messages;  ///< distinct ones in order, at most kMessagesPerGroupMax
};
constexpr size_t kMessagesPerGroupMax = 20;

/// The failed requests of one stage, or of all that are no warm-up; the largest group first. Pure.
std::vector<ErrorGroup> group_errors(const RunResult& run, std::optional<uint32_t> stage = {});

/// The label of a failed request's group.
std::string error_label(const RequestRecord& record);

}  // namespace llmd::bench
