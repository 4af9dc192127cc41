// SPDX-License-Identifier: Apache-2.0
#include "endpoints/scrape.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/text.h"

namespace llmd::endpoints {
namespace {

constexpr double kCountMax = 1e9;
constexpr double kCumulativeMax = 1e15;

/// Names of the series by engine (scheduler reference, "Scraped from model servers").
struct Names {
  std::string_view waiting;
  std::string_view running;
  std::string_view kv_usage;
  std::string_view prefix_queries;
  std::string_view prefix_hits;
  std::string_view cache_config;
  std::string_view block_size_label;
  std::string_view blocks_label;
};
constexpr std::array<Names, 2> kNames = {{
    {"vllm:num_requests_waiting", "vllm:num_requests_running", "vllm:kv_cache_usage_perc",
     "vllm:prefix_cache_queries_total", "vllm:prefix_cache_hits_total", "vllm:cache_config_info",
     "block_size", "num_gpu_blocks"},
    {"sglang:num_queue_reqs", "sglang:num_running_reqs", "sglang:token_usage",
     "sglang:prompt_tokens_total", "sglang:cached_tokens_total", "sglang:cache_config_info",
     "page_size", "num_pages"},
}};
constexpr std::string_view kProcessStart = "process_start_time_seconds";

/// What follows `name` in a sample line, if the line is a sample of exactly that name.
std::optional<std::string_view> after_name(std::string_view line, std::string_view name) {
  if (!line.starts_with(name)) return std::nullopt;
  const std::string_view rest = line.substr(name.size());
  if (rest.empty() || (rest.front() != '{' && rest.front() != ' ' && rest.front() != '\t')) {
    return std::nullopt;
  }
  return rest;
}

/// Length of the label set at the start of `rest`, quotes respected; 0 when there is none, npos
/// when it does not end.
size_t label_set_length(std::string_view rest) {
  if (rest.front() != '{') return 0;
  bool quoted = false;
  for (size_t i = 1; i < rest.size(); ++i) {
    if (quoted && rest[i] == '\\') {
      ++i;
    } else if (rest[i] == '"') {
      quoted = !quoted;
    } else if (rest[i] == '}' && !quoted) {
      return i + 1;
    }
  }
  return std::string_view::npos;
}

std::optional<double> sample_value(std::string_view rest) {
  const size_t labels = label_set_length(rest);
  if (labels == std::string_view::npos) return std::nullopt;
  const std::string_view text = trim(rest.substr(labels));
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || !std::isfinite(value)) return std::nullopt;
  const bool ends_there = end == text.data() + text.size() || *end == ' ' || *end == '\t';
  return ends_there ? std::optional(value) : std::nullopt;
}

/// The number in a label such as block_size="16"; 0 when absent or none.
uint64_t label_number(std::string_view labels, std::string_view name) {
  for (size_t at = labels.find(name); at != std::string_view::npos;
       at = labels.find(name, at + 1)) {
    const std::string_view rest = labels.substr(at + name.size());
    const bool starts_there = at > 0 && (labels[at - 1] == '{' || labels[at - 1] == ',');
    if (!starts_there || !rest.starts_with("=\"")) continue;
    return parse_uint(rest.substr(2, rest.find('"', 2) - 2)).value_or(0);
  }
  return 0;
}

class PageReader {
 public:
  explicit PageReader(EngineType engine) : names_(kNames[static_cast<size_t>(engine)]) {}

  void line(std::string_view line) {
    if (const auto waiting = after_name(line, names_.waiting)) {
      add(scrape_.waiting, *waiting);
    } else if (const auto running = after_name(line, names_.running)) {
      add(scrape_.running, *running);
    } else if (const auto usage = after_name(line, names_.kv_usage)) {
      usages_ += add(scrape_.kv_usage, *usage) ? 1 : 0;
    } else if (const auto queries = after_name(line, names_.prefix_queries)) {
      add(scrape_.prefix_queries, *queries, kCumulativeMax);
    } else if (const auto hits = after_name(line, names_.prefix_hits)) {
      add(scrape_.prefix_hits, *hits, kCumulativeMax);
    } else if (const auto config = after_name(line, names_.cache_config)) {
      add_capacity(*config);
    } else if (const auto start = after_name(line, kProcessStart)) {
      scrape_.process_start_s = sample_value(*start).value_or(0);
    }
  }

  Scrape take() {
    scrape_.kv_usage = std::clamp(scrape_.kv_usage / std::max(usages_, 1), 0.0, 1.0);
    return scrape_;
  }

 private:
  static bool add(double& sum, std::string_view rest, double max = kCountMax) {
    const auto value = sample_value(rest);
    if (!value) return false;
    sum = std::clamp(sum + *value, 0.0, max);
    return true;
  }

  void add_capacity(std::string_view rest) {
    const size_t length = label_set_length(rest);
    if (length == std::string_view::npos) return;
    const std::string_view labels = rest.substr(0, length);
    const double tokens = static_cast<double>(label_number(labels, names_.block_size_label)) *
                          static_cast<double>(label_number(labels, names_.blocks_label));
    const double sum = static_cast<double>(scrape_.cache_tokens) + tokens;
    scrape_.cache_tokens = static_cast<uint64_t>(std::min(sum, kCountMax));
  }

  const Names& names_;
  Scrape scrape_;
  int usages_ = 0;
};

}  // namespace

Scrape parse_metrics(std::string_view page, EngineType engine) {
  PageReader reader(engine);
  while (!page.empty()) {
    const size_t end = std::min(page.find('\n'), page.size());
    const std::string_view line = page.substr(0, end);
    if (!line.empty() && line.front() != '#') reader.line(line);
    page.remove_prefix(std::min(end + 1, page.size()));
  }
  return reader.take();
}

Result<std::vector<std::string>> parse_models(std::string_view json) {
  const auto root = nlohmann::json::parse(json, nullptr, false);
  const auto data = root.is_object() ? root.find("data") : root.end();
  if (!root.is_object() || data == root.end() || !data->is_array()) {
    return invalid_argument("the model list is no object with an array \"data\"");
  }
  std::vector<std::string> names;
  for (const auto& model : *data) {
    const auto id = model.is_object() ? model.find("id") : model.end();
    if (id == model.end() || !id->is_string() || names.size() >= kServedModelsMax) continue;
    const auto& name = id->get_ref<const std::string&>();
    if (!name.empty() && name.size() <= kModelNameBytesMax) names.push_back(name);
  }
  return names;
}

}  // namespace llmd::endpoints
