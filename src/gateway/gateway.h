// SPDX-License-Identifier: Apache-2.0
// The data plane: takes requests of the OpenAI surface and relays each to the engine that request/
// picks. One Gateway per event loop; request/ is single-threaded, so one loop per process for now.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "endpoints/pool.h"
#include "http/client.h"
#include "http/server.h"
#include "net/event_loop.h"
#include "request/router.h"
#include "request/routing_config.h"

namespace llmd::gateway {

struct GatewayOptions {
  http::ServerOptions server;
  http::ClientOptions client;
  request::RouterOptions router;
  request::RoutingConfig routing = request::plan_routing({}).value();
  /// Clients are proxies of ours, which may send headers that steer; see is_control().
  bool is_trusted = false;
  uint64_t seed = 0;  ///< breaks ties, names requests
};

/// Loop thread only.
class Gateway {
 public:
  /// Fails when the routing configuration is refused. `loop` and `pool` must outlive the
  /// gateway.
  static Result<std::unique_ptr<Gateway>> create(net::EventLoop& loop, endpoints::Pool& pool,
                                                 GatewayOptions options);
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  /// See request::Router::use().
  Result<void> use(const request::RoutingConfig& config);

  Result<uint16_t> listen(const std::string& host, uint16_t port);
  /// Stops accepting, lets running requests end, then calls `done`.
  void drain(std::function<void()> done);
  /// Tells those who wait to be let through that they will not be.
  void refuse_waiting();

 private:
  struct Impl;
  explicit Gateway(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace llmd::gateway
