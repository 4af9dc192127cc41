// SPDX-License-Identifier: Apache-2.0
#include "gateway/relay.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "openai/error.h"
#include "openai/request_scan.h"

namespace llmd::gateway {

namespace {

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kEvents = "text/event-stream";
constexpr std::string_view kRetryAfterS = "1";
constexpr size_t kRequestIdBytesMax = 256;
constexpr int kClientClosed = 499;  // nginx's number, in metrics only

request::Failure to_failure(http::ClientFailure::Kind kind) {
  switch (kind) {
    case http::ClientFailure::Kind::kConnect:
      return request::Failure::kConnect;
    case http::ClientFailure::Kind::kTimeout:
      return request::Failure::kTimeout;
    case http::ClientFailure::Kind::kClosed:
    case http::ClientFailure::Kind::kProtocol:
      break;
  }
  return request::Failure::kClosed;
}

void append_hex(std::string& to, uint64_t number) {
  char digits[16];
  const auto end = std::to_chars(digits, digits + sizeof digits, number, 16).ptr;
  to.append(sizeof digits - static_cast<size_t>(end - digits), '0').append(digits, end);
}

ResponseFraming frame_for(const http::RequestHead& request, const http::Framing& framing) {
  switch (framing.kind) {
    case http::Framing::Kind::kNone:
      return {BodyFraming::kNone};
    case http::Framing::Kind::kLength:
      return {BodyFraming::kLength, framing.length};
    case http::Framing::Kind::kChunked:
    case http::Framing::Kind::kUntilClose:
      break;
  }
  return {request.version_minor == 0 ? BodyFraming::kUntilClose : BodyFraming::kChunked};
}

}  // namespace

void answer_error(http::Exchange& exchange, const openai::ApiError& error) {
  const http::Header retry_after{"Retry-After", kRetryAfterS};
  const bool may_retry = error.status == 503;
  exchange.respond(error.status, kJson, openai::to_json(error),
                   {&retry_after, may_retry ? 1U : 0U});
}

void Relay::begin(RelayContext& context, std::shared_ptr<http::Exchange> exchange) {
  if (context.free.empty()) {
    context.relays.push_back(std::make_unique<Relay>(context));
    context.free.push_back(context.relays.back().get());
  }
  Relay* relay = context.free.back();
  context.free.pop_back();
  relay->start(std::move(exchange));
}

void Relay::start(std::shared_ptr<http::Exchange> exchange) {
  exchange_ = std::move(exchange);
  began_at_ = context_.loop.now();
  status_ = 0;
  began_ = is_events_ = false;
  metrics_ = nullptr;
  events_.reset();
  response_head_.clear();
  if (!place()) return;
  exchange_->on_disconnect([this] { client_gone(); });
  build_head();
  send();
}

bool Relay::place() {
  const auto scan = openai::scan_request(exchange_->body());
  if (!scan) {
    refuse(openai::to_api_error(scan.error()));
    return false;
  }
  const auto scheduling_began = std::chrono::steady_clock::now();
  auto placed = context_.router.admit(
      {.scan = *scan, .body = exchange_->body(), .headers = exchange_->head().headers});
  context_.metrics.observe_scheduling(std::chrono::steady_clock::now() - scheduling_began);
  if (const auto* error = std::get_if<openai::ApiError>(&placed)) {
    refuse(*error);
    return false;
  }
  streaming_ = scan->stream;
  metrics_ = &context_.metrics.of_model(scan->model_name);
  metrics_->requests.add();
  ++metrics_->running_now;
  ticket_.emplace(std::move(std::get<request::Ticket>(placed)));
  return true;
}

void Relay::build_head() {
  const http::RequestHead& head = exchange_->head();
  const auto given = head.header(kRequestIdHeader);
  request_id_.clear();
  if (given && !given->empty() && given->size() <= kRequestIdBytesMax) {
    request_id_.assign(*given);
  } else {
    append_hex(request_id_, context_.ids.next());
    append_hex(request_id_, context_.ids.next());
  }
  request_head_.clear();
  append_request_head(request_head_, head, exchange_->body().size(), request_id_);
  request_head_common_ = request_head_.size();
}

void Relay::send() {
  while (true) {
    const endpoints::Endpoint& endpoint = ticket_->endpoint();
    if (const auto& address = endpoint.live.address) {
      request_head_.resize(request_head_common_);
      request_head_.append("Host: ").append(endpoint.host_port).append("\r\n\r\n");
      return context_.client.start(*this, *address,
                                   {.head = request_head_, .body = exchange_->body()});
    }
    openai::ApiError error;
    if (!try_elsewhere(request::Failure::kConnect, &error)) return refuse(error);
  }
}

/// True when the ticket now names another endpoint.
bool Relay::try_elsewhere(request::Failure failure, openai::ApiError* error) {
  auto final = ticket_->retry(failure);
  if (!final) {
    context_.metrics.count_retry();
    return true;
  }
  const int status = failure == request::Failure::kTimeout ? 504 : 502;
  *error = openai::make_error(status, std::move(final->message));
  return false;
}

void Relay::on_head(const http::ResponseHead& head, const http::Framing& framing) {
  if (request::is_retryable(head.status)) {
    openai::ApiError unused;
    if (try_elsewhere(request::Failure::kServerError, &unused)) {
      cancel();
      return send();
    }
  } else {
    ticket_->first_byte();
  }
  status_ = head.status;
  const auto type = head.header("content-type");
  is_events_ = type && type->starts_with(kEvents);
  const ResponseFraming framed = frame_for(exchange_->head(), framing);
  framing_ = framed.kind;
  keep_alive_ = exchange_->keep_alive() && framing_ != BodyFraming::kUntilClose;
  added_head_.clear();
  ticket_->add_response_headers(added_head_);
  append_response_head(response_head_, head, framed, keep_alive_, exchange_->head().version_minor,
                       request_id_, added_head_);
}

void Relay::on_body(std::string_view bytes, bool last) {
  if (is_events_) {
    pass_events(bytes, last);
  } else {
    pass(bytes, last);
  }
  if (!last) return hold_back();
  ticket_->finished();
  exchange_->finish();
  end(status_);
}

void Relay::pass_events(std::string_view bytes, bool last) {
  const std::string_view whole = last ? events_.take_all(bytes) : events_.take(bytes);
  if (!whole.empty()) ticket_->first_token();
  if (!whole.empty() || last) pass(whole, last);
}

void Relay::pass(std::string_view bytes, bool last) {
  if (!began_) {
    began_ = true;
    exchange_->start_raw({}, keep_alive_);
    const double ttft_s = to_seconds(context_.loop.now() - began_at_);
    (streaming_ ? metrics_->ttft_streaming_s : metrics_->ttft_whole_s).observe(ttft_s);
  }
  char size_line[20];
  std::string_view parts[5] = {response_head_, {}, bytes, {}, {}};
  if (framing_ == BodyFraming::kChunked) {
    if (!bytes.empty()) {
      char* end = std::to_chars(size_line, size_line + sizeof size_line, bytes.size(), 16).ptr;
      *end++ = '\r';
      *end++ = '\n';
      parts[1] = {size_line, static_cast<size_t>(end - size_line)};
      parts[3] = "\r\n";
    }
    if (last) parts[4] = "0\r\n\r\n";
  }
  exchange_->write_through(parts);
  response_head_.clear();
}

/// A client slower than its engine: stop reading until it has taken what is queued.
void Relay::hold_back() {
  if (exchange_ == nullptr || exchange_->unsent_bytes() == 0) return;
  pause();
  exchange_->on_drained([this] { resume(); });
}

void Relay::on_failure(const http::ClientFailure& failure) {
  if (began_) return break_off(failure);
  response_head_.clear();  // a head without a body is nothing yet
  openai::ApiError error;
  if (try_elsewhere(to_failure(failure.kind), &error)) return send();
  refuse(error);
}

/// The answer broke off in the middle. A stream of events can say so; anything else is cut.
void Relay::break_off(const http::ClientFailure& failure) {
  ticket_->broken();
  if (is_events_ && events_.at_boundary()) {
    const auto error =
        openai::make_error(502, "the engine broke off: " + std::string(failure.message));
    pass("data: " + openai::to_json(error) + "\n\n", true);
    exchange_->finish_and_close();
  } else {
    exchange_->abort();
  }
  end(502);
}

void Relay::client_gone() {
  cancel();
  ticket_->finished();
  end(kClientClosed);
}

void Relay::refuse(const openai::ApiError& error) {
  answer_error(*exchange_, error);
  end(error.status);
}

void Relay::end(int status) {
  ModelMetrics& metrics = metrics_ != nullptr ? *metrics_ : context_.metrics.of_unknown_model();
  if (metrics_ != nullptr) {
    --metrics.running_now;
    metrics.duration_s.observe(to_seconds(context_.loop.now() - began_at_));
  }
  if (status >= 400) context_.metrics.count_error(metrics, status);
  ticket_.reset();
  exchange_.reset();
  context_.free.push_back(this);
}

}  // namespace llmd::gateway
