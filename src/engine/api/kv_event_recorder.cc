// SPDX-License-Identifier: Apache-2.0
#include "engine/api/kv_event_recorder.h"

#include <utility>

namespace llmd::engine {
namespace {

constexpr std::string_view kMedium = "GPU";  // what vLLM calls the memory that its engine works in

}  // namespace

KvEventRecorder::KvEventRecorder(BlockPool& pool, uint32_t block_size, kv::BatchWriter writer,
                                 std::function<void()> changed)
    : pool_(pool),
      block_size_(block_size),
      writer_(std::move(writer)),
      changed_(std::move(changed)) {
  pool_.add_observer(*this);
}

KvEventRecorder::~KvEventRecorder() { pool_.remove_observer(*this); }

void KvEventRecorder::on_stored(const StoredBlock& stored) {
  write_removed();
  const bool follows = !stored_.empty() && !stored.first && stored.parent == last_stored_;
  if (!follows) {
    write_stored();
    if (!stored.first) parent_ = wire_hash(stored.parent);
    adapter_ = stored.adapter;
    salt_ = stored.salt;
  }
  stored_.push_back(wire_hash(stored.hash));
  last_stored_ = stored.hash;
  tokens_.insert(tokens_.end(), stored.tokens.begin(), stored.tokens.end());
  note_change();
}

void KvEventRecorder::on_removed(BlockId /*block*/, uint32_t /*generation*/,
                                 const BlockHash& hash) {
  write_stored();
  removed_.push_back(wire_hash(hash));
  note_change();
}

void KvEventRecorder::on_cleared() {
  write_stored();
  write_removed();
  writer_.cleared();
  note_change();
}

void KvEventRecorder::note_change() {
  if (!std::exchange(has_changed_, true)) changed_();
}

void KvEventRecorder::write_stored() {
  if (stored_.empty()) return;
  writer_.stored({.hashes = stored_,
                  .parent = parent_,
                  .tokens = tokens_,
                  .block_size = block_size_,
                  .lora_name = adapter_,
                  .medium = kMedium,
                  .spec_kind = kv::SpecKind::kFullAttention},
                 salt_);
  stored_.clear();
  tokens_.clear();
  parent_.reset();
}

void KvEventRecorder::write_removed() {
  if (removed_.empty()) return;
  writer_.removed({.hashes = removed_, .medium = kMedium});
  removed_.clear();
}

std::string KvEventRecorder::finish(double timestamp_s) {
  has_changed_ = false;
  write_stored();
  write_removed();
  return writer_.finish(timestamp_s);
}

}  // namespace llmd::engine
