// SPDX-License-Identifier: Apache-2.0
// The llmd command: one binary, one subcommand for each role.
#include <CLI/CLI.hpp>

#include "cli/engine_command.h"

int main(int argc, char** argv) {
  CLI::App app("llmd serves large language models from many engines as if they were one.", "llmd");
  app.set_version_flag("--version", LLMD_VERSION);
  app.require_subcommand(1);
  int exit_code = 0;
  llmd::cli::add_engine_command(app, exit_code);
  CLI11_PARSE(app, argc, argv);
  return exit_code;
}
