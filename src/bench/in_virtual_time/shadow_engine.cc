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
  while (held_ > room_) {
    const auto oldest =
        std::ranges::min_element(entries_, {}, [](const auto& entry) { return entry.second.used; });
    held_ -= oldest->second.tokens;
    entries_.erase(oldest);
  }
}

void ShadowEngine::add(const KnownRequest& request) { waiting_.push_back(&request); }

void ShadowEngine::admit() {
  while (!waiting_.empty() && waiting_.front()->due <= now_ &&
         running_.size() < limits_->scheduler.max_num_seqs) {
    const KnownRequest& request = *waiting_.front();
    const uint32_t cached = std::min(cache_.match(request.prompt), request.prompt_tokens - 1) /
                            limits_->scheduler.block_size * limits_->scheduler.block_size;
    const uint64_t own = request.prompt_tokens - cached + request.output_tokens;
    if (!running_.empty() && reserved_tokens_ + own > limits_->cache_tokens) return;
    reserved_tokens_ += own;
    running_.push_back({&request, cached, 0, own});
    waiting_.pop_front();
  }
}

/// False when there is nothing to do by now.
bool ShadowEngine::step() {
  if (running_.empty() && !waiting_.empty()) now_ = std::max(now_, waiting_.front()->due);
  admit();
  if (running_.empty()) return false;
  uint32_t budget = limits_->scheduler.max_num_batched_tokens;
  uint64_t computed = 0;
  uint64_t attended = 0;
  std::vector<uint32_t> shares(running_.size());
  for (size_t i = 0; i < running_.size() && budget > 0; ++i) {
    const Running& one = running_[i];
    const uint32_t goal = one.request->prompt_tokens + one.generated;
    shares[i] = std::min(goal - one.computed, budget);
    budget -= shares[i];
    computed += shares[i];
    attended += one.computed + shares[i];
  }
  now_ += limits_->time.step_time(computed, attended);
  for (size_t i = 0; i < running_.size(); ++i) {
    Running& one = running_[i];
    one.computed += shares[i];
    if (shares[i] == 0 || one.computed < one.request->prompt_tokens + one.generated) continue;
    if (one.generated++ == 0) {
      cache_.store(one.request->prompt);
      outcomes_[one.request->number].first_token = now_;
    }
    if (one.generated == one.request->output_tokens) {
      outcomes_[one.request->number].last_token = now_;
    }
  }
  std::erase_if(running_, [this](const Running& one) {
    const bool done = one.generated == one.request->output_tokens;
    if (done) reserved_tokens_ -= one.reserved_tokens;
    return done;
  });
  return true;
}

void ShadowEngine::advance(Duration until) {
  while (now_ < until) {
    if (running_.empty() && (waiting_.empty() || waiting_.front()->due >= until)) break;
    step();
  }
  now_ = std::max(now_, running_.empty() ? until : now_);
}

Duration ShadowEngine::first_token_of_last() {
  const uint64_t number = waiting_.back()->number;
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
