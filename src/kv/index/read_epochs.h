// SPDX-License-Identifier: Apache-2.0
// Tells a single writer when no reader can still see what it took away, so that readers never wait.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace llmd::kv {

/// Epoch-based reclamation (Fraser 2004). A reader says when it begins and ends; the writer unlinks
/// something, begins a new epoch, and uses the memory again once every reader that is under way
/// began in that epoch or later. Readers: any thread, each with a place of its own.
class ReadEpochs {
 public:
  static constexpr size_t kReadersMax = 64;

  /// A reader's place; taking more than kReadersMax is our own mistake.
  size_t join();
  void leave(size_t place);

  void begin_reading(size_t place) {
    // Sequentially consistent: what the reader loads from here on is no older than what the writer
    // had unlinked when it last looked at this place.
    places_[place].epoch.store(now_.load(), std::memory_order_seq_cst);
  }
  void end_reading(size_t place) { places_[place].epoch.store(kIdle, std::memory_order_release); }

  /// Writer only. Begins an epoch and says which: what was unlinked before may be used again when
  /// oldest() has reached it.
  uint64_t advance() { return now_.fetch_add(1) + 1; }
  /// In which epoch the longest reading that is under way began; the largest number if none is.
  uint64_t oldest() const;

 private:
  static constexpr uint64_t kIdle = UINT64_MAX;
  struct alignas(64) Place {
    std::atomic<uint64_t> epoch{kIdle};
    std::atomic<bool> taken{false};
  };

  std::atomic<uint64_t> now_{0};
  std::array<Place, kReadersMax> places_;
};

}  // namespace llmd::kv
