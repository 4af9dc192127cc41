// SPDX-License-Identifier: Apache-2.0
#include "bench/config/bench_config.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/text.h"
#include "bench/config/read_data.h"
#include "resources/yaml.h"

namespace llmd::bench {
namespace {

using resources::Fields;

constexpr Unsupported kUnsupportedRoot[] = {
    {"circuit_breakers", "Ctrl-C ends a run early and keeps what it has"},
};
constexpr Unsupported kUnsupportedApi[] = {
    {"response_format", "answers are as the model gives them"},
    {"session_token_header_key", "session_id_header_key is sent"},
};
constexpr Unsupported kUnsupportedServer[] = {
    {"cert_path", "the target must speak plain HTTP"},
    {"key_path", "the target must speak plain HTTP"},
};
constexpr Unsupported kUnsupportedStorage[] = {
    {"google_cloud_storage", "use local_storage"},
    {"simple_storage_service", "use local_storage"},
};
constexpr Unsupported kUnsupportedMetrics[] = {
    {"prometheus", "llmd reads the engines' own pages: metrics.urls, or --metrics URL"},
};
constexpr std::string_view kAlwaysWritten = "it is written always";
constexpr std::string_view kNotPerAdapter = "nothing is counted per adapter";
constexpr NoEffect kUnusedLifecycle[] = {
    {"summary", kAlwaysWritten, "true"},
    {"per_stage", kAlwaysWritten, "true"},
    {"per_adapter", kNotPerAdapter, "false"},
    {"per_adapter_stage", kNotPerAdapter, "false"},
    {"use_server_output_tokens", "tokens are counted as the server does", "true"},
    {"max_error_messages", "each kind of error keeps 20 messages", "20"},
    {"metrics_only", "texts are in no file", "true"},
};
constexpr NoEffect kUnusedReport[] = {
    {"prometheus", "what the engines' pages say is in report.html"},
    {"session_lifecycle", "nothing is counted per session"},
};
constexpr NoEffect kUnusedTokenizer[] = {
    {"trust_remote_code", "no code of a model is run", "false"},
    {"token", "nothing is downloaded"},
};

Result<void> read_api(Fields fields, ApiOptions& out) {
  LLMD_RETURN_IF_ERROR(refuse(fields, kUnsupportedApi));
  LLMD_ASSIGN_OR_RETURN(const std::string type, fields.text("type", "completion"));
  if (type != "completion" && type != "chat") {
    return fields.error("type", "must be completion or chat");
  }
  out.type = type == "chat" ? Api::kChat : Api::kCompletion;
  LLMD_ASSIGN_OR_RETURN(out.streaming, fields.boolean("streaming", false));
  LLMD_ASSIGN_OR_RETURN(out.headers, fields.text_map("headers"));
  LLMD_ASSIGN_OR_RETURN(out.slo_unit, fields.text("slo_unit", out.slo_unit));
  if (out.slo_unit != "s" && out.slo_unit != "ms" && out.slo_unit != "us") {
    return fields.error("slo_unit", "must be s, ms or us");
  }
  LLMD_ASSIGN_OR_RETURN(out.slo_ttft_header, fields.text("slo_ttft_header", ""));
  LLMD_ASSIGN_OR_RETURN(out.slo_tpot_header, fields.text("slo_tpot_header", ""));
  LLMD_ASSIGN_OR_RETURN(out.session_id_header, fields.text("session_id_header_key", ""));
  return fields.done();
}

Result<void> read_server(Fields fields, ServerOptions& out) {
  LLMD_RETURN_IF_ERROR(refuse(fields, kUnsupportedServer));
  LLMD_ASSIGN_OR_RETURN(const std::string type, fields.text("type", "vllm"));
  if (type != "vllm" && type != "sglang") return fields.error("type", "must be vllm or sglang");
  out.is_sglang = type == "sglang";
  LLMD_ASSIGN_OR_RETURN(out.base_url, fields.text("base_url", ""));
  LLMD_ASSIGN_OR_RETURN(out.model_name, fields.text("model_name", ""));
  LLMD_ASSIGN_OR_RETURN(out.api_key, fields.text("api_key", ""));
  LLMD_ASSIGN_OR_RETURN(out.ignore_eos, fields.boolean("ignore_eos", out.ignore_eos));
  return fields.done();
}

Result<void> read_percentiles(Fields& fields, std::vector<double>& out) {
  if (fields.find("percentiles") == nullptr) return {};
  LLMD_ASSIGN_OR_RETURN(const auto texts, fields.texts("percentiles"));
  out.clear();
  for (const std::string& text : texts) {
    const auto value = parse_decimal(text);
    if (!value || *value < 0 || *value > 100) {
      return fields.error("percentiles", "must hold numbers from 0 to 100");
    }
    // Each is a key of the result files: those that read alike are one.
    const auto same = [&](double other) {
      return fmt::format("{:g}", other) == fmt::format("{:g}", *value);
    };
    if (std::none_of(out.begin(), out.end(), same)) out.push_back(*value);
  }
  return {};
}

Result<void> read_lifecycle(Fields fields, BenchConfig& config) {
  ReportOptions& out = config.report;
  LLMD_ASSIGN_OR_RETURN(out.per_request, fields.boolean("per_request", out.per_request));
  LLMD_RETURN_IF_ERROR(read_percentiles(fields, out.percentiles));
  note_unused(fields, "report.request_lifecycle", kUnusedLifecycle, config.unused);
  return fields.done();
}

Result<void> read_goodput(Fields fields, Slo& out) {
  constexpr double kSecondsMax = 1e6;
  LLMD_ASSIGN_OR_RETURN(auto bounds, fields.map("constraints"));
  LLMD_ASSIGN_OR_RETURN(out.ttft_s, bounds.decimal("ttft", 0, kSecondsMax));
  LLMD_ASSIGN_OR_RETURN(out.tpot_s, bounds.decimal("tpot", 0, kSecondsMax));
  LLMD_ASSIGN_OR_RETURN(out.itl_s, bounds.decimal("itl", 0, kSecondsMax));
  LLMD_ASSIGN_OR_RETURN(out.ntpot_s, bounds.decimal("ntpot", 0, kSecondsMax));
  LLMD_ASSIGN_OR_RETURN(out.e2e_s, bounds.decimal("request_latency", 0, kSecondsMax));
  LLMD_RETURN_IF_ERROR(bounds.done());
  return fields.done();
}

Result<void> read_report(Fields fields, BenchConfig& config) {
  LLMD_ASSIGN_OR_RETURN(auto lifecycle, fields.map("request_lifecycle"));
  LLMD_RETURN_IF_ERROR(read_lifecycle(std::move(lifecycle), config));
  LLMD_ASSIGN_OR_RETURN(auto goodput, fields.map("goodput"));
  LLMD_RETURN_IF_ERROR(read_goodput(std::move(goodput), config.report.slo));
  note_unused(fields, "report", kUnusedReport, config.unused);
  return fields.done();
}

Result<void> read_storage(Fields fields, BenchConfig& out) {
  LLMD_RETURN_IF_ERROR(refuse(fields, kUnsupportedStorage));
  LLMD_ASSIGN_OR_RETURN(auto local, fields.map("local_storage"));
  LLMD_ASSIGN_OR_RETURN(out.storage_path, local.text("path", ""));
  LLMD_ASSIGN_OR_RETURN(out.file_prefix, local.text("report_file_prefix", ""));
  LLMD_RETURN_IF_ERROR(local.done());
  return fields.done();
}

Result<void> read_metrics(Fields fields, MetricsOptions& out) {
  LLMD_RETURN_IF_ERROR(refuse(fields, kUnsupportedMetrics));
  LLMD_ASSIGN_OR_RETURN(const std::string type, fields.text("type", "default"));
  if (type != "default") return fields.error("type", "must be default, or left out");
  LLMD_ASSIGN_OR_RETURN(out.urls, fields.texts("urls"));
  LLMD_ASSIGN_OR_RETURN(out.interval, read_seconds(fields, "scrape_interval", out.interval));
  if (out.interval == Duration(0)) return fields.error("scrape_interval", "must be above 0");
  return fields.done();
}

Result<void> read_tokenizer(Fields fields, BenchConfig& config) {
  LLMD_ASSIGN_OR_RETURN(config.tokenizer, fields.text("pretrained_model_name_or_path", ""));
  note_unused(fields, "tokenizer", kUnusedTokenizer, config.unused);
  return fields.done();
}

Result<BenchConfig> read_root(Fields root) {
  BenchConfig out;
  LLMD_RETURN_IF_ERROR(refuse(root, kUnsupportedRoot));
  LLMD_ASSIGN_OR_RETURN(auto api, root.map("api"));
  LLMD_RETURN_IF_ERROR(read_api(std::move(api), out.api));
  LLMD_ASSIGN_OR_RETURN(auto data, root.map("data"));
  LLMD_ASSIGN_OR_RETURN(out.data, read_data(std::move(data), out.unused));
  LLMD_ASSIGN_OR_RETURN(auto load, root.map("load"));
  LLMD_RETURN_IF_ERROR(read_load(std::move(load), out));
  LLMD_ASSIGN_OR_RETURN(auto server, root.map("server"));
  LLMD_RETURN_IF_ERROR(read_server(std::move(server), out.server));
  LLMD_ASSIGN_OR_RETURN(auto report, root.map("report"));
  LLMD_RETURN_IF_ERROR(read_report(std::move(report), out));
  LLMD_ASSIGN_OR_RETURN(auto storage, root.map("storage"));
  LLMD_RETURN_IF_ERROR(read_storage(std::move(storage), out));
  LLMD_ASSIGN_OR_RETURN(auto metrics, root.map("metrics"));
  LLMD_RETURN_IF_ERROR(read_metrics(std::move(metrics), out.metrics));
  LLMD_ASSIGN_OR_RETURN(auto tokenizer, root.map("tokenizer"));
  LLMD_RETURN_IF_ERROR(read_tokenizer(std::move(tokenizer), out));
  LLMD_RETURN_IF_ERROR(root.done());
  return out;
}

}  // namespace

Result<BenchConfig> parse_config(std::string_view text, const std::string& file) {
  LLMD_ASSIGN_OR_RETURN(const auto documents, resources::parse_yaml(text, file));
  if (documents.size() != 1) {
    return invalid_argument(fmt::format("{}: holds {} documents, not one", file, documents.size()));
  }
  LLMD_ASSIGN_OR_RETURN(Fields root, Fields::of(documents.front(), "", file));
  return read_root(std::move(root));
}

Result<void> check_config(const BenchConfig& config) {
  if (config.server.base_url.empty()) {
    return invalid_argument("no target: give --url, or server.base_url");
  }
  return check_load(config);
}

Result<void> check_load(const BenchConfig& config) {
  if (config.load.stages.empty() && !config.load.sweep) {
    return invalid_argument("no load: give --rate and --duration, --concurrency, or load.stages");
  }
  for (const Stage& stage : config.load.stages) {
    const bool is_trace = std::holds_alternative<TraceOptions>(config.data);
    if (stage.kind == LoadKind::kTrace && !is_trace) {
      return invalid_argument("replaying a trace's times needs a trace as data");
    }
  }
  return {};
}

}  // namespace llmd::bench
