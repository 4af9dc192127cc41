// SPDX-License-Identifier: Apache-2.0
#include "flow/ordering.h"

namespace llmd::flow {

TimePoint edf_ordering(const Arrival& arrival) {
  return arrival.ttl ? arrival.enqueued + *arrival.ttl : TimePoint::max();
}

}  // namespace llmd::flow
