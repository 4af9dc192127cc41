// SPDX-License-Identifier: Apache-2.0
#include "engine/model/thread_team.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace llmd::engine {
namespace {

/// About 50 µs: longer than the serial parts between two regions, shorter than a time slice.
constexpr int kSpins = 1000;

void pause() {
#if defined(__x86_64__)
  _mm_pause();
#else
  std::this_thread::yield();
#endif
}

}  // namespace

ThreadTeam::ThreadTeam(uint32_t threads) {
  for (uint32_t worker = 1; worker < threads; ++worker) {
    workers_.emplace_back([this, worker] { work_loop(worker); });
  }
}

ThreadTeam::~ThreadTeam() {
  stopping_.store(true);
  epoch_.fetch_add(1);
  epoch_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadTeam::run_shared(uint32_t tasks, void* context, Call call) {
  tasks_ = tasks;
  context_ = context;
  call_ = call;
  unfinished_.store(tasks, std::memory_order_relaxed);
  const uint64_t number = (region_.load(std::memory_order_relaxed) >> 32) + 1;
  region_.store(number << 32 | tasks, std::memory_order_release);
  epoch_.fetch_add(1);
  epoch_.notify_all();
  take_tasks(0);
  await_completion();
}

void ThreadTeam::take_tasks(uint32_t worker) {
  uint64_t region = region_.load(std::memory_order_acquire);
  while (static_cast<uint32_t>(region) > 0) {
    if (!region_.compare_exchange_weak(region, region - 1, std::memory_order_acq_rel)) continue;
    // From here until unfinished_ falls, the region cannot end, so its description holds still.
    call_(context_, tasks_ - static_cast<uint32_t>(region), worker);
    if (unfinished_.fetch_sub(1, std::memory_order_acq_rel) == 1) unfinished_.notify_one();
    region = region_.load(std::memory_order_acquire);
  }
}

void ThreadTeam::work_loop(uint32_t worker) {
  uint32_t seen = 0;
  while (true) {
    await_region(seen);
    if (stopping_.load()) return;
    seen = epoch_.load();
    take_tasks(worker);
  }
}

void ThreadTeam::await_region(uint32_t seen) const {
  for (int i = 0; i < kSpins; ++i) {
    if (epoch_.load(std::memory_order_acquire) != seen) return;
    pause();
  }
  epoch_.wait(seen, std::memory_order_acquire);
}

void ThreadTeam::await_completion() const {
  for (int i = 0; i < kSpins; ++i) {
    if (unfinished_.load(std::memory_order_acquire) == 0) return;
    pause();
  }
  for (uint32_t left = 0; (left = unfinished_.load(std::memory_order_acquire)) != 0;) {
    unfinished_.wait(left, std::memory_order_acquire);
  }
}

}  // namespace llmd::engine
