// SPDX-License-Identifier: Apache-2.0
#include "bench/config/flags.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "bench/config/read_data.h"

namespace llmd::bench {
namespace {

/// The standard headers for promises (scheduler reference, "Header and metadata names").
constexpr std::string_view kSloTtftHeader = "x-llm-d-slo-ttft-ms";
constexpr std::string_view kSloTpotHeader = "x-llm-d-slo-tpot-ms";

template <typename T, typename U>
void set_if(const std::optional<T>& from, U& to) {
  if (from) to = *from;
}

Result<void> apply_api(const BenchFlags& flags, BenchConfig& config) {
  set_if(flags.url, config.server.base_url);
  set_if(flags.model, config.server.model_name);
  set_if(flags.streaming, config.api.streaming);
  set_if(flags.tokenizer, config.tokenizer);
  if (flags.api) config.api.type = *flags.api == "chat" ? Api::kChat : Api::kCompletion;
  for (const std::string& header : flags.headers) {
    const size_t colon = header.find(':');
    const std::string_view name = trim(std::string_view(header).substr(0, colon));
    if (colon == std::string::npos || name.empty()) {
      return invalid_argument(fmt::format("--header {}: give NAME: VALUE", header));
    }
    const std::string_view value = trim(std::string_view(header).substr(colon + 1));
    config.api.headers.emplace_back(name, value);
  }
  return {};
}

Result<void> apply_shared_prefix(const BenchFlags& flags, BenchConfig& config) {
  constexpr uint64_t kPromptsMax = 1'000'000;
  const auto parts = split(*flags.shared_prefix, 'x');
  const auto groups = parse_uint(parts.front());
  const auto prompts = parse_uint(parts.back());
  if (parts.size() != 2 || !groups || !prompts || *groups == 0 || *prompts == 0 ||
      *groups > kPromptsMax || *prompts > kPromptsMax / *groups) {
    return invalid_argument(
        fmt::format("--shared-prefix {}: give GROUPSxPROMPTS, as 8x10", *flags.shared_prefix));
  }
  SharedPrefixOptions data;
  data.groups = static_cast<uint32_t>(*groups);
  data.prompts_per_group = static_cast<uint32_t>(*prompts);
  config.data = data;
  return {};
}

/// Sets the lengths that the flags name, in whatever kind of data there is.
struct LengthSetter {
  const BenchFlags& flags;

