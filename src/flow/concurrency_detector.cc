// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "flow/saturation.h"

namespace llmd::flow {
namespace {

constexpr uint32_t kRequestsMax = 1'000'000;
constexpr uint32_t kTokensMax = 1'000'000'000;
constexpr double kHeadroomMax = 1000;

struct Options {
  bool by_requests = true;
  bool by_tokens = false;
  double requests = 100;
  double tokens = 1e6;
  double headroom = 0;
};

class ConcurrencyDetector final : public SaturationDetector {
 public:
  explicit ConcurrencyDetector(const Options& options)
      : SaturationDetector(options.requests * options.tokens, Duration::max()), options_(options) {}

  bool has_room(const endpoints::Endpoint& endpoint, uint64_t tokens,
                TimePoint /*now*/) const override {
    const endpoints::Live& live = endpoint.live;
    const double limit = 1 + options_.headroom;
    const auto held = static_cast<double>(live.in_flight_tokens);
    const bool tokens_fit =
        held == 0 || held + static_cast<double>(tokens) <= options_.tokens * limit;
    return (!options_.by_requests || live.in_flight < options_.requests * limit) &&
           (!options_.by_tokens || tokens_fit);
  }
  Duration lag() const override { return Duration::zero(); }

 protected:
  /// Over the common denominator of both ratios.
  double load(const endpoints::Live& live, bool /*fresh*/) const override {
    const double requests = options_.by_requests ? live.in_flight * options_.tokens : 0;
    const double tokens =
        options_.by_tokens ? static_cast<double>(live.in_flight_tokens) * options_.requests : 0;
    return std::max(requests, tokens);
  }

 private:
  const Options options_;
};

/// A whole number from 1 to `max`.
Result<double> capacity(resources::Fields& parameters, std::string_view key, uint32_t fallback,
                        uint32_t max) {
  LLMD_ASSIGN_OR_RETURN(const uint32_t value, parameters.number(key, fallback, max));
  if (value == 0) return parameters.error(key, "must be at least 1");
  return static_cast<double>(value);
}

}  // namespace

MadeDetector make_concurrency_detector(resources::Fields& parameters) {
  Options options;
  LLMD_ASSIGN_OR_RETURN(const std::string mode, parameters.text("concurrencyMode", "requests"));
  if (mode != "requests" && mode != "tokens" && mode != "hybrid") {
    return parameters.error("concurrencyMode", "must be requests, tokens or hybrid");
  }
  options.by_requests = mode != "tokens";
  options.by_tokens = mode != "requests";
  LLMD_ASSIGN_OR_RETURN(options.requests,
                        capacity(parameters, "maxConcurrency", 100, kRequestsMax));
  LLMD_ASSIGN_OR_RETURN(options.tokens,
                        capacity(parameters, "maxTokenConcurrency", 1'000'000, kTokensMax));
  LLMD_ASSIGN_OR_RETURN(options.headroom, parameters.decimal("headroom", 0, kHeadroomMax));
  parameters.find("inFlightLoadProducerName");  // there is one count of the load, whatever its name
  LLMD_RETURN_IF_ERROR(parameters.done());
  return {std::make_shared<ConcurrencyDetector>(options)};
}

}  // namespace llmd::flow
