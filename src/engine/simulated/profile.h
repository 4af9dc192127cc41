// SPDX-License-Identifier: Apache-2.0
// Hardware and model that a simulated engine stands for: data files, some of which are built in.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/simulated/time_model.h"

namespace llmd::engine {

struct SimulatedProfile {
  std::string name;    ///< as asked for
  std::string model;   ///< what it is served as, unless told otherwise
  std::string source;  ///< where its figures come from, one line
  TimeModel time;
  uint64_t kv_cache_tokens = 0;  ///< what the KV cache holds
  uint32_t max_model_len = 0;
  uint32_t max_num_batched_tokens = 0;
  uint32_t max_num_seqs = 0;
};

/// Reads one profile. Errors name `file`, line, key and what would be right. Any thread.
Result<SimulatedProfile> parse_profile(std::string_view yaml, const std::string& file);

/// A built-in profile by its name, else a file by its path.
Result<SimulatedProfile> load_profile(const std::string& name_or_path);

/// The built-in ones, in alphabetical order.
std::vector<std::string> profile_names();

}  // namespace llmd::engine
