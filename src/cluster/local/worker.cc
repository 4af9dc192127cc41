// SPDX-License-Identifier: Apache-2.0
#include "cluster/local/worker.h"

#include <arpa/inet.h>
#include <fmt/core.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <fstream>
#include <optional>
#include <span>

#include "base/log.h"
#include "base/text.h"

namespace llmd::cluster {
namespace {

constexpr Duration kLogProbe = std::chrono::milliseconds(20);
constexpr Duration kHealthProbe = std::chrono::milliseconds(200);
constexpr size_t kProbeBytesMax = 1 << 20;
constexpr int kOk = 200;

uint64_t file_size(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 ? static_cast<uint64_t>(status.st_size) : 0;
}

std::string read_from(const std::string& path, uint64_t offset) {
  std::ifstream in(path, std::ios::binary);
  in.seekg(static_cast<std::streamoff>(offset));
  std::string text(kProbeBytesMax, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(in.gcount()));
  return text;
}

std::optional<uint16_t> port_at_end(std::string_view text) {
  const auto port = parse_uint(text.substr(text.rfind(':') + 1));
  if (!port || *port == 0 || *port > UINT16_MAX) return std::nullopt;
  return static_cast<uint16_t>(*port);
}

/// What its complete lines say so far.
Ports told_ports(std::string_view output) {
  Ports ports;
  const auto lines = split(output, '\n');
  for (const std::string_view line : std::span(lines).first(lines.size() - 1)) {
    const auto words = split(line, ' ');
    if (line.starts_with("llmd ready ")) ports.serving = port_at_end(line).value_or(0);
    if (!line.starts_with("llmd kv-events ") || words.size() != 6) continue;
    ports.kv_events = port_at_end(words[3]).value_or(0);
    ports.kv_replay = port_at_end(words[5]).value_or(0);
  }
  return ports;
}

}  // namespace

uint16_t free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  const bool bound = ::bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                     ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  ::close(fd);
  return bound ? ntohs(address.sin_port) : 0;
}

std::string_view to_string(Worker::State state) {
  switch (state) {
    case Worker::State::kStarting:
      return "starting";
    case Worker::State::kReady:
      return "ready";
    case Worker::State::kWaiting:
      return "waiting";
    case Worker::State::kStopping:
      return "stopping";
    case Worker::State::kStopped:
      return "stopped";
  }
  return "";
}

Worker::Worker(net::EventLoop& loop, const Clock& clock, endpoints::HttpFetch& fetch,
               ReplicaSpec spec, WorkerOptions options, std::function<void()> on_change)
    : loop_(loop),
      clock_(clock),
      fetch_(fetch),
      spec_(std::move(spec)),
      options_(std::move(options)),
      on_change_(std::move(on_change)),
      timer_(loop),
      ports_{.serving = options_.port} {}

void Worker::start() { launch(); }

void Worker::launch() {
  ++life_;
  choose_ports();
  log_offset_ = file_size(options_.log_path);
  started_at_s_ = std::time(nullptr);
  auto started = Process::start(loop_, {fill(spec_, ports_).argv, spec_.env, options_.log_path},
                                [this](const std::string& how) { ended(how); });
  if (!started) {
    ++failed_starts_;
    last_end_ = started.error().message;
    return wait_to_restart();
  }
  process_ = std::move(*started);
  become(State::kStarting);
  probe();
}

void Worker::choose_ports() {
  const bool tells_ports = spec_.readiness == Readiness::kReadyLine;
  if (options_.port == 0) ports_.serving = tells_ports ? 0 : free_port();
  if (tells_ports || !has_kv_events(spec_)) return;
  ports_.kv_events = free_port();
  ports_.kv_replay = free_port();
}

void Worker::probe() {
  if (spec_.readiness == Readiness::kReadyLine) {
    probe_log();
  } else {
    probe_health();
  }
}

void Worker::probe_log() {
  const Ports told = told_ports(read_from(options_.log_path, log_offset_));
  if (told.serving == 0 || (has_kv_events(spec_) && told.kv_events == 0)) {
    return timer_.start(kLogProbe, [this] { probe_log(); });
  }
  ports_ = told;
  become(State::kReady);
}

void Worker::probe_health() {
  const auto address = net::Address::parse("127.0.0.1", ports_.serving);
  fetch_.get(*address, "/health", [this, life = life_](const Result<endpoints::Reply>& reply) {
    if (life != life_ || state_ != State::kStarting) return;
    if (reply && reply->status == kOk) return become(State::kReady);
    timer_.start(kHealthProbe, [this] { probe_health(); });
  });
}

void Worker::ended(const std::string& how) {
  const bool was_ready = state_ == State::kReady;
  const bool is_stopping = state_ == State::kStopping;
  loop_.destroy_later(std::shared_ptr<Process>(std::move(process_)));
  last_end_ = how;
  timer_.cancel();
  if (is_stopping) return become(State::kStopped);
  log::warn("{} {}", spec_.name, how);
  failed_starts_ = was_ready ? 0 : failed_starts_ + 1;
  if (was_ready && clock_.now() - ready_at_ >= options_.stable_after) backoff_ = {};
  wait_to_restart();
}

void Worker::wait_to_restart() {
  ++life_;
  const Duration wait = std::clamp(backoff_, options_.restart_min, options_.restart_max);
  backoff_ = wait * 2;
  timer_.start(wait, [this] {
    ++restarts_;
    launch();
  });
  become(State::kWaiting);
}

void Worker::stop(Duration grace) {
  if (state_ == State::kStopped || state_ == State::kStopping) return;
  timer_.cancel();
  if (!process_) return become(State::kStopped);
  process_->terminate();
  timer_.start(grace, [this] {
    log::warn("{} did not end in time and is killed", spec_.name);
    process_->kill();
  });
  become(State::kStopping);
}

void Worker::kill() {
  if (state_ == State::kStopped) return;
  timer_.cancel();
  if (!process_) return become(State::kStopped);
  state_ = State::kStopping;
  process_->kill();
}

void Worker::become(State state) {
  state_ = state;
  if (state == State::kReady) {
    ready_at_ = clock_.now();
    failed_starts_ = 0;
  }
  on_change_();
}

}  // namespace llmd::cluster
