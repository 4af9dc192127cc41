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

  CLI::Option* add_flag(const char* name, bool& value, const std::string& help) {
    return command_.add_flag(name, value, help)->needs(simulated_)->group(kGroup);
  }
  template <typename Value>
  CLI::Option* add(const char* name, Value& value, const std::string& help) {
    return command_.add_option(name, value, help)->needs(simulated_)->group(kGroup);
  }
  CLI::Option* add_function(const char* name,
                            const std::function<void(const std::string&)>& function,
                            const std::string& help) {
    return command_.add_option_function<std::string>(name, function, help)
        ->needs(simulated_)
        ->group(kGroup);
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
  flags.add_flag("--same-port", options.same_port,
                 "Replicas share --port, on consecutive addresses from --host upwards");
  flags
      .add("--data-parallel-size", options.data_parallel_size,
           "Ranks of each engine, each with a port of its own after the rank before")
      ->check(CLI::Range(1U, 8U))
      ->capture_default_str();
  flags
      .add("--time-scale", options.time_scale,
           "Simulated seconds per real second, in everything but HTTP timeouts")
      ->check(CLI::Range(0.001, 1000.0))
      ->capture_default_str();
}

void add_answer_flags(FlagAdder& flags, SimulatedOptions& options) {
  flags
      .add_function(
          "--mode", [&options](const std::string& mode) { options.echo = mode == "echo"; },
          "What answers say: random text, or an echo of the prompt [random]")
      ->check(CLI::IsMember({"random", "echo"}));
  flags.add("--output-length", options.output_length,
            "Tokens before an answer ends by itself: a number, uniform:MIN:MAX, "
            "normal:MEAN:STDDEV, lognormal:MEAN:STDDEV [as max_tokens says, else 128]");
}

void add_trouble_flags(FlagAdder& flags, SimulatedOptions& options) {
  const auto types = engine::failure_types();
  flags
      .add("--failure-injection-rate", options.failures.rate_percent,
           "Percent of generating requests that fail on purpose; any one request can ask for a "
           "status with the header X-Return-Error")
      ->check(CLI::Range(0U, 100U))
      ->capture_default_str();
  flags
      .add("--failure-types", options.failures.types,
           fmt::format("How they fail, of {} [any]", fmt::join(types, ", ")))
      ->check(CLI::IsMember(std::vector<std::string>(types.begin(), types.end())));
  flags
      .add("--max-waiting-queue-length", options.max_waiting_queue_length,
           "Requests that may wait; more are answered 429")
      ->check(CLI::Range(1U, 1U << 20U))
      ->capture_default_str();
  flags
      .add("--startup-duration", options.startup_duration,
           "Seconds during which /health answers 503 and no ready line comes, or \"profile\"")
      ->capture_default_str();
  flags.add("--fake-metrics", options.fake_metrics,
            "JSON with running-requests, waiting-requests and kv-cache-usage to show instead of "
            "the truth: numbers, or oscillate|ramp|rampreset|squarewave:FROM:TO:SECONDS");
}

void add_lora_flags(FlagAdder& flags, SimulatedOptions& options) {
  flags.add("--lora-modules", options.lora_modules, "Adapters to begin with, as NAME=PATH");
  flags.add("--max-loras", options.max_loras, "Different adapters that one step may compute")
      ->check(CLI::Range(1U, 1U << 10U))
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
  add_answer_flags(flags, *values);
  add_trouble_flags(flags, *values);
  add_lora_flags(flags, *values);
  command.parse_complete_callback([simulated, values, &options] {
    if (simulated->count() > 0) options = *values;
  });
}

}  // namespace llmd::cli
