// SPDX-License-Identifier: Apache-2.0
#include "net/event_loop.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <string>
#include <thread>

namespace llmd::net {
namespace {

constexpr Duration kLater = std::chrono::milliseconds(2);

TEST(EventLoop, PostsInOrderFromAnyThread) {
  EventLoop loop;
  std::string order;
  loop.post([&] {
    order += 'a';
    loop.post([&] { order += 'b'; });
  });
  std::thread other([&] { loop.post([&] { loop.post([&] { loop.stop(); }); }); });
  loop.run();
  other.join();
  EXPECT_EQ(order, "ab");
}

TEST(EventLoop, StopBeforeRunCountsOnce) {
  EventLoop loop;
  loop.stop();
  loop.run();
  loop.post([&] { loop.stop(); });
  loop.run();
}

TEST(Timer, ExpiresInOrderAndRestarts) {
  EventLoop loop;
  std::string order;
  Timer first(loop);
  Timer second(loop);
  Timer cancelled(loop);
  cancelled.start(kLater, [&] { order += 'x'; });
  second.start(2 * kLater, [&] {
    order += 'b';
    loop.stop();
  });
  first.start(5 * kLater, [&] { order += 'x'; });
  first.start(kLater, [&] {
    order += 'a';
    cancelled.cancel();
  });
  cancelled.start(std::chrono::hours(1), [] {});
  loop.run();
  EXPECT_EQ(order, "ab");
}

TEST(Timer, MayBeDestroyedByItsOwnExpiry) {
  EventLoop loop;
  auto timer = std::make_unique<Timer>(loop);
  timer->start(kLater, [&] {
    timer.reset();
    loop.stop();
  });
  loop.run();
  EXPECT_EQ(timer, nullptr);
}

TEST(FdWatch, MayBeDestroyedByItsOwnCallback) {
  EventLoop loop;
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  std::unique_ptr<FdWatch> watch;
  watch = std::make_unique<FdWatch>(loop, ends[0], [&] {
    watch.reset();
    loop.stop();
  });
  ASSERT_EQ(write(ends[1], "x", 1), 1);
  loop.run();
  EXPECT_EQ(watch, nullptr);
  close(ends[0]);
  close(ends[1]);
}

TEST(EventLoop, TellsOfSignals) {
  EventLoop loop;
  int seen = 0;
  loop.on_terminate([&](int signal) {
    seen = signal;
    loop.stop();
  });
  raise(SIGTERM);
  loop.run();
  EXPECT_EQ(seen, SIGTERM);
}

}  // namespace
}  // namespace llmd::net
