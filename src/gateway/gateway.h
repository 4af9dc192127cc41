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
#include "schedule/default_config.h"

namespace llmd::gateway {

struct GatewayOptions {
  http::ServerOptions server;
  http::ClientOptions client;
  request::RouterOptions router;
  resources::EndpointPickerConfig scheduling = schedule::default_config();
  uint64_t seed = 0;  ///< breaks ties, names requests
};

/// Loop thread only.
class Gateway {
 public:
  /// Fails when the scheduling configuration is refused. `loop` and `pool` must outlive the
  /// gateway.
  static Result<std::unique_ptr<Gateway>> create(net::EventLoop& loop, endpoints::Pool& pool,
                                                 GatewayOptions options);
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  /// Requests that come from now on are scheduled as `config` says; those under way go on as they
  /// began. Refused like in create(), changing nothing.
  Result<void> use(const resources::EndpointPickerConfig& config);

  Result<uint16_t> listen(const std::string& host, uint16_t port);
  /// Stops accepting, lets running requests end, then calls `done`.
  void drain(std::function<void()> done);

 private:
  struct Impl;
  explicit Gateway(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace llmd::gateway
