// SPDX-License-Identifier: Apache-2.0
#include "cli/bench_flags.h"

#include <CLI/CLI.hpp>

#include "base/text.h"
#include "endpoints/pool.h"
#include "resources/yaml.h"

namespace llmd::cli {
namespace {

using bench::BenchFlags;

const CLI::Range kPositive(1e-9, 1e9);

void add_target_flags(CLI::App& command, BenchFlags& flags) {
  command.add_option("--model", flags.model, "Name to ask for [the first that the target lists]");
  command.add_option("--api", flags.api, "completion or chat [completion]")
      ->check(CLI::IsMember({"completion", "chat"}));
  command.add_option("--streaming", flags.streaming, "Ask for answers token by token [true]");
  command.add_option("--tokenizer", flags.tokenizer,
                     "Model directory or words4 [as the target's /tokenize says]");
  command.add_option("--header", flags.headers, "NAME: VALUE, sent with each request");
  command.add_option("--tenant", flags.tenants,
                     "NAME[=WEIGHT][@OBJECTIVE]; several share the requests by weight");
}

void add_data_flags(CLI::App& command, BenchFlags& flags) {
  CLI::Option_group* group = command.add_option_group("data", "What is sent");
  group->add_option("--shared-prefix", flags.shared_prefix,
                    "GROUPSxPROMPTS, as 8x10: prompts of a group begin alike");
  group->add_option("--system-tokens", flags.system_tokens, "Tokens that a group shares")
      ->check(CLI::Range(0U, bench::kTraceTokensMax));
  group
      ->add_option("--input-tokens", flags.input_tokens,
                   "Tokens of a prompt, or of its own part [a distribution around 512]")
      ->check(CLI::Range(1U, bench::kTraceTokensMax));
  group->add_option("--output-tokens", flags.output_tokens, "Tokens of an answer")
      ->check(CLI::Range(1U, bench::kTraceTokensMax));
  group->add_flag("--multi-turn", flags.multi_turn, "Prompts go on with their answers");
  group->add_option(
      "--trace", flags.trace,
      "Lengths, prefixes and times from a file: Mooncake's (.jsonl) or Azure's (.csv)");
  group->add_option("--speed", flags.speed, "2 plays a trace in half its time [1]")
      ->check(kPositive);
  group->add_flag("--skip-broken-lines", flags.skip_broken_lines,
                  "Leave broken lines of a trace out instead of refusing it");
}

void add_load_flags(CLI::App& command, BenchFlags& flags) {
  CLI::Option_group* group = command.add_option_group("load", "When it is sent");
  group->add_option("--rate", flags.rates, "Requests per second; several make stages")
      ->check(kPositive);
  group->add_option("--load", flags.load, "poisson or constant arrivals [poisson]")
      ->check(CLI::IsMember({"poisson", "constant"}));
  group->add_option("--concurrency", flags.concurrency, "So many at once instead of a rate")
      ->check(CLI::Range(1U, 1U << 20U));
  group->add_option("--sweep", flags.sweep, "linear or geometric stages up to saturation")
      ->check(CLI::IsMember({"linear", "geometric"}));
  group->add_option("--duration", flags.duration_s, "Seconds of each stage")->check(kPositive);
  group->add_option("--requests", flags.requests, "At most so many in each stage")
      ->check(CLI::Range(uint64_t{1}, uint64_t{1} << 40U));
  group
      ->add_option("--warm-up", flags.warm_up_s, "Seconds like the first stage, kept out of totals")
      ->check(kPositive);
  group->add_option("--seed", flags.seed, "Same seed, same requests at the same times [0]");
  group
      ->add_option("--time-scale", flags.time_scale,
                   "Run seconds per real second, as the simulated engines' [1]")
      ->check(CLI::Range(1e-3, 1e4));
}

void add_limit_flags(CLI::App& command, BenchFlags& flags) {
  command
      .add_option("--request-timeout", flags.request_timeout_s,
                  "Seconds that a request may take [no limit]")
      ->check(kPositive);
  command
      .add_option("--stall-timeout", flags.stall_timeout_s,
                  "Seconds in which something must come [300]")
      ->check(kPositive);
  command.add_option("--slo", flags.slo,
                     "Promises in seconds, as ttft=2,tpot=0.1 (also itl, ntpot, e2e)");
  command.add_flag("--slo-headers", flags.slo_headers, "Tell the promises to the target");
  command.add_option("--metrics", flags.metrics,
                     "Engines whose /metrics to read [the target's own]");
}

void add_virtual_flags(CLI::App& command, BenchInput& input) {
  CLI::Option_group* group = command.add_option_group("virtual", "Without a server");
  CLI::Option* flag = group->add_flag(
      "--virtual", input.is_virtual,
      "In virtual time: gateway code and simulated engines in this process, no sockets");
  group
      ->add_option("--profile", input.virtual_options.profiles,
                   "Of the simulated engines; several: of the first, the second and so on, the "
                   "others are like the last")
      ->allow_extra_args(false)
      ->needs(flag)
      ->capture_default_str();
  group->add_option("--endpoints", input.virtual_options.endpoints, "How many there are")
      ->needs(flag)
      ->check(CLI::Range(size_t{1}, endpoints::kEndpointsMax))
      ->capture_default_str();
  group
      ->add_option("--restart", input.virtual_options.restarts_s,
                   "Seconds from the begin until the first engine is killed and another takes its "
                   "place; several: the first, the second and so on")
      ->allow_extra_args(false)
      ->needs(flag)
      ->check(CLI::NonNegativeNumber);
}

}  // namespace

void add_bench_flags(CLI::App& command, BenchInput& input) {
  command.add_option("-c,--config", input.config_file, "inference-perf's YAML; flags change it")
      ->check(CLI::ExistingFile);
  add_target_flags(command, input.flags);
  add_data_flags(command, input.flags);
  add_load_flags(command, input.flags);
  add_limit_flags(command, input.flags);
  add_virtual_flags(command, input);
}

Result<bench::BenchConfig> read_bench_config(const BenchInput& input) {
  bench::BenchConfig config;
  if (!input.config_file.empty()) {
    LLMD_ASSIGN_OR_RETURN(const std::string text,
                          read_file(input.config_file, resources::kYamlBytesMax));
    LLMD_ASSIGN_OR_RETURN(config, bench::parse_config(text, input.config_file));
  }
  LLMD_RETURN_IF_ERROR(bench::apply_flags(input.flags, config));
  return config;
}

}  // namespace llmd::cli
