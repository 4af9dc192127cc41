// SPDX-License-Identifier: Apache-2.0
// `llmd gateway`.
#pragma once

namespace CLI {
class App;
}

namespace llmd::cli {

/// Adds the subcommand. When it was asked for, it serves until it is told to stop and leaves the
/// process' status in `exit_code`, which outlives `app`.
void add_gateway_command(CLI::App& app, int& exit_code);

}  // namespace llmd::cli
