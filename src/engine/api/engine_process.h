// SPDX-License-Identifier: Apache-2.0
// `llmd engine` without its command line: load, serve, drain at SIGTERM.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/api/simulated_options.h"
#include "engine/types.h"
#include "kv/events/publisher_config.h"

namespace llmd::engine {

/// 0 means "decide from the model and the machine" where it is no sensible value itself.
struct EngineProcessOptions {
  std::string host = "127.0.0.1";
  uint16_t port = 8000;                         ///< 0: any free one
  std::string model;                            ///< a Hugging Face model directory
  std::vector<std::string> served_model_names;  ///< none: the directory's name
  uint32_t max_model_len = 0;
  uint32_t max_num_seqs = 0;
  uint32_t max_num_batched_tokens = 0;
  uint32_t block_size = 16;
  uint32_t num_gpu_blocks_override = 0;
  uint64_t seed = 0;
  KvDtype kv_cache_dtype = KvDtype::kF32;
  std::vector<std::string> api_keys;
  uint32_t threads = 0;
  bool prefix_caching = true;
  kv::PublisherConfig kv_events;
  std::optional<SimulatedOptions> simulated;  ///< no model then, but its behaviour
};

/// Serves until SIGTERM or SIGINT and the running requests' ends; prints a ready line per engine on
/// stdout, and then where each publishes KV events, if they do. An error is something the user can
/// mend: a bad model, a taken port, lengths that do not fit.
Result<void> run_engine(const EngineProcessOptions& options);

}  // namespace llmd::engine
