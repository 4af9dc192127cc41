// SPDX-License-Identifier: Apache-2.0
// One process of a cluster through all its lives: started, awaited, restarted with back-off, ended.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "cluster/local/process.h"
#include "cluster/plan.h"
#include "endpoints/http_fetch.h"
#include "net/event_loop.h"

namespace llmd::cluster {

struct WorkerOptions {
  std::string log_path;
  uint16_t port = 0;  ///< 0: any; else the same in every life
  Duration restart_min = std::chrono::milliseconds(200);
  Duration restart_max = std::chrono::seconds(30);
  Duration stable_after = std::chrono::seconds(10);  ///< ready for so long: back-off starts anew
};

/// Loop thread only.
class Worker {
 public:
  enum class State : uint8_t { kStarting, kReady, kWaiting, kStopping, kStopped };

  /// `on_change` is called after each change of state() or pid().
  Worker(net::EventLoop& loop, const Clock& clock, endpoints::HttpFetch& fetch, ReplicaSpec spec,
         WorkerOptions options, std::function<void()> on_change);

  void start();
  /// SIGTERM, then SIGKILL after `grace`; state() becomes kStopped.
  void stop(Duration grace);
  /// SIGKILL now; state() becomes kStopped.
  void kill();

  const ReplicaSpec& spec() const { return spec_; }
  /// Its labels in this life.
  auto labels() const { return fill(spec_, ports_).labels; }
  State state() const { return state_; }
  pid_t pid() const { return process_ ? process_->pid() : 0; }
  uint16_t port() const { return ports_.serving; }
  uint32_t restarts() const { return restarts_; }
  int64_t started_at_s() const { return started_at_s_; }
  const std::string& log_path() const { return options_.log_path; }
  /// How often in a row it ended without having been ready, and how the last time.
  uint32_t failed_starts() const { return failed_starts_; }
  const std::string& last_end() const { return last_end_; }

 private:
  void launch();
  void choose_ports();
  void ended(const std::string& how);
  void wait_to_restart();
  void probe();
  void probe_health();
  void probe_log();
  void become(State state);

  net::EventLoop& loop_;
  const Clock& clock_;
  endpoints::HttpFetch& fetch_;
  ReplicaSpec spec_;
  WorkerOptions options_;
  std::function<void()> on_change_;
  net::Timer timer_;
  State state_ = State::kStopped;
  std::unique_ptr<Process> process_;
  Ports ports_;  ///< of this life
  uint32_t restarts_ = 0;
  uint32_t failed_starts_ = 0;
  int64_t started_at_s_ = 0;
  TimePoint ready_at_{};
  Duration backoff_{};
  uint64_t log_offset_ = 0;  ///< where this life's output begins
  std::string last_end_;
  uint64_t life_ = 0;  ///< answers to an earlier life's questions do not count
};

std::string_view to_string(Worker::State state);

/// A loopback port that was free a moment ago. If another process takes it first, the worker's next
/// life asks again.
uint16_t free_port();

}  // namespace llmd::cluster
