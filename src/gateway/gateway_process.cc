// SPDX-License-Identifier: Apache-2.0
#include "gateway/gateway_process.h"

#include <sys/random.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "base/text.h"
#include "endpoints/endpoints_file.h"
#include "resources/objects.h"

namespace llmd::gateway {

namespace {

constexpr Duration kFileStep = std::chrono::milliseconds(100);

uint64_t entropy() {
  uint64_t seed = 0;
  LLMD_CHECK(getrandom(&seed, sizeof seed, 0) == sizeof seed);
  return seed;
}

class GatewayProcess {
 public:
  explicit GatewayProcess(GatewayProcessOptions options)
      : options_(std::move(options)),
        watcher_(options_.endpoints_file),
        object_watchers_(options_.object_files.begin(), options_.object_files.end()),
        file_timer_(loop_),
        drain_timer_(loop_) {}

  Result<void> serve();

 private:
  void follow_files();
  bool objects_changed();
  Result<request::RoutingConfig> load_routing() const;
  void read_objects();
  void read_endpoints();
  void on_signal(int signal);

  GatewayProcessOptions options_;
  net::EventLoop loop_;
  endpoints::Pool pool_;
  endpoints::FileWatcher watcher_;
  std::vector<endpoints::FileWatcher> object_watchers_;
  net::Timer file_timer_;
  net::Timer drain_timer_;
  std::unique_ptr<Gateway> gateway_;
  bool stopping_ = false;
};

Result<void> GatewayProcess::serve() {
  if (options_.endpoints_file.empty()) {
    LLMD_ASSIGN_OR_RETURN(auto specs, endpoints::endpoints_from_urls(options_.endpoint_urls));
    pool_.update(std::move(specs));
  }
  options_.gateway.seed = entropy();
  objects_changed();
  LLMD_ASSIGN_OR_RETURN(options_.gateway.routing, load_routing());
  LLMD_ASSIGN_OR_RETURN(gateway_, Gateway::create(loop_, pool_, std::move(options_.gateway)));
  follow_files();
  LLMD_ASSIGN_OR_RETURN(const uint16_t port, gateway_->listen(options_.host, options_.port));
  loop_.on_terminate([this](int signal) { on_signal(signal); });
  loop_.on_hangup([this] { read_objects(); });
  const bool v6 = options_.host.find(':') != std::string::npos;
  std::printf(v6 ? "llmd ready gateway http://[%s]:%u\n" : "llmd ready gateway http://%s:%u\n",
              options_.host.c_str(), unsigned{port});
  std::fflush(stdout);
  loop_.run();
  return {};
}

void GatewayProcess::follow_files() {
  if (!options_.endpoints_file.empty() && watcher_.changed()) read_endpoints();
  if (objects_changed()) read_objects();
  file_timer_.start(kFileStep, [this] { follow_files(); });
}

bool GatewayProcess::objects_changed() {
  // Asks every watcher, so that each remembers what it saw.
  return std::ranges::count_if(object_watchers_, &endpoints::FileWatcher::changed) > 0;
}

Result<request::RoutingConfig> GatewayProcess::load_routing() const {
  if (options_.object_files.empty()) return request::plan_routing({});
  LLMD_ASSIGN_OR_RETURN(auto objects, resources::load_objects(options_.object_files));
  return request::plan_routing(std::move(objects));
}

/// Files that are refused leave everything as it is.
void GatewayProcess::read_objects() {
  const auto config = load_routing();
  if (!config) return log::error("{}", config.error().message);
  const auto used = gateway_->use(*config);
  if (!used) return log::error("{}", used.error().message);
  log::info("requests are treated as the files say now");
}

/// A file that cannot be used leaves the endpoints as they are.
void GatewayProcess::read_endpoints() {
  const auto text = read_file(watcher_.path(), endpoints::kEndpointsFileBytesMax);
  if (!text) return log::error("{}", text.error().message);
  auto specs = endpoints::parse_endpoints(*text, watcher_.path());
  if (!specs) return log::error("{}", specs.error().message);
  pool_.update(std::move(*specs));
}

/// The first signal lets running requests end, for a while; the second does not wait.
void GatewayProcess::on_signal(int signal) {
  if (stopping_) std::_Exit(128 + signal);
  stopping_ = true;
  log::info("stopping: running requests may end");
  gateway_->drain([this] { loop_.stop(); });
  drain_timer_.start(options_.drain_timeout, [this] {
    log::warn("stopping although requests are running");
    gateway_->refuse_waiting();
    loop_.post([this] { loop_.stop(); });
  });
}

}  // namespace

Result<void> run_gateway(GatewayProcessOptions options) {
  log::configure("gateway", log::Level::kInfo);
  GatewayProcess process(std::move(options));
  return process.serve();
}

}  // namespace llmd::gateway
