// SPDX-License-Identifier: Apache-2.0
// The frames around batches of KV events on ZMQ. Source: ZmqEventPublisher in vLLM's
// vllm/distributed/kv_events.py, and SGLang's copy of an earlier version of it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace llmd::kv {

/// Where a batch's number would be, this says that a replay is over.
inline constexpr uint64_t kReplayEnd = UINT64_MAX;

/// A batch as published: its topic, its number (from 0 in each process), what BatchReader reads.
struct LiveMessage {
  std::string_view topic;
  uint64_t seq = 0;
  std::string_view payload;
};

/// Nothing when these are not a published batch's frames.
std::optional<LiveMessage> parse_live(std::span<const std::string_view> frames);

/// One answer to a replay request.
struct ReplayMessage {
  uint64_t seq = 0;  ///< kReplayEnd: nothing follows
  std::string_view payload;
};

/// As a DEALER socket receives it: an empty frame, the topic (vLLM since 0.26 and TensorRT-LLM),
/// the number, the payload. Nothing when it is neither form.
std::optional<ReplayMessage> parse_replay(std::span<const std::string_view> frames);

/// Who a topic says published, in llm-d's convention `kv@ADDRESS@MODEL`; one of another form is an
/// address as a whole.
struct TopicSource {
  std::string_view address;  ///< of the engine, as "10.0.0.1:8000"
  std::string_view model;    ///< empty: not said
};
TopicSource parse_topic(std::string_view topic);

/// A batch's number on the wire: 8 bytes, big-endian.
std::string encode_seq(uint64_t seq);
/// Nothing when these are not 8 bytes.
std::optional<uint64_t> decode_seq(std::string_view bytes);

}  // namespace llmd::kv
