// SPDX-License-Identifier: Apache-2.0
// Which tokens to compute next: continuous batching with chunked prefill, as vLLM's V1 scheduler.
#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "engine/batch/sequence.h"
#include "engine/cache/block_pool.h"
#include "engine/executor.h"

namespace llmd::engine {

struct SchedulerOptions {
  uint32_t max_num_seqs = 0;            ///< sequences in one step
  uint32_t max_num_batched_tokens = 0;  ///< tokens in one step
  uint32_t max_model_len = 0;           ///< tokens in one sequence; must fit into the pool
  uint32_t block_size = 0;              ///< tokens per block
  bool prefix_caching = true;
  std::vector<TokenId> eos_ids;
  uint32_t max_loras = 0;  ///< different adapters in one step; 0: no bound
};

/// What a completed step did to one sequence.
struct StepOutput {
  SequenceId id = 0;
  std::optional<TokenId> token;
  FinishReason finish = FinishReason::kNone;
};

struct SchedulerCounters {
  uint64_t preemptions = 0;
  uint64_t prefix_queries = 0;  ///< tokens looked up by new sequences
  uint64_t prefix_hits = 0;     ///< tokens of those that were found
};

/// Running sequences come first, oldest first, then waiting ones while budget and blocks last. When
/// blocks run out the newest running sequence is preempted and later recomputed. One thread; one
/// step under way at a time.
class Scheduler {
 public:
  Scheduler(SchedulerOptions options, BlockPool& pool, const Clock& clock);

  /// The sequence stays the caller's and must live until abort() returned true or complete()
  /// reported its end. Its prompt has 1 … max_model_len - 1 tokens.
  void add(Sequence& sequence);
  /// Holds a sequence that waits, or lets it go on, while its blocks are filled from elsewhere.
  void hold_for_kv(Sequence& sequence, bool held);
  /// Frees its blocks. False while a step with it is under way: then they are freed, and its end is
  /// reported, when that step completes.
  bool abort(Sequence& sequence);

  /// The next step, or null when there is nothing to compute. Valid until complete().
  const Batch* plan();
  /// Takes in the step's result and appends what happened to `out`, a line per scheduled sequence
  /// that got a token or ended.
  void complete(const StepResult& result, std::vector<StepOutput>& out);

  bool step_under_way() const { return !stepping_.empty(); }
  size_t running() const { return running_.size(); }
  size_t waiting() const { return waiting_.size(); }
  const SchedulerCounters& counters() const { return counters_; }
  const SchedulerOptions& options() const { return options_; }

 private:
  /// The blocks of a sequence's begin that the pool holds.
  struct CachedPrefix {
    uint32_t blocks = 0;
    uint32_t free = 0;  ///< those of them that nobody uses
  };
  /// The head of the queue, when it lacked blocks.
  struct Blocked {
    const Sequence* sequence = nullptr;
    CachedPrefix cached;
  };

  uint32_t plan_running(uint32_t budget);
  void admit_waiting(uint32_t budget);
  bool admit(Sequence& sequence, uint32_t budget);
  bool is_still_blocked(const Sequence& sequence, uint32_t budget) const;
  bool fits(const Sequence& sequence, const CachedPrefix& cached, uint32_t budget) const;
  uint32_t blocks_for(uint32_t tokens) const;
  bool adapter_fits(const Sequence& sequence) const;
  bool grow(Sequence& sequence, uint32_t tokens);
  void schedule(Sequence& sequence, uint32_t tokens);
  void preempt_newest();
  void release_blocks(Sequence& sequence);
  CachedPrefix find_cached_prefix(Sequence& sequence);
  void take_cached_prefix(Sequence& sequence, const CachedPrefix& cached);
  void extend_hashes(Sequence& sequence, uint32_t blocks);
  void name_full_blocks(Sequence& sequence);
  FinishReason finish_reason(const Sequence& sequence, TokenId token) const;
  StepOutput advance(Sequence& sequence, std::optional<TokenId> token);
  void finish(Sequence& sequence);

  SchedulerOptions options_;
  BlockPool& pool_;
  const Clock& clock_;
  BlockHash root_;
  std::deque<Sequence*> waiting_;
  std::optional<Blocked> blocked_;
  std::vector<Sequence*> running_;
  std::vector<Sequence*> stepping_;  ///< in the order of batch_.items
  Batch batch_;
  SchedulerCounters counters_;
};

}  // namespace llmd::engine
