// SPDX-License-Identifier: Apache-2.0
// One sequence of tokens on its way through the engine.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "engine/cache/block_hash.h"
#include "engine/types.h"

namespace llmd::engine {

using SequenceId = uint64_t;

enum class SequenceState : uint8_t {
  kWaiting,       ///< has no blocks yet
  kWaitingForKv,  ///< held: its keys and values are being brought in
  kRunning,       ///< has blocks, is computed in every step
  kPreempted,     ///< lost its blocks to older ones; starts over, with the tokens it had
  kFinished,
};

enum class FinishReason : uint8_t { kNone, kStop, kLength, kAbort };

/// When to stop, as vLLM's SamplingParams means it. Stop strings are TextOutput's affair.
struct StopRules {
  uint32_t max_tokens = 16;
  uint32_t min_tokens = 0;  ///< neither EOS nor a stop token is chosen before
  bool ignore_eos = false;
  std::vector<TokenId> token_ids;
};

/// Owned by whoever added it to the scheduler, which alone writes the second half.
struct Sequence {
  SequenceId id = 0;
  std::vector<TokenId> tokens;  ///< the prompt, then what was generated
  SamplingParams sampling;
  StopRules stop;
  AdapterId adapter = 0;
  std::string adapter_name;  ///< only sequences of the same adapter share blocks; empty: none
  std::string cache_salt;    ///< only sequences of the same salt share blocks

  SequenceState state = SequenceState::kWaiting;
  uint32_t prompt_size = 0;
  uint32_t computed = 0;          ///< tokens whose keys and values are in the blocks
  uint32_t scheduled = 0;         ///< tokens in the step that is under way
  uint32_t cached = 0;            ///< prompt tokens found in the prefix cache at first
  uint32_t preemptions = 0;       ///< how often it started over
  uint32_t named_blocks = 0;      ///< leading blocks that went through BlockPool::store
  bool abort_asked = false;       ///< while a step with it was under way
  std::vector<BlockId> blocks;    ///< covers at least `computed + scheduled` tokens
  std::vector<BlockHash> hashes;  ///< of its leading full blocks, as far as they were needed
  std::vector<TokenId> suppressed_early;  ///< while below min_tokens
  TimePoint first_scheduled{};

  uint32_t size() const { return static_cast<uint32_t>(tokens.size()); }
  uint32_t generated() const { return size() - prompt_size; }
};

}  // namespace llmd::engine
