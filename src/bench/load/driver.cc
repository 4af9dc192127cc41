// SPDX-License-Identifier: Apache-2.0
#include "bench/load/driver.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace llmd::bench {
namespace {

/// Room made in advance, so that growing never stalls a run; what comes on top grows as it may.
constexpr uint64_t kReservedMax = 1'000'000;

StageInfo describe(const Stage& stage) {
  StageInfo info;
  info.load = name_of(stage.kind);
  info.rate = stage.rate;
  info.concurrency = stage.concurrency;
  info.planned = stage.duration;
  info.warm_up = stage.warm_up;
  return info;
}

}  // namespace

Driver::Driver(const Clock& clock, CallAfter call_after, Workload& workload, LoadOptions options,
               Transport& transport, RunResult& result)
    : clock_(clock),
      call_after_(std::move(call_after)),
      workload_(workload),
      options_(std::move(options)),
      transport_(transport),
      result_(result) {
  if (options_.sweep) options_.stages = {sweep_probe(*options_.sweep)};
  for (const Tenant& tenant : options_.tenants) result_.tenants.push_back(tenant.name);
}

void Driver::begin(std::function<void()> on_done) {
  on_done_ = std::move(on_done);
  origin_ = clock_.now();
  running_ = true;
  // Later, so that even a run without stages ends outside this call.
  later(Duration(0), &Driver::begin_stage);
}

void Driver::later(Duration after, void (Driver::*work)()) {
  call_after_(after, [this, work, stage = stage_, alive = std::weak_ptr(alive_)] {
    if (!alive.expired() && running_ && stage == stage_) (this->*work)();
  });
}

void Driver::begin_stage() {
  if (stage_ == options_.stages.size()) return finish_run();
  const Stage& stage = options_.stages[stage_];
  workload_.begin_stage();
  sessions_.clear();
  stage_begin_ = now();
  stage_arrivals_ = 0;
  arrivals_over_ = false;
  result_.stages.push_back(describe(stage));
  result_.stages.back().begin = stage_begin_;
  result_.token_gaps.resize(result_.stages.size());
  schedule_ =
      std::make_unique<ArrivalSchedule>(stage, mix_all(options_.seed, stage_), workload_.trace());
  if (stage.kind == LoadKind::kConcurrent) {
    if (stage.duration > Duration(0)) later(stage.duration, &Driver::check_stage_end);
  } else {
    result_.requests.reserve(result_.requests.size() +
                             std::min(schedule_->expected_count(), kReservedMax));
    next_due_ = schedule_->next();
  }
  send_due();
}

/// Sends what is due by now, then asks to be called when the next is.
void Driver::send_due() {
  if (options_.stages[stage_].kind == LoadKind::kConcurrent) {
    while (closed_loop_may_send()) arrive(now());
  } else {
    while (next_due_ && stage_begin_ + *next_due_ <= now()) {
      arrive(stage_begin_ + *next_due_);
      next_due_ = schedule_->next();
      if (result_.info.time_scale > 1 && falls_behind()) {
        result_.info.too_fast = true;
        return interrupt();
      }
    }
    if (next_due_) return later(stage_begin_ + *next_due_ - now(), &Driver::send_due);
  }
  check_stage_end();
}

bool Driver::closed_loop_may_send() const {
  const Stage& stage = options_.stages[stage_];
  if (stage.requests > 0 && stage_arrivals_ >= stage.requests) return false;
  if (stage.duration > Duration(0) && now() - stage_begin_ >= stage.duration) return false;
  return open_.size() + held_ < stage.concurrency;
}

uint32_t Driver::tenant_of(uint64_t key) const {
  double total = 0;
  for (const Tenant& tenant : options_.tenants) total += tenant.weight;
  double left = unit_interval(mix_all(options_.seed, key)) * total;
  uint32_t index = 0;
  for (const Tenant& tenant : options_.tenants) {
    ++index;
    left -= tenant.weight;
    if (left < 0) break;
  }
  return index;
}

void Driver::arrive(Duration due) {
  auto flight = std::make_unique<Flight>();
  RequestRecord& record = flight->record;
  record.number = number_++;
  record.stage = static_cast<uint32_t>(stage_);
  record.due = due;
  ++stage_arrivals_;
  const uint64_t session = workload_.session_of(record.number);
  // A session has one tenant; its key is apart from any number's.
  record.tenant = tenant_of(session == 0 ? record.number : ~session);
  if (session == 0) return send(std::move(flight));
  Session& state = sessions_[session];
  if (state.busy) {
    ++held_;
    state.waiting.push_back(std::move(flight));
    return;
  }
  state.busy = true;
  send(std::move(flight));
}

void Driver::send(std::unique_ptr<Flight> flight) {
  Flight& sent = *flight;
  sent.request = workload_.request(sent.record.number);
  sent.record.wanted_tokens = sent.request.output_tokens;
  sent.record.sent = now();
  const Duration lateness = sent.record.sent - sent.record.due - sent.record.held;
  progress_.worst_lateness = std::max(progress_.worst_lateness, lateness);
  if (lateness > result_.info.lateness_tolerated) ++late_;
  ++progress_.sent;
  open_.emplace(sent.record.number, std::move(flight));
  transport_.send(sent);
}

