// SPDX-License-Identifier: Apache-2.0
// Batches of KV events as vLLM publishes them. Source: EventBatch and its events in vLLM's
// vllm/distributed/kv_events.py.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "kv/events/event.h"

namespace llmd::kv {

enum class EventForm : uint8_t {
  kMap,    ///< each event a map by field name: vLLM 0.24 and later
  kArray,  ///< each event an array, its name first: before that
};

/// Gathers one batch's events. One thread.
class BatchWriter {
 public:
  explicit BatchWriter(EventForm form, std::optional<uint32_t> rank = std::nullopt)
      : form_(form), rank_(rank) {}

  /// Of `event.extra`, which is a digest, nothing is written; instead the adapter's name for every
  /// block and `salt`, unless empty, for the first, as vLLM does for prompts without images.
  void stored(const StoredEvent& event, std::string_view salt = {});
  void removed(const RemovedEvent& event);
  void cleared();

  bool empty() const { return events_ == 0; }
  /// The payload of what was gathered, after which the writer is empty.
  std::string finish(double timestamp_s);

 private:
  void begin(std::string_view tag, size_t fields);

  EventForm form_;
  std::optional<uint32_t> rank_;
  size_t events_ = 0;
  std::string body_;
};

}  // namespace llmd::kv
