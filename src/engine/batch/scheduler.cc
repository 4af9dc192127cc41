// SPDX-License-Identifier: Apache-2.0
#include "engine/batch/scheduler.h"

#include <algorithm>

#include "base/check.h"

namespace llmd::engine {
namespace {

/// The seed of block hashes, equal on every engine so that they name blocks alike.
constexpr const char* kHashSeed = "0";

bool contains(const std::vector<TokenId>& ids, TokenId id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

}  // namespace

Scheduler::Scheduler(SchedulerOptions options, BlockPool& pool, const Clock& clock)
    : options_(std::move(options)), pool_(pool), clock_(clock), root_(root_hash(kHashSeed)) {
  LLMD_CHECK(uint64_t{pool.size()} * options_.block_size >= options_.max_model_len);
}

void Scheduler::add(Sequence& sequence) {
  LLMD_CHECK(!sequence.tokens.empty() && sequence.size() < options_.max_model_len);
  sequence.prompt_size = sequence.size();
  if (sequence.stop.min_tokens > 0) {
    sequence.suppressed_early = options_.eos_ids;
    sequence.suppressed_early.insert(sequence.suppressed_early.end(),
                                     sequence.stop.token_ids.begin(),
                                     sequence.stop.token_ids.end());
  }
  waiting_.push_back(&sequence);
}

void Scheduler::hold_for_kv(Sequence& sequence, bool held) {
  LLMD_CHECK(sequence.state == (held ? SequenceState::kWaiting : SequenceState::kWaitingForKv));
  sequence.state = held ? SequenceState::kWaitingForKv : SequenceState::kWaiting;
}

bool Scheduler::abort(Sequence& sequence) {
  if (sequence.scheduled > 0) {
    sequence.abort_asked = true;
    return false;
  }
  std::erase(waiting_, &sequence);
  std::erase(running_, &sequence);
  blocked_.reset();
  finish(sequence);
  return true;
}

const Batch* Scheduler::plan() {
  LLMD_CHECK(!step_under_way());
  batch_.items.clear();
  const uint64_t preemptions = counters_.preemptions;
  const uint32_t budget = plan_running(options_.max_num_batched_tokens);
  // Admitting right after a preemption would only take the blocks that were just freed.
  if (counters_.preemptions == preemptions) admit_waiting(budget);
  return batch_.items.empty() ? nullptr : &batch_;
}

uint32_t Scheduler::plan_running(uint32_t budget) {
  for (size_t i = 0; i < running_.size() && budget > 0;) {
    Sequence& sequence = *running_[i];
    const uint32_t tokens = std::min(sequence.size() - sequence.computed, budget);
    if (!grow(sequence, tokens)) {
      preempt_newest();  // possibly this one, and then the loop ends
      continue;
    }
    schedule(sequence, tokens);
    budget -= tokens;
    ++i;
  }
  return budget;
}

void Scheduler::admit_waiting(uint32_t budget) {
  for (size_t i = 0;
       i < waiting_.size() && budget > 0 && running_.size() < options_.max_num_seqs;) {
    Sequence& sequence = *waiting_[i];
    if (sequence.state == SequenceState::kWaitingForKv || !adapter_fits(sequence)) {
      ++i;
      continue;
    }
    if (!admit(sequence, budget)) return;
    budget -= sequence.scheduled;
    waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(i));
    running_.push_back(&sequence);
  }
}

/// Its adapter runs already, or one more may.
bool Scheduler::adapter_fits(const Sequence& sequence) const {
  if (sequence.adapter == 0 || options_.max_loras == 0) return true;
  std::vector<AdapterId> others;
  for (const Sequence* running : running_) {
    const AdapterId adapter = running->adapter;
    if (adapter == sequence.adapter) return true;
    if (adapter != 0 && std::find(others.begin(), others.end(), adapter) == others.end()) {
      others.push_back(adapter);
    }
  }
  return others.size() < options_.max_loras;
}

bool Scheduler::admit(Sequence& sequence, uint32_t budget) {
  if (is_still_blocked(sequence, budget)) return false;
  const CachedPrefix cached = find_cached_prefix(sequence);
  if (!fits(sequence, cached, budget)) {
    blocked_ = {&sequence, cached};
    return false;
  }
  blocked_.reset();
  take_cached_prefix(sequence, cached);
  const uint32_t tokens = std::min(sequence.size() - sequence.computed, budget);
  LLMD_CHECK(grow(sequence, tokens));
  if (sequence.preemptions == 0) {
    sequence.cached = sequence.computed;
    sequence.first_scheduled = clock_.now();
    if (options_.prefix_caching) counters_.prefix_queries += sequence.size();
    counters_.prefix_hits += sequence.computed;
  }
  sequence.state = SequenceState::kRunning;
  schedule(sequence, tokens);
  return true;
}

/// In O(1), as in overload the head of the queue is asked in every step: what it lacked before it
/// still lacks, unless blocks were freed or the next one of its prefix came into the cache.
bool Scheduler::is_still_blocked(const Sequence& sequence, uint32_t budget) const {
  if (!blocked_ || blocked_->sequence != &sequence) return false;
  const uint32_t next = blocked_->cached.blocks;
  if (next < sequence.hashes.size() && pool_.find(sequence.hashes[next])) return false;
  return !fits(sequence, blocked_->cached, budget);
}

/// Whether there are blocks for its next step beside the cached ones, which are no longer free
/// then.
bool Scheduler::fits(const Sequence& sequence, const CachedPrefix& cached, uint32_t budget) const {
  const uint32_t computed = cached.blocks * options_.block_size;
  const uint32_t tokens = std::min(sequence.size() - computed, budget);
  return blocks_for(computed + tokens) - cached.blocks + cached.free <= pool_.free_count();
}

uint32_t Scheduler::blocks_for(uint32_t tokens) const {
  return (tokens + options_.block_size - 1) / options_.block_size;
}

bool Scheduler::grow(Sequence& sequence, uint32_t tokens) {
  const uint32_t end = sequence.computed + tokens;
  const uint32_t needed = blocks_for(end);
  const size_t held = sequence.blocks.size();
  return needed <= held || pool_.allocate(needed - held, sequence.blocks);
}

void Scheduler::schedule(Sequence& sequence, uint32_t tokens) {
  BatchItem item;
  item.tokens = std::span(sequence.tokens).subspan(sequence.computed, tokens);
  item.first_position = sequence.computed;
  item.block_table = sequence.blocks;
  if (sequence.computed + tokens == sequence.size()) item.sampling = &sequence.sampling;
  if (sequence.generated() < sequence.stop.min_tokens) item.suppressed = sequence.suppressed_early;
  sequence.scheduled = tokens;
  stepping_.push_back(&sequence);
  batch_.items.push_back(item);
}

void Scheduler::preempt_newest() {
  Sequence& victim = *running_.back();
  running_.pop_back();
  release_blocks(victim);
  victim.state = SequenceState::kPreempted;
  ++victim.preemptions;
  ++counters_.preemptions;
  waiting_.push_front(&victim);
}

void Scheduler::release_blocks(Sequence& sequence) {
  std::for_each(sequence.blocks.rbegin(), sequence.blocks.rend(),
                [this](BlockId block) { pool_.release(block); });
  sequence.blocks.clear();
  sequence.computed = 0;
  sequence.named_blocks = 0;
}

/// References nothing: a sequence that waits must not keep its prefix from being evicted.
Scheduler::CachedPrefix Scheduler::find_cached_prefix(Sequence& sequence) {
  CachedPrefix cached;
  if (!options_.prefix_caching) return cached;
  // The last token is always computed: its logits are what the sequence wants.
  const uint32_t full_blocks = (sequence.size() - 1) / options_.block_size;
  extend_hashes(sequence, full_blocks);
  for (; cached.blocks < full_blocks; ++cached.blocks) {
    const std::optional<BlockId> block = pool_.find(sequence.hashes[cached.blocks]);
    if (!block) break;
    if (pool_.references(*block) == 0) ++cached.free;
  }
  return cached;
}

void Scheduler::take_cached_prefix(Sequence& sequence, const CachedPrefix& cached) {
  for (uint32_t i = 0; i < cached.blocks; ++i) {
    const BlockId block = *pool_.find(sequence.hashes[i]);
    pool_.acquire(block);
    sequence.blocks.push_back(block);
  }
  sequence.named_blocks = cached.blocks;
  sequence.computed = cached.blocks * options_.block_size;
}

void Scheduler::extend_hashes(Sequence& sequence, uint32_t blocks) {
  for (auto i = static_cast<uint32_t>(sequence.hashes.size()); i < blocks; ++i) {
    const auto tokens =
        std::span(sequence.tokens).subspan(size_t{i} * options_.block_size, options_.block_size);
    HashExtras extras{.adapter = sequence.adapter_name};
    if (i == 0) extras.salt = sequence.cache_salt;
    sequence.hashes.push_back(hash_block(i == 0 ? root_ : sequence.hashes[i - 1], tokens, extras));
  }
}

/// Only after the step that filled them: until then their content is not there to be shared.
void Scheduler::name_full_blocks(Sequence& sequence) {
  if (!options_.prefix_caching) return;
  const uint32_t full_blocks = sequence.computed / options_.block_size;
  extend_hashes(sequence, full_blocks);
  for (uint32_t i = sequence.named_blocks; i < full_blocks; ++i) {
    StoredBlock stored;
    stored.block = sequence.blocks[i];
    stored.generation = pool_.generation(stored.block);
    stored.hash = sequence.hashes[i];
    stored.parent = i == 0 ? root_ : sequence.hashes[i - 1];
    stored.tokens =
        std::span(sequence.tokens).subspan(size_t{i} * options_.block_size, options_.block_size);
    stored.adapter = sequence.adapter_name;
    if (i == 0) stored.salt = sequence.cache_salt;
    stored.first = i == 0;
    pool_.store(stored);
  }
  sequence.named_blocks = full_blocks;
}

void Scheduler::complete(const StepResult& result, std::vector<StepOutput>& out) {
  LLMD_CHECK(result.tokens.size() == stepping_.size());
  for (size_t i = 0; i < stepping_.size(); ++i) {
    const StepOutput output = advance(*stepping_[i], result.tokens[i]);
    if (output.token || output.finish != FinishReason::kNone) out.push_back(output);
  }
  stepping_.clear();
  std::erase_if(running_, [](const Sequence* s) { return s->state == SequenceState::kFinished; });
}

StepOutput Scheduler::advance(Sequence& sequence, std::optional<TokenId> token) {
  sequence.computed += sequence.scheduled;
  sequence.scheduled = 0;
  name_full_blocks(sequence);
  StepOutput output;
  output.id = sequence.id;
  if (sequence.abort_asked) {
    output.finish = FinishReason::kAbort;
  } else if (token) {
    output.token = token;
    sequence.tokens.push_back(*token);
    output.finish = finish_reason(sequence, *token);
  }
  if (output.finish != FinishReason::kNone) finish(sequence);
  return output;
}

FinishReason Scheduler::finish_reason(const Sequence& sequence, TokenId token) const {
  const StopRules& stop = sequence.stop;
  if (sequence.generated() > stop.min_tokens) {
    if (!stop.ignore_eos && contains(options_.eos_ids, token)) return FinishReason::kStop;
    if (contains(stop.token_ids, token)) return FinishReason::kStop;
  }
  const bool full =
      sequence.generated() >= stop.max_tokens || sequence.size() >= options_.max_model_len;
  return full ? FinishReason::kLength : FinishReason::kNone;
}

void Scheduler::finish(Sequence& sequence) {
  release_blocks(sequence);
  sequence.state = SequenceState::kFinished;
}

}  // namespace llmd::engine
