// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <iterator>

#include "schedule/plugins.h"

namespace llmd::schedule {
namespace {

/// Values of the label llm-d.ai/role by stage.
constexpr std::string_view kEncode[] = {"encode", "encode-prefill", "encode-prefill-decode"};
constexpr std::string_view kPrefill[] = {"prefill", "encode-prefill", "prefill-decode", "both",
                                         "encode-prefill-decode"};
constexpr std::string_view kDecode[] = {"decode", "prefill-decode", "both",
                                        "encode-prefill-decode"};

/// Keeps endpoints whose role includes the stage.
class RoleFilter final : public Filter {
 public:
  RoleFilter(std::span<const std::string_view> roles, bool keeps_unlabeled)
      : roles_(roles), keeps_unlabeled_(keeps_unlabeled) {}

  void apply(const Query&, Candidates& candidates) override {
    std::erase_if(candidates, [this](const Candidate& candidate) {
      const std::string_view role = candidate.endpoint->label(endpoints::kRoleLabel);
      if (role.empty()) return !keeps_unlabeled_;
      return std::ranges::find(roles_, role) == roles_.end();
    });
  }

 private:
  std::span<const std::string_view> roles_;
  bool keeps_unlabeled_;
};

}  // namespace

Made make_encode_filter(resources::Fields&, Registry&) {
  return make_plugin<RoleFilter>(kEncode, false);
}
Made make_prefill_filter(resources::Fields&, Registry&) {
  return make_plugin<RoleFilter>(kPrefill, false);
}
Made make_decode_filter(resources::Fields&, Registry&) {
  return make_plugin<RoleFilter>(kDecode, true);
}

}  // namespace llmd::schedule
