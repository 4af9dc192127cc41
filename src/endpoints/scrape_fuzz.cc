// SPDX-License-Identifier: Apache-2.0
// Whatever an engine answers, the figures stay within their bounds.
#include <cmath>
#include <cstdint>

#include "base/check.h"
#include "endpoints/metrics_reader.h"
#include "endpoints/scrape.h"

namespace {

using namespace llmd::endpoints;

/// The built-in engines, and one that a configuration may describe: names of vLLM's as attributes,
/// with labels and without, and one too short for the reader's shortcut.
const EngineMetrics& tables() {
  static const EngineMetrics metrics(
      {{.engine = "custom",
        .wanted = {{Figure::kWaiting, parse_series_spec("vllm:num_requests_waiting").value()},
                   {Figure::kAttribute, parse_series_spec("x").value(), 0},
                   {Figure::kAttribute,
                    parse_series_spec("vllm:num_requests_running{engine=0}").value(), 1}},
        .attributes = {"short", "labelled"},
        .rank_label = "engine",
        .block_tokens_label = {},
        .blocks_label = {}}},
      std::string(kEngineTypeLabel), "custom");
  return metrics;
}

Scrape read(const std::string& engine, std::string_view page, size_t cut) {
  MetricsReader reader(tables().find(engine));
  reader.read(page.substr(0, cut));
  reader.read(page.substr(cut));
  return reader.finish();
}

void check_bounds(const Scrape& scrape) {
  LLMD_CHECK(scrape.block_size <= 1 << 20 && scrape.cache_tokens <= 1'000'000'000);
  LLMD_CHECK(scrape.active_adapters.size() <= kServedModelsMax);
  LLMD_CHECK(scrape.waiting >= 0 && scrape.waiting <= 1e9);
  LLMD_CHECK(scrape.running >= 0 && scrape.running <= 1e9);
  LLMD_CHECK(scrape.kv_usage >= 0 && scrape.kv_usage <= 1);
  LLMD_CHECK(std::isfinite(scrape.process_start_s));
  for (const Attribute& each : scrape.attributes) {
    LLMD_CHECK(std::abs(each.value.value_or(0)) <= kAttributeMax);
  }
}

/// A specification of a series, read back from what was understood of it, says the same.
void check_spec(std::string_view text) {
  const auto spec = parse_series_spec(text);
  if (!spec) return;
  std::string written = spec->name + "{";
  for (const auto& [label, value] : spec->labels) written += label + "=\"" + value + "\",";
  const auto again = parse_series_spec(written + "}");
  LLMD_CHECK(!again || (again->name == spec->name && again->labels == spec->labels));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view page(reinterpret_cast<const char*>(data), size);
  for (const std::string& engine : tables().engines()) {
    // Wherever the page is cut, the same is found.
    const Scrape scrape = read(engine, page, size == 0 ? 0 : data[0] % size);
    LLMD_CHECK(scrape == read(engine, page, size));
    check_bounds(scrape);
  }
  check_spec(page);
  if (const auto models = parse_models(page)) LLMD_CHECK(models->names.size() <= kServedModelsMax);
  return 0;
}
