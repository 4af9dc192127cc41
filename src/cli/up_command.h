// SPDX-License-Identifier: Apache-2.0
// `llmd up`.
#pragma once

namespace CLI {
class App;
}

namespace llmd::cli {

/// Adds the subcommand. When it was asked for, it runs a cluster until it is told to stop, or, with
/// --detach, until that cluster is ready, and leaves the process' status in `exit_code`.
void add_up_command(CLI::App& app, int& exit_code);

}  // namespace llmd::cli
