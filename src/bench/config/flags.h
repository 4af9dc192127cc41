// SPDX-License-Identifier: Apache-2.0
// The few flags that stand for a configuration, or change one.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bench/config/bench_config.h"

namespace llmd::bench {

/// As given on the command line; what is absent leaves the configuration as it is.
struct BenchFlags {
  std::optional<std::string> url;
  std::optional<std::string> model;
  std::optional<std::string> api;  ///< completion or chat
  std::optional<bool> streaming;
  std::optional<std::string> tokenizer;
  std::optional<std::string> shared_prefix;  ///< "8x10": groups x prompts in each
  std::optional<uint32_t> system_tokens;     ///< of a shared prefix
  std::optional<uint32_t> input_tokens;      ///< of a prompt, or of its question
  std::optional<uint32_t> output_tokens;
  bool multi_turn = false;
  std::optional<std::string> trace;  ///< a file; .jsonl is Mooncake's, anything else Azure's
  std::optional<double> speed;       ///< of the trace
  bool skip_broken_lines = false;
  std::optional<std::string> load;  ///< constant or poisson
  std::vector<double> rates;        ///< one stage each
  std::optional<double> duration_s;
  std::optional<double> warm_up_s;
  std::optional<uint32_t> concurrency;
  std::optional<uint64_t> requests;
  std::optional<std::string> sweep;  ///< linear or geometric
  std::optional<uint32_t> seed;
  std::vector<std::string> tenants;  ///< NAME[=WEIGHT][@OBJECTIVE]
  std::vector<std::string> headers;  ///< NAME: VALUE
  std::optional<std::string> slo;    ///< ttft=2,tpot=0.1 in seconds
  bool slo_headers = false;
  std::optional<double> request_timeout_s;
  std::optional<double> stall_timeout_s;
  std::optional<double> time_scale;
  std::vector<std::string> metrics;
  std::optional<std::string> out;
  bool per_request = false;
};

/// Changes `config` as the flags say. Errors name the flag.
Result<void> apply_flags(const BenchFlags& flags, BenchConfig& config);

}  // namespace llmd::bench
