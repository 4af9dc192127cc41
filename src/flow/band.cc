// SPDX-License-Identifier: Apache-2.0
#include "flow/band.h"

#include <string>

namespace llmd::flow {

Flow& Band::flow_of(std::string_view fairness_id) {
  const auto found = flows_.find(fairness_id);
  if (found != flows_.end()) {
    Flow& flow = found->second;
    if (flow.items.empty()) {
      idle_.remove(flow);
      --idle_count_;
    }
    return flow;
  }
  Flow& flow = flows_.try_emplace(std::string(fairness_id)).first->second;
  flow.fairness_id = fairness_id;
  return flow;
}

void Band::retire(Flow& flow) {
  idle_.push_back(flow);
  if (++idle_count_ <= kIdleFlowsMax) return;
  Flow& longest_idle = *idle_.front();
  idle_.remove(longest_idle);
  --idle_count_;
  flows_.erase(flows_.find(longest_idle.fairness_id));
}

void Band::push(Item& item, TimePoint now) {
  Flow& flow = flow_of(item.fairness_id);
  item.flow = &flow;
  flow.items.push(item);
  if (flow.items.size() == 1) {
    turns->add(flow, now);
  } else if (&flow.items.front() == &item) {
    turns->head_changed(flow);
  }
  by_age_.push_back(item);
  ++requests;
  bytes += item.bytes;
}

void Band::remove(Item& item, TimePoint now) {
  Flow& flow = *item.flow;
  const bool was_first = &flow.items.front() == &item;
  flow.items.remove(item);
  item.flow = nullptr;
  by_age_.remove(item);
  --requests;
  bytes -= item.bytes;
  if (flow.items.empty()) {
    turns->remove(flow, now);
    retire(flow);
  } else if (was_first) {
    turns->head_changed(flow);
  }
}

Item& Band::pop(TimePoint now) {
  Flow& flow = turns->pick(now);
  Item& item = flow.items.front();
  turns->took_turn(flow);
  remove(item, now);
  return item;
}

}  // namespace llmd::flow
