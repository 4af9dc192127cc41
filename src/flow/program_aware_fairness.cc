// SPDX-License-Identifier: Apache-2.0
// Upstream's formula: score = 0.8 * (1 - service) + 0.2 * wait, both scaled to 0…1 over the flows
// that have requests. Service is tokens, those of answers twice, and halves every 60 s. As it does
// so for everybody alike and only its place between the least and the most counts, nothing decays
// here: later tokens count for more instead.
#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>
#include <vector>

#include "flow/fairness.h"
#include "flow/string_map.h"

namespace llmd::flow {
namespace {

/// More programs than this share one account, so that invented names cost no memory.
constexpr size_t kProgramsMax = 65'536;
constexpr double kOutputTokenWeight = 2;
/// Tokens count up to 2^this times more before the accounts are scaled back.
constexpr double kHalfLivesMax = 512;
constexpr double kSecondsMax = 1e9;

struct Options {
  double service_weight = 0.8;
  double wait_weight = 0.2;
  double half_life_s = 60;
  Duration forget_after = std::chrono::hours(1);
  Duration sweep_every = std::chrono::minutes(5);
};

struct Program {
  double service = 0;
  uint32_t waiting_flows = 0;
  TimePoint used{};
};

/// What each program got, by fairness id.
class Accounts {
 public:
  explicit Accounts(const Options& options) : options_(options) {}

  Program& account(std::string_view fairness_id, TimePoint now) {
    if (now >= next_sweep_) sweep(now);
    auto found = programs_.find(fairness_id);
    if (found == programs_.end()) {
      if (programs_.size() >= kProgramsMax) return others_;
      found = programs_.emplace(fairness_id, Program{}).first;
    }
    found->second.used = now;
    return found->second;
  }
  void serve(std::string_view fairness_id, double tokens, TimePoint now) {
    double half_lives = to_seconds(now - origin_) / options_.half_life_s;
    if (half_lives > kHalfLivesMax) {
      scale_back(half_lives);
      origin_ = now;
      half_lives = 0;
    }
    account(fairness_id, now).service += tokens * std::exp2(half_lives);
  }

 private:
  void scale_back(double half_lives) {
    const double factor = std::exp2(-half_lives);
    for (auto& [id, program] : programs_) program.service *= factor;
    others_.service *= factor;
  }
  void sweep(TimePoint now) {
    next_sweep_ = now + options_.sweep_every;
    if (options_.forget_after == Duration::zero()) return;
    std::erase_if(programs_, [&](const auto& each) {
      return each.second.waiting_flows == 0 && now - each.second.used > options_.forget_after;
    });
  }

  const Options options_;
  StringMap<Program> programs_;
  Program others_;
  TimePoint origin_{};  ///< tokens served then count once
  TimePoint next_sweep_{};
};

/// Scales to 0…1 over what was seen; 0 where all are alike.
struct Range {
  double least = std::numeric_limits<double>::infinity();
  double most = -std::numeric_limits<double>::infinity();

  void see(double value) {
    least = std::min(least, value);
    most = std::max(most, value);
  }
  double unit() const { return most > least ? 1 / (most - least) : 0; }
};

class Queue final : public FairnessQueue {
 public:
  Queue(std::shared_ptr<Accounts> accounts, const Options& options)
      : accounts_(std::move(accounts)), options_(options) {}

  void add(Flow& flow, TimePoint now) override {
    Program& program = accounts_->account(flow.fairness_id, now);
    ++program.waiting_flows;
    flow.place = static_cast<uint32_t>(flows_.size());
    flows_.push_back({.flow = &flow, .program = &program, .head_enqueued = {}});
    head_changed(flow);
  }
  void remove(Flow& flow, TimePoint now) override {
    Entry& entry = flows_[flow.place];
    --entry.program->waiting_flows;
    entry.program->used = now;
    entry = flows_.back();
    entry.flow->place = flow.place;
    flows_.pop_back();
  }
  void head_changed(Flow& flow) override {
    flows_[flow.place].head_enqueued =
        static_cast<double>(flow.items.front().enqueued.time_since_epoch().count());
  }
  void took_turn(Flow& /*flow*/) override {}

