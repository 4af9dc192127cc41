// SPDX-License-Identifier: Apache-2.0
// `llmd explain`.
#pragma once

namespace CLI {
class App;
}

namespace llmd::cli {

/// Adds the subcommand. When it was asked for, it prints how one request would be placed and leaves
/// the process' status in `exit_code`.
void add_explain_command(CLI::App& app, int& exit_code);

}  // namespace llmd::cli
