// SPDX-License-Identifier: Apache-2.0
#include "request/request_headers.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <chrono>

#include "base/text.h"

namespace llmd::request {
namespace {

constexpr double kSloMsMax = 86'400'000;

Result<std::optional<Duration>> read_ms(const http::Header& header) {
  double ms = 0;
  const char* end = header.value.data() + header.value.size();
  const auto [read, error] = std::from_chars(header.value.data(), end, ms);
  if (error != std::errc() || read != end || !(ms > 0) || ms > kSloMsMax) {
    return invalid_argument(fmt::format("{} must be milliseconds, above 0", header.name));
  }
  return std::optional(
      std::chrono::duration_cast<Duration>(std::chrono::duration<double, std::milli>(ms)));
}

Result<void> set_fairness_id(RequestHeaders& to, const http::Header& header) {
  to.fairness_id = header.value;
  return {};
}
Result<void> set_objective(RequestHeaders& to, const http::Header& header) {
  to.objective = header.value;
  return {};
}
Result<void> set_model_rewrite(RequestHeaders& to, const http::Header& header) {
  to.model_rewrite = header.value;
  return {};
}
Result<void> set_slo_ttft(RequestHeaders& to, const http::Header& header) {
  LLMD_ASSIGN_OR_RETURN(to.slo_ttft, read_ms(header));
  return {};
}
/// Who reads it comes later; what is no time is refused all the same.
Result<void> check_slo_tpot(RequestHeaders&, const http::Header& header) {
  LLMD_ASSIGN_OR_RETURN([[maybe_unused]] const auto checked, read_ms(header));
  return {};
}
Result<void> set_subset(RequestHeaders& to, const http::Header& header) {
  to.subset = header.value;
  return {};
}

struct Known {
  std::string_view name;
  Result<void> (*set)(RequestHeaders&, const http::Header&);
};
constexpr Known kKnown[] = {
    {"x-llm-d-inference-fairness-id", set_fairness_id},
    {"x-gateway-inference-fairness-id", set_fairness_id},
    {"x-llm-d-inference-objective", set_objective},
    {"x-gateway-inference-objective", set_objective},
    {"x-llm-d-model-name-rewrite", set_model_rewrite},
    {"x-gateway-model-name-rewrite", set_model_rewrite},
    {"x-llm-d-slo-ttft-ms", set_slo_ttft},
    {"x-slo-ttft-ms", set_slo_ttft},
    {"x-llm-d-slo-tpot-ms", check_slo_tpot},
    {"x-slo-tpot-ms", check_slo_tpot},
    {"x-gateway-destination-endpoint-subset", set_subset},
};

}  // namespace

Result<RequestHeaders> read_headers(std::span<const http::Header> headers) {
  RequestHeaders read;
  for (const http::Header& header : headers) {
    if (header.name.size() < 2 || (header.name[0] | 0x20) != 'x' || header.name[1] != '-') continue;
    const auto known = std::ranges::find_if(
        kKnown, [&](const Known& each) { return equals_ignoring_case(each.name, header.name); });
    if (known != std::end(kKnown)) LLMD_RETURN_IF_ERROR(known->set(read, header));
  }
  return read;
}

}  // namespace llmd::request
