// SPDX-License-Identifier: Apache-2.0
#include "bench/in_virtual_time/runner.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "bench/in_virtual_time/best_found.h"
#include "bench/in_virtual_time/virtual_run.h"
#include "bench/measure/summary.h"
#include "engine/api/engine_process.h"
#include "engine/api/simulated_kind.h"
#include "engine/simulated/profile.h"

namespace llmd::bench {
namespace {

using engine::EngineKind;

Result<Kinds> load_kinds(const std::vector<std::string>& profiles) {
  Kinds kinds;
  for (const std::string& profile : profiles) {
    engine::EngineProcessOptions options;
    options.simulated.emplace();
    options.simulated->profile = profile;
    LLMD_ASSIGN_OR_RETURN(auto kind, engine::load_simulated_kind(options));
    kinds.push_back(std::move(kind));
  }
  return kinds;
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
  info.target = fmt::format("{}, {} x {}", options.policy, options.endpoints,
                            fmt::join(options.profiles, ", "));
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

/// Which engine each request went to; the first where it went to none.
std::vector<uint32_t> places_of(const RunResult& run) {
  std::vector<uint32_t> places;
  for (const RequestRecord& record : run.requests) {
    places.push_back(std::max(record.endpoint, 1U) - 1);
  }
  return places;
}

/// Looks for it with the run's own requests, from where they went in other runs too.
Result<BestFound> search_places(const BenchConfig& config, const VirtualBenchOptions& options,
                                const Kinds& kinds, Workload& workload,
                                std::span<const RunResult> rivals) {
  SearchOptions search;
  for (uint32_t i = 0; i < options.endpoints; ++i) {
    const size_t of = std::min<size_t>(i, kinds.size() - 1);
    LLMD_ASSIGN_OR_RETURN(const auto profile, engine::load_profile(options.profiles[of]));
    const engine::EngineShape& shape = kinds[of]->shape();
    search.limits.push_back(
        {profile.time, shape.scheduler, uint64_t{shape.blocks} * shape.scheduler.block_size});
  }
  search.slo = config.report.slo;
  search.seed = config.load.seed;
  for (const RunResult& rival : rivals) search.starts.push_back(places_of(rival));
  return find_best(workload, config.load, search);
}

/// More goodput first, then earlier first tokens.
bool is_better(const RunResult& a, const RunResult& b) {
  const Summary one = summarize(a).total;
  const Summary other = summarize(b).total;
  return std::pair(one.goodput(), -one.ttft.mean()) >
         std::pair(other.goodput(), -other.ttft.mean());
}

/// What all policies of one configuration run on.
class Bench {
 public:
  static Result<Bench> prepare(const BenchConfig& config, const VirtualBenchOptions& options) {
    LLMD_RETURN_IF_ERROR(check_load(config));
    if (options.restarts_s.size() > options.endpoints) {
      return invalid_argument("--restart: there are fewer endpoints than restarts");
    }
    Bench bench(config, options);
    LLMD_ASSIGN_OR_RETURN(bench.kinds_, load_kinds(options.profiles));
    bench.text_ = make_words4_text();
    LLMD_ASSIGN_OR_RETURN(const PromptOverhead overhead,
                          overhead_of(*bench.kinds_.front(), *bench.text_, config.api.type));
    LLMD_ASSIGN_OR_RETURN(bench.workload_, make_workload(config.data, config.load.seed, overhead));
    return bench;
  }

  Result<RunResult> run(const std::string& policy) const {
    return run([&](const PolicySurroundings& around) { return make_policy(policy, around); });
  }

  /// The search simulates coarsely, so the exact simulator has the last word between what it found
  /// and what policies do without knowing what will come.
  Result<RunResult> run_best_found(std::span<const RunResult> rivals) const {
    LLMD_ASSIGN_OR_RETURN(const BestFound found,
                          search_places(*config_, *options_, kinds_, *workload_, rivals));
    LLMD_ASSIGN_OR_RETURN(RunResult best, run([&](const PolicySurroundings&) {
                            return Result<std::unique_ptr<Policy>>(make_fixed_policy(found.places));
                          }));
    for (const RunResult& rival : rivals) {
      if (is_better(rival, best)) best = rival;
    }
    best.info.target = fmt::format("{}, seed {}, no placement sustains more than {:.1f} req/s",
                                   info_of(*config_, *options_, *kinds_.front(), *workload_).target,
                                   config_->load.seed, found.rate_bound);
    return best;
  }

 private:
  Bench(const BenchConfig& config, const VirtualBenchOptions& options)
      : config_(&config), options_(&options) {}

  Result<RunResult> run(PolicyMaker policy) const {
    VirtualRunOptions run;
    run.endpoints = options_->endpoints;
    run.body = {.api = config_->api.type,
                .model = kinds_.front()->shape().model_name,
                .streaming = config_->api.streaming,
                .ignore_eos = config_->server.ignore_eos};
    run.load = config_->load;
    run.seed = config_->load.seed;
    run.sample_interval = config_->metrics.interval;
    run.interrupted = options_->interrupted;
    run.policy = std::move(policy);
    for (const double after : options_->restarts_s) {
      run.restarts.push_back(
          std::chrono::duration_cast<Duration>(std::chrono::duration<double>(after)));
    }
    return run_in_virtual_time(kinds_, *workload_, *text_, run,
                               info_of(*config_, *options_, *kinds_.front(), *workload_));
  }

  const BenchConfig* config_;
  const VirtualBenchOptions* options_;
  Kinds kinds_;
  std::unique_ptr<TokenText> text_;
  std::unique_ptr<Workload> workload_;
};

}  // namespace

Result<RunResult> run_virtual_bench(const BenchConfig& config, const VirtualBenchOptions& options,
                                    std::span<const RunResult> rivals) {
  LLMD_ASSIGN_OR_RETURN(const Bench bench, Bench::prepare(config, options));
  if (options.policy != kBestFoundPolicy) return bench.run(options.policy);
  if (!rivals.empty()) return bench.run_best_found(rivals);
  LLMD_ASSIGN_OR_RETURN(RunResult ours, bench.run("gateway"));
  if (ours.info.partial) return ours;
  return bench.run_best_found({&ours, 1});
}

}  // namespace llmd::bench
