// SPDX-License-Identifier: Apache-2.0
// What an engine says of its KV cache, whichever engine, version and form said it. Sources: the
// structs in vLLM's vllm/distributed/kv_events.py and SGLang's
// sglang/srt/disaggregation/kv_events.py.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace llmd::kv {

/// An engine's own name for a block: an integer as it came, or the last 8 bytes (big-endian) of a
/// byte string. Unique within an engine and group, and no more.
using EngineHash = uint64_t;

/// What kind of attention a group of layers has, and so how much of a prefix it needs.
enum class SpecKind : uint8_t {
  kUnspecified,  ///< the engine did not say: one group of full attention
  kFullAttention,
  kMlaAttention,
  kSlidingWindow,
  kSlidingWindowMla,
  kMamba,
  kChunkedLocalAttention,
  kSinkFullAttention,
  kEncoderOnlyAttention,
  kCrossAttention,
  kUnknown,  ///< a word that is not in this list
};

/// Spans and strings in events live as long as the call that carries them.
struct StoredEvent {
  std::span<const EngineHash> hashes = {};  ///< of consecutive blocks, at least one
  /// Of the block before the first one; none: that begins a prompt.
  std::optional<EngineHash> parent = {};
  /// `block_size` for each hash; or none, where the engine tells no more than hashes, as vLLM does
  /// by default of blocks offloaded to CPU memory or storage.
  std::span<const uint32_t> tokens = {};
  uint32_t block_size = 0;
  std::string_view lora_name = {};  ///< empty: none, or an engine that tells only lora_id
  std::optional<uint64_t> lora_id =
      {};                        ///< the engine's own number, deprecated in favour of the name
  std::string_view medium = {};  ///< "GPU", "CPU", "STORAGE"…; empty: not said
  /// For each hash what else the engine folded into it, as add_extra() of kv/hash gathers it: bytes
  /// of multimodal identifiers, salt and digests in their order; an item's offset as 8 bytes,
  /// little-endian; 0 for nothing. Empty: nothing in any block. The LoRA name is not among it.
  std::span<const uint64_t> extra = {};
  uint32_t group = 0;  ///< of layers that share a block table
  SpecKind spec_kind = SpecKind::kUnspecified;
  std::optional<uint32_t> sliding_window = {};  ///< tokens
};

struct RemovedEvent {
  std::span<const EngineHash> hashes = {};
  std::string_view medium = {};  ///< empty: not said
  uint32_t group = 0;
};

/// Everything, in every tier and group.
struct ClearedEvent {};

class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual void on_stored(const StoredEvent& event) = 0;
  virtual void on_removed(const RemovedEvent& event) = 0;
  virtual void on_cleared(const ClearedEvent& event) = 0;
};

}  // namespace llmd::kv
