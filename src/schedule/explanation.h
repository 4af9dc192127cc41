// SPDX-License-Identifier: Apache-2.0
// Why a request went where it went.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "endpoints/endpoint.h"

namespace llmd::schedule {

/// Filled by Scheduler::schedule() where it is asked for. Names live as long as the scheduler.
struct Explanation {
  struct Score {
    std::string_view scorer;
    double score = 0;  ///< as the scorer gave it, clamped to [0, 1]
    double weight = 1;
  };
  struct Row {
    const endpoints::Endpoint* endpoint = nullptr;
    std::string_view dropped_by;  ///< a filter's name; empty when it was rated
    std::vector<Score> scores;
    double total = 0;
  };
  struct Run {
    std::string_view profile;
    std::vector<Row> rows;
    const endpoints::Endpoint* picked = nullptr;
  };
  struct Unfit {
    const endpoints::Endpoint* endpoint = nullptr;
    std::string_view why;
  };

  std::vector<Unfit> unfit;  ///< no candidates of any profile
  std::vector<Run> runs;     ///< profiles in the order in which they ran
  uint32_t prompt_tokens = 0;
};

}  // namespace llmd::schedule
