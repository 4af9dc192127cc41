// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <numeric>

#include "base/text.h"
#include "bench/report/text_table.h"
#include "inspect/describe.h"
#include "inspect/text.h"
#include "schedule/default_config.h"

namespace llmd::inspect {
namespace {

using resources::InferenceModelRewrite;

constexpr size_t kIndent = 2;
constexpr size_t kValues = 11;  ///< columns before what a line says
constexpr size_t kCellColumnsMax = 32;

template <typename Map>
std::vector<std::string> pairs_of(const Map& map) {
  std::vector<std::string> out;
  for (const auto& [key, value] : map) out.push_back(fmt::format("{}={}", key, value));
  return out;
}

/// An argument may break at its spaces, so that a long one fits.
std::vector<std::string> words_of(const std::vector<std::string>& argv) {
  std::vector<std::string> words;
  for (const std::string& argument : argv) {
    for (const std::string_view word : split(argument, ' ')) words.emplace_back(word);
  }
  return words;
}

/// The replicas of one service differ in their ports only.
std::string describe_replicas(const std::vector<cluster::ReplicaSpec>& replicas) {
  if (replicas.empty()) return "";
  std::vector<std::string> names;
  for (const cluster::ReplicaSpec& each : replicas) names.push_back(each.name);
  const cluster::ReplicaSpec& first = replicas.front();
  std::string out = wrap("  replicas ", kValues, names, ", ");
  out += wrap("  command  ", kValues, words_of(first.argv));
  if (!first.env.empty()) out += wrap("  env      ", kValues, pairs_of(first.env));
  return out + wrap("  labels   ", kValues, pairs_of(first.labels));
}

std::string describe_rule(const InferenceModelRewrite::Rule& rule) {
  const auto add = [](uint64_t sum, const auto& target) { return sum + target.weight; };
  const uint64_t total =
      std::accumulate(rule.targets.begin(), rule.targets.end(), uint64_t{0}, add);
  std::vector<std::string> targets;
  for (const auto& [weight, model] : rule.targets) {
    const double percent = 100.0 * weight / static_cast<double>(total);
    targets.push_back(rule.targets.size() == 1 ? model : fmt::format("{} {:.4g}%", model, percent));
  }
  const std::vector<std::string> any = {"any model"};
  return wrap("  ", 4, rule.models.empty() ? any : rule.models, ", ") +
         wrap("    -> ", 7, targets, ", ");
}

std::string in_pool(std::string_view kind, const auto& object) {
  return fmt::format("{} \"{}\" for the pool {}", kind, object.name,
                     bench::printable(object.pool, kColumns));
}

}  // namespace

Result<std::string> describe(const resources::ModelService& service,
                             const cluster::PlanOptions& options) {
  const auto replicas = cluster::plan({service}, options);
  std::string out =
      fmt::format("ModelService \"{}\": {} replica{} of {}\n", service.name, replicas.size(),
                  replicas.size() == 1 ? "" : "s", bench::printable(service.model_name, kColumns));
  out += describe_replicas(replicas);
  const auto& config =
      service.scheduling ? *service.scheduling : schedule::default_config(service.kv_events);
  LLMD_ASSIGN_OR_RETURN(const std::string tokenizer, describe_tokenizer(config, service));
  if (!service.scheduling) return out + tokenizer;
  LLMD_ASSIGN_OR_RETURN(const std::string scheduling, describe(*service.scheduling));
  return out + indented(scheduling + tokenizer, kIndent);
}

std::string describe(const resources::InferenceObjective& objective) {
  return fmt::format("{}: priority {}{}\n", in_pool(resources::kInferenceObjectiveKind, objective),
                     objective.priority, objective.priority < 0 ? ", may be shed" : "");
}

std::string describe(const InferenceModelRewrite& rewrite) {
  std::string out = in_pool(resources::kInferenceModelRewriteKind, rewrite) + "\n";
  for (const InferenceModelRewrite::Rule& rule : rewrite.rules) out += describe_rule(rule);
  return out;
}

std::string describe(const std::vector<endpoints::EndpointSpec>& specs) {
  bench::TextTable table(4);
  table.row({"NAME", "ADDRESS", "ROLE", "ENGINE"});
  for (const endpoints::EndpointSpec& spec : specs) {
    const auto label = [&](std::string_view key, std::string fallback) {
      const auto found = spec.labels.find(key);
      return bench::printable(found == spec.labels.end() ? fallback : found->second,
                              kCellColumnsMax);
    };
    table.row({bench::printable(spec.name, kCellColumnsMax),
               fmt::format("{}:{}", bench::printable(spec.address, kCellColumnsMax), spec.port),
               label(endpoints::kRoleLabel, "any"), label(endpoints::kEngineTypeLabel, "vllm")});
  }
  return fmt::format("{} endpoint{}\n", specs.size(), specs.size() == 1 ? "" : "s") +
         (specs.empty() ? "" : indented(table.text(), kIndent));
}

}  // namespace llmd::inspect
