// SPDX-License-Identifier: Apache-2.0
#include "bench/in_virtual_time/shadow_engine.h"

#include <algorithm>

namespace llmd::bench {
namespace {

uint64_t chain(uint64_t parent, const Piece& piece) {
  return mix_all(parent, piece.stream, piece.tokens);
}

}  // namespace

uint32_t ShadowCache::match(std::span<const Piece> prompt) const {
  uint64_t hash = 0;
  uint32_t tokens = 0;
  for (const Piece& piece : prompt) {
    hash = chain(hash, piece);
    if (!entries_.contains(hash)) break;
    tokens += piece.tokens;
  }
  return tokens;
}

void ShadowCache::store(std::span<const Piece> prompt) {
  uint64_t hash = 0;
  for (const Piece& piece : prompt) {
    hash = chain(hash, piece);
    Entry& entry = entries_[hash];
    if (entry.tokens == 0) held_ += entry.tokens = piece.tokens;
    // A tail is older than its head, so that it goes first.
    entry.used = (clock_ += prompt.size()) - static_cast<uint64_t>(&piece - prompt.data());
  }
}

void ShadowCache::trim(uint64_t tokens) {
  while (held_ > tokens) {
    const auto oldest =
        std::ranges::min_element(entries_, {}, [](const auto& entry) { return entry.second.used; });
    held_ -= oldest->second.tokens;
    entries_.erase(oldest);
  }
}

void ShadowEngine::add(const KnownRequest& request) { waiting_.push_back({&request, 0}); }

void ShadowEngine::admit() {
  while (!waiting_.empty() && waiting_.front().request->due <= now_ &&
         running_.size() < limits_->scheduler.max_num_seqs) {
    const auto [request, generated] = waiting_.front();
    const uint64_t needed = pinned_tokens_ + generated_ + tokens_to_pin(*request) + generated;
    if (!running_.empty() && needed > limits_->cache_tokens) return;
    const uint32_t block = limits_->scheduler.block_size;
    const uint32_t cached =
        std::min(cache_.match(request->prompt), request->prompt_tokens - 1) / block * block;
    pin(*request, true);
    generated_ += generated;
    running_.push_back({request, cached, generated});
    waiting_.pop_front();
  }
}

void ShadowEngine::preempt_newest() {
  const Running victim = running_.back();
  running_.pop_back();
  pin(*victim.request, false);
  generated_ -= victim.generated;
  waiting_.push_front({victim.request, victim.generated});
}

/// The scheduler's ways: the newest sequence makes room for the growth of older ones, and the cache
/// keeps what is left.
void ShadowEngine::make_room() {
  while (running_.size() > 1 &&
         pinned_tokens_ + generated_ + running_.size() > limits_->cache_tokens) {
    preempt_newest();
  }
  const uint64_t taken = std::min(generated_ + running_.size(), limits_->cache_tokens);
  cache_.trim(std::max(limits_->cache_tokens - taken, pinned_tokens_));
}

uint64_t ShadowEngine::tokens_to_pin(const KnownRequest& request) const {
  uint64_t tokens = 0;
  uint64_t hash = 0;
  for (const Piece& piece : request.prompt) {
    hash = chain(hash, piece);
    if (!pins_.contains(hash)) tokens += piece.tokens;
  }
  return tokens;
}

void ShadowEngine::pin(const KnownRequest& request, bool pinned) {
  uint64_t hash = 0;
  for (const Piece& piece : request.prompt) {
    hash = chain(hash, piece);
    uint32_t& count = pins_[hash];
    if (pinned && count++ == 0) pinned_tokens_ += piece.tokens;
    if (!pinned && --count == 0) {
      pinned_tokens_ -= piece.tokens;
      pins_.erase(hash);
    }
  }
}

/// Tokens that each running sequence computes in this step.
std::vector<uint32_t> ShadowEngine::share_budget() {
  uint32_t budget = limits_->scheduler.max_num_batched_tokens;
  std::vector<uint32_t> shares(running_.size());
  for (size_t i = 0; i < running_.size() && budget > 0; ++i) {
    const uint32_t goal = running_[i].request->prompt_tokens + running_[i].generated;
    shares[i] = std::min(goal - running_[i].computed, budget);
    budget -= shares[i];
  }
  return shares;
}

void ShadowEngine::take_token(Running& one) {
  ShadowOutcome& outcome = outcomes_[one.request->number];
  if (one.generated++ == 0) outcome.first_token = now_;
  ++generated_;
  outcome.last_token = now_;
}

/// False when there is nothing to do by now.
bool ShadowEngine::step() {
  if (running_.empty() && !waiting_.empty()) now_ = std::max(now_, waiting_.front().request->due);
  make_room();
  admit();
  if (running_.empty()) return false;
  const std::vector<uint32_t> shares = share_budget();
  uint64_t computed = 0;
  uint64_t attended = 0;
  for (size_t i = 0; i < running_.size(); ++i) {
    if (shares[i] == 0) continue;
    computed += shares[i];
    attended += running_[i].computed += shares[i];
  }
  now_ += limits_->time.step_time(computed, attended);
  for (Running& one : running_) {
    const uint32_t prompt = one.request->prompt_tokens;
    if (one.computed < prompt + one.generated) continue;
    if (one.computed == prompt + one.generated && one.generated == 0) {
      cache_.store(one.request->prompt);
    }
    take_token(one);
  }
  std::erase_if(running_, [this](const Running& one) {
    const bool done = one.generated == one.request->output_tokens;
    if (done) {
      pin(*one.request, false);
      generated_ -= one.generated;
    }
    return done;
  });
  return true;
}

void ShadowEngine::advance(Duration until) {
  while (now_ < until) {
    if (running_.empty() && (waiting_.empty() || waiting_.front().request->due >= until)) break;
    step();
  }
  if (running_.empty()) now_ = std::max(now_, until);
}

Duration ShadowEngine::first_token_of_last() {
  const uint64_t number = waiting_.back().request->number;
  while (!outcomes_.contains(number) && step()) {
  }
  return outcomes_[number].first_token;
}

void ShadowEngine::end_stage() {
  while (step()) {
  }
  now_ = {};
  outcomes_.clear();
}

}  // namespace llmd::bench
