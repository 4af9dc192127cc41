// SPDX-License-Identifier: Apache-2.0
// The engine's HTTP surface: who may ask, and which handler answers.
#pragma once

#include <array>
#include <functional>
#include <string>
#include <vector>

#include "engine/api/api_context.h"
#include "engine/api/http_metrics.h"
#include "http/server.h"

namespace llmd::engine {

/// Loop thread only.
class ApiServer {
 public:
  ApiServer(net::EventLoop& loop, ApiContext context);
  ApiServer(const ApiServer&) = delete;
  ApiServer& operator=(const ApiServer&) = delete;

  Result<uint16_t> listen(const std::string& host, uint16_t port);
  /// Whether it is still starting: then requests and /health are answered 503.
  void set_starting(bool starting) { context_.starting = starting; }
  /// Refuses new requests with 503, lets the running ones end, then calls `done`.
  void drain(std::function<void()> done);

 private:
  using KeyDigest = std::array<uint8_t, 32>;

  void handle(const std::shared_ptr<http::Exchange>& exchange);
  bool allowed(const http::RequestHead& head) const;

  ApiContext context_;
  std::vector<KeyDigest> keys_;
  http::Server server_;
  HttpMetrics http_metrics_;
};

}  // namespace llmd::engine
