// SPDX-License-Identifier: Apache-2.0
// What a simulated engine can be told beyond what every engine can.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace llmd::engine {

struct SimulatedOptions {
  std::string profile = "llama-3.1-8b-h100";  ///< a built-in one's name, or a file
  std::string tokenizer;                      ///< a model directory; empty: words4
  std::optional<double> alpha_ms;             ///< these three instead of the profile's
  std::optional<double> beta_ms;
  std::optional<double> gamma_ms;
  uint32_t replicas = 1;  ///< engines with state and port of their own, on consecutive ports
  double time_scale = 1;  ///< simulated seconds per real second
};

}  // namespace llmd::engine
