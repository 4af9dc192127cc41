// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "schedule/plugins.h"

namespace llmd::schedule {
namespace {

constexpr std::string_view kHeader = "epp-profile";
constexpr std::string_view kDefaultProfile = "decode";

/// The request's header EPP-Profile names the profile to run; decode without it.
class HeaderProfileHandler final : public ProfileHandler {
 public:
  Result<void> use_profiles(std::span<const std::string> names) override {
    names_.assign(names.begin(), names.end());
    return {};
  }
  std::optional<size_t> next(const Query& query, std::span<const ProfilePick> done) override {
    if (!done.empty()) return std::nullopt;
    const std::string_view asked = query.header(kHeader);
    const auto found = std::ranges::find(names_, asked.empty() ? kDefaultProfile : asked);
    if (found == names_.end()) return std::nullopt;
    return static_cast<size_t>(found - names_.begin());
  }
  size_t primary(std::span<const ProfilePick>) const override { return 0; }

 private:
  std::vector<std::string> names_;
};

}  // namespace

Made make_header_profile_handler(resources::Fields&, Registry&) {
  return make_plugin<HeaderProfileHandler>();
}

}  // namespace llmd::schedule
