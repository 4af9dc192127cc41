// SPDX-License-Identifier: Apache-2.0
#include "schedule/plugins.h"

namespace llmd::schedule {
namespace {

using endpoints::Stage;

/// Keeps endpoints whose role includes the stage.
class RoleFilter final : public Filter {
 public:
  RoleFilter(Stage stage, bool keeps_unlabeled)
      : stage_(stage), keeps_unlabeled_(keeps_unlabeled) {}

  void apply(const Query&, Candidates& candidates) override {
    std::erase_if(candidates, [this](const Candidate& candidate) {
      const std::string_view role = candidate.endpoint->label(endpoints::kRoleLabel);
      return role.empty() ? !keeps_unlabeled_ : !endpoints::role_includes(role, stage_);
    });
  }

 private:
  Stage stage_;
  bool keeps_unlabeled_;
};

}  // namespace

Made make_encode_filter(resources::Fields&, Registry&) {
  return make_plugin<RoleFilter>(Stage::kEncode, false);
}
Made make_prefill_filter(resources::Fields&, Registry&) {
  return make_plugin<RoleFilter>(Stage::kPrefill, false);
}
Made make_decode_filter(resources::Fields&, Registry&) {
  return make_plugin<RoleFilter>(Stage::kDecode, true);
}

}  // namespace llmd::schedule
