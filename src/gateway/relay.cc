// SPDX-License-Identifier: Apache-2.0
#include "gateway/relay.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <span>
#include <utility>

#include "openai/error.h"
#include "openai/json_writer.h"

namespace llmd::gateway {

namespace {

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kEvents = "text/event-stream";
constexpr int kUnavailable = 503;
constexpr int kRetryAfterMinS = 1;  // of such an answer
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

/// `is_rewritten`: the body's length is not known before its end.
ResponseFraming frame_for(const http::RequestHead& request, const http::Framing& framing,
                          bool is_rewritten) {
  switch (framing.kind) {
    case http::Framing::Kind::kNone:
      return {BodyFraming::kNone};
    case http::Framing::Kind::kLength:
      if (!is_rewritten) return {BodyFraming::kLength, framing.length};
      break;
    case http::Framing::Kind::kChunked:
    case http::Framing::Kind::kUntilClose:
      break;
  }
  return {request.version_minor == 0 ? BodyFraming::kUntilClose : BodyFraming::kChunked};
}

}  // namespace

void answer_error(http::Exchange& exchange, const request::Refusal& refusal) {
  const int retry_after_s = refusal.error.status == kUnavailable
                                ? std::max(refusal.retry_after_s, kRetryAfterMinS)
                                : refusal.retry_after_s;
  const std::string seconds = std::to_string(retry_after_s);
  std::array<http::Header, 2> extra;
  size_t count = 0;
  if (retry_after_s > 0) extra[count++] = {"Retry-After", seconds};
  if (!refusal.dropped_reason.empty()) {
    extra[count++] = {flow::kDroppedReasonHeader, refusal.dropped_reason};
  }
  exchange.respond(refusal.error.status, kJson, openai::to_json(refusal.error),
                   std::span(extra).first(count));
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
  client_model_.clear();
  events_.reset();
  response_head_.clear();
  const auto scan = openai::scan_request(exchange_->body());
  if (!scan) return refuse({openai::to_api_error(scan.error())});
  take_in(*scan);
}

/// on_placed() or on_refused() follows: from within, or when it has waited for long enough.
void Relay::take_in(const openai::RequestScan& scan) {
  streaming_ = scan.stream;
  asks_usage_ = scan.include_usage;
  client_model_ = scan.model_name;
  model_span_ = scan.model;
  exchange_->on_disconnect([this] { client_gone(); });
  const std::span<const http::Header> headers = exchange_->head().headers;
  ticket_.begin({.scan = scan,
                 .body = exchange_->body(),
                 .headers = context_.is_trusted ? headers : without_control(headers, steerless_)});
}

void Relay::on_placed() {
  metrics_ = &context_.metrics.of(labels());
  metrics_->requests.add();
  ++metrics_->running_now;
  build_body();
  build_head();
  send();
}

RequestLabels Relay::labels() const {
  if (client_model_.empty() || !ticket_.is_known()) return {};
  return {.model = client_model_,
          .target_model = ticket_.target_model(),
          .fairness_id = ticket_.tenant(),
          .priority = ticket_.priority()};
}

void Relay::on_refused(const request::Refusal& refusal) {
  cancel();
  if (!began_) return refuse(refusal);
  ticket_.end();
  break_off(refusal.error);
}

/// The client's body; where the engine is asked for another model, with that one's name.
void Relay::build_body() {
  const std::string_view body = exchange_->body();
  const std::string* model = ticket_.rewritten_model();
  is_rewritten_ = model != nullptr;
  request_body_ = {body};
  request_body_bytes_ = body.size();
  if (!is_rewritten_) return;
  model_json_.clear();
  openai::append_json_string(model_json_, *model);
  request_body_ = {body.substr(0, model_span_.begin), model_json_, body.substr(model_span_.end)};
  request_body_bytes_ += model_json_.size() - model_span_.of(body).size();
  model_restorer_.start(*model, client_model_);
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
  append_request_head(request_head_, head, request_body_bytes_, request_id_);
  request_head_common_ = request_head_.size();
}

void Relay::send() {
  while (true) {
    const endpoints::Endpoint& endpoint = ticket_.endpoint();
    if (const auto& address = endpoint.live.address) {
      request_head_.resize(request_head_common_);
      ticket_.add_request_headers(request_head_);
      request_head_.append("Host: ").append(endpoint.host_port).append("\r\n\r\n");
      return context_.client.start(*this, *address, {.head = request_head_, .body = request_body_});
    }
    openai::ApiError error;
    if (!try_elsewhere(request::Failure::kConnect, &error)) return refuse({error});
  }
}

/// True when the ticket now names another endpoint.
bool Relay::try_elsewhere(request::Failure failure, openai::ApiError* error) {
  auto final = ticket_.retry(failure);
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
    ticket_.first_byte();
  }
  status_ = head.status;
  const auto type = head.header("content-type");
  is_events_ = type && type->starts_with(kEvents);
  const ResponseFraming framed = frame_for(exchange_->head(), framing, is_rewritten_);
  framing_ = framed.kind;
  awaits_usage_ = ticket_.wants_cached_tokens() && (asks_usage_ || !streaming_);
  keep_alive_ = exchange_->keep_alive() && framing_ != BodyFraming::kUntilClose;
  added_head_.clear();
  ticket_.add_response_headers(added_head_);
  append_response_head(response_head_, head, framed, keep_alive_, exchange_->head().version_minor,
                       request_id_, added_head_);
}

