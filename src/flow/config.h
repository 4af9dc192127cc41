// SPDX-License-Identifier: Apache-2.0
// What the `flowControl:` map of an EndpointPickerConfig says, and the plugins it names.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "flow/fairness.h"
#include "flow/ordering.h"
#include "flow/saturation.h"
#include "flow/usage_limit.h"
#include "resources/fields.h"
#include "resources/plugin_spec.h"

namespace llmd::flow {

inline constexpr uint64_t kUnlimited = std::numeric_limits<uint64_t>::max();

/// Bounds and policies of the requests of one priority.
struct BandConfig {
  uint64_t bytes_max = 1'000'000'000;
  uint64_t requests_max = 5000;
  std::shared_ptr<FairnessPolicy> fairness;
  OrderingPolicy ordering{fcfs_ordering};
  std::string fairness_name;  ///< of the plugins, for people
  std::string ordering_name;
};

struct Config {
  /// Of all bands together.
  uint64_t bytes_max = kUnlimited;
  uint64_t requests_max = kUnlimited;
  /// How long a request waits for capacity, and for an endpoint to be there; 0: as long as it
  /// takes.
  Duration request_ttl = std::chrono::seconds(60);
  Duration no_endpoint_ttl = std::chrono::seconds(60);

  BandConfig default_band;           ///< of priorities from 0 on without a band of their own
  BandConfig default_negative_band;  ///< of priorities below 0 likewise
  std::map<int32_t, BandConfig> bands;

  std::shared_ptr<UsageLimitPolicy> usage_limit;
  std::shared_ptr<SaturationDetector> detector;
  std::string usage_limit_name;  ///< of the plugins, for people
  std::string detector_name;
  bool evicts_running = false;
};

/// The types of plugins that are flow control's. Two of them only name what enableEviction does.
std::span<const std::string_view> plugin_types();

/// Whether `spec`, of one of these types, has good parameters. `file` names the document in errors.
Result<void> check_plugin(const resources::PluginSpec& spec, const std::string& file);

/// Reads all of `flow_control`, which may be an empty map. A reference is a plugin's name in
/// `plugins`, or a type, which then stands for one without parameters. Each call makes plugins of
/// its own.
Result<Config> parse_config(resources::Fields& flow_control,
                            std::span<const resources::PluginSpec> plugins);

}  // namespace llmd::flow
