// SPDX-License-Identifier: Apache-2.0
#include "gateway/gateway_process.h"

#include <sys/random.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
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
        object_watchers_(options_.object_files.begin(), options_.object_files.end()),
        file_timer_(loop_),
        drain_timer_(loop_) {}

  Result<void> serve();

 private:
  void follow_files();
  bool objects_changed();
  Result<void> find_endpoints(const resources::Objects& objects);
  Result<resources::Objects> load_objects() const;
  void read_objects();
  void read_endpoints();
  void on_signal(int signal);

  GatewayProcessOptions options_;
  net::EventLoop loop_;
  endpoints::Pool pool_;
  std::optional<endpoints::FileWatcher> endpoints_watcher_;  ///< none for a fixed set
  std::vector<endpoints::FileWatcher> object_watchers_;
  net::Timer file_timer_;
  net::Timer drain_timer_;
  std::unique_ptr<Gateway> gateway_;
  bool stopping_ = false;
};

Result<void> GatewayProcess::serve() {
  options_.gateway.seed = entropy();
  objects_changed();
  LLMD_ASSIGN_OR_RETURN(auto objects, load_objects());
  LLMD_RETURN_IF_ERROR(find_endpoints(objects));
  LLMD_ASSIGN_OR_RETURN(options_.gateway.routing, request::plan_routing(std::move(objects)));
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

Result<void> GatewayProcess::find_endpoints(const resources::Objects& objects) {
  std::string file = options_.endpoints_file;
  if (file.empty() && options_.endpoint_urls.empty()) {
    for (const auto& config : objects.picker_configs) file = config.discovery_path;
    if (file.empty()) {
      return invalid_argument(
          "where are the engines? Give --endpoint URL, --endpoints FILE, or with -f an "
          "EndpointPickerConfig whose dataLayer.discovery names such a file");
    }
  }
  if (!file.empty()) {
    endpoints_watcher_.emplace(std::move(file));
    return {};
  }
  LLMD_ASSIGN_OR_RETURN(auto specs, endpoints::endpoints_from_urls(options_.endpoint_urls));
  pool_.update(std::move(specs));
  return {};
}

void GatewayProcess::follow_files() {
  if (endpoints_watcher_ && endpoints_watcher_->changed()) read_endpoints();
  if (objects_changed()) read_objects();
  file_timer_.start(kFileStep, [this] { follow_files(); });
}

bool GatewayProcess::objects_changed() {
  // Asks every watcher, so that each remembers what it saw.
  return std::ranges::count_if(object_watchers_, &endpoints::FileWatcher::changed) > 0;
}

Result<resources::Objects> GatewayProcess::load_objects() const {
  if (options_.object_files.empty()) return resources::Objects{};
  return resources::load_objects(options_.object_files);
}

/// Files that are refused leave everything as it is.
void GatewayProcess::read_objects() {
  auto objects = load_objects();
  if (!objects) return log::error("{}", objects.error().message);
  const auto config = request::plan_routing(*std::move(objects));
  if (!config) return log::error("{}", config.error().message);
  const auto used = gateway_->use(*config);
  if (!used) return log::error("{}", used.error().message);
  log::info("requests are treated as the files say now");
}

/// A file that cannot be used leaves the endpoints as they are.
void GatewayProcess::read_endpoints() {
  const std::string& path = endpoints_watcher_->path();
  const auto text = read_file(path, endpoints::kEndpointsFileBytesMax);
  if (!text) return log::error("{}", text.error().message);
  auto specs = endpoints::parse_endpoints(*text, path);
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
