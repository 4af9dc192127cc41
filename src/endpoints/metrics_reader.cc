// SPDX-License-Identifier: Apache-2.0
#include "endpoints/metrics_reader.h"

#include <algorithm>
#include <cstring>
#include <span>

#include "base/text.h"
#include "endpoints/scrape.h"

namespace llmd::endpoints {
namespace {

constexpr double kCountMax = 1e9;
constexpr double kCumulativeMax = 1e15;
constexpr double kBlockTokensMax = 1 << 20;
/// A longer line is none that we want: the longest names the adapters.
constexpr size_t kLineBytesMax = 64 * 1024;

enum class Figure : uint8_t {
  kWaiting,
  kRunning,
  kKvUsage,
  kPrefixQueries,
  kPrefixHits,
  kCacheConfig,  ///< labels say the size of a block and how many there are
  kBlockTokens,
  kBlocks,
  kAdapters,  ///< labels name adapters, the value is when that was so
  kProcessStart,
};

struct Wanted {
  Figure figure;
  std::string_view name;
  std::string_view label = {};  ///< and only the series where this label
  std::string_view value = {};  ///< has this value
};

constexpr Wanted kProcessStart = {Figure::kProcessStart, "process_start_time_seconds"};
constexpr Wanted kVllm[] = {
    {Figure::kWaiting, "vllm:num_requests_waiting"},
    {Figure::kRunning, "vllm:num_requests_running"},
    {Figure::kKvUsage, "vllm:kv_cache_usage_perc"},
    {Figure::kPrefixQueries, "vllm:prefix_cache_queries_total"},
    {Figure::kPrefixHits, "vllm:prefix_cache_hits_total"},
    {Figure::kCacheConfig, "vllm:cache_config_info"},
    {Figure::kAdapters, "vllm:lora_requests_info"},
    kProcessStart,
};
constexpr Wanted kSglang[] = {
    {Figure::kWaiting, "sglang:num_queue_reqs"},
    {Figure::kRunning, "sglang:num_running_reqs"},
    {Figure::kKvUsage, "sglang:token_usage"},
    {Figure::kPrefixQueries, "sglang:prompt_tokens_total"},
    {Figure::kPrefixHits, "sglang:cached_tokens_total"},
    {Figure::kCacheConfig, "sglang:cache_config_info"},
    kProcessStart,
};
constexpr Wanted kTrtllmServe[] = {
    {Figure::kWaiting, "trtllm_num_requests_waiting"},
    {Figure::kRunning, "trtllm_num_requests_running"},
    {Figure::kKvUsage, "trtllm_kv_cache_utilization"},
    {Figure::kBlockTokens, "trtllm_kv_cache_tokens_per_block"},
    {Figure::kBlocks, "trtllm_kv_cache_max_blocks"},
    kProcessStart,
};
constexpr std::string_view kRequestType = "request_type";
constexpr std::string_view kBlockType = "kv_cache_block_type";
constexpr Wanted kTritonTensorrtLlm[] = {
    {Figure::kWaiting, "nv_trt_llm_request_metrics", kRequestType, "waiting"},
    {Figure::kRunning, "nv_trt_llm_request_metrics", kRequestType, "scheduled"},
    {Figure::kKvUsage, "nv_trt_llm_kv_cache_block_metrics", kBlockType, "fraction"},
    {Figure::kBlockTokens, "nv_trt_llm_kv_cache_block_metrics", kBlockType, "tokens_per"},
    {Figure::kBlocks, "nv_trt_llm_kv_cache_block_metrics", kBlockType, "max"},
    kProcessStart,
};
/// Upstream takes nv_inference_exec_count as what runs; it counts all executions since the start.
constexpr Wanted kTriton[] = {
    {Figure::kWaiting, "nv_inference_pending_request_count"},
    kProcessStart,
};

struct Names {
  std::span<const Wanted> wanted;
  std::string_view rank_label = {};
  std::string_view block_tokens_label = {};
  std::string_view blocks_label = {};
};
/// By EngineType.
constexpr Names kNames[] = {
    {kVllm, "engine", "block_size", "num_gpu_blocks"},
    {kSglang, "dp_rank", "page_size", "num_pages"},
    {kTrtllmServe},
    {kTritonTensorrtLlm},
    {kTriton},
};

/// Most lines are told from the wanted ones by the 8 bytes behind "vllm:": each wanted name sets
/// one of 64 bits, and a line of which the bit is not set needs no second look.
constexpr size_t kKeyAt = 5;
constexpr size_t kNameBytesMin = kKeyAt + sizeof(uint64_t);
uint64_t key_bit(std::string_view line) {
  constexpr uint64_t kOddConstant = 0x9E3779B97F4A7C15;  // Fibonacci hashing
  uint64_t key = 0;
  std::memcpy(&key, line.data() + kKeyAt, sizeof key);
  return uint64_t{1} << (key * kOddConstant >> 58);
}

bool is_name_end(char c) { return c == '{' || c == ' ' || c == '\t'; }

/// Whether the line is a sample of exactly that name.
bool has_name(std::string_view line, std::string_view name) {
  return line.size() > name.size() && line.starts_with(name) && is_name_end(line[name.size()]);
}

double label_number(const Series& series, std::string_view label) {
  return static_cast<double>(parse_uint(series.label(label)).value_or(0));
}

void add(double& sum, double value, double max = kCountMax) {
  sum = std::clamp(sum + value, 0.0, max);
}

/// Writes the names between the commas over `out`, whose strings keep their memory.
void split_names(std::string_view text, std::vector<std::string>& out) {
  size_t count = 0;
  while (!text.empty() && count < kServedModelsMax) {
    const size_t comma = std::min(text.find(','), text.size());
    const std::string_view name = trim(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
    if (name.empty() || name.size() > kModelNameBytesMax) continue;
    if (count == out.size()) out.emplace_back();
    out[count++].assign(name);
  }
  out.resize(count);
}

}  // namespace

MetricsReader::MetricsReader(EngineType engine, std::optional<uint32_t> rank)
    : engine_(static_cast<size_t>(engine)), rank_(rank ? std::to_string(*rank) : std::string()) {
  for (const Wanted& wanted : kNames[engine_].wanted) key_bits_ |= key_bit(wanted.name);
}

void MetricsReader::begin() {
  cut_.clear();
  too_long_ = false;
  scrape_.waiting = scrape_.running = scrape_.kv_usage = 0;
  scrape_.prefix_queries = scrape_.prefix_hits = scrape_.process_start_s = 0;
  scrape_.cache_tokens = 0;
  scrape_.block_size = scrape_.adapters_max = 0;
  usages_ = 0;
  block_tokens_ = blocks_ = adapters_at_ = 0;
  active_adapters_.clear();
  waiting_adapters_.clear();
}

void MetricsReader::read(std::string_view bytes) {
  while (!bytes.empty()) {
    const size_t end = bytes.find('\n');
    if (end == std::string_view::npos) return keep_cut(bytes);
    if (cut_.empty() && !too_long_) {
      take_line(bytes.substr(0, end));
    } else {
      keep_cut(bytes.substr(0, end));
      take_line(cut_);
      cut_.clear();
      too_long_ = false;
    }
    bytes.remove_prefix(end + 1);
  }
}

void MetricsReader::keep_cut(std::string_view bytes) {
  too_long_ = too_long_ || cut_.size() + bytes.size() > kLineBytesMax;
  if (too_long_) {
    cut_.clear();
  } else {
    cut_.append(bytes);
  }
}

void MetricsReader::take_line(std::string_view line) {
  if (line.size() < kNameBytesMin || (key_bits_ & key_bit(line)) == 0) return;
  const auto wanted = kNames[engine_].wanted;
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (!has_name(line, wanted[i].name)) continue;
    const auto series = parse_series(line.substr(wanted[i].name.size()));
    if (series && !is_other_rank(*series)) take_series(i, *series);
  }
}

bool MetricsReader::is_other_rank(const Series& series) const {
  const std::string_view label = kNames[engine_].rank_label;
  if (rank_.empty() || label.empty()) return false;
  const std::string_view rank = series.label(label);
  return !rank.empty() && rank != rank_;
}

void MetricsReader::take_series(size_t wanted, const Series& series) {
  const Wanted& which = kNames[engine_].wanted[wanted];
  if (!which.label.empty() && series.label(which.label) != which.value) return;
  const double value = series.value;
  switch (which.figure) {
    case Figure::kWaiting:
      return add(scrape_.waiting, value);
    case Figure::kRunning:
      return add(scrape_.running, value);
    case Figure::kKvUsage:
      ++usages_;
      return add(scrape_.kv_usage, value);
    case Figure::kPrefixQueries:
      return add(scrape_.prefix_queries, value, kCumulativeMax);
    case Figure::kPrefixHits:
      return add(scrape_.prefix_hits, value, kCumulativeMax);
    case Figure::kCacheConfig:
      return add_capacity(label_number(series, kNames[engine_].block_tokens_label),
                          label_number(series, kNames[engine_].blocks_label));
    case Figure::kBlockTokens:
      block_tokens_ = value;
      return;
    case Figure::kBlocks:
      return add(blocks_, value);
    case Figure::kAdapters:
      return note_adapters(series);
    case Figure::kProcessStart:
      scrape_.process_start_s = value;
  }
}

void MetricsReader::add_capacity(double block_tokens, double blocks) {
  if (!(block_tokens >= 1) || block_tokens > kBlockTokensMax) return;
  scrape_.block_size = static_cast<uint32_t>(block_tokens);
  const double sum = static_cast<double>(scrape_.cache_tokens) + block_tokens * blocks;
  scrape_.cache_tokens = static_cast<uint64_t>(std::min(sum, kCountMax));
}

/// vLLM leaves the series of former sets of adapters on the page.
void MetricsReader::note_adapters(const Series& series) {
  if (series.value < adapters_at_) return;
  adapters_at_ = series.value;
  active_adapters_.assign(series.label("running_lora_adapters"));
  waiting_adapters_.assign(series.label("waiting_lora_adapters"));
  scrape_.adapters_max =
      static_cast<uint32_t>(std::min(label_number(series, "max_lora"), kCountMax));
}

const Scrape& MetricsReader::finish() {
  if (!too_long_) take_line(cut_);
  cut_.clear();
  add_capacity(block_tokens_, blocks_);
  scrape_.kv_usage = std::clamp(scrape_.kv_usage / std::max(usages_, 1U), 0.0, 1.0);
  split_names(active_adapters_, scrape_.active_adapters);
  split_names(waiting_adapters_, scrape_.waiting_adapters);
  return scrape_;
}

}  // namespace llmd::endpoints
