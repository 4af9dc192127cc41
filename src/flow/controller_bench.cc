// SPDX-License-Identifier: Apache-2.0
// What a request costs in flow control while 10 000 of 100 tenants wait.
#include <benchmark/benchmark.h>

#include "base/counted_allocations.h"
#include "flow/controller.h"
#include "flow/test_config.h"

namespace llmd::flow {
namespace {

constexpr size_t kTenants = 100;
constexpr uint32_t kConcurrency = 64;

/// A full pool and a long queue, driven without anything that allocates itself.
class Load {
 public:
  Load(const char* fairness, size_t queued)
      : config_(config_with(kConcurrency, std::string("defaultRequestTTL: 0s\n") +
                                              "defaultPriorityBand: {maxRequests: 1M, "
                                              "fairnessPolicyRef: " +
                                              fairness + "}")),
        detector_(config_.detector) {
    set_endpoint_count(pool_, 1);
    endpoint_ = pool_.snapshot()->front();
    detector_->set_endpoints(*pool_.snapshot(), clock_.now());
    controller_ = std::make_unique<Controller>(
        config_, clock_, [](Duration, std::function<void()>) {}, registry_, "pool",
        [](Controller::Id) {});
    for (size_t i = 0; i < kTenants; ++i) tenants_.push_back("tenant " + std::to_string(i));
    for (size_t i = 0; i < queued + kConcurrency; ++i) send();
  }

  void send() {
    Request request;
    request.fairness_id = tenants_[sent_ % kTenants];
    request.bytes = 1000;
    request.ttl = std::chrono::seconds(60) + std::chrono::microseconds(sent_ * 7919 % 10'000'000);
    ++sent_;
    if (free_.empty()) {
      free_.push_back(static_cast<uint32_t>(ids_.size()));
      ids_.emplace_back();
    }
    const uint32_t slot = free_.back();
    free_.pop_back();
    const auto out = controller_->enqueue(request, [this, slot](Decision) { start(slot); });
    ids_[slot] = out.id;
    if (out.decision) start(slot);
  }
  /// Ends the request that has run longest, which lets another one go.
  void end_one() {
    next_place_ = oldest_++ % running_.size();
    const uint32_t slot = running_[next_place_];
    --endpoint_->live.in_flight;
    detector_->refresh(*endpoint_, clock_.now());
    controller_->finished(ids_[slot], {.prompt_tokens = 100 + slot % 64, .output_tokens = 10});
    free_.push_back(slot);
    controller_->capacity_changed();
  }

 private:
  void start(uint32_t slot) {
    if (running_.size() < kConcurrency) {
      running_.push_back(slot);
    } else {
      running_[next_place_] = slot;
    }
    ++endpoint_->live.in_flight;
    detector_->refresh(*endpoint_, clock_.now());
  }

  SteadyClock clock_;
  endpoints::Pool pool_;
  observe::Registry registry_;
  Config config_;
  std::shared_ptr<SaturationDetector> detector_;
  std::shared_ptr<endpoints::Endpoint> endpoint_;
  std::unique_ptr<Controller> controller_;
  std::vector<std::string> tenants_;
  std::vector<Controller::Id> ids_;
  std::vector<uint32_t> free_;
  std::vector<uint32_t> running_;
  size_t oldest_ = 0;
  size_t next_place_ = 0;
  size_t sent_ = 0;
};

/// One request comes and waits, one ends, one goes: the whole of flow control for one request.
void pass_through(benchmark::State& state, const char* fairness) {
  Load load(fairness, static_cast<size_t>(state.range(0)));
  const auto pass = [&load] {
    load.send();
    load.end_one();
  };
  for (int i = 0; i < 20'000; ++i) pass();
  const uint64_t before = allocations;
  for (auto _ : state) pass();
  state.counters["allocations"] = benchmark::Counter(static_cast<double>(allocations - before),
                                                     benchmark::Counter::kAvgIterations);
}
BENCHMARK_CAPTURE(pass_through, strict, "global-strict-fairness-policy")
    ->Arg(0)
    ->Arg(100)
    ->Arg(10'000)
    ->Arg(100'000);
BENCHMARK_CAPTURE(pass_through, round_robin, "round-robin-fairness-policy")->Arg(100)->Arg(10'000);
BENCHMARK_CAPTURE(pass_through, program_aware, "program-aware-fairness")->Arg(100)->Arg(10'000);

/// 10 000 waiting requests go one after another: dispatch alone, with the request's end.
void dispatch(benchmark::State& state, const char* fairness) {
  constexpr int kQueued = 10'000;
  for (auto _ : state) {
    state.PauseTiming();
    auto load = std::make_unique<Load>(fairness, kQueued);
    state.ResumeTiming();
    for (int i = 0; i < kQueued; ++i) load->end_one();
    state.PauseTiming();
    load.reset();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * kQueued);
}
BENCHMARK_CAPTURE(dispatch, strict, "global-strict-fairness-policy");
BENCHMARK_CAPTURE(dispatch, round_robin, "round-robin-fairness-policy");
BENCHMARK_CAPTURE(dispatch, program_aware, "program-aware-fairness");

}  // namespace
}  // namespace llmd::flow
