// SPDX-License-Identifier: Apache-2.0
#include "engine/api/http_metrics.h"

namespace llmd::engine {
namespace {

observe::Counter make(observe::Registry& registry, const char* limit) {
  return registry.counter("llmd:http_refused_total", "What the HTTP server refused, by limit.",
                          {{"limit", limit}});
}

void raise(observe::Counter& counter, uint64_t to) {
  counter.add(static_cast<double>(to) - counter.value());
}

}  // namespace

HttpMetrics::HttpMetrics(observe::Registry& registry)
    : connections_over_limit_(make(registry, "connections")),
      heads_too_large_(make(registry, "head_bytes")),
      bodies_too_large_(make(registry, "body_bytes")),
      requests_too_slow_(make(registry, "request_time")),
      requests_invalid_(make(registry, "grammar")),
      writes_timed_out_(make(registry, "write_time")) {}

void HttpMetrics::update(const http::ServerCounters& now) {
  raise(connections_over_limit_, now.connections_over_limit);
  raise(heads_too_large_, now.heads_too_large);
  raise(bodies_too_large_, now.bodies_too_large);
  raise(requests_too_slow_, now.requests_too_slow);
  raise(requests_invalid_, now.requests_invalid);
  raise(writes_timed_out_, now.writes_timed_out);
}

}  // namespace llmd::engine
