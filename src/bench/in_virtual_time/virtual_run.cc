// SPDX-License-Identifier: Apache-2.0
#include "bench/in_virtual_time/virtual_run.h"

#include <fmt/core.h>

#include <algorithm>
#include <unordered_map>

namespace llmd::bench {
namespace {

/// Time for the policies to find out about their endpoints before the first request.
constexpr Duration kWarmUp = std::chrono::seconds(2);
constexpr int kOk = 200;
constexpr int kBadGateway = 502;

class VirtualRun final : public Transport {
 public:
  VirtualRun(const Kinds& kinds, Workload& workload, const TokenText& text,
             const VirtualRunOptions& options, RunInfo info)
      : workload_(workload), text_(text), options_(options) {
    result_.info = std::move(info);
    result_.info.is_virtual = result_.info.simulated = true;
    for (uint32_t i = 0; i < options.endpoints; ++i) {
      engine::EngineKind& kind = *kinds[std::min<size_t>(i, kinds.size() - 1)];
      engines_.push_back(std::make_unique<VirtualEngine>(kind, time_));
      result_.endpoints.push_back(fmt::format("engine-{}", i));
    }
  }

  Result<RunResult> run() {
    LLMD_ASSIGN_OR_RETURN(policy_, options_.policy({time_, engines_, options_.seed}));
    time_.run_until(time_.now() + kWarmUp);
    driver_.emplace(time_, time_.call_after(), workload_, options_.load, *this, result_);
    bool done = false;
    driver_->begin([&done] { done = true; });
    plan_restarts();
    sample();
    while (!done && time_.run_one()) {
      if (options_.interrupted != nullptr && *options_.interrupted != 0) driver_->interrupt();
    }
    return std::move(result_);
  }

  void send(Flight& flight) override {
    const uint64_t number = flight.record.number;
    Open& open = open_[number];
    open.flight = &flight;
    write_body(options_.body, text_, flight.request, open.body);
    open.headers = headers_of(flight);
    policy_->place({number, open.body, open.headers}, [this, number](const Placement& placement) {
      const auto found = open_.find(number);
      if (found != open_.end()) on_placement(found->second, placement);
    });
  }

  void abandon(Flight& flight) override {
    const auto found = open_.find(flight.record.number);
    if (found == open_.end()) return;
    abort(found->second);
    policy_->ended(found->first);
    open_.erase(found);
  }

 private:
  struct Open {
    Flight* flight = nullptr;
    std::string body;
    std::vector<http::Header> headers;
    std::optional<engine::SequenceId> id;  ///< while an engine has it
    uint32_t engine = 0;
    std::string answer;
  };

  std::vector<http::Header> headers_of(const Flight& flight) const {
    if (flight.record.tenant == 0) return {};
    const Tenant& tenant = options_.load.tenants[flight.record.tenant - 1];
    std::vector<http::Header> headers{{kTenantHeader, tenant.name}};
    if (!tenant.objective.empty()) headers.push_back({kObjectiveHeader, tenant.objective});
    return headers;
  }

  void abort(Open& open) {
    if (open.id) engines_[open.engine]->abort(*open.id);
  }

  void plan_restarts() {
    for (uint32_t i = 0; i < options_.restarts.size(); ++i) {
      time_.call_at(time_.now() + options_.restarts[i], [this, i] { restart(i); });
    }
  }

  void restart(uint32_t engine) {
    engines_[engine]->restart();
    for (auto& [number, open] : open_) {
      if (!open.id || open.engine != engine) continue;
      open.id.reset();
      refuse(open, openai::make_error(kBadGateway, "the engine was restarted"));
    }
  }

  void on_placement(Open& open, const Placement& placement) {
    if (const auto* error = std::get_if<openai::ApiError>(&placement)) {
      abort(open);
      return refuse(open, *error);
    }
    open.engine = std::get<uint32_t>(placement);
    open.flight->record.endpoint = open.engine + 1;
    const auto submitted = engines_[open.engine]->submit(
        open.body, options_.body.api, workload_.keeps_answers(),
        [this, &open](const engine::Progress& progress) { on_progress(open, progress); });
    if (const auto* error = std::get_if<openai::ApiError>(&submitted)) return refuse(open, *error);
    const auto [id, prompt_tokens] = std::get<Submitted>(submitted);
    open.id = id;
    open.flight->record.prompt_tokens = prompt_tokens;
  }

  /// Driver::ended() must not come from within send(), nor Policy::ended() from within place().
  void refuse(Open& open, const openai::ApiError& error) {
    RequestRecord& record = open.flight->record;
    record.outcome = Outcome::kStatus;
    record.status = error.status;
    record.error = error.message;
    time_.call_at(time_.now(), [this, number = record.number] {
      const auto found = open_.find(number);
      if (found == open_.end()) return;
      Flight& flight = *found->second.flight;
      policy_->ended(number);
      open_.erase(number);
      flight.record.ended = driver_->now();
      driver_->ended(flight, {});
    });
  }

  void on_progress(Open& open, const engine::Progress& progress) {
    RequestRecord& record = open.flight->record;
    const Duration now = driver_->now();
    if (!progress.tokens.empty()) note_token(record, now);
    if (workload_.keeps_answers()) open.answer += progress.text;
    if (progress.finish == engine::FinishReason::kNone) return;
    record.outcome = Outcome::kOk;
    record.status = kOk;
    record.ended = now;
    record.output_tokens = progress.generated;
    record.cached_tokens = progress.cached;
    policy_->ended(record.number);
    Flight& flight = *open.flight;
    const std::string answer = std::move(open.answer);
    open_.erase(record.number);
    driver_->ended(flight, answer);
  }

  void note_token(RequestRecord& record, Duration now) {
    if (record.first_token == Duration(0)) {
      record.first_token = now;
      policy_->first_token(record.number);
    } else {
      result_.token_gaps[record.stage].record((now - record.last_token).count());
    }
    record.last_token = now;
    if (result_.info.keeps_token_times) record.token_times.push_back(now);
  }

  void sample() {
    for (uint32_t i = 0; i < engines_.size(); ++i) {
      EndpointSample sample = engines_[i]->sample();
      sample.at = driver_->now();
      sample.endpoint = i + 1;
      result_.samples.push_back(sample);
    }
    time_.call_at(time_.now() + options_.sample_interval, [this] { sample(); });
  }

  Workload& workload_;
  const TokenText& text_;
  const VirtualRunOptions& options_;
  RunResult result_;
  VirtualTime time_;
  std::vector<std::unique_ptr<VirtualEngine>> engines_;
  std::unique_ptr<Policy> policy_;
  std::optional<Driver> driver_;
  std::unordered_map<uint64_t, Open> open_;  ///< by request number; elements stay where they are
};

}  // namespace

Result<RunResult> run_in_virtual_time(const Kinds& kinds, Workload& workload, const TokenText& text,
                                      const VirtualRunOptions& options, RunInfo info) {
  return VirtualRun(kinds, workload, text, options, std::move(info)).run();
}

}  // namespace llmd::bench
