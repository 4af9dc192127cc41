// SPDX-License-Identifier: Apache-2.0
#include "cli/bench_command.h"

#include <fmt/core.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>
#include <numeric>
#include <optional>
#include <span>

#include "base/log.h"
#include "bench/in_virtual_time/policy.h"
#include "bench/measure/compare.h"
#include "bench/measure/summary.h"
#include "bench/over_http/runner.h"
#include "bench/report/reports.h"
#include "bench/report/run_table.h"
#include "cli/bench_flags.h"
#include "cli/interrupt.h"

namespace llmd::cli {
namespace {

using bench::Progress;
using bench::RunResult;

constexpr const char* kExamples = R"(Examples:
  llmd bench --url http://127.0.0.1:8080 --rate 5 --duration 30 --shared-prefix 8x10
  llmd bench --url http://127.0.0.1:8080 --api chat --concurrency 4 --requests 100 \
             --input-tokens 200 --output-tokens 50 --slo ttft=2,tpot=0.1 --out results
  llmd bench --url http://127.0.0.1:8080 -c config.yml
  llmd bench --url http://127.0.0.1:8080 --trace mooncake.jsonl --speed 2
  llmd bench --virtual --profile qwen3-32b-tp2-h100 --policy gateway -c config.yml
  llmd bench compare http://127.0.0.1:8080 http://127.0.0.1:8081 --rate 5 --duration 20

Arrivals do not wait for answers, unless --concurrency is given. Ctrl-C ends a run early and keeps
what was measured; a second one does not wait.)";

constexpr const char* kCompareExamples = R"(Examples:
  llmd bench compare http://127.0.0.1:8080 http://127.0.0.1:8081 --rate 5 --duration 20
  llmd bench compare A B C -c config.yml --repeats 5
  llmd bench compare round-robin gateway --virtual --rate 5 --duration 20 --shared-prefix 8x10

Each repeat sends the same requests at the same times to every target in turn.)";

/// One line that writes over itself; nothing where stderr is no terminal.
class ProgressLine {
 public:
  explicit ProgressLine(std::string label)
      : label_(std::move(label)), shown_(::isatty(STDERR_FILENO) == 1) {}

  void show(const Progress& now) {
    if (!shown_) return;
    const double step_s = to_seconds(now.elapsed - last_.elapsed);
    const double tokens = static_cast<double>(now.output_tokens - last_.output_tokens);
    fmt::print(stderr,
               "\r\x1b[K{}{:.0f} s, stage {}/{}: {} sent, {} open, {} done, {} errors, {:.0f} "
               "tokens/s, late {:.1f} ms",
               label_, to_seconds(now.elapsed), now.stage, now.stages, now.sent,
               now.open + now.held, now.done, now.errors, step_s > 0 ? tokens / step_s : 0,
               to_seconds(now.worst_lateness) * 1e3);
    std::fflush(stderr);
    last_ = now;
  }
  void clear() const {
    if (shown_) fmt::print(stderr, "\r\x1b[K");
  }

 private:
  std::string label_;
  bool shown_;
  Progress last_;
};

void remark(const std::string& text) { fmt::print(stderr, "llmd bench: {}\n", text); }

Result<RunResult> run_with_progress(bench::BenchConfig config, const std::string& label) {
  ProgressLine line(label);
  bench::RunWatcher watcher;
  watcher.interrupted = &arm_interrupt();
  watcher.on_progress = [&](const Progress& progress) { line.show(progress); };
  watcher.on_remark = remark;
  auto result = bench::run_bench(std::move(config), watcher);
  line.clear();
  return result;
}

/// In virtual time nothing is worth watching but the result.
Result<RunResult> run_one(BenchInput& input, const bench::BenchConfig& config,
                          const std::string& label, std::span<const RunResult> rivals = {}) {
  if (!input.is_virtual) return run_with_progress(config, label);
  log::configure("bench", log::Level::kWarn);
  input.virtual_options.interrupted = &arm_interrupt();
  return bench::run_virtual_bench(config, input.virtual_options, rivals);
}

/// The configuration; says what of it will have no effect.
Result<bench::BenchConfig> begin(const BenchInput& input, bool compares) {
  LLMD_ASSIGN_OR_RETURN(bench::BenchConfig config, read_bench_config(input));
  std::vector<bench::Unused> unused = config.unused;
  if (compares && !config.storage_path.empty()) {
    unused.push_back({"storage.local_storage", "a comparison is printed, not written"});
  }
  if (input.is_virtual) {
    for (auto& each : bench::unused_in_virtual_time(config)) unused.push_back(std::move(each));
  }
  if (config.storage_path.empty() && !config.file_prefix.empty()) {
    unused.push_back(
        {"storage.local_storage.report_file_prefix", "no folder is named: give --out"});
  }
  if (!unused.empty()) remark(bench::unused_words(unused));
  return config;
}

/// A run whose clock went faster than the tool is worth nothing but its partial files.
Result<void> check_pace(const RunResult& run) {
  if (!run.info.too_fast) return {};
  return Error{
      Errc::kUnavailable,
      fmt::format("stopped: at --time-scale {:g} more than one request in ten was sent over "
                  "{} ms of the run late; lower the scale or the rate, or use --virtual",
                  run.info.time_scale, to_seconds(run.info.lateness_tolerated) * 1e3)};
}

