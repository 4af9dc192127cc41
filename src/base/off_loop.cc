// SPDX-License-Identifier: Apache-2.0
#include "base/off_loop.h"

#include <atomic>
#include <utility>

namespace llmd {

class OffLoop::Job {
 public:
  Job(size_t bytes, std::function<void()> work, std::function<void()> done)
      : bytes_(bytes), work_(std::move(work)), done_(std::move(done)) {}

  size_t bytes() const { return bytes_; }
  void work() const {
    if (!is_cancelled_) work_();
  }
  void done() const {
    if (!is_cancelled_) done_();
  }
  void cancel() { is_cancelled_ = true; }

 private:
  const size_t bytes_;
  const std::function<void()> work_;
  const std::function<void()> done_;
  std::atomic<bool> is_cancelled_ = false;
};

OffLoop::OffLoop(std::function<void(std::function<void()>)> post, size_t threads, size_t bytes_max)
    : post_(std::move(post)), thread_count_(threads), bytes_max_(bytes_max) {}

OffLoop::~OffLoop() {
  for (std::jthread& thread : threads_) thread.request_stop();
}

OffLoop::JobPtr OffLoop::start(size_t bytes, std::function<void()> work,
                               std::function<void()> done) {
  auto job = std::make_shared<Job>(bytes, std::move(work), std::move(done));
  {
    const std::lock_guard lock(mutex_);
    if (bytes_ + bytes > bytes_max_) return nullptr;
    bytes_ += bytes;
    jobs_.push_back(job);
  }
  changed_.notify_one();
  while (threads_.size() < thread_count_) {
    threads_.emplace_back([this](const std::stop_token& stop) { run(stop); });
  }
  return job;
}

void OffLoop::cancel(Job& job) { job.cancel(); }

size_t OffLoop::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

void OffLoop::run(const std::stop_token& stop) {
  while (true) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait(lock, stop, [this] { return !jobs_.empty(); })) return;
    if (stop.stop_requested()) return;
    JobPtr job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job->work();
    finish(std::move(job));
  }
}

void OffLoop::finish(JobPtr job) {
  {
    const std::lock_guard lock(mutex_);
    bytes_ -= job->bytes();
  }
  post_([job = std::move(job), alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) job->done();
  });
}

}  // namespace llmd
