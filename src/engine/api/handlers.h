// SPDX-License-Identifier: Apache-2.0
// What each path of the engine's HTTP surface does.
#pragma once

#include <memory>

#include "engine/api/api_context.h"
#include "http/server.h"
#include "openai/error.h"

namespace llmd::engine {

using ExchangePtr = std::shared_ptr<http::Exchange>;

void answer_json(http::Exchange& exchange, std::string_view json);
void answer_error(http::Exchange& exchange, const openai::ApiError& error);
/// 501, naming what this kind of engine cannot do.
void answer_missing(http::Exchange& exchange, std::string_view capability);

void handle_completions(ApiContext& context, ExchangePtr exchange);
void handle_chat(ApiContext& context, ExchangePtr exchange);
void handle_generate(ApiContext& context, ExchangePtr exchange);
void handle_tokenize(ApiContext& context, ExchangePtr exchange);
void handle_detokenize(ApiContext& context, ExchangePtr exchange);
void handle_models(ApiContext& context, ExchangePtr exchange);
void handle_health(ApiContext& context, ExchangePtr exchange);
void handle_version(ApiContext& context, ExchangePtr exchange);
void handle_load_lora(ApiContext& context, ExchangePtr exchange);
void handle_unload_lora(ApiContext& context, ExchangePtr exchange);
void handle_sleep(ApiContext& context, ExchangePtr exchange);
void handle_wake_up(ApiContext& context, ExchangePtr exchange);
void handle_is_sleeping(ApiContext& context, ExchangePtr exchange);
void handle_metrics(ApiContext& context, ExchangePtr exchange);

}  // namespace llmd::engine
