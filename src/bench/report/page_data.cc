// SPDX-License-Identifier: Apache-2.0
#include <fmt/chrono.h>
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <functional>
#include <numeric>

#include "bench/measure/errors.h"
#include "bench/measure/over_time.h"
#include "bench/report/page.h"
#include "bench/report/run_table.h"
#include "openai/json_writer.h"

namespace llmd::bench {
namespace {

using openai::JsonWriter;

constexpr size_t kTimeBins = 240;
constexpr size_t kEndpointBins = 96;  ///< wider: endpoints are looked at only now and then
constexpr size_t kRowsMax = 200;      ///< of endpoints and of tenants

/// Five significant digits: more than a plot can show.
void brief(JsonWriter& json, double value) {
  if (!std::isfinite(value)) {
    json.null();
    return;
  }
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value,
                                 std::chars_format::general, 5)
                       .ptr;
  json.raw({digits.data(), static_cast<size_t>(end - digits.data())});
}

void field(JsonWriter& json, const char* key, double value) { brief(json.key(key), value); }
void field(JsonWriter& json, const char* key, uint64_t count) {
  json.key(key).number(static_cast<int64_t>(count));
}

/// The percentiles that a CDF is drawn through.
std::vector<double> cdf_percents() {
  std::vector<double> out;
  for (int percent = 0; percent <= 99; ++percent) out.push_back(percent);
  out.insert(out.end(), {99.25, 99.5, 99.75, 99.9, 99.95, 100});
  return out;
}

void percentiles(JsonWriter& json, const char* key, const Histogram& samples) {
  json.key(key).begin_object();
  for (const auto& [name, percent] :
       {std::pair{"p50", 50.0}, std::pair{"p90", 90.0}, std::pair{"p99", 99.0}}) {
    json.key(name);
    samples.count() == 0
        ? json.null()
        : (brief(json, static_cast<double>(samples.percentile(percent)) / 1e9), json);
  }
  json.end_object();
}

void cdf(JsonWriter& json, const char* key, const Histogram& samples) {
  json.key(key).begin_array();
  if (samples.count() > 0) {
    for (const double percent : cdf_percents()) {
      brief(json, static_cast<double>(samples.percentile(percent)) / 1e9);
    }
  }
  json.end_array();
}

/// What a table row of any group says.
void tally(JsonWriter& json, const Tally& group) {
  field(json, "requests", group.requests);
  field(json, "failed", group.failed());
  field(json, "prompt", group.prompt_tokens);
  field(json, "output", group.output_tokens);
  field(json, "attained", group.attained());
  field(json, "hit", group.cache_hit_ratio());
}

void figures(JsonWriter& json, const Summary& summary) {
  tally(json, summary.tally);
  field(json, "seconds", summary.seconds);
  field(json, "rps", summary.per_second(summary.tally.ok()));
  field(json, "tps", summary.per_second(summary.tally.output_tokens));
  field(json, "goodput", summary.goodput());
  percentiles(json, "ttft", summary.ttft);
  percentiles(json, "tpot", summary.tpot);
  percentiles(json, "e2e", summary.e2e);
  percentiles(json, "lateness", summary.lateness);
}

void stages(JsonWriter& json, const RunResult& run, const RunSummary& summary) {
  json.key("stages").begin_array();
  for (size_t i = 0; i < run.stages.size(); ++i) {
    const StageInfo& stage = run.stages[i];
    json.begin_object().key("load").string(stage.load).key("warm").boolean(stage.warm_up);
    field(json, "rate", stage.rate);
    field(json, "concurrency", uint64_t{stage.concurrency});
    field(json, "begin", to_seconds(stage.begin));
    field(json, "end", to_seconds(stage.end));
    figures(json, summary.stages[i]);
    json.key("cdf").begin_object();
    cdf(json, "ttft", summary.stages[i].ttft);
    cdf(json, "tpot", summary.stages[i].tpot);
    cdf(json, "e2e", summary.stages[i].e2e);
    json.end_object().end_object();
  }
  json.end_array().key("cdf_shares").begin_array();
  for (const double percent : cdf_percents()) brief(json, percent / 100);
  json.end_array();
}

template <typename Row, typename F>
void curve(JsonWriter& json, const char* key, const std::vector<Row>& bins, F value) {
  json.key(key).begin_array();
  for (const Row& bin : bins) brief(json, value(bin));
  json.end_array();
}

double ttft_s(const TimeBin& bin, double percent) {
  return bin.ttft.count() == 0 ? std::nan("")
                               : static_cast<double>(bin.ttft.percentile(percent)) / 1e9;
}

void over_time(JsonWriter& json, const OverTime& series) {
  json.key("time").begin_object();
  field(json, "bin", to_seconds(series.bin));
  curve(json, "sent", series.bins, [](const TimeBin& bin) { return bin.sent; });
  curve(json, "ok", series.bins, [](const TimeBin& bin) { return bin.ended_ok; });
  curve(json, "failed", series.bins, [](const TimeBin& bin) { return bin.failed; });
  curve(json, "tokens", series.bins, [](const TimeBin& bin) { return bin.output_tokens; });
  curve(json, "waiting", series.bins, [](const TimeBin& bin) { return bin.waiting; });
  curve(json, "answering", series.bins, [](const TimeBin& bin) { return bin.answering; });
  curve(json, "ttft_p50", series.bins, [](const TimeBin& bin) { return ttft_s(bin, 50); });
  curve(json, "ttft_p99", series.bins, [](const TimeBin& bin) { return ttft_s(bin, 99); });
  json.end_object();
}

/// The indices of the groups with the most requests, at most kRowsMax, in their own order.
std::vector<size_t> busiest(const std::vector<Tally>& groups, size_t first) {
  std::vector<size_t> out(groups.size() - first);
  std::iota(out.begin(), out.end(), first);
  std::stable_sort(out.begin(), out.end(),
                   [&](size_t a, size_t b) { return groups[a].requests > groups[b].requests; });
  out.resize(std::min(out.size(), kRowsMax));
  std::sort(out.begin(), out.end());
  return out;
}

void endpoints(JsonWriter& json, const RunResult& run, const RunSummary& summary) {
  const OverTime grid = bench::over_time(run, kEndpointBins);
  const auto rows = endpoints_over_time(run, grid);
  field(json, "endpoint_bin", to_seconds(grid.bin));
  // "unknown" is shown when it answered something that could be named otherwise.
  const bool unknown = run.endpoints.size() > 1 && summary.endpoints[0].ok() > 0;
  const auto shown = busiest(summary.endpoints, unknown ? 0 : 1);
  json.key("endpoints").begin_array();
  for (const size_t i : shown) {
    json.begin_object().key("name").string(run.endpoints[i]);
    tally(json, summary.endpoints[i]);
    curve(json, "load", rows[i], [](const EndpointBin& bin) { return bin.running + bin.waiting; });
    curve(json, "hits", rows[i], [](const EndpointBin& bin) { return bin.hit_ratio; });
    json.end_object();
  }
  json.end_array();
  field(json, "endpoints_hidden",
        uint64_t{run.endpoints.size() - (unknown ? 0 : 1) - shown.size()});
}

void tenants(JsonWriter& json, const RunResult& run, const RunSummary& summary) {
  // With tenants of the load's own, nobody is "default".
  const size_t first = run.tenants.size() > 1 && summary.tenants[0].requests == 0 ? 1 : 0;
  const auto shown = busiest(summary.tenants, first);
  json.key("tenants").begin_array();
  for (const size_t i : shown) {
    json.begin_object().key("name").string(run.tenants[i]);
    tally(json, summary.tenants[i]);
    json.end_object();
  }
  json.end_array();
  field(json, "tenants_hidden", uint64_t{run.tenants.size() - first - shown.size()});
}

void errors(JsonWriter& json, const RunResult& run) {
  json.key("errors").begin_array();
  for (const ErrorGroup& group : group_errors(run)) {
    json.begin_object().key("label").string(group.label);
    field(json, "count", group.count);
    json.key("messages").begin_array();
    for (const std::string& message : group.messages) json.string(message);
    json.end_array().end_object();
  }
  json.end_array();
}

std::string started(const RunInfo& info) {
  if (info.started_unix_s == 0) return "";
  return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC",
                     fmt::gmtime(static_cast<std::time_t>(info.started_unix_s)));
}

