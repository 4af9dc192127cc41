// SPDX-License-Identifier: Apache-2.0
#include "bench/measure/summary.h"

#include <algorithm>
#include <map>

#include "base/check.h"
#include "bench/measure/request_figures.h"

namespace llmd::bench {
namespace {

double ratio(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

void add_to_tally(Tally& tally, const RequestRecord& record, bool good) {
  ++tally.requests;
  ++tally.outcomes[static_cast<size_t>(record.outcome)];
  if (record.outcome != Outcome::kOk) return;
  tally.prompt_tokens += record.prompt_tokens;
  tally.output_tokens += record.output_tokens;
  tally.cached_tokens += record.cached_tokens;
  if (!good) return;
  ++tally.good;
  tally.good_tokens += record.prompt_tokens + record.output_tokens;
}

void add_to_kept(BoundsKept& kept, const SloCheck& one) {
  kept.ttft += static_cast<uint64_t>(one.ttft);
  kept.tpot += static_cast<uint64_t>(one.tpot);
  kept.itl += static_cast<uint64_t>(one.itl);
  kept.ntpot += static_cast<uint64_t>(one.ntpot);
  kept.e2e += static_cast<uint64_t>(one.e2e);
}

void record_if(Histogram& histogram, std::optional<int64_t> value) {
  if (value) histogram.record(*value);
}

void add_gaps(Histogram& gaps, const RequestRecord& record) {
  for (size_t i = 1; i < record.token_times.size(); ++i) {
    gaps.record((record.token_times[i] - record.token_times[i - 1]).count());
  }
}

void add_figures(Summary& summary, const RequestRecord& record) {
  if (record.outcome != Outcome::kOk) {
    summary.failed_e2e.record(e2e_ns(record));
    summary.failed_prompt_length.record(record.prompt_tokens);
    return;
  }
  record_if(summary.ttft, ttft_ns(record));
  record_if(summary.tpot, tpot_ns(record));
  record_if(summary.ntpot, ntpot_ns(record));
  summary.e2e.record(e2e_ns(record));
  summary.prompt_length.record(record.prompt_tokens);
  summary.output_length.record(record.output_tokens);
}

/// The stretch of the run that some requests took.
struct Window {
  void add(const RequestRecord& record) {
    first_sent = any ? std::min(first_sent, record.sent) : record.sent;
    last_sent = std::max(last_sent, record.sent);
    last_ended = std::max({last_ended, record.sent, record.ended});
    any = true;
  }
  void add(const Window& other) {
    if (!other.any) return;
    first_sent = any ? std::min(first_sent, other.first_sent) : other.first_sent;
    last_sent = std::max(last_sent, other.last_sent);
    last_ended = std::max(last_ended, other.last_ended);
    any = true;
  }
  void write_to(Summary& summary) const {
    summary.seconds = to_seconds(last_ended - first_sent);
    summary.send_seconds = to_seconds(last_sent - first_sent);
  }

  bool any = false;
  Duration first_sent{}, last_sent{}, last_ended{};
};

void merge(Tally& into, const Tally& other) {
  into.requests += other.requests;
  for (size_t i = 0; i < kOutcomes; ++i) into.outcomes[i] += other.outcomes[i];
  into.prompt_tokens += other.prompt_tokens;
  into.output_tokens += other.output_tokens;
  into.cached_tokens += other.cached_tokens;
  into.good += other.good;
  into.good_tokens += other.good_tokens;
}

void merge(BoundsKept& into, const BoundsKept& other) {
  into.ttft += other.ttft;
  into.tpot += other.tpot;
  into.itl += other.itl;
  into.ntpot += other.ntpot;
  into.e2e += other.e2e;
}

void merge(Summary& into, const Summary& other) {
  merge(into.tally, other.tally);
  merge(into.kept, other.kept);
  for (const auto histogram :
       {&Summary::ttft, &Summary::tpot, &Summary::itl, &Summary::ntpot, &Summary::e2e,
        &Summary::failed_e2e, &Summary::prompt_length, &Summary::output_length,
        &Summary::failed_prompt_length, &Summary::lateness, &Summary::held}) {
    (into.*histogram).merge(other.*histogram);
  }
}

class Summarizer {
 public:
  explicit Summarizer(const RunResult& run) : run_(run), windows_(run.stages.size()) {
    out_.stages.resize(run.stages.size());
    out_.endpoints.resize(run.endpoints.size());
    out_.tenants.resize(run.tenants.size());
  }

  RunSummary finish() {
    for (const RequestRecord& record : run_.requests) add(record);
    add_counted_gaps();
    add_total();
    out_.late = std::any_of(out_.stages.begin(), out_.stages.end(), [this](const Summary& stage) {
      return stage.lateness.percentile(99) > run_.info.lateness_tolerated.count();
    });
    return std::move(out_);
  }

 private:
  void add(const RequestRecord& record) {
    LLMD_CHECK(record.stage < out_.stages.size() && record.endpoint < out_.endpoints.size() &&
               record.tenant < out_.tenants.size());
    Summary& stage = out_.stages[record.stage];
    const bool ok = record.outcome == Outcome::kOk;
    const SloCheck kept(record, run_.info.slo);
    const bool good = ok && kept.all();
    add_to_tally(stage.tally, record, good);
    if (!run_.stages[record.stage].warm_up) {
      add_to_tally(out_.endpoints[record.endpoint], record, good);
      add_to_tally(out_.tenants[record.tenant], record, good);
    }
    if (ok) add_to_kept(stage.kept, kept);
    if (!was_sent(record)) return;
    windows_[record.stage].add(record);
    stage.lateness.record(lateness_ns(record));
    stage.held.record(record.held.count());
    add_figures(stage, record);
    if (ok && run_.token_gaps.empty()) add_gaps(stage.itl, record);
  }

  void add_counted_gaps() {
    if (run_.token_gaps.empty()) return;
    LLMD_CHECK(run_.token_gaps.size() == out_.stages.size());
    for (size_t i = 0; i < out_.stages.size(); ++i) out_.stages[i].itl = run_.token_gaps[i];
  }

  void add_total() {
    Window all;
    for (size_t i = 0; i < out_.stages.size(); ++i) {
      windows_[i].write_to(out_.stages[i]);
      if (run_.stages[i].warm_up) continue;
      merge(out_.total, out_.stages[i]);
      all.add(windows_[i]);
    }
    all.write_to(out_.total);
    if (!run_.info.slo.empty()) out_.ladder = ladder();
  }

  /// Stages of one rate count as one. Nothing when there are fewer than two rates.
  std::optional<LadderGoodput> ladder() const {
    std::map<double, Tally> by_rate;
    for (size_t i = 0; i < out_.stages.size(); ++i) {
      const StageInfo& stage = run_.stages[i];
      if (stage.rate > 0 && !stage.warm_up) merge(by_rate[stage.rate], out_.stages[i].tally);
    }
    if (by_rate.size() < 2) return std::nullopt;
    LadderGoodput best;
    double share = 0;  // at best.rate
    for (const auto& [rate, tally] : by_rate) {
      if (tally.attained() >= kLadderShare) {
        best = {rate, true};
        share = tally.attained();
      } else if (best.at_least) {
        const double down = (share - kLadderShare) / (share - tally.attained());
        best = {best.rate + down * (rate - best.rate), false};
      }
    }
    return best;
  }

  const RunResult& run_;
  std::vector<Window> windows_;
  RunSummary out_;
};

}  // namespace

const char* outcome_name(Outcome outcome) {
  static constexpr std::array<const char*, kOutcomes> kNames{
      "ok", "connect", "timeout", "status", "broken", "protocol", "unfinished"};
  return kNames[static_cast<size_t>(outcome)];
}

double Tally::attained() const { return ratio(good, requests); }
double Tally::cache_hit_ratio() const { return ratio(cached_tokens, prompt_tokens); }

double Summary::per_second(uint64_t count) const {
  return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

RunSummary summarize(const RunResult& run) { return Summarizer(run).finish(); }

}  // namespace llmd::bench
