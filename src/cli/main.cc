// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>
#include <vector>

#include "base/text.h"
#include "cli/bench_command.h"
#include "cli/check_command.h"
#include "cli/engine_command.h"
#include "cli/explain_command.h"
#include "cli/gateway_command.h"
#include "cli/inspect_commands.h"
#include "cli/up_command.h"

namespace {

constexpr const char* kExamples = R"(Examples:
  llmd up                       two engines with the default model behind a gateway on port 8080
  llmd up -f service.yaml       what the file says
  llmd up --detach && llmd status && llmd down
  llmd engine --model DIR       one engine alone
  llmd check service.yaml       what a file will do, or what is wrong with it
  llmd explain --endpoint URL request.json   which engine a request would go to, and why

"llmd COMMAND --help" tells more about each.)";

/// What may stand where the unexpected word does: the subcommands, or the flags of the one given.
std::vector<std::string> expected_words(const CLI::App& app) {
  std::vector<std::string> words;
  for (const CLI::App* subcommand : app.get_subcommands({})) {
    words.push_back(subcommand->get_name());
  }
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) words.push_back("--" + name);
  }
  return words;
}

/// CLI11 says only that a word was not expected; say which was probably meant.
int explain_unexpected(const CLI::App& app) {
  const CLI::App* command = &app;
  for (const CLI::App* chosen : app.get_subcommands()) command = chosen;
  for (const std::string& word : app.remaining(true)) {
    const std::string name = word.substr(0, word.find('='));
    const auto nearest = llmd::nearest_word(name, expected_words(*command));
    fmt::print(stderr, "llmd: there is no {}{}\n", name,
               nearest ? fmt::format("; did you mean {}?", *nearest) : "");
  }
  fmt::print(stderr, "Run llmd {}--help for what there is.\n",
             command == &app ? "" : command->get_name() + " ");
  return 2;
}

int run(int argc, char** argv) {
  CLI::App app("Serves large language models from many engines as if they were one.", "llmd");
  app.set_version_flag("--version", "llmd " LLMD_VERSION);
  app.footer(kExamples);
  int exit_code = 0;
  llmd::cli::add_up_command(app, exit_code);
  llmd::cli::add_status_command(app, exit_code);
  llmd::cli::add_down_command(app, exit_code);
  llmd::cli::add_check_command(app, exit_code);
  llmd::cli::add_explain_command(app, exit_code);
  llmd::cli::add_gateway_command(app, exit_code);
  llmd::cli::add_engine_command(app, exit_code);
  llmd::cli::add_bench_command(app, exit_code);
  app.require_subcommand(1);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ExtrasError&) {
    return explain_unexpected(app);
  } catch (const CLI::RequiredError& error) {
    if (!app.remaining(true).empty()) return explain_unexpected(app);
    return app.exit(error);
  } catch (const CLI::ParseError& error) {
    return app.exit(error);
  }
  return exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "llmd: %s\n", error.what());
    return 1;
  }
}
