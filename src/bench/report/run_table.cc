// SPDX-License-Identifier: Apache-2.0
#include "bench/report/run_table.h"

#include <fmt/core.h>

#include <algorithm>

#include "bench/measure/errors.h"
#include "bench/report/text_table.h"

namespace llmd::bench {
namespace {

constexpr size_t kColumns = 100;

std::string joined(const std::vector<std::string>& parts, std::string_view separator) {
  std::string out;
  for (const std::string& part : parts) {
    if (part.empty()) continue;
    if (!out.empty()) out += separator;
    out += part;
  }
  return out;
}

std::string head(const RunInfo& info) {
  const std::string what =
      joined({info.model, info.api + (info.streaming ? " streamed" : " at once"),
              fmt::format("seed {}", info.seed)},
             ", ");
  std::string out;
  for (const std::string& line : {info.target, what, info.workload}) {
    if (!line.empty()) out += printable(line, kColumns) + '\n';
  }
  return out + '\n';
}

std::string load_words(const StageInfo& stage) {
  if (stage.rate > 0) return format_number(stage.rate) + " req/s";
  if (stage.concurrency > 0) return fmt::format("{} open", stage.concurrency);
  return printable(stage.load, 12);
}

/// A percentile, or a dash where nothing was measured.
std::string cell(const Histogram& samples, double percent) {
  return samples.count() == 0 ? "-" : format_ns(static_cast<double>(samples.percentile(percent)));
}

std::vector<std::string> stage_row(const std::string& name, const std::string& load,
                                   const Summary& summary, bool with_slo) {
  const Tally& tally = summary.tally;
  std::vector<std::string> row{name,
                               load,
                               format_count(tally.requests),
                               format_count(tally.failed()),
                               format_number(summary.per_second(tally.ok())),
                               format_number(summary.per_second(tally.output_tokens)),
                               cell(summary.ttft, 50),
                               cell(summary.ttft, 99),
                               cell(summary.tpot, 50),
                               format_share(tally.cache_hit_ratio())};
  if (with_slo) row.push_back(format_share(tally.attained()));
  return row;
}

std::string stages(const RunResult& run, const RunSummary& summary) {
  const bool with_slo = !run.info.slo.empty();
  TextTable table;
  std::vector<std::string> first{"stage", "load", "requests", "errors", "req/s",
                                 "tok/s", "TTFT", "TTFT",     "TPOT",   "cache"};
  std::vector<std::string> second{"", "", "", "", "done", "out", "p50", "p99", "p50", "hits"};
  if (with_slo) first.emplace_back("in"), second.emplace_back("SLO");
  table.row(first);
  table.row(second);
  table.rule();
  for (size_t i = 0; i < run.stages.size(); ++i) {
    const std::string name = run.stages[i].warm_up ? "warm" : std::to_string(i);
    table.row(stage_row(name, load_words(run.stages[i]), summary.stages[i], with_slo));
  }
  if (run.stages.size() > 1) {
    table.rule();
    table.row(stage_row("all", "", summary.total, with_slo));
  }
  return table.text() + '\n';
}

std::string latencies(const Summary& total) {
  TextTable table;
  table.row({"", "mean", "p50", "p90", "p99", "p99.9", "max"});
  const auto add = [&](const char* name, const Histogram& samples) {
    if (samples.count() == 0) return;
    table.row({name, format_ns(samples.mean()), cell(samples, 50), cell(samples, 90),
               cell(samples, 99), cell(samples, 99.9), cell(samples, 100)});
  };
  add("TTFT", total.ttft);
  add("TPOT", total.tpot);
  add("ITL", total.itl);
  add("NTPOT", total.ntpot);
  add("request latency", total.e2e);
  if (total.held.max() > 0) add("waited for its turn", total.held);
  add("tool's lateness", total.lateness);
  return table.text() + '\n';
}

std::string goodput(const RunResult& run, const RunSummary& summary) {
  if (run.info.slo.empty()) return "";
  const Summary& total = summary.total;
  std::string out =
      fmt::format("goodput {} req/s: {} of {} requests within {}\n", format_number(total.goodput()),
                  format_share(total.tally.attained()), format_count(total.tally.requests),
                  slo_words(run.info.slo));
  if (!summary.ladder) return out;
  if (summary.ladder->rate == 0) {
    return out + "goodput of the ladder: below its lowest rate\n";
  }
  return out + fmt::format("goodput of the ladder: {}{} req/s ({:.0f} % within)\n",
                           summary.ladder->at_least ? "at least " : "",
                           format_number(summary.ladder->rate), 100 * kLadderShare);
}

std::string errors(const RunResult& run) {
  std::string out;
  for (const ErrorGroup& group : group_errors(run)) {
    const std::string line = fmt::format("{} x {}: {}", format_count(group.count), group.label,
                                         group.messages.empty() ? "" : group.messages.front());
    out += printable(line, kColumns) + '\n';
  }
  return out;
}

std::string interval_words(const ComparedMetric& metric, const Interval& value) {
  const std::string number = value.known
                                 ? format_interval(value.estimate, value.high - value.estimate)
                                 : format_number(value.estimate);
  return number + ' ' + metric.unit;
}

std::string verdict_words(const ComparedFigure& figure) {
  const Interval& ratio = figure.ratio;
  const std::string range =
      fmt::format("x{:.3f} [{:.3f}, {:.3f}]", ratio.estimate, ratio.low, ratio.high);
  switch (figure.verdict) {
    case Verdict::kBaseline:
      return "";
    case Verdict::kBetter:
      return range + " better";
    case Verdict::kWorse:
      return range + " worse";
    case Verdict::kInsideNoise:
      return range + " inside the noise";
    case Verdict::kUnknown:
      return fmt::format("x{:.3f} no interval", ratio.estimate);
  }
  return "";
}

}  // namespace

std::string slo_words(const Slo& slo) {
  const auto bound = [](const char* name, double seconds) {
    return seconds == 0 ? "" : fmt::format("{} ≤ {}", name, format_ns(seconds * 1e9));
  };
  return joined({bound("TTFT", slo.ttft_s), bound("TPOT", slo.tpot_s), bound("ITL", slo.itl_s),
                 bound("NTPOT", slo.ntpot_s), bound("latency", slo.e2e_s)},
                ", ");
}

std::vector<std::string> caveats(const RunInfo& info, const RunSummary& summary) {
  std::vector<std::string> out;
  if (info.partial) out.emplace_back("PARTIAL: the run was interrupted before its load ended.");
  if (summary.late) {
    int64_t p99_ns = 0;
    for (const Summary& stage : summary.stages) {
      p99_ns = std::max(p99_ns, stage.lateness.percentile(99));
    }
    out.push_back(fmt::format(
        "LATE: the tool sent requests up to {} (p99) after their time, more than the {} tolerated.",
        format_ns(static_cast<double>(p99_ns)),
        format_ns(static_cast<double>(info.lateness_tolerated.count()))));
  }
  if (info.too_fast) {
    out.push_back(
        fmt::format("TOO FAST: at --time-scale {:g} the tool could not send this load on time.",
                    info.time_scale));
  }
  if (info.simulated) out.emplace_back("SIMULATED: engines computed times, not tokens.");
  if (info.is_virtual) out.emplace_back("VIRTUAL TIME: no socket was involved.");
  if (info.time_scale != 1) {
    out.push_back(
        fmt::format("SCALED TIME: {:g} seconds of the run passed in one.", info.time_scale));
  }
  return out;
}

std::string run_table(const RunResult& run, const RunSummary& summary) {
  std::string out = head(run.info) + stages(run, summary) + latencies(summary.total) +
                    goodput(run, summary) + errors(run);
  for (const std::string& caveat : caveats(run.info, summary)) out += caveat + '\n';
  return out;
}

std::string comparison_table(const Comparison& comparison) {
  TextTable table(2);
  for (const ComparedMetric& metric : comparison.metrics) {
    for (size_t i = 0; i < metric.targets.size(); ++i) {
      const ComparedFigure& figure = metric.targets[i];
      table.row({(i == 0 ? metric.name : ""), printable(comparison.targets[i], 30),
                 interval_words(metric, figure.value), verdict_words(figure)});
    }
  }
  return fmt::format("{} repeats of the same seeds, intervals at {:.0f} %; ratios to {}\n\n",
                     comparison.repeats, 100 * kConfidence,
                     printable(comparison.targets.front(), 60)) +
         table.text();
}

}  // namespace llmd::bench
