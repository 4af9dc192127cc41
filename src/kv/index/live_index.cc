// SPDX-License-Identifier: Apache-2.0
#include "kv/index/live_index.h"

#include <utility>

#include "kv/index/cache_stream.h"

namespace llmd::kv {
namespace {

/// The sizes of the index need a look at all its tables.
constexpr uint32_t kBatchesPerSize = 64;

}  // namespace

void LiveIndex::tell(const CacheStream& stream, Shared& shared) {
  const EndpointFigures figures = stream.blocks().figures();
  shared.entries = figures.entries;
  shared.parked = figures.parked;
  shared.stored = figures.stored;
  shared.removed = figures.removed;
  shared.orphans = figures.orphans;
  shared.unsupported = figures.unsupported;
  shared.refused = figures.refused;
  shared.unread_events = stream.unread_events();
  shared.bytes = stream.blocks().bytes();
  shared.knowledge = stream.knowledge();
  if (told_++ % kBatchesPerSize != 0) return;
  sizes_.blocks = index_.blocks();
  sizes_.bytes = index_.bytes();
}

void LiveIndex::follow(uint32_t slot, const EventSource& source) {
  if (const Followed* known = find(slot)) {
    if (known->source == source) return;
    forget(slot);
  }
  const uint32_t endpoint = next_endpoint_++;
  auto shared = std::make_shared<Shared>();
  auto consumer = std::make_unique<CacheStream>(
      index_, clock_, endpoint, [this, shared](const auto& stream) { tell(stream, *shared); });
  const StreamId stream = subscriber_.add(source.events, source.replay, std::move(consumer));
  followed_[slot] = {source, endpoint, stream, std::move(shared)};
  slots_[endpoint] = slot;
}

void LiveIndex::forget(uint32_t slot) {
  const auto found = followed_.find(slot);
  if (found == followed_.end()) return;
  subscriber_.remove(found->second.stream);
  slots_.erase(found->second.endpoint);
  followed_.erase(found);
}

const LiveIndex::Followed* LiveIndex::find(uint32_t slot) const {
  const auto found = followed_.find(slot);
  return found == followed_.end() ? nullptr : &found->second;
}

std::optional<uint32_t> LiveIndex::slot_of(uint32_t endpoint) const {
  const auto found = slots_.find(endpoint);
  if (found == slots_.end()) return std::nullopt;
  return found->second;
}

Knowledge LiveIndex::knowledge(uint32_t slot) const {
  const Followed* followed = find(slot);
  return followed == nullptr ? Knowledge::kNothing : followed->shared->knowledge.load();
}

uint64_t LiveIndex::entries(uint32_t slot) const {
  const Followed* followed = find(slot);
  return followed == nullptr ? 0 : followed->shared->entries.load();
}

LiveIndex::Report LiveIndex::report() const {
  Report report{.subscriber = subscriber_.report(),
                .sources = {},
                .blocks = sizes_.blocks,
                .bytes = sizes_.bytes};
  for (const auto& [slot, followed] : followed_) {
    const Shared& shared = *followed.shared;
    SourceReport& source = report.sources.emplace_back();
    source.knowledge = shared.knowledge;
    source.figures = {.entries = shared.entries,
                      .parked = shared.parked,
                      .stored = shared.stored,
                      .removed = shared.removed,
                      .orphans = shared.orphans,
                      .unsupported = shared.unsupported,
                      .refused = shared.refused};
    source.unread_events = shared.unread_events;
    source.bytes = shared.bytes;
    for (const StreamReport& stream : report.subscriber.streams) {
      if (stream.id == followed.stream) source.stream = stream;
    }
  }
  return report;
}

}  // namespace llmd::kv
