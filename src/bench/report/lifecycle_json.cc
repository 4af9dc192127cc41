// SPDX-License-Identifier: Apache-2.0
#include "bench/report/lifecycle_json.h"

#include <fmt/core.h>

#include "bench/measure/errors.h"
#include "openai/json_writer.h"

namespace llmd::bench {
namespace {

using openai::JsonWriter;

constexpr double kNsPerSecond = 1e9;

/// Writes what was measured, with the percentiles that the configuration asks for.
class Statistics {
 public:
  Statistics(JsonWriter& json, const std::vector<double>& percents) : json_(json) {
    for (const double percent : percents) {
      // inference-perf's names.
      names_.emplace_back(percent == 50 ? "median" : fmt::format("p{:g}", percent), percent);
    }
  }

  /// An object, or null where nothing was measured.
  void write(const char* key, const Histogram& samples, double divisor) const {
    json_.key(key);
    if (samples.count() == 0) {
      json_.null();
      return;
    }
    json_.begin_object();
    distribution(samples, divisor);
    json_.end_object();
  }

  /// Tokens with their total; `cached` only where it says something.
  void tokens(const char* key, const Histogram& lengths, std::optional<uint64_t> cached) const {
    json_.key(key).begin_object();
    json_.key("total").number(static_cast<int64_t>(lengths.sum()));
    if (cached) {
      json_.key("cached").number(static_cast<int64_t>(*cached));
      json_.key("uncached").number(static_cast<int64_t>(lengths.sum() - *cached));
    }
    if (lengths.count() > 0) distribution(lengths, 1);
    json_.end_object();
  }

 private:
  void distribution(const Histogram& samples, double divisor) const {
    json_.key("mean").real(samples.mean() / divisor);
    json_.key("min").real(static_cast<double>(samples.min()) / divisor);
    json_.key("max").real(static_cast<double>(samples.max()) / divisor);
    for (const auto& [name, percent] : names_) {
      json_.key(name).real(static_cast<double>(samples.percentile(percent)) / divisor);
    }
  }

