// SPDX-License-Identifier: Apache-2.0
#include "request/router.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

namespace llmd::request {
namespace {

using endpoints::Endpoint;
using openai::ApiError;

/// Upstream's name, there for metadata.
constexpr std::string_view kScoresHeader = "x-gateway-destination-endpoint-scores";

/// "decode a=2.5(queue-scorer 0.5*2, …), b-(decode-filter), c-(not ready)".
std::string print_scores(const schedule::Explanation& explanation) {
  std::string out;
  for (const auto& run : explanation.runs) {
    out += fmt::format("{}{}", out.empty() ? "" : "; ", run.profile);
    for (const auto& row : run.rows) {
      if (!row.dropped_by.empty()) {
        out += fmt::format(" {}-({})", row.endpoint->spec.name, row.dropped_by);
        continue;
      }
      out += fmt::format(" {}={:.4g}(", row.endpoint->spec.name, row.total);
      for (const auto& [scorer, score, weight] : row.scores) {
        out +=
            fmt::format("{}{} {:.4g}*{:g}", out.back() == '(' ? "" : ", ", scorer, score, weight);
      }
      out += ')';
    }
  }
  for (const auto& [endpoint, why] : explanation.unfit) {
    out += fmt::format(" {}-({})", endpoint->spec.name, why);
  }
  return out;
}

template <typename Keep>
std::vector<std::string> collect_models(const endpoints::Snapshot& snapshot, Keep keep) {
  std::set<std::string> names;
  for (const auto& endpoint : snapshot) {
    if (keep(*endpoint)) names.insert(endpoint->live.models.begin(), endpoint->live.models.end());
  }
  return {names.begin(), names.end()};
}

}  // namespace

bool is_retryable(int status) { return status >= 500 && status != 501 && status != 505; }

Ticket::Ticket(Router& router, const Arrival& arrival, schedule::Prefix prefix)
    : router_(&router),
      scheduler_(router.scheduler_),
      model_(arrival.scan.model_name),
      prefix_(std::move(prefix)),
      headers_(arrival.headers),
      output_tokens_(static_cast<uint32_t>(
          std::min<uint64_t>(arrival.scan.max_tokens.value_or(0), UINT32_MAX))) {}

Ticket::Ticket(Ticket&& other) noexcept
    : router_(other.router_),
      scheduler_(std::move(other.scheduler_)),
      model_(std::move(other.model_)),
      prefix_(std::move(other.prefix_)),
      headers_(other.headers_),
      output_tokens_(other.output_tokens_),
      endpoint_(std::move(other.endpoint_)),
      tried_(std::move(other.tried_)),
      attempts_(other.attempts_),
      scores_(std::move(other.scores_)),
      in_flight_(std::exchange(other.in_flight_, false)),
      counted_prompt_(other.counted_prompt_),
      counted_output_(other.counted_output_),
      tokens_ahead_(other.tokens_ahead_),
      placed_at_(other.placed_at_),
      first_token_at_(other.first_token_at_) {}

Ticket::~Ticket() { release(); }

schedule::Query Ticket::query() const {
  return {.model = model_,
          .headers = headers_,
          .prefix = &prefix_,
          .prompt_tokens = prefix_.tokens(),
          .output_tokens = output_tokens_,
          .priority = 0,
          .now = router_->clock_.now()};
}

bool Ticket::place() {
  const auto snapshot = router_->pool_.snapshot();
  const schedule::Query asked = query();
  const bool explains = router_->options_.emits_endpoint_scores;
  schedule::Explanation explanation;
  const schedule::Decision decision =
      scheduler_->schedule(asked, *snapshot, tried_, explains ? &explanation : nullptr);
  if (explains) scores_ = print_scores(explanation);
  if (decision.endpoint == nullptr) return false;
  scheduler_->placed(asked);
  count(decision);
  ++attempts_;
  return true;
}

void Ticket::count(const schedule::Decision& decision) {
  endpoint_ = decision.endpoint->shared_from_this();
  endpoints::Live& live = endpoint_->live;
  in_flight_ = true;
  counted_prompt_ = decision.prompt_tokens;
  counted_output_ = decision.output_tokens;
  tokens_ahead_ = live.prefill_tokens + counted_prompt_;
  placed_at_ = router_->clock_.now();
  first_token_at_.reset();
  live.note_placed(placed_at_);
  live.prefill_tokens += counted_prompt_;
  live.in_flight_tokens += counted_prompt_ + counted_output_;
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
}

std::optional<ApiError> Ticket::retry(Failure failure) {
  release();
  endpoint_->live.circuit.note_failure(router_->clock_.now());
  tried_.push_back(endpoint_);
  if (attempts_ < router_->options_.attempts_max && place()) return std::nullopt;
  return openai::make_error(failure == Failure::kTimeout ? 504 : 503,
                            fmt::format("no engine could answer ({} tried)", attempts_));
}

void Ticket::add_response_headers(std::string& head) const {
  scheduler_->add_response_headers(*endpoint_, head);
  if (!scores_.empty()) head += fmt::format("{}: {}\r\n", kScoresHeader, scores_);
}

void Ticket::first_token() {
  if (!in_flight_ || first_token_at_) return;
  endpoints::Live& live = endpoint_->live;
  first_token_at_ = router_->clock_.now();
  live.rate.note_first_token(tokens_ahead_, *first_token_at_ - placed_at_);
  release_prompt();
}

void Ticket::first_byte() { endpoint_->live.circuit.note_success(router_->clock_.now()); }

void Ticket::broken() {
  release();
  endpoint_->live.circuit.note_failure(router_->clock_.now());
}

void Ticket::finished() {
  if (in_flight_ && first_token_at_) {
    endpoint_->live.rate.note_answer(router_->clock_.now() - *first_token_at_);
  }
  release();
}

Router::Router(endpoints::Pool& pool, const Clock& clock,
               std::shared_ptr<schedule::Scheduler> scheduler, RouterOptions options)
    : pool_(pool), clock_(clock), scheduler_(std::move(scheduler)), options_(options) {
  pool_.on_cache_lost([this](uint32_t slot) { scheduler_->forget(slot); });
}

/// A ticket that is not placed yet.
std::variant<Ticket, ApiError> Router::prepare(const Arrival& arrival) {
  const openai::RequestScan& scan = arrival.scan;
  if (auto refusal = refuse(scan)) return *std::move(refusal);
  schedule::Prefix prefix;
  schedule::hash_prefix({.model = scan.model_name,
                         .salt = scan.cache_salt.of(arrival.body),
                         .tools = scan.tools.of(arrival.body)},
                        scan.content().of(arrival.body), scheduler_->prefix_blocks_max(), prefix);
  return Ticket(*this, arrival, std::move(prefix));
}

std::variant<Ticket, ApiError> Router::admit(const Arrival& arrival) {
  auto prepared = prepare(arrival);
  auto* ticket = std::get_if<Ticket>(&prepared);
  if (ticket == nullptr) return prepared;
  if (!scheduler_->admits(ticket->query(), *pool_.snapshot())) {
    return openai::make_error(429, "too much to do for a request of this priority");
  }
  if (ticket->place()) return prepared;
  return openai::make_error(
      503, fmt::format("no engine that serves \"{}\" is ready now", arrival.scan.model_name));
}

std::optional<ApiError> Router::refuse(const openai::RequestScan& scan) const {
  if (scan.kv_transfer_params.present()) {
    return openai::make_error(400, "kv_transfer_params may not be sent by clients",
                              "kv_transfer_params");
  }
  for (const auto& endpoint : *pool_.snapshot()) {
    if (endpoint->live.serves(scan.model_name)) return std::nullopt;
  }
  return unknown_model(scan.model_name);
}

ApiError Router::unknown_model(std::string_view model) const {
  const auto known = collect_models(*pool_.snapshot(), [](const Endpoint&) { return true; });
  if (known.empty()) return openai::make_error(503, "no engine is ready yet");
  const std::string names = fmt::format("{}", fmt::join(known, ", "));
  if (model.empty()) {
    return openai::make_error(400, "the request must name a model; there is: " + names, "model");
  }
  return openai::make_error(
      404, fmt::format("the model \"{}\" does not exist; there is: {}", model, names), "model",
      "model_not_found");
}

std::vector<std::string> Router::model_names() const {
  return collect_models(*pool_.snapshot(), [](const Endpoint& endpoint) {
    return endpoint.live.health == endpoints::Health::kUp;
  });
}

bool Router::ready() const {
  const auto snapshot = pool_.snapshot();
  return std::any_of(snapshot->begin(), snapshot->end(),
                     [](const auto& endpoint) { return endpoint->takes_work(); });
}

}  // namespace llmd::request
