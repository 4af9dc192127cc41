// SPDX-License-Identifier: Apache-2.0
// Work that would hold up an event loop, done by threads beside it; what follows runs on the loop.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace llmd {

/// Threads begin with the first work and take it in its order. Loop thread only, but for the work.
class OffLoop {
 public:
  /// One piece of work that was started.
  class Job;
  using JobPtr = std::shared_ptr<Job>;

  /// `post` runs something on the loop's thread, from any thread.
  OffLoop(std::function<void(std::function<void()>)> post, size_t threads, size_t bytes_max);
  /// Waits for the work that runs; what has not begun never does, and no `done` runs any more.
  ~OffLoop();
  OffLoop(const OffLoop&) = delete;
  OffLoop& operator=(const OffLoop&) = delete;

  /// `work` on some thread, `done` on the loop's after that. Both are kept until `done` has
  /// returned, or the work was to run and was cancelled. Null, doing nothing, when with `bytes`
  /// more than bytes_max would be held by work that is not done.
  JobPtr start(size_t bytes, std::function<void()> work, std::function<void()> done);
  /// `done` will not run; nor `work`, unless it runs already.
  static void cancel(Job& job);

  /// Held by work that is not done.
  size_t bytes() const;

 private:
  void run(const std::stop_token& stop);
  void finish(JobPtr job);

  const std::function<void(std::function<void()>)> post_;
  const std::shared_ptr<const bool> alive_ = std::make_shared<const bool>();
  const size_t thread_count_;
  const size_t bytes_max_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<JobPtr> jobs_;
  size_t bytes_ = 0;
  std::vector<std::jthread> threads_;
};

}  // namespace llmd
