// SPDX-License-Identifier: Apache-2.0
#include "bench/in_virtual_time/runner.h"

#include <fmt/core.h>

#include "bench/in_virtual_time/best_found.h"
#include "bench/in_virtual_time/virtual_run.h"
#include "engine/api/engine_process.h"
#include "engine/api/simulated_kind.h"
#include "engine/simulated/profile.h"

namespace llmd::bench {
namespace {

using engine::EngineKind;

Result<std::unique_ptr<EngineKind>> load_kind(const std::string& profile) {
  engine::EngineProcessOptions options;
  options.simulated.emplace();
  options.simulated->profile = profile;
  return engine::load_simulated_kind(options);
}

/// What the chat template adds to messages that are whole tokens themselves.
Result<int> template_tokens(const EngineKind& kind, const TokenText& text,
                            std::vector<Role> roles) {
  Request request;
  constexpr uint32_t kTokens = 8;
  for (const Role role : roles) {
    request.messages.push_back({.role = role, .pieces = {{1, kTokens}}, .text = {}});
  }
  std::string body;
  write_body({.api = Api::kChat, .model = kind.shape().model_name}, text, request, body);
  LLMD_ASSIGN_OR_RETURN(const auto tokens, VirtualEngine::read_prompt(kind, body, Api::kChat));
  return static_cast<int>(tokens.size()) - static_cast<int>(roles.size() * kTokens);
}

Result<PromptOverhead> overhead_of(const EngineKind& kind, const TokenText& text, Api api) {
  PromptOverhead overhead;
  if (api == Api::kCompletion) return overhead;
  LLMD_ASSIGN_OR_RETURN(overhead.user_only, template_tokens(kind, text, {Role::kUser}));
  LLMD_ASSIGN_OR_RETURN(overhead.system_and_user,
                        template_tokens(kind, text, {Role::kSystem, Role::kUser}));
  return overhead;
}

RunInfo info_of(const BenchConfig& config, const VirtualBenchOptions& options,
                const EngineKind& kind, const Workload& workload) {
  RunInfo info;
  info.target = fmt::format("{}, {} x {}", options.policy, options.endpoints, options.profile);
  info.model = kind.shape().model_name;
  info.api = config.api.type == Api::kChat ? "chat" : "completion";
  info.workload = workload.describe();
  info.config = print_config(config);
  info.seed = config.load.seed;
  info.keeps_token_times = config.report.per_request;
  info.slo = config.report.slo;
  info.percentiles = config.report.percentiles;
  return info;
}

/// Looks for it with the run's own requests, and says what it found in `info`.
Result<std::vector<uint32_t>> best_places(const BenchConfig& config,
                                          const VirtualBenchOptions& options,
                                          const EngineKind& kind, Workload& workload,
                                          RunInfo& info) {
  LLMD_ASSIGN_OR_RETURN(const auto profile, engine::load_profile(options.profile));
  SearchOptions search;
  search.endpoints = options.endpoints;
  search.limits = {profile.time, kind.shape().scheduler,
                   uint64_t{kind.shape().blocks} * kind.shape().scheduler.block_size};
  search.slo = config.report.slo;
  search.seed = config.load.seed;
  LLMD_ASSIGN_OR_RETURN(BestFound found, find_best(workload, config.load, search));
  info.target += fmt::format(", seed {}, no placement sustains more than {:.1f} req/s",
                             config.load.seed, found.rate_bound);
  return std::move(found.places);
}

}  // namespace

Result<RunResult> run_virtual_bench(const BenchConfig& config, const VirtualBenchOptions& options) {
  LLMD_RETURN_IF_ERROR(check_load(config));
  LLMD_ASSIGN_OR_RETURN(const auto kind, load_kind(options.profile));
  const auto text = make_words4_text();
  LLMD_ASSIGN_OR_RETURN(const PromptOverhead overhead, overhead_of(*kind, *text, config.api.type));
  LLMD_ASSIGN_OR_RETURN(const auto workload,
                        make_workload(config.data, config.load.seed, overhead));
  VirtualRunOptions run;
  run.endpoints = options.endpoints;
  run.body = {.api = config.api.type,
              .model = kind->shape().model_name,
              .streaming = config.api.streaming,
              .ignore_eos = config.server.ignore_eos};
  run.load = config.load;
  run.seed = config.load.seed;
  run.sample_interval = config.metrics.interval;
  run.interrupted = options.interrupted;
  RunInfo info = info_of(config, options, *kind, *workload);
  run.policy = [&](const PolicySurroundings& around) {
    return make_policy(options.policy, around);
  };
  if (options.policy == kBestFoundPolicy) {
    LLMD_ASSIGN_OR_RETURN(auto places, best_places(config, options, *kind, *workload, info));
    run.policy = [places = std::move(places)](const PolicySurroundings&) {
      return Result<std::unique_ptr<Policy>>(make_fixed_policy(places));
    };
  }
  return run_in_virtual_time(*kind, *workload, *text, run, std::move(info));
}

}  // namespace llmd::bench
