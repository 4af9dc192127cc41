// SPDX-License-Identifier: Apache-2.0
#include "endpoints/endpoint.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "base/text.h"

namespace llmd::endpoints {
namespace {

std::string_view label_of(const EndpointSpec& spec, std::string_view key) {
  const auto found = spec.labels.find(key);
  return found == spec.labels.end() ? std::string_view() : found->second;
}

std::optional<uint32_t> rank_of(const EndpointSpec& spec) {
  const auto rank = parse_uint(label_of(spec, kRankLabel));
  if (!rank || *rank > UINT32_MAX) return std::nullopt;
  return static_cast<uint32_t>(*rank);
}

/// By Stage.
constexpr std::array<std::string_view, 3> kStageNames = {"encode", "prefill", "decode"};

/// Requests that a stale endpoint is presumed to have more than is known: as many as upstream's
/// utilization detector calls full (queueDepthThreshold).
constexpr double kUnseenRequests = 5;

/// Requests of ours that may be on their way to an engine, or back, while it counts.
constexpr double kUnderWay = 4;

}  // namespace

/// Roles are stages joined by dashes; "both" is from before there was an encode stage.
bool role_includes(std::string_view role, Stage stage) {
  if (role == "both") return stage != Stage::kEncode;
  return role.find(kStageNames[static_cast<size_t>(stage)]) != std::string_view::npos;
}

std::string EndpointSpec::host_port() const {
  const bool is_v6 = address.find(':') != std::string::npos;
  return is_v6 ? fmt::format("[{}]:{}", address, port) : fmt::format("{}:{}", address, port);
}

std::optional<double> Scrape::attribute(std::string_view key) const {
  const auto found = std::ranges::find(attributes, key, &Attribute::key);
  return found == attributes.end() ? std::nullopt : found->value;
}

PresumedLoad Live::presumed() const {
  if (!stale) return {waiting_requests(), scrape.running, scrape.kv_usage};
  return {waiting_requests() + kUnseenRequests, scrape.running + kUnseenRequests, 1};
}

double Live::active_requests() const {
  const double reported = scrape.waiting + scrape.running;
  return in_flight + std::max(0.0, reported - in_flight_at_scrape);
}

double Live::waiting_requests() const {
  if (scrape.waiting > 0) return std::max(0.0, active_requests() - scrape.running);
  // Nothing waited at the last look: whether the engine is full now is not known. Yet what it had
  // from us and does not own up to must wait somewhere.
  const double ours = std::min(in_flight, in_flight_at_scrape);
  return std::max(0.0, ours - scrape.running - kUnderWay);
}

bool Live::serves(std::string_view model) const {
  return std::find(models.begin(), models.end(), model) != models.end();
}

std::string_view Endpoint::label(std::string_view key) const { return label_of(spec, key); }

Endpoint::Endpoint(EndpointSpec identity, uint32_t place)
    : spec(std::move(identity)),
      rank(rank_of(spec)),
      is_draining(label_of(spec, kDrainingLabel) == "true"),
      is_literal(net::Address::parse(spec.address, spec.port).ok()),
      slot(place),
      host_port(spec.host_port()) {
  if (is_literal) live.address = *net::Address::parse(spec.address, spec.port);
}

}  // namespace llmd::endpoints