  JsonWriter& json_;
  std::vector<std::pair<std::string, double>> names_;
};

void load_summary(JsonWriter& json, const Statistics& statistics, const Summary& summary,
                  const StageInfo* stage) {
  json.key("load_summary").begin_object();
  json.key("count").number(static_cast<int64_t>(summary.tally.requests));
  statistics.write("schedule_delay", summary.lateness, kNsPerSecond);
  if (stage != nullptr) {
    const double seconds = summary.send_seconds;
    json.key("send_duration").real(seconds);
    json.key("requested_rate").real(stage->rate);
    json.key("achieved_rate")
        .real(seconds > 0 ? static_cast<double>(summary.tally.requests) / seconds : 0);
    if (stage->concurrency > 0) json.key("concurrency").number(stage->concurrency);
  }
  json.end_object();
}

void latency(JsonWriter& json, const Statistics& statistics, const Summary& summary) {
  json.key("latency").begin_object();
  statistics.write("request_latency", summary.e2e, kNsPerSecond);
  statistics.write("normalized_time_per_output_token", summary.ntpot, kNsPerSecond);
  statistics.write("time_per_output_token", summary.tpot, kNsPerSecond);
  statistics.write("time_to_first_token", summary.ttft, kNsPerSecond);
  statistics.write("inter_token_latency", summary.itl, kNsPerSecond);
  json.end_object();
}

void throughput(JsonWriter& json, const Summary& summary) {
  const Tally& tally = summary.tally;
  json.key("throughput").begin_object();
  json.key("input_tokens_per_sec").real(summary.per_second(tally.prompt_tokens));
  json.key("output_tokens_per_sec").real(summary.per_second(tally.output_tokens));
  json.key("total_tokens_per_sec")
      .real(summary.per_second(tally.prompt_tokens + tally.output_tokens));
  json.key("requests_per_sec").real(summary.per_second(tally.ok()));
  json.end_object();
}

double percentage(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : 100 * static_cast<double>(part) / static_cast<double>(whole);
}

/// Percentages here are of the requests that succeeded, as inference-perf counts them.
void goodput_metrics(JsonWriter& json, const Summary& summary, const Slo& slo) {
  if (slo.empty()) return;
  const Tally& tally = summary.tally;
  json.key("goodput_metrics").begin_object();
  json.key("goodput_percentage").real(percentage(tally.good, tally.ok()));
  json.key("request_goodput").real(summary.goodput());
  json.key("token_goodput").real(summary.per_second(tally.good_tokens));
  json.key("good_requests").number(static_cast<int64_t>(tally.good));
  json.key("total_requests").number(static_cast<int64_t>(tally.ok()));
  const auto bound = [&](const char* key, double seconds, uint64_t kept) {
    if (seconds != 0) json.key(key).real(percentage(kept, tally.ok()));
  };
  bound("ttft_attainment_percentage", slo.ttft_s, summary.kept.ttft);
  bound("tpot_attainment_percentage", slo.tpot_s, summary.kept.tpot);
  bound("itl_attainment_percentage", slo.itl_s, summary.kept.itl);
  bound("ntpot_attainment_percentage", slo.ntpot_s, summary.kept.ntpot);
  bound("request_latency_attainment_percentage", slo.e2e_s, summary.kept.e2e);
  json.end_object();
}

void successes(JsonWriter& json, const Statistics& statistics, const Summary& summary,
               const Slo& slo) {
  json.key("successes").begin_object();
  json.key("count").number(static_cast<int64_t>(summary.tally.ok()));
  latency(json, statistics, summary);
  throughput(json, summary);
  statistics.tokens("prompt_tokens", summary.prompt_length, summary.tally.cached_tokens);
  statistics.write("prompt_len", summary.prompt_length, 1);  // what older readers look for
  statistics.write("output_len", summary.output_length, 1);
  statistics.tokens("output_tokens", summary.output_length, std::nullopt);
  goodput_metrics(json, summary, slo);
  json.end_object();
}

void failures(JsonWriter& json, const Statistics& statistics, const Summary& summary,
              const std::vector<ErrorGroup>& groups) {
  json.key("failures").begin_object();
  json.key("count").number(static_cast<int64_t>(summary.tally.failed()));
  statistics.write("request_latency", summary.failed_e2e, kNsPerSecond);
  statistics.tokens("prompt_tokens", summary.failed_prompt_length, 0);
  json.key("by_label").begin_object();
  for (const ErrorGroup& group : groups) {
    json.key(group.label).begin_object();  // a status number and words of ours: nothing to escape
    json.key("count").number(static_cast<int64_t>(group.count)).key("messages").begin_array();
    for (const std::string& message : group.messages) {
      json.begin_object().key("message").string(message).end_object();
    }
    json.end_array().end_object();
  }
  json.end_object().end_object();
}

/// Each tenant that sent something.
void tenants(JsonWriter& json, const RunResult& run, const RunSummary& all) {
  json.key("tenants").begin_array();
  for (size_t i = 0; i < run.tenants.size(); ++i) {
    const Tally& tally = all.tenants[i];
    if (tally.requests == 0) continue;
    json.begin_object().key("name").string(run.tenants[i]);
    json.key("requests").number(static_cast<int64_t>(tally.requests));
    json.key("failed").number(static_cast<int64_t>(tally.failed()));
    json.key("attained_share").real(tally.attained());
    json.key("output_tokens").number(static_cast<int64_t>(tally.output_tokens));
    json.end_object();
  }
  json.end_array();
}

void own_figures(JsonWriter& json, const Statistics& statistics, const RunResult& run,
                 const RunSummary& all, const Summary& summary) {
  json.key("llmd").begin_object();
  json.key("target").string(run.info.target).key("model").string(run.info.model);
  json.key("workload").string(run.info.workload);
  json.key("seed").raw(std::to_string(run.info.seed));
  json.key("partial").boolean(run.info.partial).key("late").boolean(all.late);
  json.key("simulated").boolean(run.info.simulated).key("virtual").boolean(run.info.is_virtual);
  json.key("time_scale").real(run.info.time_scale);
  json.key("unfinished")
      .number(
          static_cast<int64_t>(summary.tally.outcomes[static_cast<size_t>(Outcome::kUnfinished)]));
  json.key("attained_share").real(summary.tally.attained());  // of all requests
  json.key("kv_cache_hit_percent").real(100 * summary.tally.cache_hit_ratio());
  statistics.write("held", summary.held, kNsPerSecond);
  const bool is_total = &summary == &all.total;
  if (is_total) tenants(json, run, all);
  if (all.ladder && is_total) {
    json.key("ladder_goodput").begin_object();
    json.key("rate").real(all.ladder->rate).key("at_least").boolean(all.ladder->at_least);
    json.end_object();
  }
  json.end_object();
}

}  // namespace

std::string lifecycle_json(const RunResult& run, const RunSummary& summary,
                           std::optional<uint32_t> stage) {
  const Summary& figures = stage ? summary.stages.at(*stage) : summary.total;
  std::string out;
  JsonWriter json(out);
  const Statistics statistics(json, run.info.percentiles);
  json.begin_object().key("benchmark_time_seconds").real(figures.seconds);
  load_summary(json, statistics, figures, stage ? &run.stages.at(*stage) : nullptr);
  successes(json, statistics, figures, run.info.slo);
  failures(json, statistics, figures, group_errors(run, stage));
  own_figures(json, statistics, run, summary, figures);
  json.end_object();
  return out + '\n';
}

}  // namespace llmd::bench
