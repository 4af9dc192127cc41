// SPDX-License-Identifier: Apache-2.0
// Keeps a pool current in a running process: follows endpoints.yaml and polls the engines.
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "endpoints/endpoints_file.h"
#include "endpoints/http_fetch.h"
#include "endpoints/poller.h"
#include "endpoints/pool.h"
#include "net/event_loop.h"

namespace llmd::endpoints {

/// Loop thread only. `loop`, `pool` and `clock` must outlive it.
class Monitor {
 public:
  Monitor(net::EventLoop& loop, Pool& pool, const Clock& clock, uint64_t seed);

  /// Takes the endpoints from `path` now and whenever it changes. A file that is not there yet or
  /// is no such document leaves the pool as it is, with a log line.
  void follow_file(std::string path);
  /// Begins polling. Once.
  void start();

 private:
  void tick();
  void read_file();

  Pool& pool_;
  net::Timer timer_;
  HttpFetch fetch_;
  Poller poller_;
  std::optional<FileWatcher> watcher_;
};

}  // namespace llmd::endpoints
