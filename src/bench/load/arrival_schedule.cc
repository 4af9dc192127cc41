// SPDX-License-Identifier: Apache-2.0
#include "bench/load/arrival_schedule.h"

#include <algorithm>
#include <cmath>

namespace llmd::bench {
namespace {

Duration seconds(double value) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(value));
}

}  // namespace

ArrivalSchedule::ArrivalSchedule(const Stage& stage, uint64_t seed, const Trace* trace)
    : stage_(stage), random_(seed), trace_(trace) {}

std::optional<Duration> ArrivalSchedule::next() {
  if (stage_.requests > 0 && count_ >= stage_.requests) return std::nullopt;
  const auto at = due(count_);
  // A burst's duration is a deadline for answers, not for arrivals.
  const bool is_bounded = stage_.duration > Duration(0) && stage_.kind != LoadKind::kBurst;
  if (!at || (is_bounded && *at >= stage_.duration)) return std::nullopt;
  ++count_;
  return at;
}

std::optional<Duration> ArrivalSchedule::due(uint64_t index) {
  switch (stage_.kind) {
    case LoadKind::kConstant:
      return seconds(static_cast<double>(index) / stage_.rate);
    case LoadKind::kPoisson:
      passed_s_ -= std::log(1.0 - random_.next_unit()) / stage_.rate;
      return seconds(passed_s_);
    case LoadKind::kTrace:
      if (trace_ == nullptr || index >= trace_->requests.size()) return std::nullopt;
      return seconds(to_seconds(trace_->requests[index].due) / stage_.speed);
    case LoadKind::kBurst:
      return Duration(0);
    case LoadKind::kConcurrent:
      break;
  }
  return std::nullopt;
}

uint64_t ArrivalSchedule::expected_count() const {
  if (stage_.requests > 0) return stage_.requests;
  if (stage_.kind == LoadKind::kTrace) return trace_ == nullptr ? 0 : trace_->requests.size();
  return static_cast<uint64_t>(std::ceil(stage_.rate * to_seconds(stage_.duration)));
}

}  // namespace llmd::bench
