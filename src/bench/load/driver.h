// SPDX-License-Identifier: Apache-2.0
// Runs a load: decides what is sent when, keeps the turns of a session in order, counts. Knows
// neither sockets nor whether its clock is real.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/call_after.h"
#include "bench/load/arrival_schedule.h"
#include "bench/load/stage.h"
#include "bench/measure/run_result.h"
#include "bench/workload/workload.h"

namespace llmd::bench {

/// A request from when it is due until it has ended. The driver fills number, stage, tenant, due,
/// held, sent, wanted_tokens; the transport all that it sees.
struct Flight {
  Request request;
  RequestRecord record;
};

/// Where requests go.
class Transport {
 public:
  /// Driver::ended(flight) follows once, not from within this call.
  virtual void send(Flight& flight) = 0;
  /// Forgets a flight that was sent: no ended() any more.
  virtual void abandon(Flight& flight) = 0;

 protected:
  ~Transport() = default;
};

/// For people who watch.
struct Progress {
  Duration elapsed{};
  size_t stage = 0;
  size_t stages = 0;
  uint64_t sent = 0;
  uint64_t open = 0;
  uint64_t held = 0;  ///< wait for their session's earlier turn
  uint64_t done = 0;
  uint64_t errors = 0;
  uint64_t output_tokens = 0;
  Duration worst_lateness{};  ///< of the tool, since the last call of Driver::progress()
};

/// A tool that sends more than this share of its requests later than RunInfo::lateness_tolerated
/// does not keep up; fewer may be hiccups of the machine. Below kSentMin requests nobody can tell.
constexpr double kLateShareMax = 0.1;
constexpr uint64_t kSentMin = 50;

/// In time that is scaled above 1, a tool that does not keep up ends the run (RunInfo::too_fast).
/// One thread.
class Driver {
 public:
  /// Everything given outlives the driver. Times are on `clock`, from begin() on.
  Driver(const Clock& clock, CallAfter call_after, Workload& workload, LoadOptions options,
         Transport& transport, RunResult& result);

  /// `on_done` is called when the last stage is over; then `result` is whole.
  void begin(std::function<void()> on_done);
  /// The transport's flight has ended: its record is final. `answer` is the text if the workload
  /// keeps answers. The flight is gone afterwards.
  void ended(Flight& flight, std::string_view answer);
  /// Ends the run now; what is open becomes kUnfinished, the run partial.
  void interrupt();

  Duration now() const { return clock_.now() - origin_; }
  Progress progress();

 private:
  struct Session {
    bool busy = false;
    std::deque<std::unique_ptr<Flight>> waiting;
  };

  void begin_stage();
  void wake(uint64_t stage_number);
  void send_due();
  bool closed_loop_may_send() const;
  void arrive(Duration due);
  void send(std::unique_ptr<Flight> flight);
  void release(uint64_t session);
  void finish(std::unique_ptr<Flight> flight);
  void abandon_open();
  void check_stage_end();
  void end_stage();
  void plan_sweep();
  void finish_run();
  uint32_t tenant_of(uint64_t key) const;
  bool falls_behind() const;
  /// `work` at `after` from now, unless this stage is over by then.
  void later(Duration after, void (Driver::*work)());

  const Clock& clock_;
  CallAfter call_after_;
  Workload& workload_;
  LoadOptions options_;
  Transport& transport_;
  RunResult& result_;
  std::function<void()> on_done_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);

  TimePoint origin_{};
  size_t stage_ = 0;
  Duration stage_begin_{};
  std::unique_ptr<ArrivalSchedule> schedule_;
  std::optional<Duration> next_due_;  ///< from the stage's begin
  uint64_t stage_arrivals_ = 0;
  bool arrivals_over_ = false;
  bool running_ = false;
  uint64_t number_ = 0;
  uint64_t held_ = 0;
  uint64_t late_ = 0;                                           ///< of those sent
  std::unordered_map<uint64_t, std::unique_ptr<Flight>> open_;  ///< by number
  std::unordered_map<uint64_t, Session> sessions_;
  Progress progress_;
};

}  // namespace llmd::bench
