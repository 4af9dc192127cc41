// SPDX-License-Identifier: Apache-2.0
// The flags of a load test, for `llmd bench` and `llmd bench compare`.
#pragma once

#include <string>

#include "base/result.h"
#include "bench/config/flags.h"
#include "bench/in_virtual_time/runner.h"

namespace CLI {
class App;
}

namespace llmd::cli {

struct BenchInput {
  std::string config_file;  ///< empty: flags alone
  bench::BenchFlags flags;
  bool is_virtual = false;
  bench::VirtualBenchOptions virtual_options;  ///< if so
};

/// `input` outlives `command`.
void add_bench_flags(CLI::App& command, BenchInput& input);

/// The file as changed by the flags.
Result<bench::BenchConfig> read_bench_config(const BenchInput& input);

}  // namespace llmd::cli
