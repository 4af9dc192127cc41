// SPDX-License-Identifier: Apache-2.0
#include "bench/in_virtual_time/virtual_caches.h"

#include <utility>

#include "kv/index/cache_stream.h"

namespace llmd::bench {
namespace {

/// From the engine to the index: what a connection takes, and the thread behind it.
constexpr Duration kDelay = std::chrono::milliseconds(1);

}  // namespace

/// One engine's, from its process to the index.
class VirtualCaches::Stream final : private kv::ReplayTransport, private KvListener {
 public:
  Stream(VirtualTime& time, VirtualEngine& engine, kv::BlockIndex& index, uint32_t endpoint)
      : endpoint_(endpoint),
        time_(time),
        engine_(engine),
        cache_(index, time, endpoint, {}),
        follower_(time, *this, cache_) {
    engine_.publish_to(this);
    after_delay([this] { follower_.start(); });
  }
  ~Stream() override { engine_.publish_to(nullptr); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  const kv::CacheStream& cache() const { return cache_; }
  /// Its id in the index.
  uint32_t endpoint() const { return endpoint_; }

 private:
  void on_published(uint64_t seq, const std::shared_ptr<const std::string>& payload) override {
    after_delay([this, seq, payload] { follower_.on_live(seq, *payload); });
  }
  void on_restarted() override {
    after_delay([this] { follower_.on_reconnected(); });
  }

  bool ask(uint64_t from_seq) override {
    after_delay([this, from_seq, request = ++request_] { answer(from_seq, request); });
    return true;
  }
  void cancel() override { ++request_; }
  void answer(uint64_t from_seq, uint64_t request) {
    engine_.replay(from_seq, [&](uint64_t seq, const std::string& payload) {
      if (request == request_) follower_.on_replayed(seq, payload);
    });
    if (request == request_) follower_.on_replay_end();
  }

  void after_delay(std::function<void()> work) { call_at(time_.now() + kDelay, std::move(work)); }
  void call_at(TimePoint at, std::function<void()> work) {
    time_.call_at(at, [this, alive = std::weak_ptr(alive_), work = std::move(work)] {
      if (alive.expired()) return;
      work();
      schedule();
    });
  }
  void schedule() {
    const auto deadline = follower_.deadline();
    if (std::exchange(due_, deadline) == deadline || !deadline) return;
    call_at(*deadline, [this] { follower_.on_deadline(); });
  }

  const uint32_t endpoint_;
  VirtualTime& time_;
  VirtualEngine& engine_;
  kv::CacheStream cache_;
  kv::StreamFollower follower_;
  uint64_t request_ = 0;  ///< the only one whose replies are wanted
  std::optional<TimePoint> due_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

VirtualCaches::VirtualCaches(VirtualTime& time,
                             std::span<const std::unique_ptr<VirtualEngine>> engines,
                             uint16_t first_port)
    : time_(time), engines_(engines), first_port_(first_port) {}

VirtualCaches::~VirtualCaches() = default;

void VirtualCaches::follow(uint32_t slot, const kv::EventSource& source) {
  if (streams_.contains(slot)) return;
  VirtualEngine& engine = *engines_[source.events.port() - first_port_];
  const uint32_t endpoint = next_endpoint_++;
  streams_[slot] = std::make_unique<Stream>(time_, engine, index_, endpoint);
  slots_[endpoint] = slot;
}

void VirtualCaches::forget(uint32_t slot) {
  const auto found = streams_.find(slot);
  if (found == streams_.end()) return;
  slots_.erase(found->second->endpoint());
  streams_.erase(found);
}

std::optional<uint32_t> VirtualCaches::slot_of(uint32_t endpoint) const {
  const auto found = slots_.find(endpoint);
  if (found == slots_.end()) return std::nullopt;
  return found->second;
}

kv::Knowledge VirtualCaches::knowledge(uint32_t slot) const {
  const auto found = streams_.find(slot);
  if (found == streams_.end()) return kv::Knowledge::kNothing;
  return found->second->cache().knowledge();
}

uint64_t VirtualCaches::entries(uint32_t slot) const {
  const auto found = streams_.find(slot);
  return found == streams_.end() ? 0 : found->second->cache().blocks().figures().entries;
}

}  // namespace llmd::bench
