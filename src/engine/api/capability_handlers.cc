// SPDX-License-Identifier: Apache-2.0
// The endpoints of what only some engines can do: LoRA adapters, sleep mode.
#include <fmt/core.h>

#include "engine/api/handlers.h"
#include "openai/json_writer.h"
#include "openai/request_parse.h"
#include "openai/request_types.h"

namespace llmd::engine {
namespace {

using LoraChange = std::optional<openai::ApiError> (*)(LoraAdapters&, const openai::LoraRequest&);

void change_adapters(ApiContext& context, http::Exchange& exchange, LoraChange change,
                     std::string_view done) {
  if (!context.capabilities.lora) return answer_missing(exchange, "LoRA adapters");
  openai::LoraRequest request;
  if (auto error = openai::parse_request(exchange.body(), request)) {
    return answer_error(exchange, *error);
  }
  if (auto error = change(*context.capabilities.lora, request)) {
    return answer_error(exchange, *error);
  }
  exchange.respond(200, "text/plain; charset=utf-8",
                   fmt::format("Success: LoRA adapter '{}' {} successfully.", request.name, done));
}

/// vLLM forgets what is cached when it goes to sleep. Running requests go on to their ends.
void set_asleep(ApiContext& context, http::Exchange& exchange, bool asleep) {
  std::optional<SleepMode>& mode = context.capabilities.sleep;
  if (!mode) return answer_missing(exchange, "sleep mode");
  if (asleep && !mode->sleeping) context.engine.pool().clear();
  mode->sleeping = asleep;
  exchange.respond(200, "application/json", "");
}

}  // namespace

void handle_load_lora(ApiContext& context, ExchangePtr exchange) {
  const auto load = [](LoraAdapters& adapters, const openai::LoraRequest& request) {
    return adapters.load(request.name, request.path);
  };
  change_adapters(context, *exchange, load, "added");
}

void handle_unload_lora(ApiContext& context, ExchangePtr exchange) {
  const auto unload = [](LoraAdapters& adapters, const openai::LoraRequest& request) {
    return adapters.unload(request.name);
  };
  change_adapters(context, *exchange, unload, "removed");
}

void handle_sleep(ApiContext& context, ExchangePtr exchange) {
  set_asleep(context, *exchange, true);
}

void handle_wake_up(ApiContext& context, ExchangePtr exchange) {
  set_asleep(context, *exchange, false);
}

void handle_is_sleeping(ApiContext& context, ExchangePtr exchange) {
  const std::optional<SleepMode>& mode = context.capabilities.sleep;
  if (!mode) return answer_missing(*exchange, "sleep mode");
  answer_json(*exchange, mode->sleeping ? R"({"is_sleeping":true})" : R"({"is_sleeping":false})");
}

}  // namespace llmd::engine
