// SPDX-License-Identifier: Apache-2.0
#include "engine/simulated/profile.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "engine/simulated/embedded_profiles.h"
#include "resources/fields.h"

namespace llmd::engine {
namespace {

using resources::Fields;

// Bounds that no hardware reaches and that keep sums of times far from overflow.
constexpr double kStepMsMax = 1e6;
constexpr double kTokenMsMax = 1e4;
constexpr double kKvBytesMax = 1e9;
constexpr double kLinkBytesMax = 1e15;
constexpr double kColdStartSecondsMax = 1e6;
constexpr uint32_t kKvTokensMax = 1U << 30U;
constexpr uint32_t kLengthMax = 1U << 24U;
constexpr uint32_t kBatchMax = 1U << 16U;

Result<uint32_t> at_least(Fields& fields, std::string_view key, uint32_t least, uint32_t most) {
  LLMD_RETURN_IF_ERROR(fields.require(key));
  LLMD_ASSIGN_OR_RETURN(const uint32_t value, fields.number(key, 0, most));
  if (value < least) return fields.error(key, fmt::format("must be at least {}", least));
  return value;
}

Result<double> positive(Fields& fields, std::string_view key, double most) {
  LLMD_RETURN_IF_ERROR(fields.require(key));
  LLMD_ASSIGN_OR_RETURN(const double value, fields.decimal(key, 0, most));
  if (value <= 0) return fields.error(key, "must be greater than 0");
  return value;
}

Result<TimeModel> read_times(Fields& fields) {
  TimeModel time;
  LLMD_ASSIGN_OR_RETURN(const double alpha_ms, positive(fields, "alphaMs", kStepMsMax));
  LLMD_ASSIGN_OR_RETURN(const double beta_ms, positive(fields, "betaMs", kTokenMsMax));
  LLMD_ASSIGN_OR_RETURN(const double gamma_ms, fields.decimal("gammaMs", 0, kTokenMsMax));
  time.alpha_s = alpha_ms / 1e3;
  time.beta_s = beta_ms / 1e3;
  time.gamma_s = gamma_ms / 1e3;
  LLMD_ASSIGN_OR_RETURN(time.kv_bytes_per_token, positive(fields, "kvBytesPerToken", kKvBytesMax));
  LLMD_ASSIGN_OR_RETURN(time.link_bytes_per_s,
                        positive(fields, "linkBytesPerSecond", kLinkBytesMax));
  LLMD_ASSIGN_OR_RETURN(time.cold_start_s,
                        fields.decimal("coldStartSeconds", 0, kColdStartSecondsMax));
  return time;
}

Result<SimulatedProfile> read_profile(Fields& fields) {
  SimulatedProfile profile;
  LLMD_RETURN_IF_ERROR(fields.require("model"));
  LLMD_ASSIGN_OR_RETURN(profile.model, fields.text("model", ""));
  LLMD_RETURN_IF_ERROR(fields.require("source"));
  LLMD_ASSIGN_OR_RETURN(profile.source, fields.text("source", ""));
  LLMD_ASSIGN_OR_RETURN(profile.time, read_times(fields));
  LLMD_ASSIGN_OR_RETURN(profile.kv_cache_tokens,
                        at_least(fields, "kvCacheTokens", 2, kKvTokensMax));
  LLMD_ASSIGN_OR_RETURN(profile.max_model_len, at_least(fields, "maxModelLen", 2, kLengthMax));
  LLMD_ASSIGN_OR_RETURN(profile.max_num_batched_tokens,
                        at_least(fields, "maxNumBatchedTokens", 1, kBatchMax));
  LLMD_ASSIGN_OR_RETURN(profile.max_num_seqs, at_least(fields, "maxNumSeqs", 1, kBatchMax));
  LLMD_RETURN_IF_ERROR(fields.done());
  return profile;
}

}  // namespace

Result<SimulatedProfile> parse_profile(std::string_view yaml, const std::string& file) {
  LLMD_ASSIGN_OR_RETURN(const auto documents, resources::parse_yaml(yaml, file));
  if (documents.size() != 1) return invalid_argument(file + ": must hold one profile");
  LLMD_ASSIGN_OR_RETURN(Fields fields, Fields::of(documents.front(), "", file));
  LLMD_ASSIGN_OR_RETURN(SimulatedProfile profile, read_profile(fields));
  profile.name = file;
  return profile;
}

Result<SimulatedProfile> load_profile(const std::string& name_or_path) {
  for (const EmbeddedProfile& each : embedded_profiles()) {
    if (each.name == name_or_path) return parse_profile(each.yaml, name_or_path);
  }
  const Result<std::string> text = read_file(name_or_path, resources::kYamlBytesMax);
  if (text) return parse_profile(*text, name_or_path);
  const auto nearest = nearest_word(name_or_path, profile_names());
  return invalid_argument(
      fmt::format("there is no profile \"{}\", nor a file of that name ({}); {}", name_or_path,
                  text.error().message,
                  nearest ? fmt::format("did you mean {}?", *nearest)
                          : fmt::format("built in are {}", fmt::join(profile_names(), ", "))));
}

std::vector<std::string> profile_names() {
  std::vector<std::string> names;
  for (const EmbeddedProfile& each : embedded_profiles()) names.emplace_back(each.name);
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace llmd::engine
