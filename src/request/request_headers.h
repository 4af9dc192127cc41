// SPDX-License-Identifier: Apache-2.0
// What a request's headers ask of the gateway. Names: upstream's, with their deprecated aliases.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "http/message.h"

namespace llmd::request {

/// Views into the headers.
struct RequestHeaders {
  std::string_view fairness_id;      ///< x-llm-d-inference-fairness-id: the tenant
  std::string_view objective;        ///< x-llm-d-inference-objective: names an InferenceObjective
  std::string_view model_rewrite;    ///< x-llm-d-model-name-rewrite: the model to ask for instead
  std::optional<Duration> slo_ttft;  ///< x-llm-d-slo-ttft-ms
  /// x-gateway-destination-endpoint-subset: the only endpoints allowed, "ip[:port],…".
  std::optional<std::string_view> subset;
};

/// One pass over `headers`. Refuses SLOs that are no times in milliseconds.
Result<RequestHeaders> read_headers(std::span<const http::Header> headers);

}  // namespace llmd::request