/// Of a count that is cut in two by the network nothing is learned.
void Relay::note_usage(std::string_view bytes) {
  constexpr std::string_view kCached = "\"cached_tokens\":";
  const void* found = memmem(bytes.data(), bytes.size(), kCached.data(), kCached.size());
  if (found == nullptr) return;
  const char* end = bytes.data() + bytes.size();
  const char* at = static_cast<const char*>(found) + kCached.size();
  while (at != end && *at == ' ') ++at;
  uint64_t count = 0;
  if (std::from_chars(at, end, count).ptr == at) return;
  awaits_usage_ = false;
  ticket_.note_cached_tokens(count);
}

void Relay::on_body(std::string_view bytes, bool last) {
  if (awaits_usage_) note_usage(bytes);
  if (is_events_) {
    pass_events(bytes, last);
  } else {
    if (ticket_.counts_output()) {
      ticket_.add_output_tokens(bytes.size() / schedule::kBytesPerToken);
    }
    pass(bytes, last);
  }
  if (!last) return hold_back();
  ticket_.finished();
  exchange_->finish();
  end(status_);
}

void Relay::pass_events(std::string_view bytes, bool last) {
  const std::string_view whole = last ? events_.take_all(bytes) : events_.take(bytes);
  if (!whole.empty()) ticket_.first_token();
  if (ticket_.counts_output()) ticket_.add_output_tokens(count_events(whole));
  if (!whole.empty() || last) pass(whole, last);
}

void Relay::pass(std::string_view bytes, bool last) {
  if (!is_rewritten_) return write(bytes, last);
  const std::string_view restored = model_restorer_.restore(bytes, last);
  if (!restored.empty() || last) write(restored, last);
}

void Relay::write(std::string_view bytes, bool last) {
  if (!began_) {
    began_ = true;
    exchange_->start_raw({}, keep_alive_);
    if (!last) exchange_->release_body();  // nobody else will be asked
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
  if (began_) {
    ticket_.broken();
    return break_off(
        openai::make_error(502, "the engine broke off: " + std::string(failure.message)));
  }
  response_head_.clear();  // a head without a body is nothing yet
  openai::ApiError error;
  if (try_elsewhere(to_failure(failure.kind), &error)) return send();
  refuse({error});
}

/// The answer broke off in the middle. A stream of events can say so; anything else is cut.
void Relay::break_off(const openai::ApiError& error) {
  if (is_events_ && events_.at_boundary()) {
    write("data: " + openai::to_json(error) + "\n\n", true);
    exchange_->finish_and_close();
  } else {
    exchange_->abort();
  }
  end(error.status);
}

void Relay::client_gone() {
  cancel();
  ticket_.end();
  end(kClientClosed);
}

void Relay::refuse(const request::Refusal& refusal) {
  answer_error(*exchange_, refusal);
  end(refusal.error.status);
}

void Relay::end(int status) {
  RequestMetrics& metrics = metrics_ != nullptr ? *metrics_ : context_.metrics.of(labels());
  if (metrics_ != nullptr) {
    --metrics.running_now;
    metrics.duration_s.observe(to_seconds(context_.loop.now() - began_at_));
  }
  if (status >= 400) context_.metrics.count_error(metrics, status);
  ticket_.end();
  exchange_.reset();
  context_.free.push_back(this);
}

}  // namespace llmd::gateway
