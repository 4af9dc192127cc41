// SPDX-License-Identifier: Apache-2.0
// Asks every endpoint once, as a gateway does all the time.
#pragma once

#include "base/clock.h"
#include "endpoints/poller.h"

namespace llmd::inspect {

/// Reads health, models and load of every endpoint of `pool`, its metrics by `names_of`. Returns
/// when each has answered or let its deadline pass; those that did not answer well are not up then.
void poll_once(endpoints::Pool& pool, const Clock& clock, endpoints::NamesOf names_of);

}  // namespace llmd::inspect
