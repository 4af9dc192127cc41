// SPDX-License-Identifier: Apache-2.0
#include "bench/over_http/fine_timers.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace llmd::bench {

FineTimers::FineTimers(net::EventLoop& loop)
    : fd_(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)) {
  LLMD_CHECK(fd_ >= 0);
  watch_ = std::make_unique<net::FdWatch>(loop, fd_, [this] { expire(); });
}

FineTimers::~FineTimers() {
  watch_.reset();
  ::close(fd_);
}

bool FineTimers::later(const Due& a, const Due& b) {
  return std::pair(a.at, a.number) > std::pair(b.at, b.number);
}

void FineTimers::call(Duration after, std::function<void()> work) {
  const TimePoint at = std::chrono::steady_clock::now() + std::max(after, Duration(0));
  const bool is_first = queue_.empty() || at < queue_.front().at;
  queue_.push_back({at, number_++, std::move(work)});
  std::push_heap(queue_.begin(), queue_.end(), later);
  if (is_first) arm();
}

/// The absolute time of steady_clock is CLOCK_MONOTONIC's; a time that has passed expires at once.
void FineTimers::arm() const {
  itimerspec spec{};
  if (!queue_.empty()) {
    constexpr int64_t kNanosecondsPerSecond = 1'000'000'000;
    const int64_t at = std::max<int64_t>(queue_.front().at.time_since_epoch().count(), 1);
    spec.it_value.tv_sec = at / kNanosecondsPerSecond;
    spec.it_value.tv_nsec = at % kNanosecondsPerSecond;
  }
  LLMD_CHECK(timerfd_settime(fd_, TFD_TIMER_ABSTIME, &spec, nullptr) == 0);
}

void FineTimers::expire() {
  uint64_t expirations = 0;
  [[maybe_unused]] const ssize_t size = ::read(fd_, &expirations, sizeof expirations);
  const TimePoint now = std::chrono::steady_clock::now();
  while (!queue_.empty() && queue_.front().at <= now) {
    std::pop_heap(queue_.begin(), queue_.end(), later);
    const auto work = std::move(queue_.back().work);
    queue_.pop_back();
    work();
  }
  arm();
}

}  // namespace llmd::bench
