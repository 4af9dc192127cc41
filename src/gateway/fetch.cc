// SPDX-License-Identifier: Apache-2.0
#include "gateway/fetch.h"

#include <fmt/format.h>

#include <memory>
#include <string>
#include <utility>

#include "endpoints/scrape.h"

namespace llmd::gateway {

namespace {

/// Owns itself until it has called back.
class FetchCall final : public http::Call {
 public:
  FetchCall(const endpoints::Endpoint& endpoint, std::string_view path,
            endpoints::ReplyCallback callback)
      : head_(fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\n\r\n", path, endpoint.host_port)),
        callback_(std::move(callback)) {}

  static void start(std::shared_ptr<FetchCall> call, http::Client& client,
                    const net::Address& address) {
    call->self_ = call;
    client.start(*call, address, {.head = call->head_, .body = {}});
  }

 private:
  void on_head(const http::ResponseHead& head, const http::Framing&) override {
    reply_.status = head.status;
  }
  void on_body(std::string_view bytes, bool last) override {
    if (reply_.body.size() + bytes.size() > endpoints::kScrapeBytesMax) {
      cancel();
      return end(Error{Errc::kTooLarge, "the reply is too large"});
    }
    reply_.body.append(bytes);
    if (last) end(std::move(reply_));
  }
  void on_failure(const http::ClientFailure& failure) override {
    const bool timeout = failure.kind == http::ClientFailure::Kind::kTimeout;
    end(Error{timeout ? Errc::kTimeout : Errc::kUnavailable, std::string(failure.message)});
  }
  void end(Result<endpoints::Reply> result) {
    const auto self = std::move(self_);
    callback_(std::move(result));
  }

  std::string head_;
  endpoints::ReplyCallback callback_;
  endpoints::Reply reply_;
  std::shared_ptr<FetchCall> self_;
};

}  // namespace

endpoints::Fetch make_fetch(http::Client& client) {
  return [&client](const endpoints::Endpoint& endpoint, std::string_view path,
                   endpoints::ReplyCallback callback) {
    const auto address = net::Address::parse(endpoint.spec.address, endpoint.spec.port);
    if (!address) return callback(address.error());
    FetchCall::start(std::make_shared<FetchCall>(endpoint, path, std::move(callback)), client,
                     *address);
  };
}

}  // namespace llmd::gateway