void about(JsonWriter& json, const RunInfo& info, const RunSummary& summary) {
  json.key("target").string(info.target).key("model").string(info.model);
  json.key("api").string(info.api + (info.streaming ? ", streamed" : ", at once"));
  json.key("workload").string(info.workload).key("seed").string(std::to_string(info.seed));
  json.key("started").string(started(info)).key("config").string(info.config);
  json.key("caveats").begin_array();
  for (const std::string& caveat : caveats(info, summary)) json.string(caveat);
  json.end_array().key("slo").begin_object().key("words").string(slo_words(info.slo));
  field(json, "ttft", info.slo.ttft_s);
  field(json, "tpot", info.slo.tpot_s);
  field(json, "e2e", info.slo.e2e_s);
  json.end_object().key("ladder");
  if (summary.ladder) {
    json.begin_object().key("at_least").boolean(summary.ladder->at_least);
    field(json, "rate", summary.ladder->rate);
    json.end_object();
  } else {
    json.null();
  }
}

}  // namespace

std::string page_data(const RunResult& run, const RunSummary& summary) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  about(json, run.info, summary);
  stages(json, run, summary);
  json.key("total").begin_object();
  figures(json, summary.total);
  json.end_object();
  over_time(json, bench::over_time(run, kTimeBins));
  endpoints(json, run, summary);
  tenants(json, run, summary);
  errors(json, run);
  json.end_object();
  return out;
}

}  // namespace llmd::bench
