// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>  // format_to of core.h alone does not link under clang

#include <iterator>

#include "bench/config/bench_config.h"
#include "resources/yaml.h"

namespace llmd::bench {
namespace {

using resources::quote_yaml;

/// Lines of YAML; `depth` levels deep.
class Printer {
 public:
  template <typename... Args>
  void line(int depth, fmt::format_string<Args...> format, Args&&... args) {
    out_.append(static_cast<size_t>(depth) * 2, ' ');
    fmt::format_to(std::back_inserter(out_), format, std::forward<Args>(args)...);
    out_ += '\n';
  }
  /// Nothing where the text is empty.
  void text(int depth, std::string_view key, std::string_view value) {
    if (!value.empty()) line(depth, "{}: {}", key, quote_yaml(value));
  }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

std::string_view name_of(Distribution::Type type) {
  switch (type) {
    case Distribution::Type::kNormal:
      return "normal";
    case Distribution::Type::kLognormal:
      return "lognormal";
    case Distribution::Type::kUniform:
      return "uniform";
    case Distribution::Type::kPoisson:
      return "poisson";
    case Distribution::Type::kFixed:
      break;
  }
  return "fixed";
}

std::string flow(const Distribution& from) {
  return fmt::format("{{type: {}, min: {}, max: {}, mean: {}, std_dev: {}}}", name_of(from.type),
                     from.min, from.max, from.mean, from.std_dev);
}

std::string trace_map(const TraceOptions& from, double speed) {
  return fmt::format("{{file: {}, format: {}, skip_broken_lines: {}, speed: {}}}",
                     quote_yaml(from.path),
                     from.format == TraceFormat::kAzure ? "AzurePublicDataset" : "Mooncake",
                     from.skip_broken_lines, speed);
}

void print_api(const ApiOptions& api, Printer& out) {
  out.line(0, "api:");
  out.line(1, "type: {}", api.type == Api::kChat ? "chat" : "completion");
  out.line(1, "streaming: {}", api.streaming);
  if (!api.headers.empty()) out.line(1, "headers:");
  for (const auto& [name, value] : api.headers) {
    // A header may be a key too.
    const bool is_secret = name == "authorization" || name == "Authorization";
    out.line(2, "{}: {}", quote_yaml(name), is_secret ? "\"[left out]\"" : quote_yaml(value));
  }
  out.text(1, "slo_unit", api.slo_unit);
  out.text(1, "slo_ttft_header", api.slo_ttft_header);
  out.text(1, "slo_tpot_header", api.slo_tpot_header);
  out.text(1, "session_id_header_key", api.session_id_header);
}

struct DataPrinter {
  Printer& out;

