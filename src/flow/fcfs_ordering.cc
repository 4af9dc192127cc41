// SPDX-License-Identifier: Apache-2.0
#include "flow/ordering.h"

namespace llmd::flow {

TimePoint fcfs_ordering(const Arrival& arrival) { return arrival.enqueued; }

}  // namespace llmd::flow
