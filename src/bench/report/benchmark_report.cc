// SPDX-License-Identifier: Apache-2.0
#include "bench/report/benchmark_report.h"

#include <fmt/chrono.h>
#include <fmt/core.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>

#include "base/random.h"

namespace llmd::bench {
namespace {

/// A number as every YAML reader takes it: PyYAML has 1e-05 for a string.
std::string plain(double value) {
  std::string out = fmt::format("{:.9f}", value);
  out.erase(std::max(out.find_last_not_of('0'), out.find('.') + 1) + 1);
  return out;
}

void number(YAML::Emitter& yaml, const char* key, double value) {
  yaml << YAML::Key << key << YAML::Value << plain(value);
}

void count(YAML::Emitter& yaml, const char* key, uint64_t value) {
  yaml << YAML::Key << key << YAML::Value << value;
}

/// Quoted, so that no text is read as anything else. DEL is the one character that the emitter
/// leaves alone and PyYAML refuses.
void text(YAML::Emitter& yaml, const char* key, std::string value) {
  std::replace(value.begin(), value.end(), '\x7f', '?');
  yaml << YAML::Key << key << YAML::Value << YAML::DoubleQuoted << value << YAML::Auto;
}

void begin(YAML::Emitter& yaml, const char* key) {
  yaml << YAML::Key << key << YAML::Value << YAML::BeginMap;
}

/// FNV-1a, mixed: an identifier, not a defence.
std::string identifier(std::string_view content) {
  uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : content) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return fmt::format("{:016x}{:016x}", mix64(hash), mix64(hash + 1));
}

std::string timestamp(int64_t unix_s) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(static_cast<std::time_t>(unix_s)));
}

constexpr std::array<std::pair<const char*, double>, 11> kPercentiles{{{"p0p1", 0.1},
                                                                       {"p1", 1},
                                                                       {"p5", 5},
                                                                       {"p10", 10},
                                                                       {"p25", 25},
                                                                       {"p50", 50},
                                                                       {"p75", 75},
                                                                       {"p90", 90},
                                                                       {"p95", 95},
                                                                       {"p99", 99},
                                                                       {"p99p9", 99.9}}};

void statistics(YAML::Emitter& yaml, const char* key, const char* units, const Histogram& samples,
                double divisor) {
  if (samples.count() == 0) return;
  begin(yaml, key);
  yaml << YAML::Key << "units" << YAML::Value << units;
  number(yaml, "mean", samples.mean() / divisor);
  number(yaml, "min", static_cast<double>(samples.min()) / divisor);
  for (const auto& [name, percent] : kPercentiles) {
    number(yaml, name, static_cast<double>(samples.percentile(percent)) / divisor);
  }
  number(yaml, "max", static_cast<double>(samples.max()) / divisor);
  yaml << YAML::EndMap;
}

void rate(YAML::Emitter& yaml, const char* key, const char* units, double value) {
  begin(yaml, key);
  yaml << YAML::Key << "units" << YAML::Value << units;
  number(yaml, "mean", value);
  yaml << YAML::EndMap;
}

void run_section(YAML::Emitter& yaml, const RunResult& run, uint32_t stage) {
  const RunInfo& info = run.info;
  const std::string experiment =
      fmt::format("{}\n{}\n{}\n{}", info.target, info.config, info.seed, info.started_unix_s);
  const auto at = [&](Duration since) {
    return timestamp(info.started_unix_s +
                     static_cast<int64_t>(to_seconds(since) / info.time_scale));
  };
  const StageInfo& window = run.stages[stage];
  begin(yaml, "run");
  text(yaml, "uid", identifier(fmt::format("{}\n{}", experiment, stage)));
  text(yaml, "eid", identifier(experiment));
  begin(yaml, "time");
  if (info.started_unix_s > 0) {  // a run in virtual time has no date
    text(yaml, "start", at(window.begin));
    text(yaml, "end", at(window.end));
  }
  text(yaml, "duration", fmt::format("PT{}S", plain(to_seconds(window.end - window.begin))));
  yaml << YAML::EndMap;
  text(yaml, "description", info.workload);
  yaml << YAML::EndMap;
}

/// What a target is made of, an HTTP client cannot see: its name and its model.
void stack(YAML::Emitter& yaml, const RunInfo& info) {
  yaml << YAML::Key << "stack" << YAML::Value << YAML::BeginSeq << YAML::BeginMap;
  begin(yaml, "metadata");
  text(yaml, "label", "target");
  text(yaml, "cfg_id", identifier(info.target));
  yaml << YAML::EndMap;
  begin(yaml, "standardized");
  text(yaml, "kind", "generic");
  text(yaml, "tool", info.is_virtual ? "llmd bench, virtual time" : "OpenAI API");
  text(yaml, "tool_version", "unknown");
  text(yaml, "target", info.target);
  text(yaml, "model", info.model);
  yaml << YAML::Key << "simulated" << YAML::Value << info.simulated << YAML::EndMap;
  begin(yaml, "native");
  yaml << YAML::EndMap << YAML::EndMap << YAML::EndSeq;
}

/// As it was measured: what the configuration asked for stands under native.
void sequence_length(YAML::Emitter& yaml, const char* key, const Histogram& lengths) {
  begin(yaml, key);
  text(yaml, "distribution", lengths.min() == lengths.max() ? "fixed" : "other");
  number(yaml, "value", lengths.mean());
  count(yaml, "min", static_cast<uint64_t>(lengths.min()));
  count(yaml, "max", static_cast<uint64_t>(std::max<int64_t>(lengths.max(), 1)));
  yaml << YAML::EndMap;
}

