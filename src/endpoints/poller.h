// SPDX-License-Identifier: Apache-2.0
// Keeps what is known of each endpoint fresh: whether it answers, which models it serves, its load.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "endpoints/pool.h"

namespace llmd::endpoints {

struct Reply {
  int status = 0;
  std::string body;
};
using ReplyCallback = std::function<void(Result<Reply>)>;
/// Sends GET `path` to an endpoint and calls back once, on the same thread, with the reply, or with
/// Errc::kTimeout, or another error. Replies larger than kScrapeBytesMax are errors.
using Fetch = std::function<void(const Endpoint& endpoint, std::string_view path, ReplyCallback)>;

struct PollerOptions {
  Duration interval = std::chrono::seconds(1);
  /// How long until an endpoint that does not answer is asked again; doubled up to `retry_max`.
  Duration retry_min = std::chrono::milliseconds(200);
  Duration retry_max = std::chrono::seconds(5);
  uint32_t timeouts_max = 3;   ///< in a row until an endpoint counts as down
  uint32_t checks_every = 10;  ///< polls of load between two checks of health and models
};

/// An endpoint is up when /health answers 200 and /v1/models lists models; then /metrics is read
/// once per interval. Loop thread only.
class Poller {
 public:
  /// `pool` and `clock` must outlive the poller. `seed` spreads the polls over time.
  Poller(Pool& pool, const Clock& clock, uint64_t seed, Fetch fetch, PollerOptions options = {});

  /// Starts what is due. Call often, about ten times a second.
  void tick();

  /// Called with an endpoint after what is known of it was renewed or lost: its
  /// health, models or load.
  void on_change(std::function<void(const Endpoint&)> callback);

 private:
  struct State {
    std::weak_ptr<Endpoint> endpoint;
    TimePoint due{};
    bool asking = false;
    uint32_t polls = 0;     ///< since the last check
    uint32_t timeouts = 0;  ///< in a row
    Duration retry{};
  };

  void begin(const std::shared_ptr<Endpoint>& endpoint, State& state);
  void check_health(const std::shared_ptr<Endpoint>& endpoint);
  void check_models(const std::shared_ptr<Endpoint>& endpoint);
  void read_load(const std::shared_ptr<Endpoint>& endpoint);
  void succeeded(Endpoint& endpoint);
  void failed(Endpoint& endpoint, const Error& error);
  void apply(Endpoint& endpoint, const Scrape& scrape);
  void tell(const Endpoint& endpoint) const;
  Duration jittered(Duration duration);
  /// Calls `then` with a 200 reply's body, failed() with anything else; nothing once this is gone.
  void ask(const std::shared_ptr<Endpoint>& endpoint, std::string_view path,
           std::function<void(const std::string& body)> then);

  Pool& pool_;
  const Clock& clock_;
  Random random_;
  Fetch fetch_;
  PollerOptions options_;
  std::map<const Endpoint*, State> states_;
  std::vector<std::function<void(const Endpoint&)>> changed_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace llmd::endpoints
