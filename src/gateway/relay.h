// SPDX-License-Identifier: Apache-2.0
// One request on its way: to an engine, to another if that fails before its first byte, and the
// answer back.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "gateway/event_boundary.h"
#include "gateway/gateway_metrics.h"
#include "gateway/headers.h"
#include "gateway/model_restorer.h"
#include "http/client.h"
#include "http/server.h"
#include "openai/request_scan.h"
#include "request/router.h"

namespace llmd::gateway {

class Relay;

/// What the relays of one loop share. Finished relays are kept, so that their buffers are reused.
struct RelayContext {
  net::EventLoop& loop;
  request::Router& router;
  http::Client client;
  GatewayMetrics& metrics;
  bool is_trusted = false;  ///< clients may send control headers
  Random ids;
  std::vector<std::unique_ptr<Relay>> relays = {};
  std::vector<Relay*> free = {};
};

void answer_error(http::Exchange& exchange, const request::Refusal& refusal);

class Relay final : public http::Call, private request::TicketHolder {
 public:
  explicit Relay(RelayContext& context) : context_(context), ticket_(context.router, *this) {}

  /// Places and sends the request of `exchange`, or answers why not.
  static void begin(RelayContext& context, std::shared_ptr<http::Exchange> exchange);

 private:
  void start(std::shared_ptr<http::Exchange> exchange);
  void take_in(const openai::RequestScan& scan);
  void on_placed() override;
  void on_refused(const request::Refusal& refusal) override;
  RequestLabels labels() const;
  void build_body();
  void build_head();
  void send();
  void on_head(const http::ResponseHead& head, const http::Framing& framing) override;
  void on_body(std::string_view bytes, bool last) override;
  void on_failure(const http::ClientFailure& failure) override;
  void note_usage(std::string_view bytes);
  void pass_events(std::string_view bytes, bool last);
  void pass(std::string_view bytes, bool last);
  void write(std::string_view bytes, bool last);
  void hold_back();
  bool try_elsewhere(request::Failure failure, openai::ApiError* error);
  void break_off(const openai::ApiError& error);
  void client_gone();
  void refuse(const request::Refusal& refusal);
  void end(int status);

  RelayContext& context_;
  std::shared_ptr<http::Exchange> exchange_;
  request::Ticket ticket_;
  std::vector<http::Header> steerless_;  // the client's headers without control headers
  RequestMetrics* metrics_ = nullptr;    // null until it is placed
  TimePoint began_at_;
  std::string client_model_;
  openai::Span model_span_;       // in the client's body
  std::string model_json_;        // what stands there for the engine, where that differs
  ModelRestorer model_restorer_;  // likewise, on the way back
  bool is_rewritten_ = false;
  std::array<std::string_view, 3> request_body_;
  size_t request_body_bytes_ = 0;
  std::string request_id_;
  std::string request_head_;
  size_t request_head_common_ = 0;  // what is the same for every endpoint
  std::string added_head_;          // header lines that scheduling adds to the response
  std::string response_head_;       // not sent yet: leaves with the first bytes
  int status_ = 0;
  bool streaming_ = false;
  bool began_ = false;  // the client has got a byte
  bool is_events_ = false;
  bool asks_usage_ = false;    // of a stream
  bool awaits_usage_ = false;  // the answer may still say what was cached
  bool keep_alive_ = false;
  BodyFraming framing_ = BodyFraming::kNone;
  EventBoundary events_;
};

}  // namespace llmd::gateway
