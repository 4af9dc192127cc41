// SPDX-License-Identifier: Apache-2.0
// What `llmd bench` is to do: inference-perf's configuration (its config.yml, v0.6), as far as llmd
// does it, and a few keys of llmd's own.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "bench/load/stage.h"
#include "bench/measure/run_result.h"
#include "bench/workload/body_writer.h"
#include "bench/workload/workload.h"

namespace llmd::bench {

struct ApiOptions {
  Api type = Api::kCompletion;
  bool streaming = true;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string slo_unit = "ms";    ///< s, ms or us
  std::string slo_ttft_header;    ///< carries Slo::ttft_s; empty: not sent
  std::string slo_tpot_header;    ///< carries Slo::tpot_s
  std::string session_id_header;  ///< carries the session, in workloads that have them
};

struct ServerOptions {
  std::string base_url;
  std::string model_name;  ///< empty: the first that the server lists
  std::string api_key;     ///< sent as a bearer token, never printed
  bool ignore_eos = true;
  bool is_sglang = false;  ///< its metrics have other names
};

struct ReportOptions {
  bool per_request = false;
  std::vector<double> percentiles = default_percentiles();  ///< of the result files
  Slo slo;
};

struct MetricsOptions {
  std::vector<std::string> urls;  ///< whose /metrics to read; empty: the target's own
  Duration interval = std::chrono::seconds(1);
};

/// A key that was read and changes nothing, and the reason, as "there are no workers".
struct Unused {
  std::string key;
  std::string_view why;
};

struct BenchConfig {
  ApiOptions api;
  WorkloadKind data = RandomOptions{};
  LoadOptions load;
  ServerOptions server;
  /// A model directory, "words4", or anything else: what the target's /tokenize says.
  std::string tokenizer;
  ReportOptions report;
  MetricsOptions metrics;
  std::string storage_path;  ///< empty: no files
  std::string file_prefix;
  Duration request_timeout{};                          ///< 0: none but stall_timeout
  Duration stall_timeout = std::chrono::seconds(300);  ///< nothing comes for so long
  double time_scale = 1;                               ///< run seconds per real second
  std::vector<Unused> unused;  ///< keys of the file that have no effect here
};

/// Reads inference-perf's YAML. Unknown keys are refused with file, line and the nearest known one;
/// keys that upstream has and llmd has not are refused by name. What the flags may still give
/// (the URL, stages) may be missing.
Result<BenchConfig> parse_config(std::string_view text, const std::string& file);
/// What a run needs is there and makes sense together. Call after flags.
Result<void> check_config(const BenchConfig& config);
/// The same without a target, which a run in virtual time has not.
Result<void> check_load(const BenchConfig& config);
/// As YAML that parse_config() reads back; the API key is left out.
std::string print_config(const BenchConfig& config);
/// One line for people about keys without an effect, by reason; empty where there are none.
std::string unused_words(std::span<const Unused> unused);
/// What of `config` a run in virtual time does not look at, beyond BenchConfig::unused.
std::vector<Unused> unused_in_virtual_time(const BenchConfig& config);

}  // namespace llmd::bench
