// SPDX-License-Identifier: Apache-2.0
#include "kv/index/live_index.h"

#include <utility>

#include "kv/events/batch_reader.h"

namespace llmd::kv {
namespace {

/// The sizes of the index need a look at all its tables.
constexpr uint32_t kBatchesPerSize = 64;

}  // namespace

/// One endpoint's events on their way into the index. The subscriber's thread.
class LiveIndex::CacheStream final : public StreamConsumer {
 public:
  CacheStream(LiveIndex& owner, uint32_t endpoint, std::shared_ptr<Shared> shared)
      : owner_(owner), blocks_(owner.index_, clock_, endpoint), shared_(std::move(shared)) {}

  void on_batch(std::string_view payload) override {
    const auto read = reader_.read(payload, blocks_);
    unread_ += read ? read->unknown + read->broken : 1;
    lost_events_ = lost_events_ || !read || read->truncated || read->broken > 0;
    heard_ = true;
    owner_.index_.sweep();
    tell();
  }
  void on_reset() override {
    blocks_.on_cleared({});
    heard_ = lost_events_ = false;
    tell();
  }
  void on_caught_up() override {
    heard_ = true;
    tell();
  }
  void on_partial(bool partial) override {
    is_partial_ = partial;
    tell();
  }

 private:
  Knowledge knowledge() const {
    if (!heard_) return Knowledge::kNothing;
    return is_partial_ || lost_events_ || blocks_.is_partial() ? Knowledge::kPartial
                                                               : Knowledge::kWhole;
  }

  void tell() {
    const EndpointFigures figures = blocks_.figures();
    shared_->entries = figures.entries;
    shared_->parked = figures.parked;
    shared_->stored = figures.stored;
    shared_->removed = figures.removed;
    shared_->orphans = figures.orphans;
    shared_->unsupported = figures.unsupported;
    shared_->refused = figures.refused;
    shared_->unread_events = unread_;
    shared_->bytes = blocks_.bytes();
    shared_->knowledge = knowledge();
    if (told_++ % kBatchesPerSize != 0) return;
    owner_.sizes_.blocks = owner_.index_.blocks();
    owner_.sizes_.bytes = owner_.index_.bytes();
  }

  LiveIndex& owner_;
  SteadyClock clock_;
  EndpointBlocks blocks_;
  BatchReader reader_;
  std::shared_ptr<Shared> shared_;
  bool heard_ = false;        ///< it has said what it holds, be it nothing
  bool lost_events_ = false;  ///< that could not be read
  bool is_partial_ = false;
  uint64_t unread_ = 0;
  uint32_t told_ = 0;
};

void LiveIndex::follow(uint32_t slot, const EventSource& source) {
  if (const Followed* known = find(slot)) {
    if (known->source == source) return;
    forget(slot);
  }
  const uint32_t endpoint = next_endpoint_++;
  auto shared = std::make_shared<Shared>();
  const StreamId stream = subscriber_.add(source.events, source.replay,
                                          std::make_unique<CacheStream>(*this, endpoint, shared));
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
    source.slot = slot;
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
