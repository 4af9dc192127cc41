// SPDX-License-Identifier: Apache-2.0
#include "bench/measure/request_figures.h"

#include <algorithm>

namespace llmd::bench {
namespace {

bool within(std::optional<int64_t> value_ns, double bound_s) {
  return bound_s == 0 || !value_ns || static_cast<double>(*value_ns) <= bound_s * 1e9;
}

}  // namespace

bool was_sent(const RequestRecord& record) {
  return record.outcome != Outcome::kUnfinished || record.sent != Duration{} ||
         record.ended != Duration{};
}

std::optional<int64_t> ttft_ns(const RequestRecord& record) {
  if (record.first_token == Duration{}) return std::nullopt;
  return (record.first_token - record.sent).count();
}

std::optional<int64_t> tpot_ns(const RequestRecord& record) {
  if (record.first_token == Duration{} || record.output_tokens < 2) return std::nullopt;
  return (record.last_token - record.first_token).count() / (record.output_tokens - 1);
}

std::optional<int64_t> ntpot_ns(const RequestRecord& record) {
  if (record.output_tokens == 0) return std::nullopt;
  return e2e_ns(record) / record.output_tokens;
}

int64_t e2e_ns(const RequestRecord& record) {
  return std::max<int64_t>((record.ended - record.sent).count(), 0);
}

int64_t lateness_ns(const RequestRecord& record) {
  return std::max<int64_t>((record.sent - record.due - record.held).count(), 0);
}

SloCheck::SloCheck(const RequestRecord& record, const Slo& slo)
    : ttft(within(ttft_ns(record).value_or(e2e_ns(record)), slo.ttft_s)),
      tpot(within(tpot_ns(record), slo.tpot_s)),
      itl(within(tpot_ns(record), slo.itl_s)),
      ntpot(within(ntpot_ns(record), slo.ntpot_s)),
      e2e(within(e2e_ns(record), slo.e2e_s)) {}

}  // namespace llmd::bench