/// The configuration as a part of the document; as text where it is no YAML.
void native_config(YAML::Emitter& yaml, const std::string& config) {
  try {
    const YAML::Node node = YAML::Load(config);
    if (node.IsNull()) return;  // an empty one
    yaml << YAML::Key << "config" << YAML::Value << node;
  } catch (const YAML::Exception&) {
    text(yaml, "config", config);
  }
}

void load(YAML::Emitter& yaml, const RunResult& run, const Summary& figures, uint32_t stage) {
  const StageInfo& info = run.stages[stage];
  begin(yaml, "load");
  begin(yaml, "metadata");
  text(yaml, "cfg_id", identifier(run.info.config));
  text(yaml, "description", run.info.workload);
  yaml << YAML::EndMap;
  begin(yaml, "standardized");
  text(yaml, "tool", "llmd bench");
  text(yaml, "tool_version", LLMD_VERSION);
  text(yaml, "source", "random");  // a trace gives lengths and prefixes, not words
  count(yaml, "stage", stage);
  sequence_length(yaml, "input_seq_len", figures.prompt_length);
  sequence_length(yaml, "output_seq_len", figures.output_length);
  if (info.rate > 0) number(yaml, "rate_qps", info.rate);
  if (info.concurrency > 0) count(yaml, "concurrency", info.concurrency);
  yaml << YAML::EndMap;
  begin(yaml, "native");
  native_config(yaml, run.info.config);
  yaml << YAML::EndMap << YAML::EndMap;
}

void requests(YAML::Emitter& yaml, const Summary& figures) {
  const uint64_t unfinished = figures.tally.outcomes[static_cast<size_t>(Outcome::kUnfinished)];
  begin(yaml, "requests");
  count(yaml, "total", figures.tally.requests);
  count(yaml, "failures", figures.tally.failed() - unfinished);
  count(yaml, "incomplete", unfinished);
  statistics(yaml, "input_length", "count", figures.prompt_length, 1);
  statistics(yaml, "output_length", "count", figures.output_length, 1);
  yaml << YAML::EndMap;
}

void latency(YAML::Emitter& yaml, const Summary& figures) {
  begin(yaml, "latency");
  statistics(yaml, "time_to_first_token", "s", figures.ttft, 1e9);
  statistics(yaml, "normalized_time_per_output_token", "s/token", figures.ntpot, 1e9);
  statistics(yaml, "time_per_output_token", "s/token", figures.tpot, 1e9);
  statistics(yaml, "inter_token_latency", "s/token", figures.itl, 1e9);
  statistics(yaml, "request_latency", "s", figures.e2e, 1e9);
  yaml << YAML::EndMap;
}

void throughput(YAML::Emitter& yaml, const Summary& figures) {
  const Tally& tally = figures.tally;
  begin(yaml, "throughput");
  rate(yaml, "input_token_rate", "tokens/s", figures.per_second(tally.prompt_tokens));
  rate(yaml, "output_token_rate", "tokens/s", figures.per_second(tally.output_tokens));
  rate(yaml, "total_token_rate", "tokens/s",
       figures.per_second(tally.prompt_tokens + tally.output_tokens));
  rate(yaml, "request_rate", "queries/s", figures.per_second(tally.ok()));
  yaml << YAML::EndMap;
}

struct Seen {
  Histogram running, waiting;  // requests
  Histogram kv_usage;          // in hundredths of a percent
};

/// What the endpoints said of themselves during the stage.
void observability(YAML::Emitter& yaml, const RunResult& run, const StageInfo& stage) {
  std::vector<Seen> seen(run.endpoints.size());
  for (const EndpointSample& sample : run.samples) {
    if (sample.at < stage.begin || sample.at > stage.end) continue;
    Seen& one = seen.at(sample.endpoint);
    one.running.record(static_cast<int64_t>(sample.running));
    one.waiting.record(static_cast<int64_t>(sample.waiting));
    one.kv_usage.record(static_cast<int64_t>(sample.kv_usage * 10'000));
  }
  begin(yaml, "observability");
  yaml << YAML::Key << "components" << YAML::Value << YAML::BeginSeq;
  for (size_t i = 0; i < seen.size(); ++i) {
    if (seen[i].running.count() == 0) continue;
    yaml << YAML::BeginMap;
    text(yaml, "component_label", "target");
    text(yaml, "replica_id", run.endpoints[i]);
    begin(yaml, "aggregate");
    statistics(yaml, "kv_cache_usage", "percent", seen[i].kv_usage, 100);
    statistics(yaml, "running_requests", "count", seen[i].running, 1);
    statistics(yaml, "waiting_requests", "count", seen[i].waiting, 1);
    yaml << YAML::EndMap << YAML::EndMap;
  }
  yaml << YAML::EndSeq << YAML::EndMap;
}

void results(YAML::Emitter& yaml, const RunResult& run, const Summary& figures, uint32_t stage) {
  begin(yaml, "results");
  begin(yaml, "request_performance");
  begin(yaml, "aggregate");
  requests(yaml, figures);
  latency(yaml, figures);
  throughput(yaml, figures);
  yaml << YAML::EndMap << YAML::EndMap;
  if (!run.samples.empty()) observability(yaml, run, run.stages[stage]);
  yaml << YAML::EndMap;
}

}  // namespace

std::string benchmark_report(const RunResult& run, const RunSummary& summary, uint32_t stage) {
  const Summary& figures = summary.stages.at(stage);
  YAML::Emitter yaml;
  yaml << YAML::BeginMap;
  text(yaml, "version", "0.2.1");
  run_section(yaml, run, stage);
  begin(yaml, "scenario");
  stack(yaml, run.info);
  load(yaml, run, figures, stage);
  yaml << YAML::EndMap;
  results(yaml, run, figures, stage);
  yaml << YAML::EndMap;
  return std::string(yaml.c_str()) + '\n';
}

}  // namespace llmd::bench
