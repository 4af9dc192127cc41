// SPDX-License-Identifier: Apache-2.0
#include "endpoints/engine_metrics.h"

#include <algorithm>
#include <optional>
#include <span>

#include "base/check.h"
#include "base/text.h"

namespace llmd::endpoints {
namespace {

constexpr size_t kSpecBytesMax = 1024;

struct BuiltInSeries {
  Figure figure;
  std::string_view spec;
};
constexpr BuiltInSeries kVllm[] = {
    {Figure::kWaiting, "vllm:num_requests_waiting"},
    {Figure::kRunning, "vllm:num_requests_running"},
    {Figure::kKvUsage, "vllm:kv_cache_usage_perc"},
    {Figure::kPrefixQueries, "vllm:prefix_cache_queries_total"},
    {Figure::kPrefixHits, "vllm:prefix_cache_hits_total"},
    {Figure::kCacheConfig, "vllm:cache_config_info"},
    {Figure::kAdapters, "vllm:lora_requests_info"},
};
constexpr BuiltInSeries kSglang[] = {
    {Figure::kWaiting, "sglang:num_queue_reqs"},
    {Figure::kRunning, "sglang:num_running_reqs"},
    {Figure::kKvUsage, "sglang:token_usage"},
    {Figure::kPrefixQueries, "sglang:prompt_tokens_total"},
    {Figure::kPrefixHits, "sglang:cached_tokens_total"},
    {Figure::kCacheConfig, "sglang:cache_config_info"},
};
constexpr BuiltInSeries kTrtllmServe[] = {
    {Figure::kWaiting, "trtllm_num_requests_waiting"},
    {Figure::kRunning, "trtllm_num_requests_running"},
    {Figure::kKvUsage, "trtllm_kv_cache_utilization"},
    {Figure::kBlockTokens, "trtllm_kv_cache_tokens_per_block"},
    {Figure::kBlocks, "trtllm_kv_cache_max_blocks"},
};
constexpr BuiltInSeries kTritonTensorrtLlm[] = {
    {Figure::kWaiting, "nv_trt_llm_request_metrics{request_type=waiting}"},
    {Figure::kRunning, "nv_trt_llm_request_metrics{request_type=scheduled}"},
    {Figure::kKvUsage, "nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type=fraction}"},
    {Figure::kBlockTokens, "nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type=tokens_per}"},
    {Figure::kBlocks, "nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type=max}"},
};
/// Upstream takes nv_inference_exec_count as what runs; it counts all executions since the start.
constexpr BuiltInSeries kTriton[] = {
    {Figure::kWaiting, "nv_inference_pending_request_count"},
};

struct BuiltInEngine {
  std::string_view name;
  std::span<const BuiltInSeries> series;
  std::string_view rank_label = {};
  std::string_view block_tokens_label = {};
  std::string_view blocks_label = {};
};
constexpr BuiltInEngine kBuiltIn[] = {
    {kDefaultEngine, kVllm, "engine", "block_size", "num_gpu_blocks"},
    {"sglang", kSglang, "dp_rank", "page_size", "num_pages"},
    {"trtllm-serve", kTrtllmServe},
    {"triton-tensorrt-llm", kTritonTensorrtLlm},
    {"triton", kTriton},
};

EngineNames names_of(const BuiltInEngine& engine) {
  EngineNames out{.engine = std::string(engine.name),
                  .wanted = {},
                  .attributes = {},
                  .rank_label = std::string(engine.rank_label),
                  .block_tokens_label = std::string(engine.block_tokens_label),
                  .blocks_label = std::string(engine.blocks_label)};
  for (const auto& [figure, spec] : engine.series) {
    out.wanted.push_back({figure, parse_series_spec(spec).value()});
  }
  out.wanted.push_back({Figure::kProcessStart, {std::string(kProcessStartSeries), {}}});
  return out;
}

/// Shared by all tables, so that what reads by them can go on under another configuration.
const std::vector<std::shared_ptr<const EngineNames>>& built_in_engines() {
  static const auto engines = [] {
    std::vector<std::shared_ptr<const EngineNames>> out;
    for (const BuiltInEngine& each : kBuiltIn) {
      out.push_back(std::make_shared<const EngineNames>(names_of(each)));
    }
    return out;
  }();
  return engines;
}

bool is_word(std::string_view text, std::string_view more) {
  const auto fits = [more](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           more.find(c) != std::string_view::npos;
  };
  return !text.empty() && !(text[0] >= '0' && text[0] <= '9') && std::ranges::all_of(text, fits);
}

/// The value at the start of `rest`, which then begins with what follows it. Nothing when its quote
/// is not closed.
std::optional<std::string_view> take_value(std::string_view& rest) {
  const bool quoted = rest.starts_with('"');
  size_t end = quoted ? 1 : 0;
  const std::string_view ends = quoted ? "\"" : ",}\"";
  while (end < rest.size() && ends.find(rest[end]) == std::string_view::npos) {
    end += rest[end] == '\\' ? 2 : 1;
  }
  if (end >= rest.size()) return std::nullopt;
  const std::string_view value = quoted ? rest.substr(1, end - 1) : trim(rest.substr(0, end));
  rest.remove_prefix(quoted ? end + 1 : end);
  rest = trim(rest);
  return value;
}

/// Reads "a=b,c=d}".
bool read_labels(std::string_view rest, SeriesSpec& out) {
  while (!trim(rest).empty() && trim(rest) != "}") {
    const size_t equals = rest.find('=');
    if (equals == std::string_view::npos) return false;
    const std::string_view label = trim(rest.substr(0, equals));
    rest = trim(rest.substr(equals + 1));
    const auto value = take_value(rest);
    if (!is_word(label, "") || !value) return false;
    out.labels.emplace_back(label, *value);
    if (rest.starts_with(',')) {
      rest.remove_prefix(1);
    } else if (rest != "}") {
      return false;
    }
  }
  return trim(rest) == "}";
}

}  // namespace

Result<SeriesSpec> parse_series_spec(std::string_view text) {
  const std::string_view spec = trim(text);
  const size_t brace = std::min(spec.find('{'), spec.size());
  SeriesSpec out{.name = std::string(trim(spec.substr(0, brace))), .labels = {}};
  const bool fits = spec.size() <= kSpecBytesMax && is_word(out.name, ":") &&
                    (brace == spec.size() || read_labels(spec.substr(brace + 1), out));
  if (!fits) return invalid_argument("must be a series: name, or name{label=value,…}");
  return out;
}

EngineMetrics::EngineMetrics(std::vector<EngineNames> engines, std::string label_key,
                             std::string_view default_engine)
    : label_key_(std::move(label_key)) {
  for (EngineNames& each : engines) {
    engines_.push_back(std::make_shared<const EngineNames>(std::move(each)));
  }
  for (const auto& each : built_in_engines()) {
    if (find(each->engine) == nullptr) engines_.push_back(each);
  }
  default_ = find(default_engine);
  LLMD_CHECK(default_ != nullptr);
}

const EngineMetrics& EngineMetrics::built_in() {
  static const EngineMetrics metrics({}, std::string(kEngineTypeLabel), kDefaultEngine);
  return metrics;
}

std::shared_ptr<const EngineNames> EngineMetrics::find(std::string_view engine) const {
  const auto found =
      std::ranges::find_if(engines_, [engine](const auto& each) { return each->engine == engine; });
  return found == engines_.end() ? nullptr : *found;
}

std::shared_ptr<const EngineNames> EngineMetrics::of(const Endpoint& endpoint) const {
  std::string_view name = endpoint.label(label_key_);
  if (name.empty()) name = endpoint.label(kLegacyEngineTypeLabel);
  auto found = find(name);
  return found == nullptr ? default_ : found;
}

std::vector<std::string> EngineMetrics::engines() const {
  std::vector<std::string> out;
  for (const auto& each : engines_) out.push_back(each->engine);
  return out;
}

std::vector<std::string> EngineMetrics::attributes() const {
  std::vector<std::string> out;
  for (const auto& each : engines_) {
    out.insert(out.end(), each->attributes.begin(), each->attributes.end());
  }
  return out;
}

}  // namespace llmd::endpoints
