// SPDX-License-Identifier: Apache-2.0
// Delayed calls as an injected dependency, like Clock: an event loop's timers, or a virtual
// clock's.
#pragma once

#include <functional>

#include "base/clock.h"

namespace llmd {

/// Runs `work` once, `after` (on the Clock that comes with it) from now, on the calling thread;
/// never from within the call, and never cancelled: `work` must bear that its object is gone.
using CallAfter = std::function<void(Duration after, std::function<void()> work)>;

}  // namespace llmd
