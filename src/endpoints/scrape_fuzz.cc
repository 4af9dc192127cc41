// SPDX-License-Identifier: Apache-2.0
// Whatever an engine answers, the figures stay within their bounds.
#include <cmath>
#include <cstdint>

#include "base/check.h"
#include "endpoints/metrics_reader.h"
#include "endpoints/scrape.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace llmd::endpoints;
  const std::string_view page(reinterpret_cast<const char*>(data), size);
  for (size_t engine = 0; engine < kEngineTypes; ++engine) {
    // Wherever the page is cut, the same is found.
    MetricsReader reader(static_cast<EngineType>(engine));
    const size_t cut = size == 0 ? 0 : data[0] % size;
    reader.read(page.substr(0, cut));
    reader.read(page.substr(cut));
    const Scrape& scrape = reader.finish();
    LLMD_CHECK(scrape == parse_metrics(page, static_cast<EngineType>(engine)));
    LLMD_CHECK(scrape.block_size <= 1 << 20 && scrape.cache_tokens <= 1'000'000'000);
    LLMD_CHECK(scrape.active_adapters.size() <= kServedModelsMax);
    LLMD_CHECK(scrape.waiting >= 0 && scrape.waiting <= 1e9);
    LLMD_CHECK(scrape.running >= 0 && scrape.running <= 1e9);
    LLMD_CHECK(scrape.kv_usage >= 0 && scrape.kv_usage <= 1);
    LLMD_CHECK(std::isfinite(scrape.process_start_s));
  }
  if (const auto models = parse_models(page)) LLMD_CHECK(models->size() <= kServedModelsMax);
  return 0;
}
