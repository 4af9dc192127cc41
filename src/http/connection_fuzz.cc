// SPDX-License-Identifier: Apache-2.0
// A whole server connection over a socket pair: what a client sends, in pieces, beside a handler
// that answers now, later, in parts, or never. However the bytes are cut, the handler must see the
// same requests; and nothing may be touched that is gone.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "http/connection.h"

namespace {

using llmd::http::Connection;
using llmd::http::Exchange;
using llmd::http::ServerContext;
using llmd::http::ServerOptions;

constexpr size_t kTurnsMax = 4096;
constexpr size_t kQuietTurns = 3;

/// What the handler does with each request, chosen by the input.
enum class Manner : uint8_t { kAtOnce, kLater, kInParts, kRaw, kDropped, kAborted, kCount };

ServerOptions small_options() {
  ServerOptions options;
  options.head_bytes_max = 4096;
  options.headers_max = 16;
  options.body_bytes_max = 4096;
  options.error_body = [](int, std::string_view message) { return std::string(message); };
  return options;
}

class Talk {
 public:
  explicit Talk(Manner manner) : manner_(manner) {
    LLMD_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds_) == 0);
    connection_ = std::make_shared<Connection>(context_, fds_[0]);
    turn();
  }
  ~Talk() {
    waiting_.clear();
    if (connection_) connection_->close();
    turn();
    ::close(fds_[1]);
  }

  void send(std::string_view bytes) {
    // A full socket means that the connection is not reading any more; then the rest is lost.
    if (::send(fds_[1], bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) return;
    turn();
  }
  void end() {
    ::shutdown(fds_[1], SHUT_WR);
    turn();
  }
  /// Answers what waits and reads what comes, until nothing has changed for some turns: what a turn
  /// puts off happens in the next.
  void settle() {
    for (size_t i = 0, quiet = 0; i < kTurnsMax && quiet < kQuietTurns; ++i) {
      const size_t before = handled.size() + read_;
      const bool answered = !waiting_.empty();
      answer_waiting();
      turn();
      read();
      quiet = !answered && handled.size() + read_ == before ? quiet + 1 : 0;
    }
  }

  std::vector<std::string> handled;

 private:
  void handle(const std::shared_ptr<Exchange>& exchange) {
    const auto& head = exchange->head();
    handled.push_back(std::string(head.method) + " " + std::string(head.target) + " " +
                      std::string(exchange->body()));
    exchange->on_disconnect([this] { ++disconnects_; });
    if (manner_ == Manner::kAtOnce) return exchange->respond(200, "text/plain", "yes");
    if (manner_ == Manner::kAborted) return exchange->abort();
    if (manner_ != Manner::kDropped) waiting_.push_back(exchange);
  }
  void answer_waiting() {
    auto now = std::move(waiting_);
    waiting_.clear();
    for (const auto& exchange : now) {
      if (manner_ == Manner::kLater) {
        exchange->respond(404, "text/plain", exchange->body());
        continue;
      }
      if (manner_ == Manner::kRaw) {
        exchange->start_raw({}, exchange->keep_alive());
        exchange->write_through(
            std::vector<std::string_view>{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", "ok"});
      } else {
        exchange->start(200, "text/event-stream");
        exchange->write("data: a\n\n");
        exchange->write("data: b\n\n");
      }
      exchange->on_drained([] {});
      exchange->finish();
    }
  }
  void read() {
    char bytes[4096];
    for (ssize_t got; (got = ::recv(fds_[1], bytes, sizeof bytes, 0)) > 0;) {
      read_ += static_cast<size_t>(got);
    }
  }
  void turn() {
    loop_.post([this] { loop_.stop(); });
    loop_.run();
  }

  Manner manner_;
  int fds_[2];
  size_t read_ = 0;
  size_t disconnects_ = 0;
  llmd::net::EventLoop loop_;
  std::vector<std::shared_ptr<Exchange>> waiting_;
  std::shared_ptr<Connection> connection_;
  ServerContext context_{.loop = loop_,
                         .options = small_options(),
                         .handler = [this](const auto& exchange) { handle(exchange); },
                         .on_closed =
                             [this](Connection&) {
                               loop_.destroy_later(std::move(connection_));
                               connection_.reset();
                             }};
};

std::vector<std::string> talk(std::string_view text, size_t step, Manner manner) {
  Talk talk(manner);
  for (; !text.empty(); text.remove_prefix(std::min(step, text.size()))) {
    talk.send(text.substr(0, step));
  }
  talk.settle();
  talk.end();
  talk.settle();
  return talk.handled;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kBytesMax = 16 * 1024;
  if (size < 2 || size > kBytesMax) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  const auto manner = static_cast<Manner>(data[0] % static_cast<uint8_t>(Manner::kCount));
  const std::vector<std::string> whole = talk(text, kBytesMax, manner);
  LLMD_CHECK(talk(text, 1 + data[1], manner) == whole);
  return 0;
}
