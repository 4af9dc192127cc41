// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <ctime>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/text.h"
#include "cli/inspect_commands.h"
#include "cluster/local/state_dir.h"
#include "endpoints/endpoints_file.h"
#include "endpoints/http_fetch.h"
#include "endpoints/scrape.h"
#include "net/event_loop.h"

namespace llmd::cli {
namespace {

using cluster::ClusterState;
using cluster::ReplicaState;
using endpoints::Scrape;

constexpr int kOk = 200;

struct StatusOptions {
  std::string name = "default";
  std::string output = "table";
};

/// The engines' figures by replica name; those that do not answer in time are missing.
std::map<std::string, Scrape> read_loads(const ClusterState& state) {
  net::EventLoop loop;
  endpoints::HttpFetch fetch(loop);
  std::map<std::string, Scrape> loads;
  size_t waiting = 0;
  for (const ReplicaState& replica : state.replicas) {
    const auto spec = endpoints::endpoint_from_url(replica.url);
    const auto address = spec ? net::Address::parse(spec->address, spec->port) : spec.error();
    if (!address || replica.role == "gateway") continue;
    ++waiting;
    fetch.get(*address, "/metrics",
              [&, name = replica.name](const Result<endpoints::Reply>& reply) {
                if (reply && reply->status == kOk) {
                  loads[name] = endpoints::parse_metrics(reply->body, endpoints::kDefaultEngine);
                }
                if (--waiting == 0) loop.stop();
              });
  }
  if (waiting > 0) loop.run();
  return loads;
}

std::string age(int64_t since_s) {
  const int64_t seconds = std::max<int64_t>(std::time(nullptr) - since_s, 0);
  if (seconds < 120) return fmt::format("{}s", seconds);
  if (seconds < 2 * 3600) return fmt::format("{}m", seconds / 60);
  if (seconds < 48 * 3600) return fmt::format("{}h", seconds / 3600);
  return fmt::format("{}d", seconds / 86400);
}

using Row = std::vector<std::string>;

Row row_of(const ReplicaState& replica, const std::map<std::string, Scrape>& loads) {
  Row row = {replica.role,
             replica.name,
             replica.pid == 0 ? "-" : std::to_string(replica.pid),
             replica.state,
             replica.url.empty() ? "-" : replica.url,
             std::to_string(replica.restarts),
             age(replica.started_at_s)};
  const auto load = loads.find(replica.name);
  if (load == loads.end()) {
    row.insert(row.end(), {"-", "-", "-"});
  } else {
    row.push_back(fmt::format("{:.0f}", load->second.running));
    row.push_back(fmt::format("{:.0f}", load->second.waiting));
    row.push_back(fmt::format("{:.0f}%", load->second.kv_usage * 100));
  }
  return row;
}

/// Columns as wide as their widest cell, two spaces between.
std::string print_table(const std::vector<Row>& rows) {
  std::vector<size_t> widths(rows.front().size());
  for (const Row& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  for (const Row& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) line += fmt::format("{:<{}}  ", row[i], widths[i]);
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

void print_table(const ClusterState& state, const std::map<std::string, Scrape>& loads) {
  std::vector<Row> rows = {
      {"ROLE", "NAME", "PID", "STATE", "URL", "RESTARTS", "AGE", "RUN", "WAIT", "KV"}};
  for (const ReplicaState& replica : state.replicas) rows.push_back(row_of(replica, loads));
  fmt::print("{} {} at {}, up for {}\n\n{}", state.name, state.ready ? "ready" : "starting",
             state.url, age(state.started_at_s), print_table(rows));
}

void print_json(const ClusterState& state, const std::map<std::string, Scrape>& loads) {
  nlohmann::ordered_json replicas = nlohmann::ordered_json::array();
  for (const ReplicaState& replica : state.replicas) {
    nlohmann::ordered_json entry = {{"role", replica.role},
                                    {"name", replica.name},
                                    {"pid", replica.pid},
                                    {"state", replica.state},
                                    {"url", replica.url},
                                    {"restarts", replica.restarts},
                                    {"started_at", replica.started_at_s},
                                    {"log", replica.log}};
    if (const auto load = loads.find(replica.name); load != loads.end()) {
      entry["running"] = load->second.running;
      entry["waiting"] = load->second.waiting;
      entry["kv_cache_usage"] = load->second.kv_usage;
    }
    replicas.push_back(std::move(entry));
  }
  const nlohmann::ordered_json root = {{"name", state.name},
                                       {"pid", state.pid},
                                       {"url", state.url},
                                       {"ready", state.ready},
                                       {"started_at", state.started_at_s},
                                       {"replicas", std::move(replicas)}};
  fmt::print("{}\n", root.dump(2));
}

Result<void> status(const StatusOptions& options) {
  LLMD_ASSIGN_OR_RETURN(const auto dir, cluster::StateDir::open(options.name));
  if (!dir.is_locked()) {
    return not_found(fmt::format("no cluster named \"{}\" runs; llmd up starts one", options.name));
  }
  LLMD_ASSIGN_OR_RETURN(const ClusterState state, dir.read_state());
  const auto loads = read_loads(state);
  if (options.output == "json") {
    print_json(state, loads);
  } else {
    print_table(state, loads);
  }
  return {};
}

}  // namespace

void add_status_command(CLI::App& app, int& exit_code) {
  const auto options = std::make_shared<StatusOptions>();
  CLI::App* command = app.add_subcommand("status", "Shows a cluster that llmd up runs");
  command->add_option("--name", options->name, "Name of the cluster")->capture_default_str();
  command->add_option("-o,--output", options->output, "table or json")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
  command->footer("Examples:\n  llmd status\n  llmd status --name other -o json");
  command->callback([options, &exit_code] {
    const auto done = status(*options);
    if (!done) fmt::print(stderr, "llmd: {}\n", done.error().message);
    exit_code = done.ok() ? 0 : 1;
  });
}

}  // namespace llmd::cli
