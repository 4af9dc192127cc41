// SPDX-License-Identifier: Apache-2.0
// Reads an engine's metrics page as it arrives, looking only for the few series that scheduling
// needs.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "endpoints/engine_metrics.h"
#include "endpoints/prometheus_line.h"

namespace llmd::endpoints {

/// Where a name has several series (data-parallel ranks behind one port) those of other ranks than
/// `rank` are left out; of the rest counts are summed, usages averaged, and of an attribute the
/// first is taken. What is absent, or no finite number, counts as 0, or as no attribute. Allocates
/// nothing per page once it has seen one. One thread at a time.
class MetricsReader {
 public:
  explicit MetricsReader(std::shared_ptr<const EngineNames> names,
                         std::optional<uint32_t> rank = std::nullopt);

  /// What it looks for.
  const EngineNames* names() const { return names_.get(); }

  /// A new page begins; what was read of another is forgotten.
  void begin();
  /// The next bytes of the page, wherever it is cut.
  void read(std::string_view bytes);
  /// The page has ended. Valid until begin().
  const Scrape& finish();

 private:
  void keep_cut(std::string_view bytes);
  void take_line(std::string_view line);
  void take_series(const Wanted& which, const Series& series);
  void note_attribute(size_t place, double value);
  void add_capacity(double block_tokens, double blocks);
  void note_adapters(const Series& series);
  bool is_other_rank(const Series& series) const;

  const std::shared_ptr<const EngineNames> names_;
  const std::string rank_;  ///< empty: of all
  uint64_t key_bits_ = 0;   ///< of the wanted names, to tell lines apart by
  std::string cut_;         ///< the begun line of which the end has not come yet
  bool too_long_ = false;   ///< that line is left out
  Scrape scrape_;
  uint32_t usages_ = 0;      ///< summed in scrape_.kv_usage
  double block_tokens_ = 0;  ///< where a series of its own says so
  double blocks_ = 0;
  double adapters_at_ = 0;       ///< when the newest series of adapters was written
  std::string active_adapters_;  ///< names with commas between
  std::string waiting_adapters_;
};

}  // namespace llmd::endpoints
