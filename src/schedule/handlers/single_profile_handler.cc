// SPDX-License-Identifier: Apache-2.0
#include "schedule/plugins.h"

namespace llmd::schedule {
namespace {

class SingleProfileHandler final : public ProfileHandler {
 public:
  Result<void> use_profiles(std::span<const std::string> names) override {
    if (names.size() == 1) return {};
    return invalid_argument("single-profile-handler needs exactly one scheduling profile");
  }
  std::optional<size_t> next(const Query&, std::span<const ProfilePick> done) override {
    if (done.empty()) return 0;
    return std::nullopt;
  }
  size_t primary(std::span<const ProfilePick>) const override { return 0; }
};

}  // namespace

Made make_single_profile_handler(resources::Fields&, Registry&) {
  return make_plugin<SingleProfileHandler>();
}

}  // namespace llmd::schedule
