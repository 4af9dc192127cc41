// SPDX-License-Identifier: Apache-2.0
// `llmd bench` and `llmd bench compare`.
#pragma once

namespace CLI {
class App;
}

namespace llmd::cli {

/// Adds the subcommand. When it was asked for, it runs to its end or until it is interrupted and
/// leaves the process' status in `exit_code`, which outlives `app`.
void add_bench_command(CLI::App& app, int& exit_code);

}  // namespace llmd::cli
