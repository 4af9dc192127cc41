// SPDX-License-Identifier: Apache-2.0
#include "http/server.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <atomic>
#include <future>

#include "http/test_peer.h"

namespace llmd::http {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using testing::LoopThread;
using testing::Peer;
using ::testing::StartsWith;

class ServerTest : public ::testing::Test {
 protected:
  uint16_t serve(Handler handler) {
    uint16_t port = 0;
    thread_.run([&] {
      server_ = std::make_unique<Server>(thread_.loop, options_, std::move(handler));
      port = server_->listen("127.0.0.1", 0).value();
    });
    return port;
  }
  uint16_t serve_echo() {
    return serve([](const std::shared_ptr<Exchange>& exchange) {
      exchange->respond(200, "text/plain",
                        fmt::format("{} {} {}", exchange->head().method, exchange->head().target,
                                    exchange->body()));
    });
  }
  void TearDown() override {
    thread_.run([&] { server_.reset(); });
  }

  ServerOptions options_{.error_body = [](int status, std::string_view message) {
    return fmt::format("{{\"{}\":\"{}\"}}", status, message);
  }};
  LoopThread thread_;
  std::unique_ptr<Server> server_;
};

TEST_F(ServerTest, AnswersAndKeepsTheConnection) {
  const Peer peer(serve_echo());
  for (int i = 0; i < 3; ++i) {
    peer.send("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
    const std::string answer = peer.read_until("POST /x hello");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(answer, HasSubstr("Content-Length: 13\r\n"));
    EXPECT_THAT(answer, EndsWith("POST /x hello"));
  }
}

TEST_F(ServerTest, PipelinedRequestsAreAnsweredInOrder) {
  const Peer peer(serve_echo());
  std::string requests;
  for (int i = 0; i < 50; ++i) {
    requests += fmt::format("POST /{} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{:02}", i, i);
  }
  peer.send(requests);
  for (int i = 0; i < 50; ++i) {
    const std::string expected = fmt::format("POST /{} {:02}", i, i);
    EXPECT_THAT(peer.read_until(expected), EndsWith("\r\n\r\n" + expected));
  }
}

TEST_F(ServerTest, OneByteAtATime) {
  const Peer peer(serve_echo());
  for (const char c : std::string_view("POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
                                       "chunked\r\n\r\n3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n")) {
    peer.send({&c, 1});
  }
  EXPECT_THAT(peer.read_until("789"), EndsWith("POST /x abc0123456789"));
}

TEST_F(ServerTest, LargeBodies) {
  const Peer peer(serve([](const std::shared_ptr<Exchange>& exchange) {
    exchange->respond(200, "text/plain", exchange->body());
  }));
  const std::string body(3'000'000, 'x');
  for (int i = 0; i < 2; ++i) {
    std::thread sender([&] {
      peer.send(
          fmt::format("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", body.size()));
      peer.send(body);
    });
    peer.read_until("\r\n\r\n");
    EXPECT_EQ(peer.read_bytes(body.size()), body);
    sender.join();
  }
}

TEST_F(ServerTest, HeadHasNoBody) {
  const Peer peer(serve_echo());
  peer.send("HEAD /x HTTP/1.1\r\nHost: a\r\n\r\nGET /y HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(peer.read_until("\r\n\r\n"), HasSubstr("Content-Length: 8\r\n"));
  EXPECT_THAT(peer.read_until("\r\n\r\n"), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_F(ServerTest, OldClientsGetACloseDelimitedStream) {
  const Peer peer(serve([](const std::shared_ptr<Exchange>& exchange) {
    exchange->start(200, "text/plain");
    exchange->write("one");
    exchange->write("two");
    exchange->finish();
  }));
  peer.send("GET / HTTP/1.0\r\n\r\n");
  const std::string answer = peer.read_to_end();
  EXPECT_THAT(answer, HasSubstr("Connection: close"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\nonetwo"));
}

TEST_F(ServerTest, StreamsInChunks) {
  const Peer peer(serve([](const std::shared_ptr<Exchange>& exchange) {
    exchange->start(200, "text/event-stream");
    exchange->write("data: 1\n\n");
    exchange->finish();
  }));
  peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(peer.read_until("0\r\n\r\n"), EndsWith("\r\n\r\n9\r\ndata: 1\n\n\r\n0\r\n\r\n"));
}

TEST_F(ServerTest, ExpectContinueIsAskedForOnlyWhenTheBodyWaits) {
  const Peer peer(serve_echo());
  peer.send("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(peer.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  peer.send("ok");
  EXPECT_THAT(peer.read_until("/x ok"), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_F(ServerTest, DeclaredLengthOverTheLimitIsRefusedUnread) {
  options_.body_bytes_max = 1000;
  const Peer peer(serve_echo());
  peer.send("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n");
  EXPECT_THAT(peer.read_to_end(), StartsWith("HTTP/1.1 413 "));
}

TEST_F(ServerTest, ChunkedBodyOverTheLimitIsRefusedWhileReading) {
  options_.body_bytes_max = 1000;
  const Peer peer(serve_echo());
  peer.send("POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 11; ++i) peer.send(fmt::format("64\r\n{}\r\n", std::string(100, 'x')));
  const std::string answer = peer.read_to_end();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(answer, EndsWith("{\"413\":\"request body too large\"}"));
}

TEST_F(ServerTest, ABodyIsReleasedBeforeTheResponseEnds) {
  const Peer peer(serve([](const std::shared_ptr<Exchange>& exchange) {
    exchange->start(200, "text/plain");
    exchange->release_body();
    exchange->write(fmt::format("{} {} [{}]", exchange->head().method, exchange->head().target,
                                exchange->body().substr(0, 2)));
    exchange->finish();
  }));
  // Chunked, so that the next request is read together with this one's end.
  const std::string body(200'000, 'x');
  peer.send(
      fmt::format("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                  "{:x}\r\n{}\r\n0\r\n\r\n"
                  "POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok",
                  body.size(), body));
  EXPECT_THAT(peer.read_until("0\r\n\r\n"), HasSubstr("POST /a []"));
  EXPECT_THAT(peer.read_until("0\r\n\r\n"), HasSubstr("POST /b [ok]"));
}

TEST_F(ServerTest, ABadRequestBehindALargeOneIsRefused) {
  const Peer peer(serve([](const std::shared_ptr<Exchange>& exchange) {
    exchange->respond(200, "text/plain", "ok");
  }));
  peer.send(fmt::format("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n{}",
                        std::string(200'000, 'x')));
  EXPECT_THAT(peer.read_until("\r\n\r\nok"), StartsWith("HTTP/1.1 200 "));
  peer.send("NONSENSE /\r\n\r\n");
  EXPECT_THAT(peer.read_to_end(), EndsWith("{\"400\":\"invalid request line\"}"));
}

TEST_F(ServerTest, HeadOverTheLimitsIsRefused) {
  options_.head_bytes_max = 2000;
  options_.headers_max = 10;
  const uint16_t port = serve_echo();
  const Peer large(port);
  large.send("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(3000, 'x'));
  EXPECT_THAT(large.read_to_end(), StartsWith("HTTP/1.1 431 "));
  const Peer many(port);
  many.send("GET / HTTP/1.1\r\nHost: a\r\n");
  for (int i = 0; i < 10; ++i) many.send("a: b\r\n");
  many.send("\r\n");
  EXPECT_THAT(many.read_to_end(), StartsWith("HTTP/1.1 431 "));
}

TEST_F(ServerTest, SlowClientsAreTimedOut) {
  options_.head_timeout = options_.body_timeout = std::chrono::milliseconds(50);
  options_.idle_timeout = std::chrono::milliseconds(50);
  const uint16_t port = serve_echo();
  const Peer head(port);
  const Peer body(port);
  const Peer idle(port);
  const Peer silent(port);
  head.send("GET / HTTP/1.1\r\nHost:");
  body.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12");
  idle.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(head.read_to_end(), StartsWith("HTTP/1.1 408 "));
  EXPECT_THAT(body.read_to_end(), StartsWith("HTTP/1.1 408 "));
  EXPECT_THAT(idle.read_to_end(), EndsWith("GET /x "));
  EXPECT_EQ(silent.read_to_end(), "");
}

TEST_F(ServerTest, ConnectionsOverTheLimitAreClosed) {
  options_.connections_max = 1;
  const uint16_t port = serve_echo();
  const Peer first(port);
  first.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
  first.read_until("GET /x ");
  EXPECT_EQ(Peer(port).read_to_end(), "");
  uint64_t refused = 0;
  thread_.run([&] { refused = server_->counters().connections_over_limit; });
  EXPECT_EQ(refused, 1U);
}

TEST_F(ServerTest, DisconnectIsNoticedWhileHandling) {
  std::shared_ptr<Exchange> held;
  std::promise<void> gone;
  std::promise<void> arrived;
  const uint16_t port = serve([&](std::shared_ptr<Exchange> exchange) {
    exchange->on_disconnect([&] { gone.set_value(); });
    held = std::move(exchange);
    arrived.set_value();
  });
  Peer peer(port);
  peer.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab");
  arrived.get_future().wait();
  peer.send("and more that nobody reads");
  peer.close();
  gone.get_future().wait();
  thread_.run([&] {
    EXPECT_EQ(held->body(), "ab");
    held->respond(200, "text/plain", "too late");
    held.reset();
    EXPECT_EQ(server_->connections(), 0U);
  });
}

TEST_F(ServerTest, ADroppedExchangeClosesTheConnection) {
  const Peer peer(serve([](const std::shared_ptr<Exchange>&) {}));
  peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(peer.read_to_end(), "");
}

TEST_F(ServerTest, BackPressureAndDrained) {
  std::atomic<int> rounds = 0;
  const Peer peer(serve([&](const std::shared_ptr<Exchange>& exchange) {
    exchange->start(200, "text/plain");
    auto fill = std::make_shared<std::function<void()>>();
    *fill = [&rounds, exchange, fill] {
      if (++rounds == 20) {
        exchange->finish();
        *fill = nullptr;
        return;
      }
      exchange->write(std::string(1'000'000, 'x'));
      exchange->on_drained(*fill);
    };
    (*fill)();
  }));
  peer.send("GET / HTTP/1.0\r\n\r\n");
  peer.read_until("\r\n\r\n");
  EXPECT_LT(rounds, 20) << "a client that reads nothing must hold the writer back";
  EXPECT_EQ(peer.read_bytes(19'000'000).size(), 19'000'000U);
  EXPECT_EQ(peer.read_to_end(), "");
  EXPECT_EQ(rounds, 20);
}

TEST_F(ServerTest, AStuckClientIsClosed) {
  options_.write_timeout = std::chrono::milliseconds(50);
  std::promise<void> gone;
  std::shared_ptr<Exchange> held;
  const Peer peer(serve([&](std::shared_ptr<Exchange> exchange) {
    exchange->on_disconnect([&] { gone.set_value(); });
    exchange->start(200, "text/plain");
    exchange->write(std::string(30'000'000, 'x'));
    held = std::move(exchange);
  }));
  peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  gone.get_future().wait();
  thread_.run([&] { held.reset(); });
}

TEST_F(ServerTest, DrainLetsRunningRequestsEnd) {
  std::shared_ptr<Exchange> held;
  std::promise<void> arrived;
  const uint16_t port = serve([&](std::shared_ptr<Exchange> exchange) {
    held = std::move(exchange);
    arrived.set_value();
  });
  const Peer idle(port);
  const Peer busy(port);
  busy.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  arrived.get_future().wait();
  std::promise<void> drained;
  thread_.run([&] { server_->drain([&] { drained.set_value(); }); });
  EXPECT_EQ(idle.read_to_end(), "");
  thread_.run([&] {
    held->respond(200, "text/plain", "done");
    held.reset();
  });
  const std::string answer = busy.read_to_end();
  EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(answer, EndsWith("done"));
  drained.get_future().wait();
}

}  // namespace
}  // namespace llmd::http
