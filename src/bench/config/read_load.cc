// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include "bench/config/read_data.h"

namespace llmd::bench {
namespace {

using resources::Fields;
using resources::YamlNode;

constexpr double kRateMax = 1e6;
constexpr uint32_t kRequestsMax = 1'000'000'000;
constexpr uint32_t kConcurrencyMax = 1'000'000;
constexpr size_t kStagesMax = 1000;
constexpr size_t kTenantsMax = 1000;

constexpr Unsupported kUnsupportedLoad[] = {
    {"circuit_breakers", "Ctrl-C ends a run early and keeps what it has"},
    {"lora_traffic_split", "run once for each adapter, with server.model_name"},
    {"request_retries", "every failure is counted; leave it out"},
    {"request_retry_backoff_sec", "every failure is counted; leave it out"},
};
constexpr std::string_view kNoWorkers =
    "there are no workers: one event loop opens as many connections as the load needs";
constexpr NoEffect kUnusedLoad[] = {{"num_workers", kNoWorkers},
                                    {"worker_max_concurrency", kNoWorkers},
                                    {"worker_max_tcp_connections", kNoWorkers}};

Result<LoadKind> kind_of(Fields& fields) {
  LLMD_ASSIGN_OR_RETURN(const std::string type, fields.text("type", "constant"));
  if (type == "constant") return LoadKind::kConstant;
  if (type == "poisson") return LoadKind::kPoisson;
  if (type == "concurrent") return LoadKind::kConcurrent;
  if (type == "trace_replay") return LoadKind::kTrace;
  return fields.error("type", fmt::format("{} is not supported; use constant, poisson, concurrent "
                                          "or trace_replay",
                                          type));
}

Result<Stage> read_stage(const YamlNode& node, LoadKind kind, const std::string& file) {
  LLMD_ASSIGN_OR_RETURN(Fields fields, Fields::of(node, "load.stages", file));
  Stage stage{.kind = kind};
  LLMD_ASSIGN_OR_RETURN(stage.warm_up, fields.boolean("warm_up", false));
  LLMD_ASSIGN_OR_RETURN(stage.duration, read_seconds(fields, "duration", {}));
  if (kind == LoadKind::kConcurrent) {
    LLMD_ASSIGN_OR_RETURN(stage.requests, fields.number("num_requests", 0, kRequestsMax));
    LLMD_ASSIGN_OR_RETURN(stage.concurrency,
                          fields.number("concurrency_level", 0, kConcurrencyMax));
    if (stage.concurrency == 0) return fields.error("concurrency_level", "must be at least 1");
    if (stage.requests == 0 && stage.duration == Duration(0)) {
      return fields.error("num_requests", "must be at least 1, or give duration");
    }
  } else {
    LLMD_ASSIGN_OR_RETURN(stage.rate, fields.decimal("rate", 0, kRateMax));
    if (stage.rate <= 0) return fields.error("rate", "must be above 0");
    if (stage.duration == Duration(0)) return fields.error("duration", "must be above 0");
  }
  LLMD_RETURN_IF_ERROR(fields.done());
  return stage;
}

Result<std::vector<Stage>> read_stages(Fields& fields, LoadKind kind, const std::string& file) {
  std::vector<Stage> stages;
  const YamlNode* list = fields.find("stages");
  if (list == nullptr) return stages;
  if (list->kind != YamlNode::Kind::kSequence || list->items.size() > kStagesMax) {
    return fields.error("stages", fmt::format("must be a list of at most {}", kStagesMax));
  }
  if (kind == LoadKind::kTrace && !list->items.empty()) {
    return fields.error("stages", "a trace has its own times; leave them out");
  }
  for (const YamlNode& item : list->items) {
    LLMD_ASSIGN_OR_RETURN(Stage stage, read_stage(item, kind, file));
    stages.push_back(stage);
  }
  return stages;
}

Result<Sweep> read_sweep(Fields fields, LoadKind kind) {
  Sweep out{.kind = kind};
  LLMD_ASSIGN_OR_RETURN(const std::string type, fields.text("type", "linear"));
  if (type != "linear" && type != "geometric") {
    return fields.error("type", "must be linear or geometric");
  }
  out.geometric = type == "geometric";
  LLMD_ASSIGN_OR_RETURN(out.requests, fields.number("num_requests", 2000, kRequestsMax));
  LLMD_ASSIGN_OR_RETURN(out.timeout, read_seconds(fields, "timeout", out.timeout));
  LLMD_ASSIGN_OR_RETURN(out.stages, fields.number("num_stages", out.stages, kStagesMax));
  LLMD_ASSIGN_OR_RETURN(out.stage_duration,
                        read_seconds(fields, "stage_duration", out.stage_duration));
  LLMD_ASSIGN_OR_RETURN(out.saturation_percentile,
                        fields.decimal("saturation_percentile", out.saturation_percentile, 100));
  if (out.requests == 0) return fields.error("num_requests", "must be at least 1");
  if (out.timeout == Duration(0)) return fields.error("timeout", "must be above 0");
  if (out.stages == 0) return fields.error("num_stages", "must be at least 1");
  if (out.stage_duration == Duration(0)) return fields.error("stage_duration", "must be above 0");
  LLMD_RETURN_IF_ERROR(fields.done());
  return out;
}

Result<std::vector<Tenant>> read_tenants(Fields& fields, const std::string& file) {
  std::vector<Tenant> out;
  const YamlNode* list = fields.find("tenants");
  if (list == nullptr) return out;
  if (list->kind != YamlNode::Kind::kSequence || list->items.size() > kTenantsMax) {
    return fields.error("tenants", fmt::format("must be a list of at most {}", kTenantsMax));
  }
  for (const YamlNode& item : list->items) {
    LLMD_ASSIGN_OR_RETURN(Fields entry, Fields::of(item, "load.tenants", file));
    Tenant tenant;
    LLMD_RETURN_IF_ERROR(entry.require("name"));
    LLMD_ASSIGN_OR_RETURN(tenant.name, entry.text("name", ""));
    LLMD_ASSIGN_OR_RETURN(tenant.weight, entry.decimal("weight", 1, kRateMax));
    LLMD_ASSIGN_OR_RETURN(tenant.objective, entry.text("objective", ""));
    if (tenant.weight <= 0) return entry.error("weight", "must be above 0");
    LLMD_RETURN_IF_ERROR(entry.done());
    out.push_back(std::move(tenant));
  }
  return out;
}

/// The trace whose times are replayed is the one whose lengths are sent.
Result<void> read_trace_times(Fields& fields, BenchConfig& config) {
  Stage stage{.kind = LoadKind::kTrace};
  if (fields.find("trace") != nullptr) {
    LLMD_ASSIGN_OR_RETURN(auto map, fields.map("trace"));
    LLMD_ASSIGN_OR_RETURN(TraceOptions trace, read_trace(std::move(map), stage.speed));
    const auto* data = std::get_if<TraceOptions>(&config.data);
    if (data != nullptr && data->path != trace.path) {
      return fields.error("trace", "must be the file of data.trace, whose requests it sends");
    }
    if (data == nullptr) config.data = std::move(trace);
  }
  if (!std::holds_alternative<TraceOptions>(config.data)) {
    return fields.error("type", "trace_replay needs a trace");
  }
  config.load.stages = {stage};
  return {};
}

}  // namespace

Result<void> read_load(Fields fields, BenchConfig& config) {
  LoadOptions& out = config.load;
  const std::string& file = fields.file();
  LLMD_RETURN_IF_ERROR(refuse(fields, kUnsupportedLoad));
  note_unused(fields, "load", kUnusedLoad, config.unused);
  LLMD_ASSIGN_OR_RETURN(const LoadKind kind, kind_of(fields));
  LLMD_ASSIGN_OR_RETURN(out.interval, read_seconds(fields, "interval", out.interval));
  LLMD_ASSIGN_OR_RETURN(out.grace, read_seconds(fields, "stage_teardown_grace_seconds", out.grace));
  LLMD_ASSIGN_OR_RETURN(config.request_timeout,
                        read_seconds(fields, "request_timeout", config.request_timeout));
  LLMD_ASSIGN_OR_RETURN(config.stall_timeout,
                        read_seconds(fields, "stall_timeout", config.stall_timeout));
  LLMD_ASSIGN_OR_RETURN(out.seed, fields.number("base_seed", 0, UINT32_MAX));
  LLMD_ASSIGN_OR_RETURN(out.stages, read_stages(fields, kind, file));
  LLMD_ASSIGN_OR_RETURN(out.tenants, read_tenants(fields, file));
  if (fields.find("sweep") != nullptr) {
    if (kind == LoadKind::kConcurrent || kind == LoadKind::kTrace) {
      return fields.error("sweep", "needs type constant or poisson");
    }
    if (!out.stages.empty()) return fields.error("sweep", "makes the stages; leave them out");
    LLMD_ASSIGN_OR_RETURN(auto map, fields.map("sweep"));
    LLMD_ASSIGN_OR_RETURN(out.sweep, read_sweep(std::move(map), kind));
  }
  if (kind == LoadKind::kTrace) {
    LLMD_RETURN_IF_ERROR(read_trace_times(fields, config));
  }
  return fields.done();
}

}  // namespace llmd::bench
