// SPDX-License-Identifier: Apache-2.0
// What the engines' metrics pages are searched for.
#pragma once

#include <string>
#include <string_view>

#include "endpoints/engine_metrics.h"
#include "schedule/registry.h"

namespace llmd::schedule {

inline constexpr std::string_view kCoreMetricsExtractor = "core-metrics-extractor";

/// Upstream's plugin of that name: engines' names for their figures, and attributes of one's own.
/// The reading itself is endpoints/'s.
class CoreMetricsExtractor final : public Plugin {
 public:
  explicit CoreMetricsExtractor(endpoints::EngineMetrics metrics) : metrics_(std::move(metrics)) {}

  const endpoints::EngineMetrics& metrics() const { return metrics_; }

  /// The parameter `key`, an attribute that a plugin goes by; of the extractor that `producer`
  /// names, or of the only one. Refuses what no customMetrics produce.
  static Result<std::string> read_attribute(std::string_view key, std::string_view producer,
                                            resources::Fields& parameters, Registry& registry);

 private:
  const endpoints::EngineMetrics metrics_;
};

}  // namespace llmd::schedule
