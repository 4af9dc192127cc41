// SPDX-License-Identifier: Apache-2.0
#include "base/off_loop.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <latch>
#include <mutex>
#include <thread>

namespace llmd {
namespace {

/// A loop that runs what was posted when it is told to.
class FakeLoop {
 public:
  auto post() {
    return [this](std::function<void()> work) {
      const std::lock_guard lock(mutex_);
      posted_.push_back(std::move(work));
      changed_.notify_one();
    };
  }
  /// Runs the next that is posted, waiting for it.
  void run_one() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !posted_.empty(); });
    auto work = std::move(posted_.front());
    posted_.pop_front();
    lock.unlock();
    work();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> posted_;
};

TEST(OffLoop, WorksElsewhereAndComesBack) {
  FakeLoop loop;
  OffLoop off(loop.post(), 2, 100);
  std::thread::id worked;
  std::thread::id came_back;
  ASSERT_NE(off.start(
                10, [&] { worked = std::this_thread::get_id(); },
                [&] { came_back = std::this_thread::get_id(); }),
            nullptr);
  loop.run_one();
  EXPECT_NE(worked, std::this_thread::get_id());
  EXPECT_EQ(came_back, std::this_thread::get_id());
  EXPECT_EQ(off.bytes(), 0U);
}

TEST(OffLoop, TakesWorkInItsOrderAndNoMoreThanItMayHold) {
  FakeLoop loop;
  OffLoop off(loop.post(), 1, 100);
  std::latch may_go(1);
  std::vector<int> order;
  const auto note = [&](int number) { return [&, number] { order.push_back(number); }; };
  ASSERT_NE(off.start(60, [&] { may_go.wait(); }, note(1)), nullptr);
  ASSERT_NE(off.start(40, [] {}, note(2)), nullptr);
  EXPECT_EQ(off.start(1, [] {}, note(3)), nullptr);
  EXPECT_NE(off.start(0, [] {}, note(4)), nullptr);
  may_go.count_down();
  for (int i = 0; i < 3; ++i) loop.run_one();
  EXPECT_EQ(order, (std::vector<int>{1, 2, 4}));
  EXPECT_NE(off.start(100, [] {}, [] {}), nullptr);
}

TEST(OffLoop, WhatIsCancelledDoesNotComeBack) {
  FakeLoop loop;
  OffLoop off(loop.post(), 1, 100);
  std::latch begun(1);
  std::latch may_go(1);
  bool ran = false;
  bool came_back = false;
  const auto back = [&] { came_back = true; };
  const auto running = off.start(
      1,
      [&] {
        begun.count_down();
        may_go.wait();
      },
      back);
  const auto waiting = off.start(1, [&] { ran = true; }, back);
  begun.wait();
  OffLoop::cancel(*running);
  OffLoop::cancel(*waiting);
  may_go.count_down();
  for (int i = 0; i < 2; ++i) loop.run_one();
  EXPECT_FALSE(ran);
  EXPECT_FALSE(came_back);
  EXPECT_EQ(off.bytes(), 0U);
}

TEST(OffLoop, WhenItIsGoneNothingComesBack) {
  FakeLoop loop;
  std::latch begun(1);
  std::latch may_go(1);
  bool came_back = false;
  std::thread helper;
  {
    OffLoop off(loop.post(), 1, 100);
    off.start(
        1,
        [&] {
          begun.count_down();
          may_go.wait();
        },
        [&] { came_back = true; });
    begun.wait();
    helper = std::thread([&] { may_go.count_down(); });
  }
  helper.join();
  loop.run_one();
  EXPECT_FALSE(came_back);
}

}  // namespace
}  // namespace llmd
