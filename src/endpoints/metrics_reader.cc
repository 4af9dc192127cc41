// SPDX-License-Identifier: Apache-2.0
#include "endpoints/metrics_reader.h"

#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "endpoints/scrape.h"

namespace llmd::endpoints {
namespace {

constexpr double kCountMax = 1e9;
constexpr double kCumulativeMax = 1e15;
constexpr double kBlockTokensMax = 1 << 20;
/// A longer line is none that we want: the longest names the adapters.
constexpr size_t kLineBytesMax = 64 * 1024;

/// Most lines are told from the wanted ones by the 8 bytes behind "vllm:": each wanted name sets
/// one of 64 bits, and a line of which the bit is not set needs no second look. A shorter name sets
/// all of them.
constexpr size_t kKeyAt = 5;
constexpr size_t kNameBytesMin = kKeyAt + sizeof(uint64_t);
uint64_t key_bit(std::string_view line) {
  constexpr uint64_t kOddConstant = 0x9E3779B97F4A7C15;  // Fibonacci hashing
  uint64_t key = 0;
  std::memcpy(&key, line.data() + kKeyAt, sizeof key);
  return uint64_t{1} << (key * kOddConstant >> 58);
}

uint64_t key_bits_of(std::string_view name) {
  return name.size() < kNameBytesMin ? UINT64_MAX : key_bit(name);
}

bool is_name_end(char c) { return c == '{' || c == ' ' || c == '\t'; }

/// Whether the line is a sample of exactly that name.
bool has_name(std::string_view line, std::string_view name) {
  return line.size() > name.size() && line.starts_with(name) && is_name_end(line[name.size()]);
}

bool has_labels(const Series& series, const SeriesSpec& spec) {
  return std::ranges::all_of(
      spec.labels, [&](const auto& label) { return series.label(label.first) == label.second; });
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

MetricsReader::MetricsReader(std::shared_ptr<const EngineNames> names, std::optional<uint32_t> rank)
    : names_(std::move(names)), rank_(rank ? std::to_string(*rank) : std::string()) {
  for (const Wanted& each : names_->wanted) key_bits_ |= key_bits_of(each.series.name);
  for (const std::string& key : names_->attributes) {
    scrape_.attributes.push_back({key, std::nullopt});
  }
}

void MetricsReader::begin() {
  cut_.clear();
  too_long_ = false;
  scrape_.waiting = scrape_.running = scrape_.kv_usage = 0;
  scrape_.prefix_queries = scrape_.prefix_hits = scrape_.process_start_s = 0;
  scrape_.cache_tokens = 0;
  scrape_.block_size = scrape_.adapters_max = 0;
  for (Attribute& each : scrape_.attributes) each.value.reset();
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
  const bool may_be =
      line.size() < kNameBytesMin ? key_bits_ == UINT64_MAX : (key_bits_ & key_bit(line)) != 0;
  if (!may_be) return;
  for (const Wanted& each : names_->wanted) {
    if (!has_name(line, each.series.name)) continue;
    const auto series = parse_series(line.substr(each.series.name.size()));
    if (series && !is_other_rank(*series)) take_series(each, *series);
  }
}

bool MetricsReader::is_other_rank(const Series& series) const {
  const std::string_view label = names_->rank_label;
  if (rank_.empty() || label.empty()) return false;
  const std::string_view rank = series.label(label);
  return !rank.empty() && rank != rank_;
}

void MetricsReader::take_series(const Wanted& which, const Series& series) {
  if (!has_labels(series, which.series)) return;
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
      return add_capacity(label_number(series, names_->block_tokens_label),
                          label_number(series, names_->blocks_label));
    case Figure::kBlockTokens:
      block_tokens_ = value;
      return;
    case Figure::kBlocks:
      return add(blocks_, value);
    case Figure::kAdapters:
      return note_adapters(series);
    case Figure::kProcessStart:
      scrape_.process_start_s = value;
      return;
    case Figure::kAttribute:
      return note_attribute(which.attribute, value);
  }
}

/// What several series of it would mean together only its author knows: the first counts, as
/// upstream has it.
void MetricsReader::note_attribute(size_t place, double value) {
  auto& known = scrape_.attributes[place].value;
  if (!known) known = std::clamp(value, -kAttributeMax, kAttributeMax);
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
