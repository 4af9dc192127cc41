// SPDX-License-Identifier: Apache-2.0
#include "bench/over_http/target.h"

#include <fmt/core.h>

#include <optional>

#include "base/text.h"
#include "http/characters.h"
#include "http/client.h"
#include "net/event_loop.h"

namespace llmd::bench {
namespace {

constexpr size_t kAnswerBytesMax = 64 << 20;
constexpr Duration kAskTimeout = std::chrono::seconds(30);
constexpr http::ClientOptions kOptions = {.connect_timeout = std::chrono::seconds(5),
                                          .send_timeout = kAskTimeout,
                                          .first_byte_timeout = kAskTimeout,
                                          .read_timeout = kAskTimeout};

Error bad_url(const std::string& url, std::string_view why) {
  return invalid_argument(fmt::format("{}: {}; a target is http://HOST:PORT", url, why));
}

/// Ends the loop with what came.
class Question final : public http::Call {
 public:
  explicit Question(net::EventLoop& loop) : loop_(loop) {}

  void on_head(const http::ResponseHead& head, const http::Framing&) override {
    reply_.status = head.status;
  }
  void on_body(std::string_view bytes, bool last) override {
    if (reply_.body.size() + bytes.size() > kAnswerBytesMax) {
      error_ = Error{Errc::kTooLarge, "the answer is too large"};
      cancel();
      return loop_.stop();
    }
    reply_.body.append(bytes);
    if (last) loop_.stop();
  }
  void on_failure(const http::ClientFailure& failure) override {
    error_ = Error{Errc::kUnavailable, std::string(failure.message)};
    loop_.stop();
  }

  Result<endpoints::Reply> take() {
    if (error_) return *std::move(error_);
    return std::move(reply_);
  }

 private:
  net::EventLoop& loop_;
  endpoints::Reply reply_;
  std::optional<Error> error_;
};

}  // namespace

Result<Target> parse_target(const std::string& url) {
  constexpr std::string_view kScheme = "http://";
  if (url.starts_with("https://")) return bad_url(url, "TLS is not supported");
  if (!url.starts_with(kScheme)) return bad_url(url, "does not begin with http://");
  const std::string_view rest = std::string_view(url).substr(kScheme.size());
  const size_t slash = std::min(rest.find('/'), rest.size());
  Target target;
  target.url = url;
  target.host = rest.substr(0, slash);
  target.path = rest.substr(slash);
  while (target.path.ends_with('/')) target.path.pop_back();
  if (!http::all_in(http::kHostCharacters, target.host) || !http::is_field_value(target.path) ||
      target.path.find(' ') != std::string::npos) {
    return bad_url(url, "has characters that no URL has");
  }
  std::string host = target.host;
  uint64_t port = 80;
  const size_t colon = host.rfind(':');
  if (colon != std::string::npos && !host.ends_with(']')) {
    port = parse_uint(host.substr(colon + 1)).value_or(0);
    host.resize(colon);
  }
  const bool is_bracketed = host.size() > 2 && host.starts_with('[') && host.ends_with(']');
  if (is_bracketed) host = host.substr(1, host.size() - 2);
  if (host.find_first_of(is_bracketed ? "[]" : "[]:") != std::string::npos) {
    return bad_url(url, "has a colon or bracket too many; an IPv6 address stands in brackets");
  }
  if (host.empty() || port == 0 || port > UINT16_MAX) return bad_url(url, "has no host or port");
  LLMD_ASSIGN_OR_RETURN(target.address, net::Address::resolve(host, static_cast<uint16_t>(port)));
  return target;
}

std::string request_head(std::string_view method, const Target& target, std::string_view path,
                         std::string_view headers, size_t body_bytes) {
  return fmt::format("{} {}{} HTTP/1.1\r\nHost: {}\r\n{}Content-Length: {}\r\n\r\n", method,
                     target.path, path, target.host, headers, body_bytes);
}

Result<endpoints::Reply> ask(const Target& target, std::string_view method, std::string_view path,
                             std::string_view headers, std::string_view body) {
  net::EventLoop loop;
  http::Client client(loop, kOptions);
  Question question(loop);
  const std::string head = request_head(method, target, path, headers, body.size());
  client.start(question, target.address, {.head = head, .body = {body}});
  loop.run();
  auto reply = question.take();
  if (reply) return reply;
  return Error{reply.error().code, fmt::format("{}: {}", target.url, reply.error().message)};
}

}  // namespace llmd::bench
