// SPDX-License-Identifier: Apache-2.0
#include "flow/fairness.h"

namespace llmd::flow {
namespace {

class Queue final : public FairnessQueue {
 public:
  void add(Flow& flow, TimePoint /*now*/) override { turns_.push_back(flow); }
  void remove(Flow& flow, TimePoint /*now*/) override { turns_.remove(flow); }
  void head_changed(Flow& /*flow*/) override {}
  Flow& pick(TimePoint /*now*/) override { return *turns_.front(); }
  void took_turn(Flow& flow) override {
    turns_.remove(flow);
    turns_.push_back(flow);
  }

 private:
  LinkedList<Flow, &Flow::links> turns_;
};

class RoundRobin final : public FairnessPolicy {
 public:
  std::unique_ptr<FairnessQueue> new_queue() override { return std::make_unique<Queue>(); }
  void served(std::string_view, uint64_t, uint64_t, TimePoint) override {}
};

}  // namespace

MadeFairness make_round_robin_fairness(resources::Fields& parameters) {
  LLMD_RETURN_IF_ERROR(parameters.done());
  return {std::make_shared<RoundRobin>()};
}

}  // namespace llmd::flow
