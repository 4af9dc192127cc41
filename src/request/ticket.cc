// SPDX-License-Identifier: Apache-2.0
#include "request/ticket.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "http/head_writer.h"
#include "request/print_scores.h"
#include "request/route.h"
#include "request/router.h"

namespace llmd::request {
namespace {

using openai::ApiError;

/// Upstream's names.
constexpr std::string_view kScoresHeader = "x-gateway-destination-endpoint-scores";
constexpr std::string_view kServedHeader = "x-gateway-destination-endpoint-served";
constexpr std::string_view kPrefillHeader = "x-prefiller-host-port";

/// What a waiting request takes beside its body: exchange, head, ticket.
constexpr uint64_t kOverheadBytes = 4096;

}  // namespace

bool is_retryable(int status) { return status >= 500 && status != 501 && status != 505; }

void Ticket::begin(const Arrival& arrival) {
  end();
  is_known_ = false;
  const auto headers = read_headers(arrival.headers);
  if (!headers) return holder_.on_refused({openai::make_error(400, headers.error().message)});
  headers_ = arrival.headers;
  subset_ = headers->subset;
  if (auto refusal = prepare(arrival, *headers)) return holder_.on_refused(*refusal);
  entering_ = {.model = arrival.scan.model_name,
               .bytes = arrival.body.size() + kOverheadBytes,
               .received = router_.clock().now(),
               .slo_ttft = headers->slo_ttft};
  if (const TokenizerPtr& tokenizer = route_->tokenizer()) {
    tokenizing_ = router_.tokenizers().read(
        tokenizer, {.body = arrival.body, .adapter = route_->adapter_of(model_)}, token_keys_,
        [this] {
          tokenizing_.reset();
          enter();
        });
  }
  waits_ = tokenizing_ != nullptr;
  if (!waits_) enter();
}

/// All is known of the request: it may be let through.
void Ticket::enter() {
  served_ = {.prompt_tokens = prompt_tokens(), .output_tokens = 0};
  const flow::Request request{.priority = priority_,
                              .fairness_id = tenant_,
                              .model = entering_.model,
                              .target_model = model_,
                              .bytes = entering_.bytes,
                              .received = entering_.received,
                              .ttl = {},
                              .slo_ttft = entering_.slo_ttft};
  const auto entry = route_->enter(
      request, [this](flow::Decision decision) { decided(decision); },
      [this] { holder_.on_refused(refusal_of(flow::Decision::kRevoked)); });
  flow_id_ = entry.id;
  waits_ = !entry.decision;
  if (entry.decision) decided(*entry.decision);
}

/// Finds out where the request belongs and what it is.
std::optional<Refusal> Ticket::prepare(const Arrival& arrival, const RequestHeaders& headers) {
  const openai::RequestScan& scan = arrival.scan;
  if (scan.kv_transfer_params.present()) {
    return Refusal{openai::make_error(400, "kv_transfer_params may not be sent by clients",
                                      "kv_transfer_params")};
  }
  model_ = router_.target_model(scan.model_name, headers.model_rewrite);
  is_rewritten_ = scan.model.present() && model_ != scan.model_name;
  route_ = router_.route_for(model_);
  if (route_ == nullptr) return router_.unknown_model(model_);
  is_known_ = true;
  tenant_ = tenant_of(headers);
  priority_ = route_->priority_of(headers.objective);
  output_tokens_ =
      static_cast<uint32_t>(std::min<uint64_t>(scan.max_tokens.value_or(0), UINT32_MAX));
  schedule::hash_prefix({.model = model_,
                         .salt = scan.cache_salt.of(arrival.body),
                         .tools = scan.tools.of(arrival.body)},
                        scan.content().of(arrival.body), route_->scheduler().prefix_blocks_max(),
                        prefix_);
  token_keys_.clear();
  return std::nullopt;
}

/// The header's, else what a plugin makes of other headers, else one for all.
std::string_view Ticket::tenant_of(const RequestHeaders& headers) const {
  if (!headers.fairness_id.empty()) return headers.fairness_id;
  const std::string_view read = route_->scheduler().tenant(headers_);
  return read.empty() ? flow::kDefaultTenant : read;
}

uint32_t Ticket::prompt_tokens() const {
  return token_keys_.prompts() > 0 ? token_keys_.tokens : prefix_.tokens();
}

schedule::Query Ticket::query() const {
  return {.model = model_,
          .headers = headers_,
          .prefix = &prefix_,
          .token_keys = token_keys_.prompts() > 0 ? &token_keys_ : nullptr,
          .prompt_tokens = prompt_tokens(),
          .output_tokens = output_tokens_,
          .priority = priority_,
          .subset = subset_,
          .now = router_.clock().now()};
}

void Ticket::decided(flow::Decision decision) {
  waits_ = false;
  auto refusal =
      decision == flow::Decision::kDispatched ? place_first() : std::optional(refusal_of(decision));
  if (!refusal) return holder_.on_placed();
  end();
  holder_.on_refused(*refusal);
}

std::optional<Refusal> Ticket::place_first() {
  if (!route_->scheduler().admits(query(), route_->endpoints())) {
    return refusal_of(flow::Decision::kRejectedSaturated,
                      "too much to do for a request of this priority");
  }
  if (place()) return std::nullopt;
  return nowhere();
}

Refusal Ticket::nowhere() const {
  if (all_busy_) {
    return refusal_of(flow::Decision::kRejectedSaturated,
                      fmt::format("every engine that serves \"{}\" is busy", model_));
  }
  return refusal_of(flow::Decision::kRejectedNoEndpoints,
                    fmt::format("no engine that serves \"{}\" is ready now", model_));
}

bool Ticket::place() {
  const schedule::Query asked = query();
  const RouterOptions& options = router_.options();
  const bool explains = options.emits_endpoint_scores || options.on_decision;
  const TimePoint began = router_.clock().now();
  schedule::Explanation explanation;
  schedule::Scheduler& scheduler = route_->scheduler();
  const schedule::Decision decision =
      scheduler.schedule(asked, route_->endpoints(), tried_, explains ? &explanation : nullptr);
  if (options.emits_endpoint_scores) scores_ = print_scores(explanation);
  if (options.on_decision) options.on_decision(explanation);
  router_.observe_scheduling(router_.clock().now() - began);
  all_busy_ = decision.all_busy;
  if (decision.endpoint == nullptr) return false;
  scheduler.placed(asked);
  prefill_host_port_ = decision.prefill == nullptr ? "" : decision.prefill->host_port;
  count(decision);
  ++attempts_;
  return true;
}

void Ticket::count(const schedule::Decision& decision) {
  endpoint_ = decision.endpoint->shared_from_this();
  endpoints::Live& live = endpoint_->live;
  in_flight_ = true;
  counted_prompt_ = decision.prompt_tokens;
  expected_cached_ = prompt_tokens() - counted_prompt_;
  counted_output_ = decision.output_tokens;
  tokens_ahead_ = live.prefill_tokens + counted_prompt_;
  placed_at_ = router_.clock().now();
  first_token_at_.reset();
  live.note_placed(placed_at_);
  live.prefill_tokens += counted_prompt_;
  live.in_flight_tokens += counted_prompt_ + counted_output_;
  router_.load_changed(*endpoint_);
}

void Ticket::release_prompt() {
  endpoint_->live.prefill_tokens -= counted_prompt_;
  endpoint_->live.in_flight_tokens -= counted_prompt_;
  counted_prompt_ = 0;
}

void Ticket::release() {
  if (!in_flight_) return;
  release_prompt();
  endpoint_->live.in_flight_tokens -= counted_output_;
  --endpoint_->live.in_flight;
  in_flight_ = false;
  router_.load_changed(*endpoint_);
}

std::optional<ApiError> Ticket::retry(Failure failure) {
  release();
  endpoint_->live.circuit.note_failure(router_.clock().now());
  tried_.push_back(endpoint_);
  if (attempts_ < router_.options().attempts_max && place()) return std::nullopt;
  return openai::make_error(failure == Failure::kTimeout ? 504 : 503,
                            fmt::format("no engine could answer ({} tried)", attempts_));
}

void Ticket::add_request_headers(std::string& head) const {
  if (!prefill_host_port_.empty()) http::append_header(head, kPrefillHeader, prefill_host_port_);
}

void Ticket::add_response_headers(std::string& head) const {
  route_->scheduler().add_response_headers(*endpoint_, head);
  if (router_.options().echoes_destination) {
    http::append_header(head, kServedHeader, endpoint_->host_port);
  }
  if (!scores_.empty()) http::append_header(head, kScoresHeader, scores_);
}

void Ticket::first_byte() { endpoint_->live.circuit.note_success(router_.clock().now()); }

void Ticket::first_token() {
  if (!in_flight_ || first_token_at_) return;
  endpoints::Live& live = endpoint_->live;
  first_token_at_ = router_.clock().now();
  live.rate.note_first_token(tokens_ahead_, *first_token_at_ - placed_at_);
  release_prompt();
  router_.load_changed(*endpoint_);
  route_->let_go();
}

void Ticket::note_cached_tokens(uint64_t count) {
  if (!in_flight_) return;
  const auto cached = static_cast<uint32_t>(std::min<uint64_t>(count, UINT32_MAX));
  router_.observe_prediction_error(
      endpoint_->live.prefix_accuracy.note(expected_cached_, cached, prompt_tokens()));
}

void Ticket::broken() {
  endpoint_->live.circuit.note_failure(router_.clock().now());
  end();
}

void Ticket::finished() {
  if (in_flight_ && first_token_at_) {
    endpoint_->live.rate.note_answer(router_.clock().now() - *first_token_at_);
  }
  end();
}

void Ticket::end() {
  release();
  waits_ = false;
  if (tokenizing_ != nullptr) OffLoop::cancel(*std::exchange(tokenizing_, nullptr));
  tried_.clear();
  attempts_ = 0;
  scores_.clear();
  if (route_ == nullptr) return;
  const auto route = std::move(route_);  // stays until those it lets go have gone
  if (flow_id_) route->leave(*std::exchange(flow_id_, std::nullopt), served_);
  route->let_go();
}

}  // namespace llmd::request
