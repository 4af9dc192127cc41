// SPDX-License-Identifier: Apache-2.0
#include "bench/measure/over_time.h"

#include <algorithm>

#include "bench/measure/request_figures.h"

namespace llmd::bench {
namespace {

Duration end_of(const RunResult& run) {
  Duration end{};
  for (const StageInfo& stage : run.stages) end = std::max(end, stage.end);
  for (const RequestRecord& record : run.requests) {
    end = std::max({end, record.sent, record.ended});
  }
  for (const EndpointSample& sample : run.samples) end = std::max(end, sample.at);
  return end;
}

class Grid {
 public:
  Grid(OverTime& out) : out_(out) {}

  size_t at(Duration time) const {
    const int64_t index = std::max<int64_t>(time / out_.bin, 0);
    return std::min(static_cast<size_t>(index), out_.bins.size() - 1);
  }
  TimeBin& bin(Duration time) { return out_.bins[at(time)]; }

  /// Adds `amount` to `member`, split by how much of [from, to) lies in each bin.
  void spread(double TimeBin::* member, Duration from, Duration to, double amount) {
    if (to <= from) {
      bin(from).*member += amount;
      return;
    }
    for (size_t i = at(from); i <= at(to); ++i) {
      const Duration begin = std::max(from, out_.bin * static_cast<int64_t>(i));
      const Duration end = std::min(to, out_.bin * static_cast<int64_t>(i + 1));
      if (end > begin)
        out_.bins[i].*member += amount * (to_seconds(end - begin) / to_seconds(to - from));
    }
  }
  /// Adds the share of each bin that [from, to) covers: a count, on average.
  void cover(double TimeBin::* member, Duration from, Duration to) {
    if (to > from) spread(member, from, to, to_seconds(to - from) / to_seconds(out_.bin));
  }

 private:
  OverTime& out_;
};

void add(Grid& grid, const RequestRecord& record) {
  if (!was_sent(record)) return;
  grid.bin(record.sent).sent += 1;
  const bool ok = record.outcome == Outcome::kOk;
  (ok ? grid.bin(record.ended).ended_ok : grid.bin(record.ended).failed) += 1;
  const bool answered = record.first_token != Duration{};
  grid.cover(&TimeBin::waiting, record.sent, answered ? record.first_token : record.ended);
  if (answered) grid.cover(&TimeBin::answering, record.first_token, record.ended);
  if (!ok) return;
  const Duration first = answered ? record.first_token : record.ended;
  grid.spread(&TimeBin::output_tokens, first, std::max(first, record.last_token),
              record.output_tokens);
  if (answered) grid.bin(record.sent).ttft.record((record.first_token - record.sent).count());
}

/// Means of the samples in each bin; the counters' last values.
struct Collected {
  double samples = 0;
  EndpointBin sum;
  double queries = 0;
  double hits = 0;
};

std::vector<EndpointBin> finish(const std::vector<Collected>& collected) {
  std::vector<EndpointBin> out;
  const Collected* last = nullptr;
  for (const Collected& one : collected) {
    EndpointBin bin = out.empty() ? EndpointBin{} : out.back();
    bin.hit_ratio = -1;
    if (one.samples > 0) {
      bin.running = one.sum.running / one.samples;
      bin.waiting = one.sum.waiting / one.samples;
      bin.kv_usage = one.sum.kv_usage / one.samples;
      const double queries = one.queries - (last == nullptr ? 0 : last->queries);
      const double hits = one.hits - (last == nullptr ? 0 : last->hits);
      if (queries > 0 && hits >= 0) bin.hit_ratio = std::min(hits / queries, 1.0);
      last = &one;
    }
    out.push_back(bin);
  }
  return out;
}

}  // namespace

OverTime over_time(const RunResult& run, size_t bins_max) {
  OverTime out;
  const auto bins = static_cast<int64_t>(bins_max);
  const Duration end = end_of(run) + Duration(1);  // what happens at the very end is inside
  out.bin = std::max<Duration>((end + Duration(bins - 1)) / bins, std::chrono::milliseconds(1));
  out.bins.resize(static_cast<size_t>((end + out.bin - Duration(1)) / out.bin));
  Grid grid(out);
  for (const RequestRecord& record : run.requests) add(grid, record);
  return out;
}

std::vector<std::vector<EndpointBin>> endpoints_over_time(const RunResult& run,
                                                          const OverTime& grid) {
  std::vector<std::vector<Collected>> collected(run.endpoints.size());
  for (const EndpointSample& sample : run.samples) {
    auto& row = collected.at(sample.endpoint);
    row.resize(grid.bins.size());
    Collected& one = row[std::min<size_t>(sample.at / grid.bin, row.size() - 1)];
    one.samples += 1;
    one.sum.running += sample.running;
    one.sum.waiting += sample.waiting;
    one.sum.kv_usage += sample.kv_usage;
    one.queries = sample.prefix_queries;
    one.hits = sample.prefix_hits;
  }
  std::vector<std::vector<EndpointBin>> out;
  out.reserve(collected.size());
  for (const auto& row : collected) out.push_back(finish(row));
  return out;
}

}  // namespace llmd::bench
