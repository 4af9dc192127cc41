// SPDX-License-Identifier: Apache-2.0
// Small GET requests to endpoints, for the poller.
#pragma once

#include "endpoints/poller.h"
#include "http/client.h"

namespace llmd::gateway {

/// `client` must outlive the calls that the returned function starts. Loop thread only.
endpoints::Fetch make_fetch(http::Client& client);

}  // namespace llmd::gateway
