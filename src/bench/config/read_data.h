// SPDX-License-Identifier: Apache-2.0
// The parts of the configuration that describe workload and load.
#pragma once

#include "bench/config/bench_config.h"
#include "resources/fields.h"

namespace llmd::bench {

Result<Duration> read_seconds(resources::Fields& fields, std::string_view key, Duration fallback);
/// Seconds with a fraction.
Duration from_seconds(double seconds);

/// Members of one upstream map that llmd has no use for, and what to do instead.
struct Unsupported {
  std::string_view key;
  std::string_view instead;
};
Result<void> refuse(resources::Fields& fields, std::span<const Unsupported> keys);

/// A member of one upstream map that changes nothing here.
struct NoEffect {
  std::string_view key;
  std::string_view why;
  std::string_view agrees{};  ///< the value that asks for what is done anyway; empty: none does
};
/// Those of `keys` that `fields`, the map called `map`, has and that ask for something else.
void note_unused(resources::Fields& fields, std::string_view map, std::span<const NoEffect> keys,
                 std::vector<Unused>& out);

/// The `data` map.
Result<WorkloadKind> read_data(resources::Fields fields, std::vector<Unused>& unused);
/// A `trace` map, of `data` or `load`.
Result<TraceOptions> read_trace(resources::Fields fields, double& speed);
/// The `load` map; it may add the trace that `data` did not name.
Result<void> read_load(resources::Fields fields, BenchConfig& config);

}  // namespace llmd::bench
