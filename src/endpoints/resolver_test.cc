// SPDX-License-Identifier: Apache-2.0
#include "endpoints/resolver.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <map>
#include <mutex>

namespace llmd::endpoints {
namespace {

using std::chrono::milliseconds;

constexpr ResolverOptions kOften = {.interval = milliseconds(20), .interval_down = milliseconds(8)};

net::Address address(const std::string& ip) { return *net::Address::parse(ip, 80); }

EndpointSpec spec(std::string host) {
  return {.name = host, .address = host, .port = 80, .labels = {}};
}

/// Names that the tests give addresses to.
class ResolverTest : public testing::Test {
 protected:
  Lookup lookup() {
    return [this](const std::string& host, uint16_t) -> Result<std::vector<net::Address>> {
      const std::lock_guard lock(mutex_);
      ++lookups_;
      const auto found = names_.find(host);
      if (found == names_.end()) return Error{Errc::kUnavailable, "no such name"};
      return found->second;
    };
  }
  void name(const std::string& host, std::vector<net::Address> addresses) {
    const std::lock_guard lock(mutex_);
    names_[host] = std::move(addresses);
  }
  /// Runs the loop until `condition` holds; a test that waits too long fails by ctest's limit.
  void run_until(const std::function<bool()>& condition) {
    net::Timer timer(loop_);
    const std::function<void()> step = [&] {
      if (condition()) return loop_.stop();
      timer.start(milliseconds(1), step);
    };
    step();
    loop_.run();
  }
  Live& live() { return pool_.snapshot()->at(0)->live; }

  std::mutex mutex_;
  std::map<std::string, std::vector<net::Address>> names_;
  std::atomic<int> lookups_ = 0;
  net::EventLoop loop_;
  Pool pool_;
};

TEST_F(ResolverTest, ANameGetsItsAddress) {
  name("a", {address("10.0.0.1")});
  Resolver resolver(loop_, pool_, lookup(), kOften);
  pool_.update({spec("a")});
  EXPECT_FALSE(live().address.has_value());
  run_until([&] { return live().address.has_value(); });
  EXPECT_EQ(live().address, address("10.0.0.1"));
}

TEST_F(ResolverTest, LiteralsAreNotAsked) {
  Resolver resolver(loop_, pool_, lookup(), kOften);
  pool_.update({spec("10.0.0.1"), spec("::1"), spec("unknown")});
  run_until([&] { return lookups_ > 0; });
  EXPECT_EQ(lookups_, 1);
  EXPECT_EQ(live().address, address("10.0.0.1"));
  EXPECT_FALSE(pool_.snapshot()->at(2)->live.address.has_value());
}

TEST_F(ResolverTest, AnAddressThatDoesNotWorkGivesWayToTheNext) {
  name("a", {address("10.0.0.1"), address("10.0.0.2")});
  pool_.update({spec("a")});
  Resolver resolver(loop_, pool_, lookup(), kOften);
  run_until([&] { return live().address == address("10.0.0.1"); });
  live().health = Health::kDown;
  run_until([&] { return live().address == address("10.0.0.2"); });
  run_until([&] { return live().address == address("10.0.0.1"); });
}

TEST_F(ResolverTest, ANameThatMovesIsFollowedAndOneThatFailsKeepsItsAddress) {
  name("a", {address("10.0.0.1")});
  pool_.update({spec("a")});
  std::vector<uint32_t> lost;
  pool_.on_cache_lost([&](uint32_t slot) { lost.push_back(slot); });
  Resolver resolver(loop_, pool_, lookup(), kOften);
  run_until([&] { return live().address.has_value(); });
  {
    const std::lock_guard lock(mutex_);
    names_.clear();
  }
  const int before = lookups_;
  run_until([&] { return lookups_ > before; });
  EXPECT_EQ(live().address, address("10.0.0.1"));
  name("a", {address("10.0.0.9")});
  run_until([&] { return live().address == address("10.0.0.9"); });
  EXPECT_EQ(lost, (std::vector<uint32_t>{0}));
}

TEST_F(ResolverTest, EndsWhileALookupHangs) {
  auto entered = std::make_shared<std::promise<void>>();
  auto release = std::make_shared<std::promise<void>>();
  auto left = std::make_shared<std::promise<void>>();
  pool_.update({spec("a")});
  {
    Resolver resolver(loop_, pool_, [=](const std::string&, uint16_t) {
      entered->set_value();
      release->get_future().wait();
      left->set_value();
      return Result<std::vector<net::Address>>(std::vector<net::Address>());
    });
    entered->get_future().wait();
  }
  release->set_value();
  left->get_future().wait();
  EXPECT_FALSE(live().address.has_value());
}

TEST_F(ResolverTest, TheSystemKnowsLocalhost) {
  pool_.update({spec("localhost")});
  Resolver resolver(loop_, pool_);
  run_until([&] { return live().address.has_value(); });
  EXPECT_EQ(live().address->port(), 80);
}

}  // namespace
}  // namespace llmd::endpoints
