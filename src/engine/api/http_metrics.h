// SPDX-License-Identifier: Apache-2.0
// The HTTP server's own refusals as metrics.
#pragma once

#include "http/server.h"
#include "observe/metrics.h"

namespace llmd::engine {

/// Loop thread only.
class HttpMetrics {
 public:
  explicit HttpMetrics(observe::Registry& registry);
  /// Brings the counters up to what the server has counted.
  void update(const http::ServerCounters& now);

 private:
  observe::Counter connections_over_limit_;
  observe::Counter heads_too_large_;
  observe::Counter bodies_too_large_;
  observe::Counter requests_too_slow_;
  observe::Counter requests_invalid_;
  observe::Counter writes_timed_out_;
};

}  // namespace llmd::engine
