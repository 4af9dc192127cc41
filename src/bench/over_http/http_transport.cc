// SPDX-License-Identifier: Apache-2.0
#include "bench/over_http/http_transport.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace llmd::bench {
namespace {

constexpr std::string_view kServedHeader = "x-gateway-destination-endpoint-served";
constexpr std::string_view kPodHeader = "x-inference-pod";
constexpr std::string_view kPortHeader = "x-inference-port";

Duration unscaled(Duration run_time, double scale) {
  return Duration(static_cast<Duration::rep>(static_cast<double>(run_time.count()) / scale));
}

http::ClientOptions client_options(const BenchConfig& config) {
  http::ClientOptions options;
  const Duration stall = unscaled(config.stall_timeout, config.time_scale);
  options.send_timeout = options.first_byte_timeout = options.read_timeout = stall;
  options.connect_timeout = std::min<Duration>(options.connect_timeout, stall);
  options.idle_per_address_max = 1 << 16;  // as many as were open at once
  return options;
}

void append_line(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

double in_unit(double seconds, std::string_view unit) {
  if (unit == "ms") return seconds * 1e3;
  return unit == "us" ? seconds * 1e6 : seconds;
}

void append_slo(std::string& out, const std::string& name, double seconds, std::string_view unit) {
  if (!name.empty() && seconds > 0)
    append_line(out, name, fmt::format("{:g}", in_unit(seconds, unit)));
}

std::string common_headers(const BenchConfig& config) {
  std::string out = "Content-Type: application/json\r\n";
  if (!config.server.api_key.empty()) {
    append_line(out, "Authorization", "Bearer " + config.server.api_key);
  }
  for (const auto& [name, value] : config.api.headers) append_line(out, name, value);
  const Slo& slo = config.report.slo;
  append_slo(out, config.api.slo_ttft_header, slo.ttft_s, config.api.slo_unit);
  append_slo(out, config.api.slo_tpot_header, slo.tpot_s, config.api.slo_unit);
  return out;
}

}  // namespace

class HttpTransport::SentCall final : public http::Call {
 public:
  SentCall(HttpTransport& owner, Flight& flight, AnswerReader::Options options)
      : owner_(owner),
        flight_(flight),
        reader_(owner.parser_, flight.record, &owner.result_.token_gaps[flight.record.stage],
                options) {
    write_body(owner.body_options_, owner.text_, flight.request, body_);
    head_ = request_head("POST", owner.target_, path_of(owner.config_.api.type),
                         owner.headers_of(flight), body_.size());
  }

  void start() {
    owner_.client_.start(*this, owner_.target_.address, {.head = head_, .body = {body_}});
  }

  Flight& flight() { return flight_; }
  std::string_view text() const { return reader_.text(); }

  void on_head(const http::ResponseHead& head, const http::Framing&) override {
    constexpr std::string_view kEventStream = "text/event-stream";
    const auto type = head.header("content-type");
    flight_.record.endpoint = owner_.endpoint_of(head);
    reader_.begin(head.status, type && type->starts_with(kEventStream));
  }

  void on_body(std::string_view bytes, bool last) override {
    const Duration now = owner_.driver_->now();
    reader_.read(bytes, now);
    if (!last) return;
    reader_.end(now);
    owner_.ended(*this);
  }

  void on_failure(const http::ClientFailure& failure) override {
    using Kind = http::ClientFailure::Kind;
    Outcome outcome = Outcome::kBroken;
    if (failure.kind == Kind::kConnect) outcome = Outcome::kConnect;
    if (failure.kind == Kind::kTimeout) outcome = Outcome::kTimeout;
    if (failure.kind == Kind::kProtocol) outcome = Outcome::kProtocol;
    give_up(outcome, failure.message);
  }

  void give_up(Outcome outcome, std::string_view why) {
    reader_.break_off(outcome, why, owner_.driver_->now());
    owner_.ended(*this);
  }

