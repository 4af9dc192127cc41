// SPDX-License-Identifier: Apache-2.0
#include "endpoints/http_fetch.h"

#include <fmt/core.h>

#include <algorithm>

#include "endpoints/scrape.h"

namespace llmd::endpoints {
namespace {

/// A busy engine may answer late; the poller decides how many late answers mean trouble.
constexpr http::ClientOptions kOptions = {.connect_timeout = std::chrono::seconds(1),
                                          .send_timeout = std::chrono::seconds(2),
                                          .first_byte_timeout = std::chrono::seconds(3),
                                          .read_timeout = std::chrono::seconds(3),
                                          .idle_timeout = std::chrono::seconds(30),
                                          .idle_per_address_max = 1};

}  // namespace

class HttpFetch::FetchCall final : public http::Call {
 public:
  FetchCall(HttpFetch& owner, const net::Address& to, std::string_view path, ReplyCallback callback,
            BodySink sink)
      : owner_(owner),
        head_(fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\n\r\n", path, to.to_string())),
        callback_(std::move(callback)),
        sink_(std::move(sink)) {
    owner.client_.start(*this, to, {.head = head_, .body = {}});
  }

  void on_head(const http::ResponseHead& head, const http::Framing&) override {
    reply_.status = head.status;
  }

  void on_body(std::string_view bytes, bool last) override {
    received_ += bytes.size();
    if (received_ > kScrapeBytesMax) {
      cancel();
      return end(Error{Errc::kTooLarge, "the answer is too large"});
    }
    if (sink_) {
      sink_(bytes);
    } else {
      reply_.body.append(bytes);
    }
    if (last) end(std::move(reply_));
  }

  void on_failure(const http::ClientFailure& failure) override {
    const bool is_late = failure.kind == http::ClientFailure::Kind::kTimeout;
    end(Error{is_late ? Errc::kTimeout : Errc::kUnavailable, std::string(failure.message)});
  }

 private:
  void end(Result<Reply> result) {
    const ReplyCallback callback = std::move(callback_);
    auto& calls = owner_.calls_;
    const auto self = std::find_if(calls.begin(), calls.end(),
                                   [this](const auto& call) { return call.get() == this; });
    owner_.loop_.destroy_later(std::move(*self));
    calls.erase(self);
    callback(std::move(result));
  }

  HttpFetch& owner_;
  std::string head_;
  ReplyCallback callback_;
  BodySink sink_;
  Reply reply_;
  size_t received_ = 0;
};

HttpFetch::HttpFetch(net::EventLoop& loop) : loop_(loop), client_(loop, kOptions) {}
HttpFetch::~HttpFetch() { calls_.clear(); }

void HttpFetch::get(const net::Address& to, std::string_view path, ReplyCallback callback,
                    BodySink sink) {
  calls_.push_back(
      std::make_shared<FetchCall>(*this, to, path, std::move(callback), std::move(sink)));
}

Fetch HttpFetch::as_fetch() {
  return [this](const Endpoint& endpoint, std::string_view path, ReplyCallback callback,
                BodySink sink) {
    const auto& address = endpoint.live.address;
    if (!address) return callback(Error{Errc::kUnavailable, "its name is not resolved"});
    get(*address, path, std::move(callback), std::move(sink));
  };
}

}  // namespace llmd::endpoints
