// SPDX-License-Identifier: Apache-2.0
// One request's life without a transport: admit → schedule → account → retry. The gateway moves the
// bytes; here is decided where they go and what a failure means. One loop's thread; a Router and
// its tickets share it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "endpoints/pool.h"
#include "http/message.h"
#include "openai/error.h"
#include "openai/request_scan.h"
#include "schedule/scheduler.h"

namespace llmd::request {

struct RouterOptions {
  uint32_t attempts_max = 3;  ///< endpoints tried for one request
  /// Each response says how its endpoint was chosen. For finding out; it costs time.
  bool emits_endpoint_scores = false;
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

/// A request as it came.
struct Arrival {
  const openai::RequestScan& scan;
  std::string_view body;                       ///< that was scanned
  std::span<const http::Header> headers = {};  ///< that scheduling may look at; outlive the ticket
};

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

  /// Headers that scheduling adds to the response, each with its line end.
  void add_response_headers(std::string& head) const;

  /// The response began: the endpoint works.
  void first_byte();
  /// The first token of a streamed response came: the prompt is computed.
  void first_token();
  /// The response broke off after its first byte.
  void broken();
  /// The response ended. Gives the load back.
  void finished();

 private:
  friend class Router;
  Ticket(Router& router, const Arrival& arrival, schedule::Prefix prefix);
  schedule::Query query() const;
  bool place();
  void count(const schedule::Decision& decision);
  void release_prompt();
  void release();

  Router* router_;
  std::shared_ptr<schedule::Scheduler> scheduler_;  ///< of the configuration when it came
  std::string model_;
  schedule::Prefix prefix_;
  std::span<const http::Header> headers_;
  uint32_t output_tokens_ = 0;  ///< the request's limit; 0: none
  std::shared_ptr<endpoints::Endpoint> endpoint_;
  endpoints::Snapshot tried_;
  uint32_t attempts_ = 0;

  std::string scores_;  ///< of the last decision, where responses are to say them

  // While it is in flight at its endpoint:
  bool in_flight_ = false;
  uint32_t counted_prompt_ = 0;  ///< tokens of Live::in_flight_tokens and prefill_tokens
  uint32_t counted_output_ = 0;  ///< tokens of Live::in_flight_tokens
  uint64_t tokens_ahead_ = 0;    ///< to compute before its first token, its own included
  TimePoint placed_at_{};
  std::optional<TimePoint> first_token_at_;
};

class Router {
 public:
  /// `pool` and `clock` must outlive the router. `scheduler` decides.
  Router(endpoints::Pool& pool, const Clock& clock, std::shared_ptr<schedule::Scheduler> scheduler,
         RouterOptions options = {});
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;

  /// Requests that come from now on are placed by `scheduler`.
  void use(std::shared_ptr<schedule::Scheduler> scheduler) { scheduler_ = std::move(scheduler); }

  /// Places the request, or says what to answer: 400 for what no engine may be asked, 404 for an
  /// unknown model, 429 where an admitter refuses it, 503 when no engine can serve it now (the
  /// gateway adds Retry-After). Of `arrival` only the headers are kept.
  std::variant<Ticket, openai::ApiError> admit(const Arrival& arrival);

  /// Models that an engine serves now, each once, sorted.
  std::vector<std::string> model_names() const;
  /// Whether any engine can serve now.
  bool ready() const;

 private:
  friend class Ticket;
  std::optional<openai::ApiError> refuse(const openai::RequestScan& scan) const;
  std::variant<Ticket, openai::ApiError> prepare(const Arrival& arrival);
  openai::ApiError unknown_model(std::string_view model) const;

  endpoints::Pool& pool_;
  const Clock& clock_;
  std::shared_ptr<schedule::Scheduler> scheduler_;
  RouterOptions options_;
};

}  // namespace llmd::request