 private:
  HttpTransport& owner_;
  Flight& flight_;
  AnswerReader reader_;
  std::string head_;
  std::string body_;
};

HttpTransport::HttpTransport(net::EventLoop& loop, const BenchConfig& config, const Target& target,
                             const TokenText& text, RunResult& result)
    : loop_(loop),
      config_(config),
      target_(target),
      text_(text),
      result_(result),
      body_options_{.api = config.api.type,
                    .model = config.server.model_name,
                    .streaming = config.api.streaming,
                    .ignore_eos = config.server.ignore_eos},
      common_headers_(common_headers(config)),
      session_prefix_(fmt::format("{}-{}", result.info.started_unix_s, config.load.seed)),
      client_(loop, client_options(config)) {}

HttpTransport::~HttpTransport() { calls_.clear(); }

void HttpTransport::attach(Driver& driver, bool keeps_answers) {
  driver_ = &driver;
  keeps_answers_ = keeps_answers;
}

std::string HttpTransport::headers_of(const Flight& flight) const {
  std::string out = common_headers_;
  if (flight.record.tenant > 0) {
    const Tenant& tenant = config_.load.tenants[flight.record.tenant - 1];
    append_line(out, kTenantHeader, tenant.name);
    if (!tenant.objective.empty()) append_line(out, kObjectiveHeader, tenant.objective);
  }
  if (!config_.api.session_id_header.empty() && flight.request.session != 0) {
    append_line(out, config_.api.session_id_header,
                fmt::format("{}-{}", session_prefix_, flight.request.session));
  }
  return out;
}

void HttpTransport::send(Flight& flight) {
  const AnswerReader::Options options{.keeps_text = keeps_answers_,
                                      .keeps_token_times = result_.info.keeps_token_times};
  const auto call = std::make_shared<SentCall>(*this, flight, options);
  calls_.emplace(flight.record.number, call);
  if (config_.request_timeout > Duration(0)) {
    deadlines_.emplace_back(driver_->now() + config_.request_timeout, flight.record.number);
  }
  call->start();
}

void HttpTransport::abandon(Flight& flight) {
  const auto found = calls_.find(flight.record.number);
  if (found == calls_.end()) return;
  found->second->cancel();
  loop_.destroy_later(std::move(found->second));
  calls_.erase(found);
}

void HttpTransport::ended(SentCall& call) {
  const auto found = calls_.find(call.flight().record.number);
  const std::shared_ptr<SentCall> owned = std::move(found->second);
  calls_.erase(found);
  loop_.destroy_later(owned);  // it is on the stack
  driver_->ended(call.flight(), call.text());
}

void HttpTransport::expire() {
  const Duration now = driver_->now();
  while (!deadlines_.empty() && deadlines_.front().first <= now) {
    const auto found = calls_.find(deadlines_.front().second);
    deadlines_.pop_front();
    if (found == calls_.end()) continue;
    const std::shared_ptr<SentCall> call = found->second;
    call->cancel();
    call->give_up(Outcome::kTimeout, "the request's time was over");
  }
}

uint32_t endpoint_index(std::unordered_map<std::string, uint32_t>& known, RunResult& result,
                        const std::string& name) {
  const auto found = known.find(name);
  if (found != known.end()) return found->second;
  if (result.endpoints.size() > kEndpointsMax) return 0;
  result.endpoints.push_back(name);
  return known[name] = static_cast<uint32_t>(result.endpoints.size() - 1);
}

uint32_t HttpTransport::endpoint_of(const http::ResponseHead& head) {
  constexpr size_t kNameBytesMax = 256;
  std::string name;
  if (const auto served = head.header(kServedHeader)) {
    name = *served;
  } else if (const auto pod = head.header(kPodHeader)) {
    name = *pod;
    if (const auto port = head.header(kPortHeader)) name.append(":").append(*port);
  }
  if (name.empty() || name.size() > kNameBytesMax) return 0;
  return endpoint_index(endpoints_, result_, name);
}

}  // namespace llmd::bench
