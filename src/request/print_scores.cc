// SPDX-License-Identifier: Apache-2.0
#include "request/print_scores.h"

#include <fmt/format.h>

namespace llmd::request {

std::string print_scores(const schedule::Explanation& explanation) {
  std::string out;
  for (const auto& run : explanation.runs) {
    out += fmt::format("{}{}", out.empty() ? "" : "; ", run.profile);
    for (const auto& row : run.rows) {
      if (!row.dropped_by.empty()) {
        out += fmt::format(" {}-({})", row.endpoint->spec.name, row.dropped_by);
        continue;
      }
      out += fmt::format(" {}={:.4g}(", row.endpoint->spec.name, row.total);
      for (const auto& [scorer, score, weight] : row.scores) {
        out +=
            fmt::format("{}{} {:.4g}*{:g}", out.back() == '(' ? "" : ", ", scorer, score, weight);
      }
      out += ')';
    }
  }
  for (const auto& [endpoint, why] : explanation.unfit) {
    out += fmt::format(" {}-({})", endpoint->spec.name, why);
  }
  return out;
}

}  // namespace llmd::request
