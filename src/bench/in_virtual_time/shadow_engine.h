// SPDX-License-Identifier: Apache-2.0
// What a simulated engine will do, counted instead of run: the scheduler's steps by numbers of
// tokens, without tokens. Copies are cheap, so that a placement can be tried.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <unordered_map>
#include <vector>

#include "bench/measure/run_result.h"
#include "bench/workload/request.h"
#include "engine/batch/scheduler.h"
#include "engine/simulated/time_model.h"

namespace llmd::bench {

/// A request whose length and arrival are known.
struct KnownRequest {
  uint64_t number = 0;
  Duration due{};             ///< from its stage's begin
  std::vector<Piece> prompt;  ///< in order
  uint32_t prompt_tokens = 0;
  uint32_t output_tokens = 0;
};

/// What became of one.
struct ShadowOutcome {
  Duration first_token{};
  Duration last_token{};
};

struct ShadowLimits {
  engine::TimeModel time;
  engine::SchedulerOptions scheduler;
  uint64_t cache_tokens = 0;
};

/// Which leading pieces of prompts are cached: whole pieces, the one used longest ago goes first.
/// Coarser than the engine's blocks, equal where pieces are large.
class ShadowCache {
 public:
  /// Tokens of the prompt's begin that are cached.
  uint32_t match(std::span<const Piece> prompt) const;
  /// Now all of it is.
  void store(std::span<const Piece> prompt);
  /// Forgets until at most `tokens` are held.
  void trim(uint64_t tokens);
  uint64_t tokens() const { return held_; }

 private:
  struct Entry {
    uint32_t tokens = 0;
    uint64_t used = 0;
  };
  uint64_t held_ = 0;
  uint64_t clock_ = 0;
  std::unordered_map<uint64_t, Entry> entries_;  ///< by the hash of the pieces so far
};

/// One engine over one stage after the other.
class ShadowEngine {
 public:
  explicit ShadowEngine(const ShadowLimits& limits) : limits_(&limits) {}

  /// Requests come in the order of their `due`; `request` outlives the stage.
  void add(const KnownRequest& request);
  /// Runs all steps that begin before `until`.
  void advance(Duration until);
  /// Runs until the last added request has its first token; when that is.
  Duration first_token_of_last();
  /// Runs until all is done, then forgets the stage: the cache stays.
  void end_stage();

  uint32_t cached_tokens(const KnownRequest& request) const { return cache_.match(request.prompt); }
  /// Whether what comes new into the cache drives something out.
  bool is_full() const { return cache_.tokens() + generated_ >= limits_->cache_tokens; }
  size_t open() const { return running_.size() + waiting_.size(); }
  /// Of this stage, by request number.
  const std::unordered_map<uint64_t, ShadowOutcome>& outcomes() const { return outcomes_; }

 private:
  struct Running {
    const KnownRequest* request;
    uint32_t computed;
    uint32_t generated;
  };

  struct Waiting {
    const KnownRequest* request;
    uint32_t generated;  ///< before it was preempted
  };

  bool step();
  void admit();
  void preempt_newest();
  void make_room();
  std::vector<uint32_t> share_budget();
  void take_token(Running& one);
  uint64_t tokens_to_pin(const KnownRequest& request) const;
  void pin(const KnownRequest& request, bool pinned);

  const ShadowLimits* limits_;
  ShadowCache cache_;
  std::vector<Running> running_;
  std::deque<Waiting> waiting_;  ///< in part not arrived yet
  Duration now_{};
  /// How many running sequences use a piece, by the hash of the pieces up to it: memory that they
  /// share is taken once.
  std::unordered_map<uint64_t, uint32_t> pins_;
  uint64_t pinned_tokens_ = 0;
  uint64_t generated_ = 0;  ///< tokens that running sequences have beyond their prompts
  std::unordered_map<uint64_t, ShadowOutcome> outcomes_;
};

}  // namespace llmd::bench
