// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "schedule/plugins.h"

namespace llmd::schedule {
namespace {

struct Stages {
  std::string decode = "decode";
  std::string prefill = "prefill";
};

/// Runs the decode profile, and the prefill profile when the decider wants it for what decode
/// chose.
class DisaggProfileHandler final : public ProfileHandler {
 public:
  DisaggProfileHandler(Stages stages, Decider* prefill_decider)
      : stages_(std::move(stages)), prefill_decider_(prefill_decider) {}

  Result<void> use_profiles(std::span<const std::string> names) override {
    LLMD_ASSIGN_OR_RETURN(decode_, index_of(stages_.decode, names));
    if (prefill_decider_ == nullptr) return {};
    LLMD_ASSIGN_OR_RETURN(prefill_, index_of(stages_.prefill, names));
    return {};
  }
  std::optional<size_t> next(const Query& query, std::span<const ProfilePick> done) override {
    if (done.empty()) return decode_;
    const bool asks =
        done.size() == 1 && prefill_decider_ != nullptr && done.front().endpoint != nullptr;
    if (asks && prefill_decider_->wants_stage(query, *done.front().endpoint)) return prefill_;
    return std::nullopt;
  }
  size_t primary(std::span<const ProfilePick>) const override { return 0; }

 private:
  static Result<size_t> index_of(const std::string& name, std::span<const std::string> names) {
    const auto found = std::ranges::find(names, name);
    if (found != names.end()) return static_cast<size_t>(found - names.begin());
    return invalid_argument("disagg-profile-handler: there is no scheduling profile " + name);
  }

  Stages stages_;
  Decider* prefill_decider_;
  size_t decode_ = 0;
  size_t prefill_ = 0;
};

}  // namespace

Made make_disagg_profile_handler(resources::Fields& parameters, Registry& registry) {
  Stages stages;
  LLMD_ASSIGN_OR_RETURN(auto profiles, parameters.map("profiles"));
  LLMD_ASSIGN_OR_RETURN(stages.decode, profiles.text("decode", stages.decode));
  LLMD_ASSIGN_OR_RETURN(stages.prefill, profiles.text("prefill", stages.prefill));
  LLMD_RETURN_IF_ERROR(profiles.text("encode", "encode"));
  LLMD_RETURN_IF_ERROR(profiles.done());
  LLMD_ASSIGN_OR_RETURN(auto deciders, parameters.map("deciders"));
  constexpr std::string_view kUnbuilt[] = {"encode"};
  LLMD_RETURN_IF_ERROR(deciders.refuse_unbuilt(kUnbuilt));
  LLMD_ASSIGN_OR_RETURN(const std::string name, deciders.text("prefill", ""));
  LLMD_RETURN_IF_ERROR(deciders.done());
  Decider* decider = nullptr;
  if (!name.empty()) {
    LLMD_ASSIGN_OR_RETURN(decider, registry.get<Decider>(name));
  }
  LLMD_ASSIGN_OR_RETURN(const std::string order, parameters.text("stageOrder", "decode-first"));
  if (order != "decode-first") {
    return parameters.error("stageOrder", "must be decode-first; prefill-first is not there yet");
  }
  return make_plugin<DisaggProfileHandler>(std::move(stages), decider);
}

/// The same under its older name, with flat parameters and a decider that is always there.
Made make_pd_profile_handler(resources::Fields& parameters, Registry& registry) {
  Stages stages;
  LLMD_ASSIGN_OR_RETURN(stages.decode, parameters.text("decodeProfile", stages.decode));
  LLMD_ASSIGN_OR_RETURN(stages.prefill, parameters.text("prefillProfile", stages.prefill));
  LLMD_ASSIGN_OR_RETURN(const std::string name,
                        parameters.text("deciderPluginName", "prefix-based-pd-decider"));
  LLMD_ASSIGN_OR_RETURN(Decider* const decider, registry.get<Decider>(name));
  // Upstream never used these two; whose matches count the decider says.
  LLMD_RETURN_IF_ERROR(parameters.text("prefixPluginType", ""));
  LLMD_RETURN_IF_ERROR(parameters.text("prefixPluginName", ""));
  LLMD_RETURN_IF_ERROR(registry.read_prefix_producer(parameters));
  LLMD_ASSIGN_OR_RETURN(const uint32_t port, parameters.number("primaryPort", 0, UINT16_MAX));
  if (port != 0) return parameters.error("primaryPort", "must be 0: ranks are endpoints here");
  return make_plugin<DisaggProfileHandler>(std::move(stages), decider);
}

}  // namespace llmd::schedule
