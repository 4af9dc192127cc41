// SPDX-License-Identifier: Apache-2.0
#include "endpoints/endpoint.h"

#include <fmt/core.h>

#include <algorithm>

namespace llmd::endpoints {
namespace {

EngineType engine_type(const EndpointSpec& spec) {
  const auto label = spec.labels.find(kEngineTypeLabel);
  return label != spec.labels.end() && label->second == "sglang" ? EngineType::kSglang
                                                                 : EngineType::kVllm;
}

/// The unspecified address, to which no connection succeeds, when the spec's is no literal.
net::Address socket_address_of(const EndpointSpec& spec) {
  const auto parsed = net::Address::parse(spec.address, spec.port);
  return parsed ? *parsed : net::Address();
}

}  // namespace

double Live::active_requests() const {
  const double reported = scrape.waiting + scrape.running;
  return in_flight + std::max(0.0, reported - in_flight_at_scrape);
}

double Live::waiting_requests() const {
  // Nothing waited at the last look: whether the engine is full now is not known.
  if (scrape.waiting <= 0) return 0;
  return std::max(0.0, active_requests() - scrape.running);
}

bool Live::serves(std::string_view model) const {
  return std::find(models.begin(), models.end(), model) != models.end();
}

std::string_view Endpoint::label(std::string_view key) const {
  const auto found = spec.labels.find(key);
  return found == spec.labels.end() ? std::string_view() : found->second;
}

Endpoint::Endpoint(EndpointSpec identity, uint32_t place)
    : spec(std::move(identity)),
      engine(engine_type(spec)),
      socket_address(socket_address_of(spec)),
      slot(place),
      host_port(fmt::format("{}:{}", spec.address, spec.port)) {}

}  // namespace llmd::endpoints
