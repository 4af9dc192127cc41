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

/// Enough for any backoff to reach its bound without the shift overflowing.
constexpr uint32_t kDoublingsMax = 16;

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

Ticket::Ticket(Router& router, std::string model, schedule::Prefix prefix)
    : router_(&router), model_(std::move(model)), prefix_(std::move(prefix)) {}

Ticket::Ticket(Ticket&& other) noexcept
    : router_(other.router_),
      model_(std::move(other.model_)),
      prefix_(std::move(other.prefix_)),
      endpoint_(std::move(other.endpoint_)),
      tried_(std::move(other.tried_)),
      attempts_(other.attempts_),
      in_flight_(std::exchange(other.in_flight_, false)) {}

Ticket::~Ticket() { release(); }

bool Ticket::place() {
  const auto snapshot = router_->pool_.snapshot();
  Endpoint* picked =
      router_->scheduler_.pick(model_, prefix_, *snapshot, tried_, router_->clock_.now());
  if (picked == nullptr) return false;
  endpoint_ = picked->shared_from_this();
  ++endpoint_->live.in_flight;
  in_flight_ = true;
  ++attempts_;
  return true;
}

void Ticket::release() {
  if (!in_flight_) return;
  --endpoint_->live.in_flight;
  in_flight_ = false;
}

std::optional<ApiError> Ticket::retry(Failure failure) {
  release();
  router_->punish(*endpoint_);
  tried_.push_back(endpoint_);
  if (attempts_ < router_->options_.attempts_max && place()) return std::nullopt;
  return openai::make_error(failure == Failure::kTimeout ? 504 : 503,
                            fmt::format("no engine could answer ({} tried)", attempts_));
}

void Ticket::first_byte() {
  endpoint_->live.failures = 0;
  endpoint_->live.avoid_until = {};
}

void Ticket::broken() {
  release();
  router_->punish(*endpoint_);
}

void Ticket::finished() { release(); }

Router::Router(endpoints::Pool& pool, const Clock& clock, uint64_t seed, schedule::Profile profile,
               RouterOptions options)
    : pool_(pool), clock_(clock), scheduler_(std::move(profile), seed), options_(options) {
  pool_.on_cache_lost([this](uint32_t slot) { scheduler_.prefix_index().clear(slot); });
}

std::variant<Ticket, ApiError> Router::admit(const openai::RequestScan& scan,
                                             std::string_view body) {
  if (auto refusal = refuse(scan)) return *std::move(refusal);
  schedule::Prefix prefix;
  schedule::hash_prefix(
      {.model = scan.model_name, .salt = scan.cache_salt.of(body), .tools = scan.tools.of(body)},
      scan.content().of(body), prefix);
  Ticket ticket(*this, scan.model_name, std::move(prefix));
  if (ticket.place()) return ticket;
  return openai::make_error(
      503, fmt::format("no engine that serves \"{}\" is ready now", scan.model_name));
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
  return std::any_of(snapshot->begin(), snapshot->end(), [](const auto& endpoint) {
    return endpoint->live.health == endpoints::Health::kUp;
  });
}

void Router::punish(Endpoint& endpoint) {
  const uint32_t doublings = std::min(endpoint.live.failures++, kDoublingsMax);
  const Duration backoff =
      std::min(options_.backoff_base * (int64_t{1} << doublings), options_.backoff_max);
  endpoint.live.avoid_until = clock_.now() + backoff;
}

}  // namespace llmd::request
