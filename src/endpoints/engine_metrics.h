// SPDX-License-Identifier: Apache-2.0
// Which series of an engine's metrics page are wanted, and what they mean: tables by the engine's
// name, built in or as a configuration says.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "endpoints/endpoint.h"

namespace llmd::endpoints {

inline constexpr std::string_view kDefaultEngine = "vllm";
inline constexpr std::string_view kProcessStartSeries = "process_start_time_seconds";

/// A series by its name and the labels that it must have, each written as on the page.
struct SeriesSpec {
  std::string name;
  std::vector<std::pair<std::string, std::string>> labels;
};
/// Reads "name", or "name{label=value,…}", the values with quotes or without. Any thread.
Result<SeriesSpec> parse_series_spec(std::string_view text);

/// What a series says.
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
  kAttribute,  ///< one of EngineNames::attributes
};

struct Wanted {
  Figure figure;
  SeriesSpec series;
  size_t attribute = 0;  ///< place in EngineNames::attributes
};

/// What one engine calls its figures.
struct EngineNames {
  std::string engine;
  std::vector<Wanted> wanted;
  std::vector<std::string> attributes;  ///< keys of Scrape::attributes, each once
  std::string rank_label;               ///< says whose the series is, of several ranks
  std::string block_tokens_label;       ///< of kCacheConfig
  std::string blocks_label;
};

/// Immutable: any thread.
class EngineMetrics {
 public:
  /// The built-in engines are there too, unless `engines` have one of that name. Endpoints whose
  /// label `label_key`, or upstream's older one, names no engine are `default_engine`'s, which must
  /// be one of them.
  EngineMetrics(std::vector<EngineNames> engines, std::string label_key,
                std::string_view default_engine);

  /// What llmd knows by itself: scheduler reference 4.2 (upstream's core-metrics-extractor).
  static const EngineMetrics& built_in();

  /// Null when there is none of that name.
  std::shared_ptr<const EngineNames> find(std::string_view engine) const;
  std::shared_ptr<const EngineNames> of(const Endpoint& endpoint) const;
  /// The names of all engines.
  std::vector<std::string> engines() const;
  /// The attributes of all engines.
  std::vector<std::string> attributes() const;

 private:
  std::vector<std::shared_ptr<const EngineNames>> engines_;
  std::string label_key_;
  std::shared_ptr<const EngineNames> default_;
};

}  // namespace llmd::endpoints
