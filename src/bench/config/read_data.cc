// SPDX-License-Identifier: Apache-2.0
#include "bench/config/read_data.h"

#include <fmt/core.h>

#include <cmath>

namespace llmd::bench {
namespace {

using resources::Fields;
using resources::YamlNode;

constexpr double kTokensMax = kTraceTokensMax;
constexpr uint32_t kCountMax = 1'000'000;

Result<Distribution::Type> type_of(Fields& fields) {
  LLMD_ASSIGN_OR_RETURN(const std::string name, fields.text("type", "normal"));
  if (name == "normal") return Distribution::Type::kNormal;
  if (name == "lognormal") return Distribution::Type::kLognormal;
  if (name == "uniform") return Distribution::Type::kUniform;
  if (name == "poisson") return Distribution::Type::kPoisson;
  if (name == "fixed") return Distribution::Type::kFixed;
  return fields.error("type", "must be normal, lognormal, uniform, poisson or fixed");
}

Result<Distribution> read_distribution(Fields fields) {
  Distribution out;
  LLMD_ASSIGN_OR_RETURN(out.type, type_of(fields));
  LLMD_ASSIGN_OR_RETURN(out.min, fields.decimal("min", out.min, kTokensMax));
  LLMD_ASSIGN_OR_RETURN(out.max, fields.decimal("max", std::max(out.max, out.min), kTokensMax));
  LLMD_ASSIGN_OR_RETURN(out.mean, fields.decimal("mean", out.mean, kTokensMax));
  const bool has_variance = fields.find("variance") != nullptr;
  if (has_variance && fields.find("std_dev") != nullptr) {
    return fields.error("variance", "give std_dev or variance, not both");
  }
  LLMD_ASSIGN_OR_RETURN(out.std_dev, fields.decimal("std_dev", out.std_dev, kTokensMax));
  LLMD_ASSIGN_OR_RETURN(const double variance,
                        fields.decimal("variance", 0, kTokensMax * kTokensMax));
  if (has_variance) out.std_dev = std::sqrt(variance);
  fields.find("total_count");  // how many upstream prepares; here each is made when it is due
  if (out.min > out.max) return fields.error("min", "is larger than max");
  LLMD_RETURN_IF_ERROR(fields.done());
  return out;
}

/// A whole number, or a distribution.
Result<Distribution> read_length(Fields& fields, std::string_view key,
                                 const Distribution& fallback) {
  const YamlNode* found = fields.find(key);
  if (found == nullptr) return fallback;
  if (found->kind == YamlNode::Kind::kScalar) {
    LLMD_ASSIGN_OR_RETURN(const uint32_t value, fields.number(key, 0, kTraceTokensMax));
    return Distribution::fixed(value);
  }
  LLMD_ASSIGN_OR_RETURN(auto map, fields.map(key));
  return read_distribution(std::move(map));
}

Result<WorkloadKind> read_random(Fields& fields) {
  RandomOptions out;
  LLMD_ASSIGN_OR_RETURN(out.input, read_length(fields, "input_distribution", out.input));
  LLMD_ASSIGN_OR_RETURN(out.output, read_length(fields, "output_distribution", out.output));
  return WorkloadKind(out);
}

/// Upstream has two names for each of the first two.
Result<uint32_t> read_either(Fields& fields, std::string_view name, std::string_view alias,
                             uint32_t fallback) {
  if (fields.find(name) != nullptr && fields.find(alias) != nullptr) {
    return fields.error(alias, fmt::format("is another name of {}; give one", name));
  }
  LLMD_ASSIGN_OR_RETURN(const uint32_t first, fields.number(name, fallback, kCountMax));
  return fields.number(alias, first, kCountMax);
}

Result<WorkloadKind> read_shared_prefix(Fields fields) {
  SharedPrefixOptions out;
  LLMD_ASSIGN_OR_RETURN(out.groups,
                        read_either(fields, "num_groups", "num_unique_system_prompts", out.groups));
  LLMD_ASSIGN_OR_RETURN(out.prompts_per_group,
                        read_either(fields, "num_prompts_per_group", "num_users_per_system_prompt",
                                    out.prompts_per_group));
  LLMD_ASSIGN_OR_RETURN(out.system_prompt,
                        read_length(fields, "system_prompt_len", out.system_prompt));
  LLMD_ASSIGN_OR_RETURN(out.question, read_length(fields, "question_len", out.question));
  LLMD_ASSIGN_OR_RETURN(out.question, read_length(fields, "question_distribution", out.question));
  LLMD_ASSIGN_OR_RETURN(out.output, read_length(fields, "output_len", out.output));
  LLMD_ASSIGN_OR_RETURN(out.output, read_length(fields, "output_distribution", out.output));
  LLMD_ASSIGN_OR_RETURN(out.multi_turn, fields.boolean("enable_multi_turn_chat", out.multi_turn));
  constexpr Unsupported kUnsupported[] = {
      {"multimodal", "prompts are text only"},
      {"seed", "load.base_seed decides everything"},
  };
  LLMD_RETURN_IF_ERROR(refuse(fields, kUnsupported));
  if (out.groups == 0) return fields.error("num_groups", "must be at least 1");
  if (out.prompts_per_group == 0) {
    return fields.error("num_prompts_per_group", "must be at least 1");
  }
  if (uint64_t{out.groups} * out.prompts_per_group > kCountMax) {
    return fields.error("", fmt::format("has more than {} prompts", kCountMax));
  }
  LLMD_RETURN_IF_ERROR(fields.done());
  return WorkloadKind(out);
}

Result<WorkloadKind> read_conversations(Fields fields) {
  ConversationOptions out;
  LLMD_ASSIGN_OR_RETURN(out.conversations,
                        fields.number("num_conversations", out.conversations, kCountMax));
  LLMD_ASSIGN_OR_RETURN(
      out.shared_system_prompt,
      fields.number("shared_system_prompt_len", out.shared_system_prompt, kTraceTokensMax));
  LLMD_ASSIGN_OR_RETURN(out.dynamic_system_prompt, read_length(fields, "dynamic_system_prompt_len",
                                                               out.dynamic_system_prompt));
  LLMD_ASSIGN_OR_RETURN(out.turns, read_length(fields, "turns_per_conversation", out.turns));
  LLMD_ASSIGN_OR_RETURN(out.input_per_turn,
                        read_length(fields, "input_tokens_per_turn", out.input_per_turn));
  LLMD_ASSIGN_OR_RETURN(out.output_per_turn,
                        read_length(fields, "output_tokens_per_turn", out.output_per_turn));
  LLMD_ASSIGN_OR_RETURN(out.tool_latency_s,
                        read_length(fields, "tool_call_latency_sec", out.tool_latency_s));
  LLMD_ASSIGN_OR_RETURN(out.max_model_len,
                        fields.number("max_model_len", out.max_model_len, kTraceTokensMax));
  constexpr Unsupported kUnsupported[] = {{"seed", "load.base_seed decides everything"}};
  LLMD_RETURN_IF_ERROR(refuse(fields, kUnsupported));
  if (out.conversations == 0) return fields.error("num_conversations", "must be at least 1");
  LLMD_RETURN_IF_ERROR(fields.done());
  return WorkloadKind(out);
}

/// What describes another kind of data than the one that is asked for.
void note_other_types(Fields& fields, std::string_view type, std::vector<Unused>& unused) {
  constexpr std::string_view kWhy = "data.type names another kind";
  constexpr std::pair<std::string_view, NoEffect> kKeys[] = {
      {"random", {"input_distribution", kWhy}},
      {"random", {"output_distribution", kWhy}},
      {"random", {"trace", kWhy}},
      {"shared_prefix", {"shared_prefix", kWhy}},
      {"conversation_replay", {"conversation_replay", kWhy}}};
  for (const auto& [of_type, key] : kKeys) {
    if (of_type != type) note_unused(fields, "data", {&key, 1}, unused);
  }
}

constexpr Unsupported kUnsupportedData[] = {
    {"path", "data sets are not read; use type random, shared_prefix or a trace"},
    {"multimodal", "prompts are text only"},
    {"otel_trace_replay", "use conversation_replay, or a trace of lengths"},
    {"weka_trace_replay", "use conversation_replay, or a trace of lengths"},
    {"sharegpt4video", "prompts are text only"},
};

}  // namespace

Duration from_seconds(double seconds) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

Result<Duration> read_seconds(Fields& fields, std::string_view key, Duration fallback) {
  constexpr double kSecondsMax = 1e6;
  LLMD_ASSIGN_OR_RETURN(const double value, fields.decimal(key, to_seconds(fallback), kSecondsMax));
  return from_seconds(value);
}

Result<void> refuse(Fields& fields, std::span<const Unsupported> keys) {
  for (const Unsupported& each : keys) {
    if (fields.find(each.key) == nullptr) continue;
    return fields.error(
        each.key, fmt::format("is inference-perf's, but llmd has no such thing; {}", each.instead));
  }
  return {};
}

Result<TraceOptions> read_trace(Fields fields, double& speed) {
  constexpr double kSpeedMax = 1e6;
  TraceOptions out;
  LLMD_RETURN_IF_ERROR(fields.require("file"));
  LLMD_ASSIGN_OR_RETURN(out.path, fields.text("file", ""));
  LLMD_ASSIGN_OR_RETURN(const std::string format, fields.text("format", "AzurePublicDataset"));
  if (format != "AzurePublicDataset" && format != "Mooncake") {
    return fields.error("format", "must be AzurePublicDataset or Mooncake");
  }
  out.format = format == "Mooncake" ? TraceFormat::kMooncake : TraceFormat::kAzure;
  LLMD_ASSIGN_OR_RETURN(out.skip_broken_lines, fields.boolean("skip_broken_lines", false));
  LLMD_ASSIGN_OR_RETURN(speed, fields.decimal("speed", speed, kSpeedMax));
  if (speed <= 0) return fields.error("speed", "must be above 0");
  LLMD_RETURN_IF_ERROR(fields.done());
  return out;
}

Result<WorkloadKind> read_data(Fields fields, std::vector<Unused>& unused) {
  LLMD_ASSIGN_OR_RETURN(const std::string type, fields.text("type", "random"));
  LLMD_RETURN_IF_ERROR(refuse(fields, kUnsupportedData));
  LLMD_ASSIGN_OR_RETURN(WorkloadKind random, read_random(fields));
  LLMD_ASSIGN_OR_RETURN(auto shared_prefix, fields.map("shared_prefix"));
  LLMD_ASSIGN_OR_RETURN(auto conversations, fields.map("conversation_replay"));
  note_other_types(fields, type, unused);
  const bool has_trace = fields.find("trace") != nullptr;
  LLMD_ASSIGN_OR_RETURN(auto trace, fields.map("trace"));
  LLMD_RETURN_IF_ERROR(fields.done());
  if (type == "shared_prefix") return read_shared_prefix(std::move(shared_prefix));
  if (type == "conversation_replay") return read_conversations(std::move(conversations));
  if (type != "random") {
    return fields.error("type", fmt::format("{} is not supported; use random, shared_prefix or "
                                            "conversation_replay, or random with a trace",
                                            type));
  }
  if (!has_trace) return random;
  double speed = 1;
  LLMD_ASSIGN_OR_RETURN(TraceOptions options, read_trace(std::move(trace), speed));
  if (speed != 1) return fields.error("trace", "lengths have no speed; give it in load.trace");
  return WorkloadKind(std::move(options));
}

}  // namespace llmd::bench
