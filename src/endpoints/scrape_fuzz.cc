// SPDX-License-Identifier: Apache-2.0
// Whatever an engine answers, the figures stay within their bounds.
#include <cmath>
#include <cstdint>

#include "base/check.h"
#include "endpoints/scrape.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace llmd::endpoints;
  const std::string_view page(reinterpret_cast<const char*>(data), size);
  for (const EngineType engine : {EngineType::kVllm, EngineType::kSglang}) {
    const Scrape scrape = parse_metrics(page, engine);
    LLMD_CHECK(scrape.waiting >= 0 && scrape.waiting <= 1e9);
    LLMD_CHECK(scrape.running >= 0 && scrape.running <= 1e9);
    LLMD_CHECK(scrape.kv_usage >= 0 && scrape.kv_usage <= 1);
    LLMD_CHECK(std::isfinite(scrape.process_start_s));
  }
  if (const auto models = parse_models(page)) LLMD_CHECK(models->size() <= kServedModelsMax);
  return 0;
}
