// SPDX-License-Identifier: Apache-2.0
#include "flow/ordering.h"

namespace llmd::flow {

TimePoint slo_deadline_ordering(const Arrival& arrival) {
  return arrival.slo_ttft ? arrival.received + *arrival.slo_ttft : TimePoint::max();
}

}  // namespace llmd::flow
