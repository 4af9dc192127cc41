// SPDX-License-Identifier: Apache-2.0
#include "engine/api/engine_process.h"

#include <arpa/inet.h>
#include <fmt/core.h>

#include <cstdio>
#include <list>

#include "base/log.h"
#include "base/scaled_time.h"
#include "engine/api/cpu_kind.h"
#include "engine/api/engine_instance.h"
#include "engine/api/simulated_kind.h"
#include "net/loop_timers.h"

namespace llmd::engine {
namespace {

Result<std::unique_ptr<EngineKind>> load_kind(const EngineProcessOptions& options) {
  return options.simulated ? load_simulated_kind(options) : load_cpu_kind(options);
}

uint32_t replicas(const EngineProcessOptions& options) {
  return options.simulated ? options.simulated->replicas : 1;
}

uint32_t ranks(const EngineProcessOptions& options) {
  return options.simulated ? options.simulated->data_parallel_size : 1;
}

double time_scale(const EngineProcessOptions& options) {
  return options.simulated ? options.simulated->time_scale : 1;
}

/// The IPv4 address that comes `steps` after `host`.
Result<std::string> address_after(const std::string& host, uint32_t steps) {
  in_addr address{};
  if (inet_pton(AF_INET, host.c_str(), &address) != 1) {
    return invalid_argument("--same-port counts addresses up from --host: give an IPv4 address");
  }
  const uint32_t first = ntohl(address.s_addr);
  if (UINT32_MAX - first < steps) return invalid_argument("--same-port: addresses end there");
  address.s_addr = htonl(first + steps);
  char text[INET_ADDRSTRLEN];
  return std::string(inet_ntop(AF_INET, &address, text, sizeof text));
}

/// All parts of one engine process, in the order in which they stand on each other.
class EngineProcess {
 public:
  EngineProcess(const EngineProcessOptions& options, EngineKind& kind)
      : options_(options),
        role_(kind.simulated_profile().empty() ? "engine" : "simulated-engine"),
        clock_(steady_clock_, time_scale(options)),
        timers_(loop_),
        around_{loop_, kind, clock_, scale_delays(timers_.call_after(), time_scale(options))} {}

  Result<void> serve();

 private:
  bool by_address() const { return options_.simulated && options_.simulated->same_port; }
  Result<uint16_t> add_engine(const std::string& host, uint32_t port);
  KvEventSource event_source(uint32_t number, const std::string& host) const;
  Result<void> listen_on_ports();
  Result<void> listen_on_addresses();
  void start();
  void say_ready();
  void on_signal(int signal);

  const EngineProcessOptions& options_;
  std::string_view role_;  ///< in the ready lines
  std::string ready_lines_;
  std::string kv_events_lines_;
  SteadyClock steady_clock_;
  ScaledClock clock_;
  net::EventLoop loop_;
  net::LoopTimers timers_;
  EngineSurroundings around_;
  std::list<EngineInstance> engines_;
  size_t draining_ = 0;
  bool stopping_ = false;
};

/// Returns the port, also for port 0.
Result<uint16_t> EngineProcess::add_engine(const std::string& host, uint32_t port) {
  if (port > UINT16_MAX) return invalid_argument("--port and --replicas: ports end at 65535");
  const auto number = static_cast<uint32_t>(engines_.size());
  EngineInstance& engine =
      engines_.emplace_back(around_, options_, number, number % ranks(options_));
  LLMD_ASSIGN_OR_RETURN(const uint16_t bound, engine.listen(host, static_cast<uint16_t>(port)));
  const std::string url = fmt::format("http://{}:{}", host, bound);
  ready_lines_ += fmt::format("llmd ready {} {}\n", role_, url);
  if (options_.kv_events.publishes()) {
    LLMD_RETURN_IF_ERROR(engine.publish_kv_events(options_.kv_events, event_source(number, host)));
    kv_events_lines_ += fmt::format("llmd kv-events {} {}\n", url, engine.kv_events()->where());
  }
  return bound;
}

/// With --same-port the engines have addresses of their own, as pods do; else ports.
KvEventSource EngineProcess::event_source(uint32_t number, const std::string& host) const {
  const uint32_t rank = number % ranks(options_);
  if (by_address()) return {.offset = rank, .rank = rank, .host = host};
  return {.offset = number, .rank = rank, .host = {}};
}

Result<void> EngineProcess::listen_on_ports() {
  for (uint32_t i = 0; i < replicas(options_) * ranks(options_); ++i) {
    LLMD_RETURN_IF_ERROR(add_engine(options_.host, options_.port == 0 ? 0 : options_.port + i));
  }
  return {};
}

/// Port 0 is whichever is free on the first address.
Result<void> EngineProcess::listen_on_addresses() {
  uint32_t port = options_.port;
  for (uint32_t replica = 0; replica < replicas(options_); ++replica) {
    LLMD_ASSIGN_OR_RETURN(const std::string host, address_after(options_.host, replica));
    LLMD_ASSIGN_OR_RETURN(port, add_engine(host, port));
    for (uint32_t rank = 1; rank < ranks(options_); ++rank) {
      LLMD_RETURN_IF_ERROR(add_engine(host, port + rank));
    }
  }
  return {};
}

Result<void> EngineProcess::serve() {
  LLMD_RETURN_IF_ERROR(by_address() ? listen_on_addresses() : listen_on_ports());
  loop_.on_terminate([this](int signal) { on_signal(signal); });
  start();
  loop_.run();
  return {};
}

/// At once, or when the time that starting takes has passed.
void EngineProcess::start() {
  const Duration startup = around_.kind.shape().startup;
  if (startup == Duration::zero()) return say_ready();
  for (EngineInstance& engine : engines_) engine.set_starting(true);
  around_.call_after(startup, [this] {
    for (EngineInstance& engine : engines_) engine.set_starting(false);
    say_ready();
  });
}

void EngineProcess::say_ready() {
  std::fputs((ready_lines_ + kv_events_lines_).c_str(), stdout);
  std::fflush(stdout);
}

/// The first signal lets running requests end; the second does not wait.
void EngineProcess::on_signal(int signal) {
  if (stopping_) std::_Exit(128 + signal);
  stopping_ = true;
  size_t requests = 0;
  for (const EngineInstance& engine : engines_) requests += engine.requests();
  log::info("stopping: {} running requests may end", requests);
  draining_ = engines_.size();
  for (EngineInstance& engine : engines_) {
    engine.drain([this] {
      if (--draining_ == 0) loop_.stop();
    });
  }
}

std::string log_name(const EngineProcessOptions& options) {
  const std::string kind = options.simulated ? "simulated engine " : "engine ";
  const std::vector<std::string>& names = options.served_model_names;
  if (!names.empty()) return kind + names.front();
  return kind + (options.simulated ? options.simulated->profile : options.model);
}

}  // namespace

Result<void> run_engine(const EngineProcessOptions& options) {
  log::configure(log_name(options), log::Level::kInfo);
  LLMD_ASSIGN_OR_RETURN(const std::unique_ptr<EngineKind> kind, load_kind(options));
  return EngineProcess(options, *kind).serve();
}

}  // namespace llmd::engine
