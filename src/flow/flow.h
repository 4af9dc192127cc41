// SPDX-License-Identifier: Apache-2.0
// The queued requests of one tenant at one priority, in the order of the band's ordering policy.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <tuple>

#include "base/clock.h"
#include "flow/decision.h"
#include "flow/indexed_heap.h"
#include "flow/linked_list.h"

namespace llmd::flow {

struct Band;
struct Flow;
struct Series;

/// One request that the controller knows: it waits, or it was let through and has not ended.
struct Item {
  enum class State : uint8_t { kFree, kQueued, kRunning };

  State state = State::kFree;
  bool revoked = false;     ///< while it was running
  uint32_t generation = 0;  ///< tells the place's present request from earlier ones
  uint32_t index = 0;       ///< its place in the controller
  uint64_t sequence = 0;    ///< order of arrival
  uint64_t bytes = 0;
  TimePoint enqueued{};
  TimePoint due{};            ///< what the ordering policy says
  Duration deadline{};        ///< on the clock that stands still while there are no endpoints
  Duration empty_deadline{};  ///< on the clock that runs only then
  std::string fairness_id;
  std::function<void(Decision)> decided;
  Band* band = nullptr;
  Flow* flow = nullptr;  ///< while it is queued
  Series* series = nullptr;

  uint32_t place = 0;           ///< in the flow, or among the running ones that may be revoked
  uint32_t deadline_place = 0;  ///< among all queued ones that expire
  Links<Item> age;              ///< among the queued ones of its band
};

struct GoesFirst {
  static bool before(const Item& a, const Item& b) {
    return std::tie(a.due, a.sequence) < std::tie(b.due, b.sequence);
  }
  static uint32_t& place(Item& item) { return item.place; }
};

struct Flow {
  std::string fairness_id;
  IndexedHeap<Item, GoesFirst> items;

  /// For the fairness policy while the flow has items, else for the band.
  Links<Flow> links;
  uint32_t place = 0;
};

}  // namespace llmd::flow