  void operator()(const RandomOptions& from) const {
    out.line(1, "type: random");
    out.line(1, "input_distribution: {}", flow(from.input));
    out.line(1, "output_distribution: {}", flow(from.output));
  }
  void operator()(const SharedPrefixOptions& from) const {
    out.line(1, "type: shared_prefix");
    out.line(1, "shared_prefix:");
    out.line(2, "num_groups: {}", from.groups);
    out.line(2, "num_prompts_per_group: {}", from.prompts_per_group);
    out.line(2, "system_prompt_len: {}", flow(from.system_prompt));
    out.line(2, "question_len: {}", flow(from.question));
    out.line(2, "output_len: {}", flow(from.output));
    out.line(2, "enable_multi_turn_chat: {}", from.multi_turn);
  }
  void operator()(const ConversationOptions& from) const {
    out.line(1, "type: conversation_replay");
    out.line(1, "conversation_replay:");
    out.line(2, "num_conversations: {}", from.conversations);
    out.line(2, "shared_system_prompt_len: {}", from.shared_system_prompt);
    out.line(2, "dynamic_system_prompt_len: {}", flow(from.dynamic_system_prompt));
    out.line(2, "turns_per_conversation: {}", flow(from.turns));
    out.line(2, "input_tokens_per_turn: {}", flow(from.input_per_turn));
    out.line(2, "output_tokens_per_turn: {}", flow(from.output_per_turn));
    out.line(2, "tool_call_latency_sec: {}", flow(from.tool_latency_s));
    out.line(2, "max_model_len: {}", from.max_model_len);
  }
  void operator()(const TraceOptions& from) const {
    out.line(1, "type: random");
    out.line(1, "trace: {}", trace_map(from, 1));
  }
};

void print_stages(const std::vector<Stage>& stages, Printer& out) {
  out.line(1, "stages:");
  for (const Stage& stage : stages) {
    std::string fields = stage.kind == LoadKind::kConcurrent
                             ? fmt::format("concurrency_level: {}, num_requests: {}, ",
                                           stage.concurrency, stage.requests)
                             : fmt::format("rate: {}, ", stage.rate);
    out.line(1, "- {{{}duration: {}, warm_up: {}}}", fields, to_seconds(stage.duration),
             stage.warm_up);
  }
}

void print_sweep(const Sweep& sweep, Printer& out) {
  out.line(1,
           "sweep: {{type: {}, num_requests: {}, timeout: {}, num_stages: {}, stage_duration: {}, "
           "saturation_percentile: {}}}",
           sweep.geometric ? "geometric" : "linear", sweep.requests, to_seconds(sweep.timeout),
           sweep.stages, to_seconds(sweep.stage_duration), sweep.saturation_percentile);
}

std::string_view type_of(const LoadOptions& load) {
  if (load.sweep) return name_of(load.sweep->kind);
  if (load.stages.empty()) return "constant";
  const LoadKind kind = load.stages.back().kind;
  return kind == LoadKind::kTrace ? "trace_replay" : name_of(kind);
}

void print_load(const BenchConfig& config, Printer& out) {
  const LoadOptions& load = config.load;
  out.line(0, "load:");
  out.line(1, "type: {}", type_of(load));
  out.line(1, "base_seed: {}", load.seed);
  out.line(1, "interval: {}", to_seconds(load.interval));
  out.line(1, "stage_teardown_grace_seconds: {}", to_seconds(load.grace));
  out.line(1, "request_timeout: {}", to_seconds(config.request_timeout));
  out.line(1, "stall_timeout: {}", to_seconds(config.stall_timeout));
  const auto* trace = std::get_if<TraceOptions>(&config.data);
  if (load.sweep) {
    print_sweep(*load.sweep, out);
  } else if (type_of(load) == "trace_replay" && trace != nullptr) {
    out.line(1, "trace: {}", trace_map(*trace, load.stages.back().speed));
  } else if (!load.stages.empty()) {
    print_stages(load.stages, out);
  }
  if (!load.tenants.empty()) out.line(1, "tenants:");
  for (const Tenant& tenant : load.tenants) {
    out.line(1, "- name: {}", quote_yaml(tenant.name));
    out.line(2, "weight: {}", tenant.weight);
    out.text(2, "objective", tenant.objective);
  }
}

void print_server(const ServerOptions& server, Printer& out) {
  out.line(0, "server:");
  out.line(1, "type: {}", server.is_sglang ? "sglang" : "vllm");
  out.text(1, "base_url", server.base_url);
  out.text(1, "model_name", server.model_name);
  out.line(1, "ignore_eos: {}", server.ignore_eos);
}

void print_report(const ReportOptions& report, Printer& out) {
  out.line(0, "report:");
  std::string percentiles;
  for (const double each : report.percentiles) {
    percentiles += fmt::format("{}{}", percentiles.empty() ? "" : ", ", each);
  }
  out.line(1, "request_lifecycle: {{per_request: {}, percentiles: [{}]}}", report.per_request,
           percentiles);
  const Slo& slo = report.slo;
  out.line(1, "goodput:");
  out.line(2, "constraints: {{ttft: {}, tpot: {}, itl: {}, ntpot: {}, request_latency: {}}}",
           slo.ttft_s, slo.tpot_s, slo.itl_s, slo.ntpot_s, slo.e2e_s);
}

void print_files(const BenchConfig& config, Printer& out) {
  if (!config.storage_path.empty() || !config.file_prefix.empty()) {
    out.line(0, "storage:");
    out.line(1, "local_storage:");
    out.text(2, "path", config.storage_path);
    out.text(2, "report_file_prefix", config.file_prefix);
  }
  out.line(0, "metrics:");
  out.line(1, "scrape_interval: {}", to_seconds(config.metrics.interval));
  if (!config.metrics.urls.empty()) out.line(1, "urls:");
  for (const std::string& url : config.metrics.urls) out.line(1, "- {}", quote_yaml(url));
  if (config.tokenizer.empty()) return;
  out.line(0, "tokenizer:");
  out.text(1, "pretrained_model_name_or_path", config.tokenizer);
}

}  // namespace

std::string print_config(const BenchConfig& config) {
  Printer out;
  print_api(config.api, out);
  out.line(0, "data:");
  std::visit(DataPrinter{out}, config.data);
  print_load(config, out);
  print_server(config.server, out);
  print_report(config.report, out);
  print_files(config, out);
  return out.take();
}

}  // namespace llmd::bench
