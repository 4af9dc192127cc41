// SPDX-License-Identifier: Apache-2.0
#include "endpoints/http_fetch.h"

#include <gtest/gtest.h>

#include "endpoints/scrape.h"
#include "http/server.h"

namespace llmd::endpoints {
namespace {

/// A loop with an engine on it whose answers the tests set.
class HttpFetchTest : public testing::Test {
 protected:
  HttpFetchTest() {
    const uint16_t port = server_.listen("127.0.0.1", 0).value();
    pool_.update({{.name = "a", .address = "127.0.0.1", .port = port, .labels = {}}});
  }

  void answer(http::Exchange& exchange) {
    const std::string_view path = exchange.head().path();
    if (path == "/v1/models") return exchange.respond(200, "application/json", models_);
    exchange.respond(200, "text/plain", "vllm:num_requests_running 3\n");
  }

  /// Polls the pool until `condition` holds; a test that waits too long fails by ctest's limit.
  void poll_until(const std::function<bool()>& condition) {
    HttpFetch fetch(loop_);
    Poller poller(pool_, clock_, 1,
                  [&](const Endpoint& endpoint, std::string_view path, ReplyCallback callback,
                      BodySink sink) {
                    fetch.get(*endpoint.live.address, path, std::move(callback), std::move(sink));
                  });
    net::Timer timer(loop_);
    const std::function<void()> tick = [&] {
      if (condition()) return loop_.stop();
      poller.tick();
      timer.start(std::chrono::milliseconds(5), tick);
    };
    tick();
    loop_.run();
  }
  const Live& live() { return pool_.snapshot()->at(0)->live; }

  net::EventLoop loop_;
  std::string models_ = R"({"data":[{"id":"m"}]})";
  http::Server server_{
      loop_, {}, [this](const std::shared_ptr<http::Exchange>& exchange) { answer(*exchange); }};
  SteadyClock clock_;
  Pool pool_;
};

TEST_F(HttpFetchTest, PollsAnEngineOverHttp) {
  poll_until([&] { return live().health == Health::kUp; });
  EXPECT_TRUE(live().serves("m"));
  EXPECT_EQ(live().scrape.running, 3);
}

TEST_F(HttpFetchTest, AnAnswerThatIsTooLargeCountsAsAFailure) {
  models_.append(kScrapeBytesMax, ' ');
  poll_until([&] { return live().health == Health::kDown; });
}

TEST_F(HttpFetchTest, NobodyListeningIsDown) {
  pool_.update({{.name = "b", .address = "127.0.0.1", .port = 1, .labels = {}}});
  poll_until([&] { return live().health == Health::kDown; });
}

TEST_F(HttpFetchTest, MayBeDestroyedWhileACallRuns) {
  auto fetch = std::make_unique<HttpFetch>(loop_);
  fetch->get(*pool_.snapshot()->at(0)->live.address, "/health",
             [](const Result<Reply>&) { FAIL() << "was called back"; });
  loop_.post([&] {
    fetch.reset();
    loop_.stop();
  });
  loop_.run();
}

}  // namespace
}  // namespace llmd::endpoints
