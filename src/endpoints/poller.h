// SPDX-License-Identifier: Apache-2.0
// Keeps what is known of each endpoint fresh: whether it answers, which models it serves, its load.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "endpoints/by_slot.h"
#include "endpoints/engine_metrics.h"
#include "endpoints/metrics_reader.h"
#include "endpoints/pool.h"

namespace llmd::endpoints {

struct Reply {
  int status = 0;
  std::string body;
};
using ReplyCallback = std::function<void(Result<Reply>)>;
/// Takes the bytes of a body as they come, instead of Reply::body.
using BodySink = std::function<void(std::string_view bytes)>;
/// Sends GET `path` to an endpoint and calls back once, on the same thread, with the reply, or with
/// Errc::kTimeout, or another error. Replies larger than kScrapeBytesMax are errors. The body goes
/// to `sink` where there is one.
using Fetch = std::function<void(const Endpoint& endpoint, std::string_view path,
                                 ReplyCallback callback, BodySink sink)>;

/// What is wanted from an endpoint's metrics page now.
using NamesOf = std::function<std::shared_ptr<const EngineNames>(const Endpoint& endpoint)>;

struct PollerOptions {
  /// Between two readings of the load where requests of ours are, or have been since the last.
  Duration busy_interval = std::chrono::milliseconds(200);
  /// Elsewhere; doubled while nothing changes there. Servers keep an unused connection for 5 s
  /// (uvicorn's default), so the bound leaves room for the spread of the polls.
  Duration idle_interval = std::chrono::seconds(1);
  Duration idle_interval_max = std::chrono::seconds(4);
  Duration check_interval = std::chrono::seconds(10);  ///< between checks of health and models
  /// How long until an endpoint that does not answer is asked again; doubled up to `retry_max`.
  Duration retry_min = std::chrono::milliseconds(200);
  Duration retry_max = std::chrono::seconds(5);
  /// When the load cannot be read, the last figures are believed for so long.
  Duration stale_after = std::chrono::seconds(2);
  uint32_t timeouts_max = 3;  ///< of checks in a row until an endpoint counts as down
};

/// An endpoint is up when /health answers 200 and /v1/models lists models; then /metrics is read,
/// often where there is something to see. Metrics that cannot be read make figures stale, no
/// endpoint down. Polls are spread over time. Loop thread only.
class Poller {
 public:
  /// `pool` and `clock` must outlive the poller. `seed` spreads the polls over time.
  Poller(Pool& pool, const Clock& clock, uint64_t seed, Fetch fetch, PollerOptions options = {});

  /// From the next poll of each endpoint on, metrics are read by these names; by the built-in ones
  /// before.
  void read_by(NamesOf names_of) { names_of_ = std::move(names_of); }

  /// Starts what is due, and says after how long to call again.
  Duration tick();

  /// Called with an endpoint after what is known of it was renewed or lost: its health, models or
  /// load.
  void on_change(std::function<void(const Endpoint&)> callback);

 private:
  struct State {
    bool asking = false;                    ///< a poll is under way
    bool checking = false;                  ///< and has asked for the health
    TimePoint busy_due{};                   ///< the next poll if it is busy then
    TimePoint idle_due{};                   ///< the next poll in any case
    TimePoint asked_at{};                   ///< when the last poll began
    TimePoint check_due{};                  ///< the next check of health and models
    std::optional<TimePoint> unread_since;  ///< the first poll after the last that brought figures
    uint32_t timeouts = 0;                  ///< of checks, in a row
    Duration idle_interval{};               ///< now
    Duration retry{};
    std::shared_ptr<MetricsReader> reader;  ///< shared with the call that reads
  };

  void begin(const std::shared_ptr<Endpoint>& endpoint);
  void check_health(const std::shared_ptr<Endpoint>& endpoint);
  void check_models(const std::shared_ptr<Endpoint>& endpoint);
  void read_load(const std::shared_ptr<Endpoint>& endpoint);
  void take_load(const std::shared_ptr<Endpoint>& endpoint, const Result<Reply>& reply);
  bool apply(Endpoint& endpoint, const Scrape& scrape);
  void load_failed(const std::shared_ptr<Endpoint>& endpoint, const Error& error);
  void check_failed(const std::shared_ptr<Endpoint>& endpoint, const Error& error);
  void retry_later(const std::shared_ptr<Endpoint>& endpoint);
  void note_stale(Endpoint& endpoint, const State& state) const;
  void become_up(const std::shared_ptr<Endpoint>& endpoint);
  void become_down(Endpoint& endpoint, const Error& error);
  void tell(const Endpoint& endpoint) const;
  Duration jittered(Duration duration);
  /// Calls `then` with the reply; nothing once this is gone.
  void ask(const std::shared_ptr<Endpoint>& endpoint, std::string_view path,
           std::function<void(const Result<Reply>&)> then, BodySink sink = {});

  Pool& pool_;
  const Clock& clock_;
  Random random_;
  Fetch fetch_;
  NamesOf names_of_;
  PollerOptions options_;
  BySlot<State> states_;
  std::vector<std::function<void(const Endpoint&)>> changed_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace llmd::endpoints
