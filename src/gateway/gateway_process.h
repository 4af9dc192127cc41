// SPDX-License-Identifier: Apache-2.0
// `llmd gateway` without its command line: serve, follow the endpoints file, drain at SIGTERM.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "gateway/gateway.h"

namespace llmd::gateway {

struct GatewayProcessOptions {
  std::string host = "127.0.0.1";
  uint16_t port = 8080;                    ///< 0: any free one
  std::string endpoints_file;              ///< followed while it changes; or else
  std::vector<std::string> endpoint_urls;  ///< a fixed set; or else a file that an object names
  /// Objects that say how requests are treated; followed while they change. None: the defaults.
  std::vector<std::string> object_files;
  Duration drain_timeout = std::chrono::seconds(30);
  GatewayOptions gateway;
};

/// Serves until SIGTERM or SIGINT and the running requests' ends; prints the ready line on stdout.
/// An error is something the user can mend.
Result<void> run_gateway(GatewayProcessOptions options);

}  // namespace llmd::gateway
