// SPDX-License-Identifier: Apache-2.0
// For tests and probes: a seeded run that looks like one. Endpoints are queues of `kSlots` servers
// whose prefill and decode times are drawn, and every request goes to the shortest.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "base/random.h"
#include "bench/measure/run_result.h"

namespace llmd::bench {

struct SyntheticPlan {
  std::vector<double> rates{4, 8, 12, 16};  ///< of the stages, requests per second
  double stage_s = 60;
  size_t endpoints = 4;
  uint64_t seed = 1;
  double error_share = 0.01;
  bool keeps_token_times = false;
};

class SyntheticRun {
 public:
  explicit SyntheticRun(SyntheticPlan plan)
      : plan_(std::move(plan)), random_(plan_.seed), free_(plan_.endpoints) {
    run_.info = {.target = "http://127.0.0.1:8080",
                 .model = "synthetic",
                 .api = "chat",
                 .workload = "shared_prefix 150 x 5",
                 .config = "api:\n  type: chat\n",
                 .seed = plan_.seed,
                 .started_unix_s = 1'700'000'000,
                 .keeps_token_times = plan_.keeps_token_times,
                 .lateness_tolerated = std::chrono::milliseconds(5),
                 .slo = {.ttft_s = 2, .tpot_s = 0.1}};
    for (size_t i = 0; i < plan_.endpoints; ++i) {
      run_.endpoints.push_back("10.0.0." + std::to_string(i + 1) + ":8000");
    }
    run_.tenants.emplace_back("batch");
  }

  RunResult make() {
    double at_s = 0;
    for (const double rate : plan_.rates) at_s = stage(rate, at_s);
    sample(at_s);
    return std::move(run_);
  }

 private:
  static constexpr size_t kSlots = 12;

  static Duration from_s(double seconds) {
    return Duration(static_cast<int64_t>(std::llround(seconds * 1e9)));
  }
  double exponential(double mean) { return -mean * std::log1p(-random_.next_unit()); }

  /// Returns when the last of the stage's requests had ended.
  double stage(double rate, double begin_s) {
    StageInfo info{.load = "poisson", .rate = rate, .begin = from_s(begin_s)};
    info.planned = from_s(plan_.stage_s);
    double end_s = begin_s;
    double at_s = begin_s + exponential(1 / rate);
    for (; at_s < begin_s + plan_.stage_s; at_s += exponential(1 / rate)) {
      run_.requests.push_back(request(at_s));
      end_s = std::max(end_s, to_seconds(run_.requests.back().ended));
    }
    info.end = from_s(end_s);
    run_.stages.push_back(info);
    return end_s;
  }

  RequestRecord request(double at_s) {
    RequestRecord record;
    record.number = run_.requests.size();
    record.stage = static_cast<uint32_t>(run_.stages.size());
    record.tenant = random_.below(4) == 0 ? 1 : 0;
    record.due = from_s(at_s);
    record.sent = record.due + from_s(exponential(1e-4));
    if (random_.next_unit() < plan_.error_share) return fail(record);
    return answer(record);
  }

  RequestRecord fail(RequestRecord record) {
    const bool refused = random_.below(3) > 0;
    record.outcome = refused ? Outcome::kStatus : Outcome::kTimeout;
    record.status = refused ? 429 : 0;
    record.error = refused ? "the queue is full" : "no answer in 30 s";
    record.ended = record.sent + (refused ? from_s(0.01) : from_s(30));
    return record;
  }

  RequestRecord answer(RequestRecord record) {
    record.prompt_tokens = static_cast<uint32_t>(500 + random_.below(3000));
    const bool hit = random_.below(10) < 6;
    record.cached_tokens = hit ? record.prompt_tokens / 16 * 12 : 0;
    record.output_tokens = static_cast<uint32_t>(20 + random_.below(300));
    record.wanted_tokens = record.output_tokens;
    double* slot = shortest();
    record.endpoint = static_cast<uint32_t>((slot - free_.front().data()) / kSlots) + 1;
    const double start_s = std::max(*slot, to_seconds(record.sent));
    const double prefill_s = 0.02 + (record.prompt_tokens - record.cached_tokens) * 1e-4;
    const double step_s = 0.015 + 0.01 * random_.next_unit();
    const double first_s = start_s + prefill_s;
    *slot = first_s + step_s * (record.output_tokens - 1);
    record.outcome = Outcome::kOk;
    record.status = 200;
    record.first_token = from_s(first_s);
    record.last_token = record.ended = from_s(*slot);
    if (plan_.keeps_token_times) {
      for (uint32_t i = 0; i < record.output_tokens; ++i) {
        record.token_times.push_back(from_s(first_s + step_s * i));
      }
    }
    return record;
  }

  /// The server that is free first.
  double* shortest() {
    double* best = free_.front().data();
    for (auto& slots : free_) {
      for (double& slot : slots) best = slot < *best ? &slot : best;
    }
    return best;
  }

  /// One look per endpoint and second.
  void sample(double until_s) {
    for (double at_s = 0; at_s < until_s; at_s += 1) {
      for (uint32_t endpoint = 1; endpoint < run_.endpoints.size(); ++endpoint) {
        run_.samples.push_back({.at = from_s(at_s), .endpoint = endpoint});
      }
    }
    for (const RequestRecord& record : run_.requests) {
      if (record.outcome == Outcome::kOk) count(record);
    }
    const size_t row = run_.endpoints.size() - 1;
    for (size_t i = row; i < run_.samples.size(); ++i) {
      run_.samples[i].prefix_queries += run_.samples[i - row].prefix_queries;
      run_.samples[i].prefix_hits += run_.samples[i - row].prefix_hits;
    }
  }

  void count(const RequestRecord& record) {
    const size_t row = run_.endpoints.size() - 1;
    bool counted = false;
    for (auto second = static_cast<size_t>(std::ceil(to_seconds(record.sent)));
         second * row < run_.samples.size(); ++second) {
      EndpointSample& sample = run_.samples[second * row + record.endpoint - 1];
      const bool started = sample.at >= record.first_token;
      if (started && !counted) {
        sample.prefix_queries += record.prompt_tokens;
        sample.prefix_hits += record.cached_tokens;
        counted = true;
      }
      if (sample.at >= record.ended) return;
      (started ? sample.running : sample.waiting) += 1;
      sample.kv_usage = std::min(sample.running / (kSlots + 1), 1.0);
    }
  }

  SyntheticPlan plan_;
  Random random_;
  std::vector<std::array<double, kSlots>> free_;  ///< seconds from which on a server is free
  RunResult run_;
};

}  // namespace llmd::bench