  static void set(const std::optional<uint32_t>& tokens, Distribution& to) {
    if (tokens) to = Distribution::fixed(*tokens);
  }
  Result<void> operator()(RandomOptions& data) const {
    if (flags.system_tokens) return invalid_argument("--system-tokens needs --shared-prefix");
    if (flags.multi_turn) return invalid_argument("--multi-turn needs --shared-prefix");
    set(flags.input_tokens, data.input);
    set(flags.output_tokens, data.output);
    return {};
  }
  Result<void> operator()(SharedPrefixOptions& data) const {
    set(flags.system_tokens, data.system_prompt);
    set(flags.input_tokens, data.question);
    set(flags.output_tokens, data.output);
    data.multi_turn |= flags.multi_turn;
    return {};
  }
  Result<void> operator()(ConversationOptions& data) const {
    if (flags.system_tokens) data.shared_system_prompt = *flags.system_tokens;
    set(flags.input_tokens, data.input_per_turn);
    set(flags.output_tokens, data.output_per_turn);
    return {};
  }
  Result<void> operator()(TraceOptions&) const {
    if (flags.system_tokens || flags.input_tokens || flags.output_tokens) {
      return invalid_argument("a trace has its own lengths; leave the flags for tokens out");
    }
    return {};
  }
};

Result<void> apply_data(const BenchFlags& flags, BenchConfig& config) {
  if (flags.shared_prefix && flags.trace) {
    return invalid_argument("--shared-prefix and --trace exclude each other");
  }
  if (flags.shared_prefix) {
    LLMD_RETURN_IF_ERROR(apply_shared_prefix(flags, config));
  }
  if (flags.trace) {
    TraceOptions data;
    data.path = *flags.trace;
    data.format = flags.trace->ends_with(".jsonl") ? TraceFormat::kMooncake : TraceFormat::kAzure;
    config.data = data;
  }
  if (auto* trace = std::get_if<TraceOptions>(&config.data)) {
    trace->skip_broken_lines |= flags.skip_broken_lines;
  }
  return std::visit(LengthSetter{flags}, config.data);
}

LoadKind open_kind(const BenchFlags& flags) {
  return flags.load == "constant" ? LoadKind::kConstant : LoadKind::kPoisson;
}

Result<void> apply_stages(const BenchFlags& flags, LoadOptions& load) {
  const int ways =
      (flags.rates.empty() ? 0 : 1) + (flags.concurrency ? 1 : 0) + (flags.sweep ? 1 : 0);
  if (ways > 1) {
    return invalid_argument("--rate, --concurrency and --sweep exclude each other");
  }
  if (ways == 1) {
    load.stages.clear();
    load.sweep.reset();
  }
  const Duration duration = from_seconds(flags.duration_s.value_or(0));
  if (!flags.rates.empty() && !flags.duration_s && !flags.requests) {
    return invalid_argument("--rate needs --duration or --requests");
  }
  for (const double rate : flags.rates) {
    load.stages.push_back({.kind = open_kind(flags),
                           .rate = rate,
                           .duration = duration,
                           .requests = flags.requests.value_or(0)});
  }
  if (flags.concurrency) {
    if (!flags.duration_s && !flags.requests) {
      return invalid_argument("--concurrency needs --requests or --duration");
    }
    load.stages = {{.kind = LoadKind::kConcurrent,
                    .duration = duration,
                    .requests = flags.requests.value_or(0),
                    .concurrency = *flags.concurrency}};
  }
  if (flags.sweep) {
    load.sweep = Sweep{.geometric = *flags.sweep == "geometric", .kind = open_kind(flags)};
    if (flags.duration_s) load.sweep->stage_duration = duration;
    set_if(flags.requests, load.sweep->requests);
  }
  return {};
}

Result<void> apply_trace_times(const BenchFlags& flags, BenchConfig& config) {
  LoadOptions& load = config.load;
  if (flags.trace && load.stages.empty() && !load.sweep) {
    load.stages = {{.kind = LoadKind::kTrace,
                    .duration = from_seconds(flags.duration_s.value_or(0)),
                    .requests = flags.requests.value_or(0)}};
  }
  if (!flags.speed) return {};
  if (load.stages.empty() || load.stages.back().kind != LoadKind::kTrace) {
    return invalid_argument("--speed needs a trace whose times are replayed");
  }
  load.stages.back().speed = *flags.speed;
  return {};
}

Result<Tenant> parse_tenant(std::string_view text) {
  Tenant out;
  const size_t at = text.find('@');
  if (at != std::string_view::npos) out.objective = text.substr(at + 1);
  const std::string_view head = text.substr(0, at);
  const size_t equals = head.find('=');
  out.name = head.substr(0, equals);
  if (equals != std::string_view::npos) {
    out.weight = parse_decimal(head.substr(equals + 1)).value_or(0);
  }
  if (out.name.empty() || out.weight <= 0) {
    return invalid_argument(
        fmt::format("--tenant {}: give NAME, NAME=WEIGHT or NAME=WEIGHT@OBJECTIVE", text));
  }
  return out;
}

Result<void> apply_load(const BenchFlags& flags, BenchConfig& config) {
  LLMD_RETURN_IF_ERROR(apply_stages(flags, config.load));
  LLMD_RETURN_IF_ERROR(apply_trace_times(flags, config));
  if (flags.warm_up_s && !config.load.stages.empty()) {
    Stage warm_up = config.load.stages.front();
    warm_up.duration = from_seconds(*flags.warm_up_s);
    warm_up.requests = 0;
    warm_up.warm_up = true;
    config.load.stages.insert(config.load.stages.begin(), warm_up);
  }
  set_if(flags.seed, config.load.seed);
  for (const std::string& text : flags.tenants) {
    LLMD_ASSIGN_OR_RETURN(Tenant tenant, parse_tenant(text));
    config.load.tenants.push_back(std::move(tenant));
  }
  return {};
}

Result<void> apply_slo(const BenchFlags& flags, BenchConfig& config) {
  Slo& slo = config.report.slo;
  const std::array<std::pair<std::string, double*>, 5> bounds = {{{"ttft", &slo.ttft_s},
                                                                  {"tpot", &slo.tpot_s},
                                                                  {"itl", &slo.itl_s},
                                                                  {"ntpot", &slo.ntpot_s},
                                                                  {"e2e", &slo.e2e_s}}};
  if (flags.slo) {
    slo = {};
    for (const std::string_view part : split(*flags.slo, ',')) {
      const size_t equals = std::min(part.find('='), part.size());
      const auto value = parse_decimal(part.substr(std::min(equals + 1, part.size())));
      const auto found = std::find_if(bounds.begin(), bounds.end(), [&](const auto& bound) {
        return bound.first == part.substr(0, equals);
      });
      if (found == bounds.end() || !value || *value <= 0) {
        return invalid_argument(
            fmt::format("--slo {}: give seconds for ttft, tpot, itl, ntpot or e2e, as "
                        "ttft=2,tpot=0.1",
                        part));
      }
      *found->second = *value;
    }
  }
  if (!flags.slo_headers) return {};
  if (slo.ttft_s == 0 && slo.tpot_s == 0) {
    return invalid_argument("--slo-headers needs --slo with ttft or tpot");
  }
  config.api.slo_unit = "ms";
  config.api.slo_ttft_header = kSloTtftHeader;
  config.api.slo_tpot_header = kSloTpotHeader;
  return {};
}

}  // namespace

Result<void> apply_flags(const BenchFlags& flags, BenchConfig& config) {
  LLMD_RETURN_IF_ERROR(apply_api(flags, config));
  LLMD_RETURN_IF_ERROR(apply_data(flags, config));
  LLMD_RETURN_IF_ERROR(apply_load(flags, config));
  LLMD_RETURN_IF_ERROR(apply_slo(flags, config));
  if (flags.request_timeout_s) config.request_timeout = from_seconds(*flags.request_timeout_s);
  if (flags.stall_timeout_s) config.stall_timeout = from_seconds(*flags.stall_timeout_s);
  set_if(flags.time_scale, config.time_scale);
  if (!flags.metrics.empty()) config.metrics.urls = flags.metrics;
  set_if(flags.out, config.storage_path);
  config.report.per_request |= flags.per_request;
  return {};
}

}  // namespace llmd::bench
