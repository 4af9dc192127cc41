// SPDX-License-Identifier: Apache-2.0
// One request's life without a transport: admit → schedule → account → retry. The gateway moves the
// bytes; here is decided where they go and what a failure means. One loop's thread; a Router and
// its tickets share it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "endpoints/pool.h"
#include "openai/error.h"
#include "openai/request_scan.h"
#include "schedule/scheduler.h"

namespace llmd::request {

struct RouterOptions {
  uint32_t attempts_max = 3;  ///< endpoints tried for one request
  /// An endpoint that failed is the last choice for this long, doubled with each failure in a row.
  Duration backoff_base = std::chrono::milliseconds(500);
  Duration backoff_max = std::chrono::seconds(30);
};

/// Why an attempt ended before the first byte of its response.
enum class Failure : uint8_t {
  kConnect,      ///< no connection
  kClosed,       ///< the connection ended without a response
  kTimeout,      ///< no response in time
  kServerError,  ///< a status for which is_retryable() holds
};

/// Whether a response status says that another engine may do better: 5xx, except those that any
/// engine of the kind would give (501, 505).
bool is_retryable(int status);

class Router;

/// A placed request. Its endpoint counts it as in flight until finished(), a failure, or the
/// destructor, whichever is first. Must not outlive its Router.
class Ticket {
 public:
  Ticket(Ticket&& other) noexcept;
  Ticket& operator=(Ticket&&) = delete;
  ~Ticket();

  /// Where to send the request now. Changes with retry().
  const endpoints::Endpoint& endpoint() const { return *endpoint_; }
  uint32_t attempts() const { return attempts_; }

  /// The attempt failed before its first byte. Nothing: another endpoint was picked, send there.
  /// Otherwise what to answer; if an engine's own 5xx is at hand, pass that on instead.
  std::optional<openai::ApiError> retry(Failure failure);

  /// The response began: the endpoint works.
  void first_byte();
  /// The response broke off after its first byte.
  void broken();
  /// The response ended. Gives the load back.
  void finished();

 private:
  friend class Router;
  Ticket(Router& router, std::string model, schedule::Prefix prefix);
  bool place();
  void release();

  Router* router_;
  std::string model_;
  schedule::Prefix prefix_;
  std::shared_ptr<endpoints::Endpoint> endpoint_;
  endpoints::Snapshot tried_;
  uint32_t attempts_ = 0;
  bool in_flight_ = false;
};

class Router {
 public:
  /// `pool` and `clock` must outlive the router. `seed` breaks ties between equal endpoints.
  Router(endpoints::Pool& pool, const Clock& clock, uint64_t seed, schedule::Profile profile,
         RouterOptions options = {});
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;

  /// Places the request that `scan` found in `body`, or says what to answer: 400 for what no engine
  /// may be asked, 404 for an unknown model, 503 when no engine can serve it now (the gateway adds
  /// Retry-After). Neither argument is kept.
  std::variant<Ticket, openai::ApiError> admit(const openai::RequestScan& scan,
                                               std::string_view body);

  /// Models that an engine serves now, each once, sorted.
  std::vector<std::string> model_names() const;
  /// Whether any engine can serve now.
  bool ready() const;

 private:
  friend class Ticket;
  std::optional<openai::ApiError> refuse(const openai::RequestScan& scan) const;
  openai::ApiError unknown_model(std::string_view model) const;
  void punish(endpoints::Endpoint& endpoint);

  endpoints::Pool& pool_;
  const Clock& clock_;
  schedule::Scheduler scheduler_;
  RouterOptions options_;
};

}  // namespace llmd::request