void Driver::ended(Flight& flight, std::string_view answer) {
  const auto found = open_.find(flight.record.number);
  LLMD_CHECK(found != open_.end());
  std::unique_ptr<Flight> owned = std::move(found->second);
  open_.erase(found);
  const uint64_t session = owned->request.session;
  const bool is_ok = owned->record.outcome == Outcome::kOk;
  if (is_ok && workload_.keeps_answers()) workload_.answered(owned->request, answer);
  const Duration pause = is_ok ? owned->request.pause : Duration(0);
  finish(std::move(owned));
  if (session != 0 && pause == Duration(0)) {
    release(session);
  } else if (session != 0) {
    call_after_(pause, [this, session, stage = stage_, alive = std::weak_ptr(alive_)] {
      if (!alive.expired() && running_ && stage == stage_) release(session);
    });
  }
  if (options_.stages[stage_].kind == LoadKind::kConcurrent) return send_due();
  check_stage_end();
}

/// The session's next turn may go.
void Driver::release(uint64_t session) {
  Session& state = sessions_[session];
  if (state.waiting.empty()) {
    state.busy = false;
    return;
  }
  std::unique_ptr<Flight> flight = std::move(state.waiting.front());
  state.waiting.pop_front();
  --held_;
  flight->record.held = now() - flight->record.due;
  send(std::move(flight));
}

void Driver::finish(std::unique_ptr<Flight> flight) {
  RequestRecord& record = flight->record;
  ++progress_.done;
  if (record.outcome != Outcome::kOk) ++progress_.errors;
  progress_.output_tokens += record.output_tokens;
  result_.requests.push_back(std::move(record));
}

void Driver::check_stage_end() {
  const Stage& stage = options_.stages[stage_];
  const bool more =
      stage.kind == LoadKind::kConcurrent
          ? !(stage.requests > 0 && stage_arrivals_ >= stage.requests) &&
                (stage.duration == Duration(0) || now() - stage_begin_ < stage.duration)
          : next_due_.has_value();
  if (more) return;
  if (!std::exchange(arrivals_over_, true)) {
    later(stage.kind == LoadKind::kBurst ? stage.duration : options_.grace, &Driver::abandon_open);
  }
  if (open_.empty() && held_ == 0) end_stage();
}

/// What has not ended, sent or held, ends as kUnfinished.
void Driver::abandon_open() {
  std::vector<std::unique_ptr<Flight>> left;
  for (auto& [number, flight] : open_) {
    transport_.abandon(*flight);
    left.push_back(std::move(flight));
  }
  for (auto& [session, state] : sessions_) {
    for (auto& flight : state.waiting) left.push_back(std::move(flight));
    state.waiting.clear();
  }
  open_.clear();
  held_ = 0;
  for (auto& flight : left) {
    flight->record.outcome = Outcome::kUnfinished;
    flight->record.error = "not finished when its stage ended";
    flight->record.ended = now();
    finish(std::move(flight));
  }
  if (running_) check_stage_end();
}

void Driver::end_stage() {
  result_.stages.back().end = now();
  if (options_.sweep && stage_ == 0) plan_sweep();
  const bool last = stage_ + 1 >= options_.stages.size();
  ++stage_;
  later(last ? Duration(0) : options_.interval, &Driver::begin_stage);
}

void Driver::plan_sweep() {
  std::vector<Duration> ended;
  for (const RequestRecord& record : result_.requests) {
    if (record.outcome == Outcome::kOk) ended.push_back(record.ended - stage_begin_);
  }
  const double rate = saturation_rate(ended, options_.sweep->saturation_percentile);
  if (rate == 0) return;
  for (const Stage& stage : sweep_stages(*options_.sweep, rate)) options_.stages.push_back(stage);
}

void Driver::interrupt() {
  if (!running_) return;
  running_ = false;
  result_.info.partial = true;
  abandon_open();
  if (!result_.stages.empty() && result_.stages.back().end == Duration(0)) {
    result_.stages.back().end = now();
  }
  finish_run();
}

void Driver::finish_run() {
  running_ = false;
  std::sort(result_.requests.begin(), result_.requests.end(),
            [](const auto& a, const auto& b) { return a.number < b.number; });
  on_done_();
}

bool Driver::falls_behind() const {
  const auto sent = static_cast<double>(progress_.sent);
  return progress_.sent >= kSentMin && static_cast<double>(late_) > kLateShareMax * sent;
}

Progress Driver::progress() {
  Progress out = progress_;
  progress_.worst_lateness = {};
  out.elapsed = now();
  out.stage = std::min(stage_ + 1, options_.stages.size());
  out.stages = options_.stages.size();
  out.open = open_.size();
  out.held = held_;
  return out;
}

}  // namespace llmd::bench
