// SPDX-License-Identifier: Apache-2.0
// What the handlers of one engine's HTTP surface share.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/random.h"
#include "engine/api/capabilities.h"
#include "engine/api/model_assets.h"
#include "engine/batch/engine.h"
#include "observe/metrics.h"

namespace llmd::engine {

struct ApiLimits {
  size_t choices_max = 1024;                   ///< prompts × n of one request
  size_t unsent_bytes_max = size_t{4} << 20U;  ///< a stream whose client takes no bytes is cut
};

/// What is referred to outlives the server. Loop thread only.
struct ApiContext {
  Engine& engine;
  const ModelAssets& assets;
  observe::Registry& registry;
  std::vector<std::string> model_names;  ///< at least one; the first is shown in answers
  std::string model_root;                ///< where the model came from, for /v1/models
  std::vector<std::string> api_keys;     ///< none: everybody may ask
  uint64_t vocab_size = 0;               ///< token ids from clients are below it
  std::string simulated_profile;         ///< empty: a real engine
  std::function<int64_t()> unix_time_s;
  Random seeds;  ///< for requests that bring none
  Random ids;    ///< for the ids of answers
  Capabilities capabilities;
  int queue_full_status = 503;  ///< another engine may take the request; 429: none shall
  ApiLimits limits;
  observe::Counter slow_streams_cut;      ///< how often unsent_bytes_max was reached
  std::function<void()> refresh_metrics;  ///< set by the server, before a scrape
  bool draining = false;
  bool starting = false;  ///< up, but not able to serve yet
};

}  // namespace llmd::engine
