// SPDX-License-Identifier: Apache-2.0
// How an engine publishes its KV events: vLLM's --kv-events-config.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "kv/events/batch_writer.h"

namespace llmd::kv {

/// Keys and defaults are those of KVEventsConfig in vLLM's vllm/config/kv_events.py, but for the
/// last.
struct PublisherConfig {
  bool enable_kv_cache_events = false;
  std::string publisher = "zmq";               ///< or "null": events are made and thrown away
  std::string endpoint = "tcp://*:5557";       ///< see binds()
  std::optional<std::string> replay_endpoint;  ///< always bound; none: no replay
  uint32_t buffer_steps = 10'000;              ///< batches kept for replay
  uint32_t hwm = 100'000;                      ///< batches waiting for one slow subscriber
  uint32_t max_queue_size = 100'000;           ///< batches waiting for the publisher's thread
  std::string topic;
  EventForm event_form = EventForm::kMap;  ///< ours: "map", or "array" for older subscribers

  bool publishes() const { return enable_kv_cache_events && publisher == "zmq"; }
};

/// Reads the flag's JSON object; unknown keys are errors.
Result<PublisherConfig> parse_publisher_config(std::string_view json);

/// Whether a publisher binds this endpoint, as vLLM decides: with `*` or `::` in it, or on ipc. It
/// connects to any other, except to port 0, where nobody can listen.
bool binds(std::string_view endpoint);

/// The config of one of several publishers on a host: ports grow by `offset`, but for `*` and 0.
/// An error where that cannot be.
Result<PublisherConfig> offset_ports(PublisherConfig config, uint32_t offset);

}  // namespace llmd::kv
