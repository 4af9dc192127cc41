// SPDX-License-Identifier: Apache-2.0
#include "endpoints/monitor.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "endpoints/scrape.h"
#include "http/server.h"

namespace llmd::endpoints {
namespace {

/// A loop with an engine on it whose answers the tests set.
class MonitorTest : public testing::Test {
 protected:
  MonitorTest() {
    port_ = server_.listen("127.0.0.1", 0).value();
    specs_ = {{.name = "a", .address = "127.0.0.1", .port = port_, .labels = {}}};
  }

  void answer(http::Exchange& exchange) {
    const std::string_view path = exchange.head().path();
    if (path == "/v1/models") return exchange.respond(200, "application/json", models_);
    exchange.respond(200, "text/plain", "vllm:num_requests_running 3\n");
  }

  /// Runs the loop until `condition` holds; a test that waits too long fails by ctest's limit.
  void run_until(std::function<bool()> condition) {
    net::Timer timer(loop_);
    std::function<void()> check = [&] {
      if (condition()) return loop_.stop();
      timer.start(std::chrono::milliseconds(5), check);
    };
    check();
    loop_.run();
  }
  const Live& live() { return pool_.snapshot()->at(0)->live; }

  net::EventLoop loop_;
  std::string models_ = R"({"data":[{"id":"m"}]})";
  http::Server server_{
      loop_, {}, [this](const std::shared_ptr<http::Exchange>& exchange) { answer(*exchange); }};
  uint16_t port_ = 0;
  SteadyClock clock_;
  Pool pool_;
  std::vector<EndpointSpec> specs_;
};

TEST_F(MonitorTest, FollowsAFileThatAppearsAndChanges) {
  const std::string path = testing::TempDir() + "/monitor_endpoints.yaml";
  std::remove(path.c_str());
  Monitor monitor(loop_, pool_, clock_, 1);
  monitor.follow_file(path);
  monitor.start();
  EXPECT_TRUE(pool_.snapshot()->empty());
  ASSERT_TRUE(write_file_atomically(path, print_endpoints(specs_)).ok());
  run_until([&] { return !pool_.snapshot()->empty() && live().health == Health::kUp; });
  EXPECT_TRUE(live().serves("m"));
  EXPECT_EQ(live().scrape.running, 3);
  ASSERT_TRUE(write_file_atomically(path, "endpoints: []").ok());
  run_until([&] { return pool_.snapshot()->empty(); });
}

TEST_F(MonitorTest, ABrokenFileChangesNothing) {
  const std::string path = testing::TempDir() + "/monitor_broken.yaml";
  ASSERT_TRUE(write_file_atomically(path, "nonsense: [").ok());
  pool_.update(specs_);
  Monitor monitor(loop_, pool_, clock_, 1);
  monitor.follow_file(path);
  EXPECT_EQ(pool_.snapshot()->size(), 1U);
}

TEST_F(MonitorTest, AnAnswerThatIsTooLargeCountsAsAFailure) {
  models_.append(kScrapeBytesMax, ' ');
  pool_.update(specs_);
  Monitor monitor(loop_, pool_, clock_, 1);
  monitor.start();
  run_until([&] { return live().health == Health::kDown; });
}

TEST_F(MonitorTest, NobodyListeningIsDown) {
  specs_[0].port = 1;
  pool_.update(specs_);
  Monitor monitor(loop_, pool_, clock_, 1);
  monitor.start();
  run_until([&] { return live().health == Health::kDown; });
}

}  // namespace
}  // namespace llmd::endpoints
