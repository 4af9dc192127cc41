// SPDX-License-Identifier: Apache-2.0
#include "endpoints/monitor.h"

#include "base/log.h"
#include "base/text.h"

namespace llmd::endpoints {
namespace {

constexpr Duration kTick = std::chrono::milliseconds(100);

}  // namespace

Monitor::Monitor(net::EventLoop& loop, Pool& pool, const Clock& clock, uint64_t seed)
    : pool_(pool),
      timer_(loop),
      fetch_(loop),
      poller_(pool, clock, seed,
              [this](const Endpoint& endpoint, std::string_view path, ReplyCallback callback) {
                fetch_.get(endpoint.socket_address, path, std::move(callback));
              }) {}

void Monitor::follow_file(std::string path) {
  watcher_.emplace(std::move(path));
  if (watcher_->changed()) {
    read_file();
  } else {
    log::warn("{} does not exist yet", watcher_->path());
  }
}

void Monitor::start() { tick(); }

void Monitor::tick() {
  if (watcher_ && watcher_->changed()) read_file();
  poller_.tick();
  timer_.start(kTick, [this] { tick(); });
}

void Monitor::read_file() {
  const auto text = llmd::read_file(watcher_->path(), kEndpointsFileBytesMax);
  if (!text) return log::warn("endpoints stay as they are: {}", text.error().message);
  auto specs = parse_endpoints(*text, watcher_->path());
  if (!specs) return log::warn("endpoints stay as they are: {}", specs.error().message);
  pool_.update(std::move(*specs));
  log::info("{} endpoints in {}", pool_.snapshot()->size(), watcher_->path());
}

}  // namespace llmd::endpoints
