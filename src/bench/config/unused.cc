// SPDX-License-Identifier: Apache-2.0
// Keys that are read for the sake of upstream's files and change nothing here.
#include <algorithm>

#include "bench/config/read_data.h"

namespace llmd::bench {

void note_unused(resources::Fields& fields, std::string_view map, std::span<const NoEffect> keys,
                 std::vector<Unused>& out) {
  for (const NoEffect& each : keys) {
    const resources::YamlNode* found = fields.find(each.key);
    if (found == nullptr || (!each.agrees.empty() && found->scalar == each.agrees)) continue;
    out.push_back({std::string(map).append(".").append(each.key), each.why});
  }
}

std::string unused_words(std::span<const Unused> unused) {
  std::string out;
  std::vector<std::string_view> told;
  for (const Unused& first : unused) {
    if (std::find(told.begin(), told.end(), first.why) != told.end()) continue;
    told.push_back(first.why);
    out += out.empty() ? "without effect here: " : "; ";
    std::string_view separator;
    for (const Unused& each : unused) {
      if (each.why != first.why) continue;
      out.append(separator).append(each.key);
      separator = ", ";
    }
    out.append(" (").append(first.why).append(")");
  }
  return out;
}

std::vector<Unused> unused_in_virtual_time(const BenchConfig& config) {
  constexpr std::string_view kWhy = "virtual time has no sockets, and nothing stalls in it";
  std::vector<Unused> out;
  const auto note = [&](bool given, const char* key) {
    if (given) out.push_back({key, kWhy});
  };
  const BenchConfig fresh;
  note(!config.server.base_url.empty(), "server.base_url");
  note(!config.server.api_key.empty(), "server.api_key");
  note(!config.server.model_name.empty(), "server.model_name");
  note(!config.tokenizer.empty(), "tokenizer");
  note(!config.api.headers.empty(), "api.headers");
  note(!config.api.slo_ttft_header.empty(), "api.slo_ttft_header");
  note(!config.api.slo_tpot_header.empty(), "api.slo_tpot_header");
  note(!config.api.session_id_header.empty(), "api.session_id_header_key");
  note(!config.metrics.urls.empty(), "metrics.urls");
  note(config.request_timeout != fresh.request_timeout, "load.request_timeout");
  note(config.stall_timeout != fresh.stall_timeout, "load.stall_timeout");
  note(config.time_scale != fresh.time_scale, "--time-scale");
  return out;
}

}  // namespace llmd::bench
