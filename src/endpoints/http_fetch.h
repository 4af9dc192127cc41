// SPDX-License-Identifier: Apache-2.0
// Short GET requests to engines over HTTP, for polling.
#pragma once

#include <list>
#include <memory>
#include <string>

#include "endpoints/poller.h"
#include "http/client.h"
#include "net/event_loop.h"

namespace llmd::endpoints {

/// A Fetch over its own connections, with short deadlines. Loop thread only. Calls still running
/// when it is destroyed end without their callback.
class HttpFetch {
 public:
  explicit HttpFetch(net::EventLoop& loop);
  ~HttpFetch();
  HttpFetch(const HttpFetch&) = delete;
  HttpFetch& operator=(const HttpFetch&) = delete;

  void get(const net::Address& to, std::string_view path, ReplyCallback callback,
           BodySink sink = {});
  /// For a poller: asks where each endpoint's address is known. This outlives what is returned.
  Fetch as_fetch();

 private:
  class FetchCall;

  net::EventLoop& loop_;
  http::Client client_;
  std::list<std::shared_ptr<FetchCall>> calls_;
};

}  // namespace llmd::endpoints
