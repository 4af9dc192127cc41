// SPDX-License-Identifier: Apache-2.0
#include "flow/fairness.h"

namespace llmd::flow {
namespace {

struct HasBestItem {
  static bool before(const Flow& a, const Flow& b) {
    return GoesFirst::before(a.items.front(), b.items.front());
  }
  static uint32_t& place(Flow& flow) { return flow.place; }
};

class Queue final : public FairnessQueue {
 public:
  void add(Flow& flow, TimePoint /*now*/) override { flows_.push(flow); }
  void remove(Flow& flow, TimePoint /*now*/) override { flows_.remove(flow); }
  void head_changed(Flow& flow) override { flows_.moved(flow); }
  Flow& pick(TimePoint /*now*/) override { return flows_.front(); }
  void took_turn(Flow& /*flow*/) override {}

 private:
  IndexedHeap<Flow, HasBestItem> flows_;
};

class GlobalStrict final : public FairnessPolicy {
 public:
  std::unique_ptr<FairnessQueue> new_queue() override { return std::make_unique<Queue>(); }
  void served(std::string_view, uint64_t, uint64_t, TimePoint) override {}
};

}  // namespace

MadeFairness make_global_strict_fairness(resources::Fields& parameters) {
  LLMD_RETURN_IF_ERROR(parameters.done());
  return {std::make_shared<GlobalStrict>()};
}

}  // namespace llmd::flow
