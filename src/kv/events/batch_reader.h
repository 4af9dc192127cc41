// SPDX-License-Identifier: Apache-2.0
// One published batch of KV-cache events, read in every form that vLLM and SGLang gave it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "kv/events/event_fields.h"
#include "kv/events/msgpack_reader.h"

namespace llmd::kv {

struct BatchInfo {
  double timestamp_s = 0;        ///< the engine's clock, whose zero only the engine knows
  std::optional<uint32_t> rank;  ///< data-parallel
  uint32_t read = 0;             ///< events that the sink heard of
  uint32_t unknown = 0;          ///< events of a type that is not read
  uint32_t broken = 0;           ///< events that do not make sense, each left out by itself
  /// The batch is cut off, or garbage from some event on: what follows it was not read.
  bool truncated = false;
};

/// Keeps its scratch memory, at most four times the largest payload: no allocation per batch once
/// it has grown. One thread.
class BatchReader {
 public:
  /// Gives the batch's events to `sink` in their order. Unknown types, fields and trailing elements
  /// are passed over; one bad event costs that event. An error when this is not a batch at all.
  Result<BatchInfo> read(std::string_view payload, EventSink& sink);

 private:
  enum class Outcome : uint8_t { kRead, kUnknown, kBroken };
  struct Draft;

  bool read_events(MsgpackReader& reader, EventSink& sink, BatchInfo& info);
  Outcome read_event(MsgpackReader& reader, EventSink& sink);
  Outcome read_array_event(MsgpackReader& reader, size_t elements, EventSink& sink);
  Outcome read_map_event(MsgpackReader& reader, size_t pairs, EventSink& sink);
  Outcome finish(std::string_view tag, Draft& draft, EventSink& sink);
  bool read_field(Field field, MsgpackReader& reader, Draft& draft);
  bool read_hashes(MsgpackReader& reader, Draft& draft);
  bool read_tokens(MsgpackReader& reader, Draft& draft);
  bool fold_extra_keys(Draft& draft);

  std::vector<EngineHash> hashes_;
  std::vector<uint32_t> tokens_;
  std::vector<uint64_t> extra_;
};

/// The rank alone, for sockets on which several publishers come in; nothing when it is not said.
std::optional<uint32_t> read_rank(std::string_view payload);

}  // namespace llmd::kv
