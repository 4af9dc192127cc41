// SPDX-License-Identifier: Apache-2.0
// For tests: events that own what they say, gathered and compared.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "kv/events/batch_reader.h"

namespace llmd::kv {

struct OwnedEvent {
  std::string type;
  std::vector<EngineHash> hashes = {};
  std::optional<EngineHash> parent = {};
  std::vector<uint32_t> tokens = {};
  uint32_t block_size = 0;
  std::string lora_name = {};
  std::optional<uint64_t> lora_id = {};
  std::string medium = {};
  std::vector<uint64_t> extra = {};
  uint32_t group = 0;
  SpecKind spec_kind = SpecKind::kUnspecified;
  std::optional<uint32_t> sliding_window = {};

  bool operator==(const OwnedEvent&) const = default;
  /// Lives as long as this event does.
  StoredEvent stored() const {
    return {hashes, parent, tokens, block_size, lora_name,     lora_id,
            medium, extra,  group,  spec_kind,  sliding_window};
  }
  RemovedEvent removed() const { return {hashes, medium, group}; }
};

inline std::ostream& operator<<(std::ostream& out, const OwnedEvent& event) {
  out << event.type << " block_size " << event.block_size << " tokens " << event.tokens.size()
      << " lora '" << event.lora_name << "' medium '" << event.medium << "' group " << event.group
      << " parent " << (event.parent ? std::to_string(*event.parent) : "none") << " hashes";
  for (const EngineHash hash : event.hashes) out << ' ' << hash;
  return out;
}

class TestSink final : public EventSink {
 public:
  void on_stored(const StoredEvent& event) override {
    events.push_back({"stored",
                      {event.hashes.begin(), event.hashes.end()},
                      event.parent,
                      {event.tokens.begin(), event.tokens.end()},
                      event.block_size,
                      std::string(event.lora_name),
                      event.lora_id,
                      std::string(event.medium),
                      {event.extra.begin(), event.extra.end()},
                      event.group,
                      event.spec_kind,
                      event.sliding_window});
  }
  void on_removed(const RemovedEvent& event) override {
    OwnedEvent removed{.type = "removed", .hashes = {event.hashes.begin(), event.hashes.end()}};
    removed.medium = event.medium;
    removed.group = event.group;
    events.push_back(std::move(removed));
  }
  void on_cleared(const ClearedEvent& /*event*/) override { events.push_back({.type = "cleared"}); }

  std::vector<OwnedEvent> events;
};

}  // namespace llmd::kv
