// SPDX-License-Identifier: Apache-2.0
#include "net/loop_timers.h"

namespace llmd::net {

void LoopTimers::call(Duration after, std::function<void()> work) {
  if (spare_.empty()) spare_.emplace_back(loop_);
  pending_.splice(pending_.begin(), spare_, spare_.begin());
  const auto timer = pending_.begin();
  timer->start(after, [this, timer, work = std::move(work)] {
    spare_.splice(spare_.begin(), pending_, timer);
    work();
  });
}

}  // namespace llmd::net
