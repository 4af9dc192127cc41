// SPDX-License-Identifier: Apache-2.0
// One request on its way through flow control to an endpoint, and the load that it is there.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/off_loop.h"
#include "endpoints/pool.h"
#include "flow/controller.h"
#include "http/message.h"
#include "openai/request_scan.h"
#include "request/refusal.h"
#include "request/request_headers.h"
#include "schedule/scheduler.h"

namespace llmd::request {

class Route;
class Router;

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
  std::span<const http::Header> headers = {};  ///< that count; outlive the ticket's request
};

/// Learns what becomes of its ticket. May end() it within, or begin() anew.
class TicketHolder {
 public:
  /// Send the request to Ticket::endpoint().
  virtual void on_placed() = 0;
  /// It is not served. After on_placed(): flow control takes it back for a higher priority; break
  /// off what runs, and end().
  virtual void on_refused(const Refusal& refusal) = 0;

 protected:
  ~TicketHolder() = default;
};

/// Serves one request after the other, so that its memory is reused. Loop thread only.
class Ticket {
 public:
  /// Both outlive the ticket.
  Ticket(Router& router, TicketHolder& holder) : router_(router), holder_(holder) {}
  Ticket(const Ticket&) = delete;
  Ticket& operator=(const Ticket&) = delete;
  ~Ticket() { end(); }

  /// Takes the request in. The holder is told from within, or later when it has to wait. Refused
  /// are: 400 what no engine may be asked; 404 an unknown model; 429 what exceeds the capacity, its
  /// tenant's share or what its priority may have; 503 when no engine can serve it.
  void begin(const Arrival& arrival);
  /// Whether somebody serves its model, or may come to; until the next begin(). If so:
  bool is_known() const { return is_known_; }
  const std::string& target_model() const { return model_; }
  std::string_view tenant() const { return tenant_; }
  int32_t priority() const { return priority_; }

  /// Whether it waits to be let through, or for its prompt's tokens.
  bool waits() const { return waits_; }

  // After on_placed():
  /// Where to send the request now. Changes with retry().
  const endpoints::Endpoint& endpoint() const { return *endpoint_; }
  /// The model to ask for, where it is another than the client named.
  const std::string* rewritten_model() const { return is_rewritten_ ? &model_ : nullptr; }
  /// Headers for the engine, each with its line end. Changes with retry().
  void add_request_headers(std::string& head) const;
  /// Headers that scheduling adds to the response, each with its line end.
  void add_response_headers(std::string& head) const;

  /// The attempt failed before its first byte. Nothing: another endpoint was picked, send there.
  /// Otherwise what to answer; if an engine's own 5xx is at hand, pass that on instead.
  std::optional<openai::ApiError> retry(Failure failure);
  /// The response began: the endpoint works.
  void first_byte();
  /// The first token of a streamed response came: the prompt is computed.
  void first_token();
  /// Whether anybody asks how many tokens are generated.
  bool counts_output() const { return flow_id_.has_value(); }
  void add_output_tokens(uint64_t count) { served_.output_tokens += count; }
  /// Whether anybody asks how much of the prompt the engine had cached.
  bool wants_cached_tokens() const { return in_flight_ && token_keys_.prompts() > 0; }
  /// The response says it.
  void note_cached_tokens(uint64_t count);
  /// The response broke off after its first byte.
  void broken();
  /// The response ended.
  void finished();
  /// Whatever it was doing is over: gives back its place in the queue, or the load.
  void end();

 private:
  std::optional<Refusal> prepare(const Arrival& arrival, const RequestHeaders& headers);
  void enter();
  uint32_t prompt_tokens() const;
  std::string_view tenant_of(const RequestHeaders& headers) const;
  schedule::Query query() const;
  void decided(flow::Decision decision);
  std::optional<Refusal> place_first();
  bool place();
  Refusal nowhere() const;
  void count(const schedule::Decision& decision);
  void release_prompt();
  void release();

  Router& router_;
  TicketHolder& holder_;
  std::shared_ptr<Route> route_;  ///< of the configuration when it came
  std::string model_;
  bool is_rewritten_ = false;
  schedule::Prefix prefix_;
  schedule::TokenKeys token_keys_;  ///< empty where the ids are not known
  OffLoop::JobPtr tokenizing_;      ///< null when it is over
  std::span<const http::Header> headers_;
  std::optional<std::string_view> subset_;
  bool is_known_ = false;
  std::string_view tenant_;  ///< in the headers
  int32_t priority_ = 0;
  uint32_t output_tokens_ = 0;  ///< the request's limit; 0: none

  /// What flow control will ask, while the prompt is tokenized: Arrival is gone then.
  struct Entering {
    std::string model;
    uint64_t bytes = 0;
    TimePoint received{};
    std::optional<Duration> slo_ttft;
  };
  Entering entering_;
  std::optional<flow::Controller::Id> flow_id_;  ///< while flow control knows it
  bool waits_ = false;
  flow::Served served_;

  std::shared_ptr<endpoints::Endpoint> endpoint_;
  std::string prefill_host_port_;  ///< of the endpoint that computes the prompt first, if any
  endpoints::Snapshot tried_;
  uint32_t attempts_ = 0;
  bool all_busy_ = false;  ///< why the last decision found nobody
  std::string scores_;     ///< of the last decision, where responses are to say them

  // While it is in flight at its endpoint:
  bool in_flight_ = false;
  uint32_t counted_prompt_ = 0;   ///< tokens of Live::in_flight_tokens and prefill_tokens
  uint32_t counted_output_ = 0;   ///< tokens of Live::in_flight_tokens
  uint32_t expected_cached_ = 0;  ///< tokens of the prompt
  uint64_t tokens_ahead_ = 0;     ///< to compute before its first token, its own included
  TimePoint placed_at_{};
  std::optional<TimePoint> first_token_at_;
};

}  // namespace llmd::request