Result<void> bench_once(BenchInput& input) {
  LLMD_ASSIGN_OR_RETURN(const bench::BenchConfig config, begin(input, false));
  LLMD_ASSIGN_OR_RETURN(const RunResult run, run_one(input, config, ""));
  const bench::RunSummary summary = bench::summarize(run);
  fmt::print("{}", bench::run_table(run, summary));
  if (!config.storage_path.empty()) {
    LLMD_RETURN_IF_ERROR(
        bench::write_reports({config.storage_path, config.file_prefix}, run, summary));
  }
  return check_pace(run);
}

struct CompareInput {
  BenchInput bench;
  std::vector<std::string> targets;
  uint32_t repeats = 3;
};

/// The targets' order in one repeat: another one begins each, so that none always comes first. What
/// is held against all others comes last.
std::vector<size_t> order_of(const std::vector<std::string>& targets, uint32_t repeat) {
  std::vector<size_t> order(targets.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::rotate(order, order.begin() + static_cast<ptrdiff_t>(repeat % targets.size()));
  std::ranges::stable_partition(
      order, [&](size_t target) { return targets[target] != bench::kBestFoundPolicy; });
  return order;
}

/// One run of each target under one seed. Nothing when it was interrupted.
Result<std::optional<std::vector<bench::RunSummary>>> run_repeat(CompareInput& input,
                                                                 bench::BenchConfig& config,
                                                                 uint32_t repeat) {
  std::vector<bench::RunSummary> summaries(input.targets.size());
  std::vector<RunResult> runs;
  for (const size_t target : order_of(input.targets, repeat)) {
    const std::string& name = input.targets[target];
    config.server.base_url = input.bench.virtual_options.policy = name;
    const auto label = fmt::format("{}/{} {}: ", repeat + 1, input.repeats, name);
    LLMD_ASSIGN_OR_RETURN(RunResult run, run_one(input.bench, config, label, runs));
    LLMD_RETURN_IF_ERROR(check_pace(run));
    if (run.info.partial) return std::optional<std::vector<bench::RunSummary>>();
    summaries[target] = bench::summarize(run);
    if (input.bench.is_virtual) runs.push_back(std::move(run));
  }
  return std::optional(std::move(summaries));
}

/// Repeat by repeat, each target once in each. An interrupt leaves the repeats that were complete.
Result<void> bench_compare(CompareInput& input) {
  std::vector<bench::TargetRuns> runs(input.targets.size());
  for (size_t i = 0; i < runs.size(); ++i) runs[i].name = input.targets[i];
  LLMD_ASSIGN_OR_RETURN(bench::BenchConfig config, begin(input.bench, true));
  const uint64_t first_seed = config.load.seed;
  uint32_t done = 0;
  for (; done < input.repeats; ++done) {
    config.load.seed = first_seed + done;
    LLMD_ASSIGN_OR_RETURN(auto repeat, run_repeat(input, config, done));
    if (!repeat) break;
    for (size_t i = 0; i < runs.size(); ++i) runs[i].repeats.push_back(std::move((*repeat)[i]));
  }
  if (done == 0) {
    return Error{Errc::kUnavailable,
                 "interrupted before every target had run once: there is nothing to compare"};
  }
  fmt::print("{}", bench::comparison_table(bench::compare(runs)));
  if (done < input.repeats) {
    fmt::print("PARTIAL: interrupted after {} of {} repeats.\n", done, input.repeats);
  }
  return {};
}

int report(const Result<void>& result) {
  if (result) return 0;
  fmt::print(stderr, "llmd bench: {}\n", result.error().message);
  return 1;
}

void add_compare_command(CLI::App& bench, int& exit_code) {
  CLI::App* command = bench.add_subcommand("compare", "The same load against several targets");
  command->footer(kCompareExamples);
  const auto input = std::make_shared<CompareInput>();
  command
      ->add_option("targets", input->targets,
                   "http://HOST:PORT of each, or with --virtual a policy; the first is the base")
      ->required()
      ->expected(2, 16);
  command->add_option("--repeats", input->repeats, "Runs of each target")
      ->check(CLI::Range(1U, 1000U))
      ->capture_default_str();
  add_bench_flags(*command, input->bench);
  command->callback([input, &exit_code] { exit_code = report(bench_compare(*input)); });
}

}  // namespace

void add_bench_command(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("bench", "Measure a server under load");
  command->footer(kExamples);
  const auto input = std::make_shared<BenchInput>();
  command->add_option("--url", input->flags.url, "The target: http://HOST:PORT");
  command->add_option("--policy", input->virtual_options.policy,
                      "With --virtual: gateway, gateway-kv-events, round-robin, least-connections, "
                      "best-found or a file");
  command->add_option("--out", input->flags.out, "Folder for the result files [none]");
  command->add_flag("--per-request", input->flags.per_request,
                    "Write a file with every request and the time of every token");
  add_bench_flags(*command, *input);
  add_compare_command(*command, exit_code);
  command->require_subcommand(0, 1);
  command->callback([command, input, &exit_code] {
    if (command->get_subcommands().empty()) exit_code = report(bench_once(*input));
  });
}

}  // namespace llmd::cli
