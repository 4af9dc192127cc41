// SPDX-License-Identifier: Apache-2.0
#include "cli/simulated_flags.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "engine/simulated/profile.h"

namespace llmd::cli {
namespace {

using engine::SimulatedOptions;

constexpr const char* kGroup = "Simulated engines";
constexpr double kMillisecondsMax = 1e6;

/// Adds flags that mean nothing unless --simulated is given too.
class FlagAdder {
 public:
  FlagAdder(CLI::App& command, CLI::Option* simulated) : command_(command), simulated_(simulated) {}

  template <typename Value>
  CLI::Option* add(const char* name, Value& value, const std::string& help) {
    return command_.add_option(name, value, help)->needs(simulated_)->group(kGroup);
  }

 private:
  CLI::App& command_;
  CLI::Option* simulated_;
};

void add_model_flags(FlagAdder& flags, SimulatedOptions& options) {
  flags
      .add("--profile", options.profile,
           fmt::format("Hardware and model to stand for: a YAML file, or one of {}",
                       fmt::join(engine::profile_names(), ", ")))
      ->capture_default_str();
  flags.add("--alpha-ms", options.alpha_ms, "Milliseconds per step [the profile's]")
      ->check(CLI::Range(0.0, kMillisecondsMax));
  flags.add("--beta-ms", options.beta_ms, "Milliseconds per computed token [the profile's]")
      ->check(CLI::Range(0.0, kMillisecondsMax));
  flags
      .add("--gamma-ms", options.gamma_ms,
           "Milliseconds per context token attended [the profile's]")
      ->check(CLI::Range(0.0, kMillisecondsMax));
  flags
      .add("--tokenizer", options.tokenizer,
           "Model directory with a tokenizer [words4: every 4 bytes are a token]")
      ->check(CLI::ExistingDirectory);
}

void add_process_flags(FlagAdder& flags, SimulatedOptions& options) {
  flags
      .add("--replicas", options.replicas,
           "Engines in this process, each with state and a port of its own, from --port upwards")
      ->check(CLI::Range(1U, 1000U))
      ->capture_default_str();
  flags
      .add("--time-scale", options.time_scale,
           "Simulated seconds per real second, in everything but HTTP timeouts")
      ->check(CLI::Range(0.001, 1000.0))
      ->capture_default_str();
}

}  // namespace

void add_simulated_flags(CLI::App& command, std::optional<SimulatedOptions>& options) {
  const auto values = std::make_shared<SimulatedOptions>();
  CLI::Option* simulated =
      command.add_flag("--simulated")->description("Run no model, but answer as fast as one would");
  simulated->group(kGroup);
  FlagAdder flags(command, simulated);
  add_model_flags(flags, *values);
  add_process_flags(flags, *values);
  command.parse_complete_callback([simulated, values, &options] {
    if (simulated->count() > 0) options = *values;
  });
}

}  // namespace llmd::cli
