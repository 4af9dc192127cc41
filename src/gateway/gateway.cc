// SPDX-License-Identifier: Apache-2.0
#include "gateway/gateway.h"

#include <algorithm>
#include <ctime>
#include <iterator>
#include <optional>
#include <utility>

#include "endpoints/http_fetch.h"
#include "endpoints/poller.h"
#include "endpoints/resolver.h"
#include "gateway/gateway_metrics.h"
#include "gateway/relay.h"
#include "gateway/token_handlers.h"
#include "net/loop_timers.h"
#include "observe/metrics.h"
#include "openai/error.h"
#include "openai/json_writer.h"

namespace llmd::gateway {

namespace {

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kRelayedPaths[] = {"/v1/chat/completions", "/v1/completions",
                                              "/inference/v1/generate", "/tokenize", "/detokenize"};
constexpr std::string_view kOwnPaths[] = {"/v1/models", "/health", "/ready", "/metrics"};

http::ServerOptions with_api_errors(http::ServerOptions options) {
  options.error_body = [](int status, std::string_view message) {
    return openai::to_json(openai::make_error(status, std::string(message)));
  };
  return options;
}

}  // namespace

struct Gateway::Impl {
  Impl(net::EventLoop& event_loop, endpoints::Pool& endpoint_pool, uint64_t seed);
  Result<void> make_router(const GatewayOptions& options);
  void start(GatewayOptions options);
  void handle(const std::shared_ptr<http::Exchange>& exchange);
  void relay(const std::shared_ptr<http::Exchange>& exchange);
  void answer_own(http::Exchange& exchange);
  void answer_models(http::Exchange& exchange) const;
  void poll();

  net::EventLoop& loop;
  endpoints::Pool& pool;
  SteadyClock clock;
  GatewayMetrics metrics;
  net::LoopTimers timers;
  std::unique_ptr<request::Router> router;
  endpoints::Resolver resolver;
  endpoints::HttpFetch poll_fetch;
  endpoints::Poller poller;
  net::Timer poll_timer;
  std::unique_ptr<RelayContext> relays;
  std::optional<http::Server> server;  // last: its end ends the exchanges, which tell their relays
};

Gateway::Impl::Impl(net::EventLoop& event_loop, endpoints::Pool& endpoint_pool, uint64_t seed)
    : loop(event_loop),
      pool(endpoint_pool),
      timers(loop),
      resolver(loop, pool),
      poll_fetch(loop),
      poller(pool, clock, seed, poll_fetch.as_fetch()),
      poll_timer(loop) {}

Result<void> Gateway::Impl::make_router(const GatewayOptions& options) {
  LLMD_ASSIGN_OR_RETURN(
      router, request::Router::make(
                  {.pool = pool,
                   .clock = clock,
                   .call_after = timers.call_after(),
                   .registry = metrics.registry(),
                   .seed = options.seed,
                   .post = [this](std::function<void()> work) { loop.post(std::move(work)); }},
                  options.routing, options.router));
  return {};
}

void Gateway::Impl::start(GatewayOptions options) {
  relays.reset(new RelayContext{.loop = loop,
                                .router = *router,
                                .client = {loop, options.client},
                                .metrics = metrics,
                                .is_trusted = options.is_trusted,
                                .ids = Random(options.seed)});
  server.emplace(loop, with_api_errors(std::move(options.server)),
                 [this](const std::shared_ptr<http::Exchange>& exchange) { handle(exchange); });
  poller.read_by([this](const endpoints::Endpoint& each) { return router->engine_names(each); });
  poller.on_change([this](const endpoints::Endpoint& each) { router->endpoint_changed(each); });
  poll();
}

void Gateway::Impl::poll() {
  poll_timer.start(poller.tick(), [this] { poll(); });
}

void Gateway::Impl::handle(const std::shared_ptr<http::Exchange>& exchange) {
  const std::string_view path = exchange->head().path();
  const std::string_view method = exchange->head().method;
  const bool relayed = std::ranges::find(kRelayedPaths, path) != std::end(kRelayedPaths);
  const bool own = !relayed && std::ranges::find(kOwnPaths, path) != std::end(kOwnPaths);
  if (relayed && method == "POST") return relay(exchange);
  if (own && (method == "GET" || method == "HEAD")) return answer_own(*exchange);
  const std::string name = std::string(method) + " " + std::string(path);
  answer_error(*exchange, {relayed || own ? openai::make_error(405, name + " is not allowed")
                                          : openai::make_error(404, "there is no " + name)});
}

void Gateway::Impl::relay(const std::shared_ptr<http::Exchange>& exchange) {
  const auto begin = [this, exchange] { Relay::begin(*relays, exchange); };
  const std::string_view path = exchange->head().path();
  if (path != "/tokenize" && path != "/detokenize") return begin();
  answer_with_tokens(*router, exchange, begin);
}

void Gateway::Impl::answer_own(http::Exchange& exchange) {
  const std::string_view path = exchange.head().path();
  if (path == "/v1/models") return answer_models(exchange);
  if (path == "/metrics") {
    router->publish_metrics();
    return exchange.respond(
        200, observe::Registry::kContentType,
        metrics.exposition(*pool.snapshot(), server->counters(), server->connections()));
  }
  if (path == "/health" || router->ready()) return exchange.respond(200, kJson, "{}");
  answer_error(exchange, {openai::make_error(503, "no engine is ready yet")});
}

void Gateway::Impl::answer_models(http::Exchange& exchange) const {
  std::string body;
  openai::JsonWriter json(body);
  json.begin_object().key("object").string("list").key("data").begin_array();
  for (const std::string& name : router->model_names()) {
    json.begin_object().key("id").string(name).key("object").string("model");
    json.key("created").number(std::time(nullptr)).key("owned_by").string("llmd").end_object();
  }
  json.end_array().end_object();
  exchange.respond(200, kJson, body);
}

Gateway::Gateway(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Gateway::~Gateway() = default;

Result<std::unique_ptr<Gateway>> Gateway::create(net::EventLoop& loop, endpoints::Pool& pool,
                                                 GatewayOptions options) {
  auto impl = std::make_unique<Impl>(loop, pool, options.seed);
  LLMD_RETURN_IF_ERROR(impl->make_router(options));
  impl->start(std::move(options));
  return std::unique_ptr<Gateway>(new Gateway(std::move(impl)));
}

Result<void> Gateway::use(const request::RoutingConfig& config) {
  return impl_->router->use(config);
}

Result<uint16_t> Gateway::listen(const std::string& host, uint16_t port) {
  return impl_->server->listen(host, port);
}

void Gateway::drain(std::function<void()> done) { impl_->server->drain(std::move(done)); }

void Gateway::refuse_waiting() { impl_->router->shutdown(); }

}  // namespace llmd::gateway
