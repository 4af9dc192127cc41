// SPDX-License-Identifier: Apache-2.0
// /tokenize and /detokenize, answered by the gateway for models whose tokenizer it has.
#pragma once

#include <functional>
#include <memory>

#include "http/server.h"
#include "request/router.h"

namespace llmd::gateway {

/// Answers the request, now or as soon as a thread has read a long body; or calls `otherwise` where
/// an engine has to: the tokenizer is not known, or something in the body is not understood here,
/// which need not be wrong. Loop thread only.
void answer_with_tokens(request::Router& router, const std::shared_ptr<http::Exchange>& exchange,
                        std::function<void()> otherwise);

}  // namespace llmd::gateway
