// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/text.h"
#include "schedule/plugins.h"

namespace llmd::schedule {
namespace {

constexpr std::string_view kHeader = "test-epp-endpoint-selection";

/// For conformance tests: keeps the endpoints that the request's header lists, as "ip[:port],…".
class HeaderBasedTestingFilter final : public Filter {
 public:
  void apply(const Query& query, Candidates& candidates) override {
    const std::string_view wanted = query.header(kHeader);
    if (wanted.empty()) return;
    const auto names = split(wanted, ',');
    std::erase_if(candidates, [&](const Candidate& candidate) {
      return std::ranges::none_of(names, [&](std::string_view name) {
        return trim(name) == candidate.endpoint->host_port ||
               trim(name) == candidate.endpoint->spec.address;
      });
    });
  }
};

}  // namespace

Made make_header_based_testing_filter(resources::Fields&, Registry&) {
  return make_plugin<HeaderBasedTestingFilter>();
}

}  // namespace llmd::schedule
