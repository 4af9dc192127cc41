// SPDX-License-Identifier: Apache-2.0
// A whole cluster as child processes of this one: a gateway and its engines.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "cluster/local/state_dir.h"
#include "cluster/local/worker.h"
#include "cluster/plan.h"
#include "endpoints/endpoint.h"
#include "endpoints/http_fetch.h"
#include "net/event_loop.h"

namespace llmd::cluster {

struct SupervisorOptions {
  std::string name;
  std::vector<ReplicaSpec> engines;
  /// The gateway's command line up to the port and endpoints file, which are appended.
  std::vector<std::string> gateway;
  uint16_t port = 8080;  ///< of the gateway; 0: any, kept over its restarts
  Duration drain_grace = std::chrono::seconds(60);   ///< for running streams to end
  Duration engine_grace = std::chrono::seconds(10);  ///< behind a gateway that has ended
  uint32_t failed_starts_max = 3;  ///< of one process, before the cluster was ever ready
};

/// Loop thread only.
class Supervisor {
 public:
  struct Events {
    std::function<void(const std::string& line)> progress;   ///< for a person, while it starts
    std::function<void(const std::string& url)> ready;       ///< once
    std::function<void(const Result<void>& outcome)> ended;  ///< once, everything is stopped
  };

  Supervisor(net::EventLoop& loop, const Clock& clock, StateDir dir, SupervisorOptions options,
             Events events);

  void start();
  /// The gateway drains, then the engines are ended. Called again: everything is killed.
  void stop();

 private:
  ReplicaSpec gateway_spec(uint16_t port) const;
  void add_worker(ReplicaSpec spec, WorkerOptions options);
  Worker& gateway() { return *workers_.front(); }
  std::string url();
  void changed();
  void report_progress();
  void check_failed_starts();
  void check_ready();
  void ask_gateway();
  void continue_stop();
  void write_endpoints();
  void write_state();

  net::EventLoop& loop_;
  const Clock& clock_;
  StateDir dir_;
  SupervisorOptions options_;
  Events events_;
  endpoints::HttpFetch fetch_;
  net::Timer ready_timer_;
  std::vector<std::unique_ptr<Worker>> workers_;  ///< the gateway first
  std::vector<endpoints::EndpointSpec> written_;
  std::vector<std::string> reported_;
  int64_t started_at_s_ = 0;
  bool asking_ = false;
  bool is_ready_ = false;
  bool is_stopping_ = false;
  Result<void> outcome_;
};

}  // namespace llmd::cluster
