// SPDX-License-Identifier: Apache-2.0
#include "engine/api/api_server.h"

#include <fmt/core.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>

#include "base/text.h"
#include "engine/api/handlers.h"

namespace llmd::engine {
namespace {

struct Route {
  std::string_view method;
  std::string_view path;
  void (*handle)(ApiContext&, ExchangePtr);
  bool open = false;       ///< without an API key, and while draining
  bool generates = false;  ///< not while asleep; failures are injected here
};

/// Paths of vLLM's that stand for what this kind of engine cannot do.
struct Capability {
  std::string_view path;
  std::string_view name;
};

constexpr Capability kMissingCapabilities[] = {
    {"/v1/embeddings", "embeddings"},
    {"/v1/responses", "the responses API"},
    {"/v1/audio/transcriptions", "audio"},
};

constexpr Route kRoutes[] = {
    {"POST", "/v1/chat/completions", handle_chat, false, true},
    {"POST", "/v1/completions", handle_completions, false, true},
    {"POST", "/inference/v1/generate", handle_generate, false, true},
    {"POST", "/tokenize", handle_tokenize},
    {"POST", "/detokenize", handle_detokenize},
    {"GET", "/v1/models", handle_models},
    {"POST", "/v1/load_lora_adapter", handle_load_lora},
    {"POST", "/v1/unload_lora_adapter", handle_unload_lora},
    {"POST", "/sleep", handle_sleep},
    {"POST", "/wake_up", handle_wake_up},
    {"GET", "/is_sleeping", handle_is_sleeping},
    {"GET", "/version", handle_version},
    {"GET", "/health", handle_health, true},
    {"GET", "/metrics", handle_metrics, true},
};

std::array<uint8_t, 32> digest(std::string_view text) {
  std::array<uint8_t, 32> out;
  SHA256(reinterpret_cast<const uint8_t*>(text.data()), text.size(), out.data());
  return out;
}

http::ServerOptions server_options() {
  http::ServerOptions options;
  options.error_body = [](int status, std::string_view message) {
    return openai::to_json(openai::make_error(status, std::string(message)));
  };
  return options;
}

/// Why a request of that route is not served now, if it is not.
std::optional<openai::ApiError> refusal(ApiContext& context, const Route& route,
                                        const http::RequestHead& head) {
  if (route.open) return std::nullopt;
  if (context.draining) return openai::make_error(503, "this engine is shutting down");
  if (context.starting) return openai::make_error(503, "this engine is starting");
  if (!route.generates) return std::nullopt;
  Capabilities& can = context.capabilities;
  if (can.sleep && can.sleep->sleeping) {
    return openai::make_error(503, "this engine is asleep; POST /wake_up");
  }
  return can.failures ? can.failures->next(head) : std::nullopt;
}

void answer_unknown_path(http::Exchange& exchange) {
  for (const Capability& capability : kMissingCapabilities) {
    if (capability.path != exchange.head().path()) continue;
    return answer_missing(exchange, capability.name);
  }
  answer_error(exchange, openai::make_error(404, "there is no such path here"));
}

void answer_no_route(http::Exchange& exchange, const Route* same_path) {
  if (same_path == nullptr) return answer_unknown_path(exchange);
  const http::Header allow{"Allow", same_path->method};
  const openai::ApiError error =
      openai::make_error(405, fmt::format("use {} for this path", same_path->method));
  exchange.respond(405, "application/json", openai::to_json(error), std::span(&allow, 1));
}

}  // namespace

ApiServer::ApiServer(net::EventLoop& loop, ApiContext context)
    : context_(std::move(context)),
      server_(loop, server_options(),
              [this](const std::shared_ptr<http::Exchange>& exchange) { handle(exchange); }),
      http_metrics_(context_.registry) {
  for (const std::string& key : context_.api_keys) keys_.push_back(digest(key));
  context_.refresh_metrics = [this] {
    context_.engine.refresh_gauges();
    if (const auto& fake = context_.capabilities.fake_metrics) {
      fake->apply(context_.engine.metrics(), to_seconds(context_.engine.uptime()));
    }
    http_metrics_.update(server_.counters());
  };
}

Result<uint16_t> ApiServer::listen(const std::string& host, uint16_t port) {
  return server_.listen(host, port);
}

void ApiServer::drain(std::function<void()> done) {
  context_.draining = true;
  server_.drain(std::move(done));
}

void ApiServer::handle(const std::shared_ptr<http::Exchange>& exchange) {
  const http::RequestHead& head = exchange->head();
  const Route* same_path = nullptr;
  for (const Route& route : kRoutes) {
    if (route.path != head.path()) continue;
    same_path = &route;
    if (route.method != head.method) continue;
    if (!route.open && !allowed(head)) {
      return answer_error(*exchange,
                          openai::make_error(401,
                                             "the API key is missing or wrong: send it as "
                                             "Authorization: Bearer KEY"));
    }
    if (const auto error = refusal(context_, route, head)) return answer_error(*exchange, *error);
    return route.handle(context_, exchange);
  }
  answer_no_route(*exchange, same_path);
}

/// Digests of equal length are compared in constant time, so that nothing of a key leaks.
bool ApiServer::allowed(const http::RequestHead& head) const {
  if (keys_.empty()) return true;
  constexpr std::string_view kScheme = "bearer ";
  const std::string_view given = head.header("authorization").value_or("");
  if (!equals_ignoring_case(given.substr(0, kScheme.size()), kScheme)) return false;
  const KeyDigest asked = digest(trim(given.substr(kScheme.size())));
  bool found = false;
  for (const KeyDigest& key : keys_) {
    found |= CRYPTO_memcmp(key.data(), asked.data(), key.size()) == 0;
  }
  return found;
}

}  // namespace llmd::engine
