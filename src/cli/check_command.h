// SPDX-License-Identifier: Apache-2.0
// `llmd check`.
#pragma once

namespace CLI {
class App;
}

namespace llmd::cli {

/// Adds the subcommand. When it was asked for, it checks files and leaves the process' status in
/// `exit_code`: 1 if one of them has an error.
void add_check_command(CLI::App& app, int& exit_code);

}  // namespace llmd::cli
