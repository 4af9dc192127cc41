// SPDX-License-Identifier: Apache-2.0
#include "cli/gateway_command.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "gateway/gateway_process.h"

namespace llmd::cli {
namespace {

using gateway::GatewayProcessOptions;

constexpr const char* kExamples = R"(Examples:
  llmd gateway --endpoint http://127.0.0.1:8000 --endpoint http://127.0.0.1:8001
  llmd gateway --port 0 --endpoints endpoints.yaml -f scheduling.yaml

Prints "llmd ready gateway http://HOST:PORT" on stdout when it listens; /ready answers 200 once an
engine can serve. SIGTERM lets the running requests end; a second one does not wait.)";

void add_seconds(CLI::App& command, const char* flag, Duration& to, const char* help) {
  command
      .add_option_function<double>(
          flag,
          [&to](double seconds) {
            to = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
          },
          help)
      ->check(CLI::Range(0.001, 86400.0))
      ->default_str(fmt::format("{:g}", to_seconds(to)));
}

void add_endpoint_flags(CLI::App& command, GatewayProcessOptions& options) {
  command.add_option("--host", options.host, "Address to listen on")->capture_default_str();
  command.add_option("--port", options.port, "Port to listen on; 0 takes a free one")
      ->capture_default_str();
  command
      .add_option("-f,--file", options.object_files,
                  "YAML file of objects that say how requests are treated (EndpointPickerConfig, "
                  "InferenceObjective, InferenceModelRewrite, ModelService); repeatable; followed "
                  "while it changes")
      ->check(CLI::ExistingFile);
  command.add_flag("--emit-endpoint-scores", options.gateway.router.emits_endpoint_scores,
                   "Responses say how their engine was chosen");
  command.add_flag("--trusted", options.gateway.is_trusted,
                   "Clients are proxies of yours: headers that steer requests are believed, and "
                   "responses say which engine served them");
  auto* source = command.add_option_group(
      "endpoints", "Where the engines are; unless a -f FILE says so (dataLayer.discovery)");
  source->add_option("--endpoints", options.endpoints_file,
                     "File that lists the engines; followed while it changes");
  source->add_option("--endpoint", options.endpoint_urls, "An engine's http://HOST:PORT");
  source->require_option(0, 1);
}

void add_limit_flags(CLI::App& command, GatewayProcessOptions& options) {
  http::ServerOptions& server = options.gateway.server;
  command.add_option("--max-body-bytes", server.body_bytes_max, "Longer bodies are answered 413")
      ->check(CLI::Range(uint64_t{1}, uint64_t{1} << 40U))
      ->capture_default_str();
  command.add_option("--max-head-bytes", server.head_bytes_max, "Longer heads are answered 431")
      ->check(CLI::Range(uint64_t{256}, uint64_t{1} << 24U))
      ->capture_default_str();
  command.add_option("--max-connections", server.connections_max, "More are closed at once")
      ->check(CLI::Range(uint64_t{1}, uint64_t{1} << 24U))
      ->capture_default_str();
  command
      .add_option("--max-attempts", options.gateway.router.attempts_max,
                  "Engines tried for one request before its first byte")
      ->check(CLI::Range(1U, 100U))
      ->capture_default_str();
}

void add_timeout_flags(CLI::App& command, GatewayProcessOptions& options) {
  http::ServerOptions& server = options.gateway.server;
  http::ClientOptions& client = options.gateway.client;
  add_seconds(command, "--head-timeout", server.head_timeout,
              "Seconds a client may take for a request's head, else 408");
  add_seconds(command, "--body-timeout", server.body_timeout,
              "Seconds between two pieces of a request's body, else 408");
  add_seconds(command, "--idle-timeout", server.idle_timeout,
              "Seconds a connection may wait for its next request");
  add_seconds(command, "--write-timeout", server.write_timeout,
              "Seconds a client may take no byte of its answer");
  add_seconds(command, "--connect-timeout", client.connect_timeout,
              "Seconds until an engine must have accepted a connection");
  add_seconds(command, "--first-byte-timeout", client.first_byte_timeout,
              "Seconds until an engine must have begun its answer");
  add_seconds(command, "--read-timeout", client.read_timeout,
              "Seconds an engine may pause within its answer");
  add_seconds(command, "--drain-timeout", options.drain_timeout,
              "Seconds that running requests have to end after SIGTERM");
}

}  // namespace

void add_gateway_command(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("gateway", "Serve many engines as one");
  command->footer(kExamples);
  auto options = std::make_shared<GatewayProcessOptions>();
  add_endpoint_flags(*command, *options);
  add_limit_flags(*command, *options);
  add_timeout_flags(*command, *options);
  command->callback([options, &exit_code] {
    options->gateway.router.echoes_destination = options->gateway.is_trusted;
    const Result<void> result = gateway::run_gateway(*options);
    if (result) return;
    fmt::print(stderr, "llmd gateway: {}\n", result.error().message);
    exit_code = 1;
  });
}

}  // namespace llmd::cli
