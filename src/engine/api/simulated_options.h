// SPDX-License-Identifier: Apache-2.0
// What a simulated engine can be told beyond what every engine can.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/api/failure_injection.h"

namespace llmd::engine {

struct SimulatedOptions {
  std::string profile = "llama-3.1-8b-h100";  ///< a built-in one's name, or a file
  std::string tokenizer;                      ///< a model directory; empty: words4
  std::optional<double> alpha_ms;             ///< these three instead of the profile's
  std::optional<double> beta_ms;
  std::optional<double> gamma_ms;
  uint32_t replicas = 1;  ///< engines with state and port of their own, on consecutive ports
  uint32_t data_parallel_size = 1;  ///< ranks of each of them, likewise with ports of their own
  bool same_port = false;           ///< replicas have consecutive addresses instead of ports
  double time_scale = 1;            ///< simulated seconds per real second

  bool echo = false;                   ///< answers repeat their prompt
  std::string output_length;           ///< as parse_output_length() reads it; empty: unbounded
  std::string startup_duration = "0";  ///< seconds, or "profile"
  uint32_t max_waiting_queue_length = 1024;  ///< more are answered 429
  FailureOptions failures;
  std::vector<std::string> lora_modules;  ///< NAME=PATH
  uint32_t max_loras = 1;
  std::string fake_metrics;  ///< as parse_fake_metrics() reads it; empty: the truth
};

}  // namespace llmd::engine
