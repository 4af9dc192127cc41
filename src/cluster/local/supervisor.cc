// SPDX-License-Identifier: Apache-2.0
#include "cluster/local/supervisor.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>

#include "base/log.h"
#include "base/text.h"
#include "endpoints/endpoints_file.h"

namespace llmd::cluster {
namespace {

constexpr std::string_view kHost = "127.0.0.1";
constexpr Duration kReadyProbe = std::chrono::milliseconds(50);
constexpr size_t kTailLines = 12;
constexpr size_t kLogBytesMax = 64 * 1024 * 1024;
constexpr int kOk = 200;

/// The end of a log, for the message about a process that does not start.
std::string tail(const std::string& path) {
  const auto text = read_file(path, kLogBytesMax);
  if (!text) return "";
  size_t begin = text->size();
  for (size_t lines = 0; begin > 0 && lines <= kTailLines; ++lines) {
    begin = text->rfind('\n', begin - 1);
    if (begin == std::string::npos) return *text;
  }
  return text->substr(begin);
}

endpoints::EndpointSpec endpoint_of(const Worker& worker) {
  return {.name = worker.spec().name,
          .address = std::string(kHost),
          .port = worker.port(),
          .labels = worker.labels()};
}

}  // namespace

Supervisor::Supervisor(net::EventLoop& loop, const Clock& clock, StateDir dir,
                       SupervisorOptions options, Events events)
    : loop_(loop),
      clock_(clock),
      dir_(std::move(dir)),
      options_(std::move(options)),
      events_(std::move(events)),
      fetch_(loop),
      ready_timer_(loop) {}

ReplicaSpec Supervisor::gateway_spec(uint16_t port) const {
  ReplicaSpec spec;
  spec.name = "gateway";
  spec.role = "gateway";
  spec.argv = options_.gateway;
  spec.argv.insert(spec.argv.end(), {"--host", std::string(kHost), "--port", std::to_string(port),
                                     "--endpoints", dir_.path("endpoints.yaml")});
  spec.readiness = Readiness::kReadyLine;
  return spec;
}

void Supervisor::add_worker(ReplicaSpec spec, WorkerOptions options) {
  options.log_path = dir_.path(spec.name + ".log");
  ::unlink(options.log_path.c_str());  // of an earlier cluster
  workers_.push_back(std::make_unique<Worker>(loop_, clock_, fetch_, std::move(spec),
                                              std::move(options), [this] { changed(); }));
  reported_.emplace_back();
}

void Supervisor::start() {
  started_at_s_ = std::time(nullptr);
  const uint16_t port = options_.port != 0 ? options_.port : free_port();
  add_worker(gateway_spec(port), {.log_path = {}, .port = port});
  for (const ReplicaSpec& spec : options_.engines) add_worker(spec, {});
  const auto written =
      write_file_atomically(dir_.path("endpoints.yaml"), endpoints::print_endpoints({}));
  if (!written) {
    outcome_ = written;
    return stop();
  }
  for (size_t i = 0; i < workers_.size() && !is_stopping_; ++i) workers_[i]->start();
}

std::string Supervisor::url() { return fmt::format("http://{}:{}", kHost, gateway().port()); }

void Supervisor::changed() {
  write_endpoints();
  write_state();
  if (is_stopping_) return continue_stop();
  if (is_ready_) return;
  report_progress();
  check_failed_starts();
  check_ready();
}

void Supervisor::report_progress() {
  for (size_t i = 0; i < workers_.size(); ++i) {
    const Worker& worker = *workers_[i];
    std::string line = fmt::format("{}: {}", worker.spec().name, to_string(worker.state()));
    if (worker.state() == Worker::State::kStopped || line == reported_[i]) continue;
    reported_[i] = line;
    if (worker.state() == Worker::State::kWaiting) line += " to restart, " + worker.last_end();
    events_.progress(line);
  }
}

void Supervisor::check_failed_starts() {
  for (const auto& worker : workers_) {
    if (worker->failed_starts() < options_.failed_starts_max) continue;
    outcome_ = Error{Errc::kUnavailable, fmt::format("{} does not start: it {}. The end of {}:\n{}",
                                                     worker->spec().name, worker->last_end(),
                                                     worker->log_path(), tail(worker->log_path()))};
    return stop();
  }
}

void Supervisor::check_ready() {
  const bool all =
      !is_stopping_ && std::all_of(workers_.begin(), workers_.end(), [](const auto& worker) {
        return worker->state() == Worker::State::kReady;
      });
  if (all && !asking_) ask_gateway();
}

/// The engines answer; the cluster is ready when the gateway has noticed.
void Supervisor::ask_gateway() {
  asking_ = true;
  const auto address = net::Address::parse(kHost, gateway().port());
  fetch_.get(*address, "/ready", [this](const Result<endpoints::Reply>& reply) {
    asking_ = false;
    if (is_stopping_ || is_ready_) return;
    if (!reply || reply->status != kOk) {
      return ready_timer_.start(kReadyProbe, [this] { check_ready(); });
    }
    is_ready_ = true;
    write_state();
    events_.ready(url());
  });
}

void Supervisor::stop() {
  ready_timer_.cancel();
  if (std::exchange(is_stopping_, true)) {
    for (const auto& worker : workers_) worker->kill();
  }
  continue_stop();
}

void Supervisor::continue_stop() {
  // Each stop() may come back here through changed(): states only ever move towards kStopped.
  gateway().stop(options_.drain_grace);
  if (gateway().state() != Worker::State::kStopped) return;
  for (size_t i = 1; i < workers_.size(); ++i) workers_[i]->stop(options_.engine_grace);
  const bool all = std::all_of(workers_.begin(), workers_.end(), [](const auto& worker) {
    return worker->state() == Worker::State::kStopped;
  });
  if (!all || !events_.ended) return;
  const auto ended = std::exchange(events_.ended, nullptr);
  ended(outcome_);
}

void Supervisor::write_endpoints() {
  if (is_stopping_) return;  // the gateway drains with the engines it has
  std::vector<endpoints::EndpointSpec> ready;
  for (size_t i = 1; i < workers_.size(); ++i) {
    if (workers_[i]->state() == Worker::State::kReady) ready.push_back(endpoint_of(*workers_[i]));
  }
  if (ready == written_) return;
  const auto done =
      write_file_atomically(dir_.path("endpoints.yaml"), endpoints::print_endpoints(ready));
  if (!done) return log::error("{}", done.error().message);
  written_ = std::move(ready);
}

void Supervisor::write_state() {
  ClusterState state{.name = options_.name,
                     .pid = ::getpid(),
                     .url = url(),
                     .ready = is_ready_,
                     .started_at_s = started_at_s_,
                     .replicas = {}};
  for (const auto& worker : workers_) {
    const bool has_port = worker->state() == Worker::State::kReady;
    state.replicas.push_back(
        {.name = worker->spec().name,
         .role = worker->spec().role,
         .pid = worker->pid(),
         .state = std::string(to_string(worker->state())),
         .url = has_port ? fmt::format("http://{}:{}", kHost, worker->port()) : "",
         .restarts = worker->restarts(),
         .started_at_s = worker->started_at_s(),
         .log = worker->log_path()});
  }
  const auto written = dir_.write_state(state);
  if (!written) log::error("{}", written.error().message);
}

}  // namespace llmd::cluster
