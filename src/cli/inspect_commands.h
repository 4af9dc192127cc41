// SPDX-License-Identifier: Apache-2.0
// `llmd status` and `llmd down`: what looks at a running cluster from outside.
#pragma once

namespace CLI {
class App;
}

namespace llmd::cli {

/// Prints a cluster's processes and their load as a table or JSON.
void add_status_command(CLI::App& app, int& exit_code);
/// Stops a cluster and waits until it has ended.
void add_down_command(CLI::App& app, int& exit_code);

}  // namespace llmd::cli
