// SPDX-License-Identifier: Apache-2.0
// One request placed for show: what each endpoint scored, and why one of them won.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "endpoints/poller.h"
#include "endpoints/pool.h"
#include "http/message.h"
#include "request/routing_config.h"

namespace llmd::inspect {

/// Finds out the state of the endpoints, given by which names their metrics are to be read.
using Look = std::function<void(const endpoints::NamesOf& names_of)>;

/// Places the request among the endpoints of `pool`, as `look` finds them, by the same code as a
/// gateway, and says how that went; the request goes nowhere. An error where the body is no
/// request, or the configuration cannot work. `pool` must not change afterwards: its listeners are
/// gone. One thread.
Result<std::string> explain(endpoints::Pool& pool, const Clock& clock,
                            const request::RoutingConfig& routing,
                            std::span<const http::Header> headers, std::string_view body,
                            const Look& look);

}  // namespace llmd::inspect