  Flow& pick(TimePoint /*now*/) override {
    Range service;
    Range enqueued;
    for (const Entry& each : flows_) {
      service.see(each.program->service);
      enqueued.see(each.head_enqueued);
    }
    // The constant parts of the score are left out: they are the same for all.
    const double per_token = options_.service_weight * service.unit();
    const double per_ns = options_.wait_weight * enqueued.unit();
    const auto cost = [&](const Entry& each) {
      return per_token * (each.program->service - service.least) +
             per_ns * (each.head_enqueued - enqueued.least);
    };
    const Entry* best = flows_.data();
    double best_cost = cost(*best);
    for (const Entry& each : flows_) {
      const double own = cost(each);
      if (own < best_cost || (own == best_cost && each.head_enqueued < best->head_enqueued)) {
        best = &each;
        best_cost = own;
      }
    }
    return *best->flow;
  }

 private:
  struct Entry {
    Flow* flow;
    Program* program;
    double head_enqueued;  ///< ns
  };

  std::shared_ptr<Accounts> accounts_;
  const Options options_;
  std::vector<Entry> flows_;
};

class ProgramAware final : public FairnessPolicy {
 public:
  explicit ProgramAware(const Options& options)
      : options_(options), accounts_(std::make_shared<Accounts>(options)) {}

  std::unique_ptr<FairnessQueue> new_queue() override {
    return std::make_unique<Queue>(accounts_, options_);
  }
  void served(std::string_view fairness_id, uint64_t prompt_tokens, uint64_t output_tokens,
              TimePoint now) override {
    const double tokens = static_cast<double>(prompt_tokens) +
                          kOutputTokenWeight * static_cast<double>(output_tokens);
    accounts_->serve(fairness_id, tokens, now);
  }

 private:
  const Options options_;
  std::shared_ptr<Accounts> accounts_;
};

Duration seconds(double value) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(value));
}

}  // namespace

MadeFairness make_program_aware_fairness(resources::Fields& parameters) {
  Options options;
  LLMD_ASSIGN_OR_RETURN(const std::string strategy, parameters.text("strategy", "las"));
  if (strategy != "las") return parameters.error("strategy", "must be las");
  LLMD_ASSIGN_OR_RETURN(options.service_weight, parameters.decimal("lasWeightService", 0.8, 1e6));
  LLMD_ASSIGN_OR_RETURN(options.wait_weight, parameters.decimal("lasWeightHeadWait", 0.2, 1e6));
  LLMD_ASSIGN_OR_RETURN(options.half_life_s,
                        parameters.decimal("lasHalfLifeSeconds", 60, kSecondsMax));
  if (options.half_life_s < 1) {
    return parameters.error("lasHalfLifeSeconds", "must be at least 1");
  }
  LLMD_ASSIGN_OR_RETURN(const double forget_after_s,
                        parameters.decimal("evictionTtlSeconds", 3600, kSecondsMax));
  LLMD_ASSIGN_OR_RETURN(const double sweep_every_s,
                        parameters.decimal("evictionSweepSeconds", 300, kSecondsMax));
  if (sweep_every_s <= 0) return parameters.error("evictionSweepSeconds", "must be above 0");
  options.forget_after = seconds(forget_after_s);
  options.sweep_every = seconds(sweep_every_s);
  // Decay by the number of picks means something else at every load.
  constexpr std::string_view kUnbuilt[] = {"lasDecayFactor"};
  LLMD_RETURN_IF_ERROR(parameters.refuse_unbuilt(kUnbuilt));
  LLMD_RETURN_IF_ERROR(parameters.done());
  return {std::make_shared<ProgramAware>(options)};
}

}  // namespace llmd::flow
