// SPDX-License-Identifier: Apache-2.0
#include "cli/explain_command.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/text.h"
#include "endpoints/endpoints_file.h"
#include "http/server.h"
#include "inspect/explain.h"
#include "inspect/poll_once.h"
#include "request/routing_config.h"
#include "resources/objects.h"

namespace llmd::cli {
namespace {

constexpr const char* kExamples = R"(Examples:
  llmd explain --endpoint http://127.0.0.1:8000 --endpoint http://127.0.0.1:8001 request.json
  llmd explain --endpoints endpoints.yaml -f scheduling.yaml \
      --header 'x-llm-d-inference-objective: batch' - < request.json

Asks every engine once for its health, models and load, then places the request as a gateway just
started would, and shows what each engine scored. Nothing is sent to be computed. What a running
gateway has learned (which prefixes are cached where, requests in flight, rates) is not known here:
llmd gateway --emit-endpoint-scores says in every response how its engine was chosen.)";

struct ExplainOptions {
  std::string endpoints_file;
  std::vector<std::string> urls;
  std::vector<std::string> object_files;
  std::vector<std::string> headers;
  std::string body_file;
};

Result<std::vector<endpoints::EndpointSpec>> specs_of(const ExplainOptions& options) {
  if (options.endpoints_file.empty()) return endpoints::endpoints_from_urls(options.urls);
  LLMD_ASSIGN_OR_RETURN(const std::string text,
                        read_file(options.endpoints_file, endpoints::kEndpointsFileBytesMax));
  return endpoints::parse_endpoints(text, options.endpoints_file);
}

/// Views into `lines`.
Result<std::vector<http::Header>> headers_of(const std::vector<std::string>& lines) {
  std::vector<http::Header> headers;
  for (const std::string_view line : lines) {
    const size_t colon = line.find(':');
    if (colon == 0 || colon == std::string_view::npos) {
      return invalid_argument(fmt::format("\"{}\" is no header such as 'Name: value'", line));
    }
    headers.push_back({line.substr(0, colon), trim(line.substr(colon + 1))});
  }
  return headers;
}

Result<std::string> explain(const ExplainOptions& options) {
  LLMD_ASSIGN_OR_RETURN(auto specs, specs_of(options));
  LLMD_ASSIGN_OR_RETURN(auto objects, resources::load_objects(options.object_files));
  LLMD_ASSIGN_OR_RETURN(const auto routing, request::plan_routing(std::move(objects)));
  LLMD_ASSIGN_OR_RETURN(const auto headers, headers_of(options.headers));
  const size_t bytes_max = http::ServerOptions().body_bytes_max;
  LLMD_ASSIGN_OR_RETURN(const std::string body, options.body_file == "-"
                                                    ? read_stdin(bytes_max)
                                                    : read_file(options.body_file, bytes_max));
  const SteadyClock clock;
  endpoints::Pool pool;
  pool.update(std::move(specs));
  return inspect::explain(
      pool, clock, routing, headers, body,
      [&](const endpoints::NamesOf& names_of) { inspect::poll_once(pool, clock, names_of); });
}

}  // namespace

void add_explain_command(CLI::App& app, int& exit_code) {
  const auto options = std::make_shared<ExplainOptions>();
  CLI::App* command = app.add_subcommand("explain", "Shows how one request would be placed");
  command->footer(kExamples);
  command->add_option("BODY", options->body_file, "The request's JSON; - reads it from stdin")
      ->required();
  command->add_option("-f,--file", options->object_files, "YAML file of objects; repeatable")
      ->allow_extra_args(false);
  command->add_option("--header", options->headers, "A header of the request; repeatable")
      ->allow_extra_args(false);
  auto* source = command->add_option_group("endpoints", "Where the engines are");
  source->add_option("--endpoints", options->endpoints_file, "File that lists the engines");
  source->add_option("--endpoint", options->urls, "An engine's http://HOST:PORT; repeatable")
      ->allow_extra_args(false);
  source->require_option(1);
  command->callback([options, &exit_code] {
    log::configure("explain", log::Level::kWarn);
    const auto text = explain(*options);
    fmt::print(text ? stdout : stderr, "{}\n", text ? *text : "llmd: " + text.error().message);
    exit_code = text ? 0 : 1;
  });
}

}  // namespace llmd::cli
