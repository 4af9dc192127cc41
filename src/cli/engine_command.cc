// SPDX-License-Identifier: Apache-2.0
#include "cli/engine_command.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "cli/simulated_flags.h"
#include "engine/api/engine_process.h"

namespace llmd::cli {
namespace {

using engine::EngineProcessOptions;
using engine::KvDtype;

constexpr const char* kExamples = R"(Examples:
  llmd engine --model models/llmd-tiny
  llmd engine --model models/llmd-tiny --port 0 --served-model-name tiny --api-key secret
  llmd engine --model DIR --max-model-len 4096 --max-num-seqs 8 --kv-cache-dtype bf16
  llmd engine --simulated --profile qwen3-32b-tp2-h100 --replicas 8

Prints "llmd ready engine http://HOST:PORT" on stdout when it can serve, and with --kv-events-config
then "llmd kv-events http://HOST:PORT ENDPOINT replay ENDPOINT". SIGTERM lets the running requests
end; a second one does not wait.)";

/// Flags that name what this engine does anyway, or not at all.
std::string check_dtype(const std::string& dtype) {
  if (dtype == "auto" || dtype == "bfloat16" || dtype == "float32") return {};
  return dtype +
         ": weights are used as they are stored and computed in float32; give auto, "
         "bfloat16 or float32";
}

std::string check_block_size(const std::string& text) {
  for (const char* allowed : {"1", "2", "4", "8", "16", "32", "64", "128", "256"}) {
    if (text == allowed) return {};
  }
  return text + ": a block has a power of two of tokens, at most 256";
}

void add_serving_flags(CLI::App& command, EngineProcessOptions& options) {
  command.add_option("--host", options.host, "Address to listen on")->capture_default_str();
  command.add_option("--port", options.port, "Port to listen on; 0 takes a free one")
      ->capture_default_str();
  command.add_option("--model", options.model, "Hugging Face model directory")
      ->check(CLI::ExistingDirectory);
  command.add_option("--served-model-name", options.served_model_names,
                     "Names that clients may ask for [the directory's name]");
  command.add_option("--api-key", options.api_keys,
                     "Keys of which clients must send one as a bearer token; /health and /metrics "
                     "stay open");
}

void add_limit_flags(CLI::App& command, EngineProcessOptions& options) {
  command
      .add_option("--max-model-len", options.max_model_len,
                  "Tokens in one sequence, prompt and answer [as the model can and memory holds]")
      ->check(CLI::Range(2U, 1U << 24U));
  command
      .add_option("--max-num-seqs", options.max_num_seqs, "Sequences computed in one step [256]")
      ->check(CLI::Range(1U, 1U << 16U));
  command
      .add_option("--max-num-batched-tokens", options.max_num_batched_tokens,
                  "Tokens computed in one step; longer prompts are cut into chunks [512, or the "
                  "profile's]")
      ->check(CLI::Range(1U, 1U << 16U));
  command.add_option("--block-size", options.block_size, "Tokens in one block of the KV cache")
      ->check(CLI::Validator(check_block_size, "1|2|4|8|16|32|64|128|256"))
      ->capture_default_str();
  command
      .add_option("--num-gpu-blocks-override", options.num_gpu_blocks_override,
                  "Blocks in the KV cache [at most 1 GiB and a tenth of memory]")
      ->check(CLI::Range(1U, 1U << 28U));
}

void add_computing_flags(CLI::App& command, EngineProcessOptions& options) {
  command.add_option("--seed", options.seed, "Seed of sampling where a request brings none")
      ->capture_default_str();
  command
      .add_option_function<std::string>(
          "--dtype", [](const std::string&) {}, "auto, bfloat16 or float32; all mean: as stored")
      ->check(CLI::Validator(check_dtype, "auto|bfloat16|float32"));
  command
      .add_option_function<std::string>(
          "--kv-cache-dtype",
          [&options](const std::string& name) {
            options.kv_cache_dtype = name == "bf16" ? KvDtype::kBf16 : KvDtype::kF32;
          },
          "Keys and values in the cache: auto (f32), f32 or bf16")
      ->check(CLI::IsMember({"auto", "f32", "bf16"}));
  command.add_option("--threads", options.threads, "Threads that compute [one per core]")
      ->check(CLI::Range(1U, 1024U));
  command.add_flag("--no-enable-prefix-caching{false},--enable-prefix-caching{true}",
                   options.prefix_caching,
                   "Whether prompts reuse the blocks of earlier ones [yes]");
}

void add_kv_events_flag(CLI::App& command, EngineProcessOptions& options) {
  const auto read = [&options](const std::string& json) {
    auto config = kv::parse_publisher_config(json);
    if (!config) throw CLI::ValidationError(config.error().message);
    options.kv_events = std::move(*config);
  };
  command.add_option_function<std::string>(
      "--kv-events-config", read,
      "JSON: where to publish what the KV cache holds, with vLLM's keys, as "
      R"({"enable_kv_cache_events": true, "endpoint": "tcp://*:5557"})");
}

}  // namespace

void add_engine_command(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("engine", "Serve a model from this process");
  command->footer(kExamples);
  auto options = std::make_shared<EngineProcessOptions>();
  add_serving_flags(*command, *options);
  add_limit_flags(*command, *options);
  add_computing_flags(*command, *options);
  add_kv_events_flag(*command, *options);
  add_simulated_flags(*command, options->simulated);
  command->callback([options, &exit_code] {
    if (options->simulated ? !options->model.empty() : options->model.empty()) {
      throw CLI::RequiredError("Either --model DIR or --simulated");
    }
    const Result<void> result = engine::run_engine(*options);
    if (result) return;
    fmt::print(stderr, "llmd engine: {}\n", result.error().message);
    exit_code = 1;
  });
}

}  // namespace llmd::cli
