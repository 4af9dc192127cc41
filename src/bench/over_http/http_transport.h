// SPDX-License-Identifier: Apache-2.0
// Sends a load's requests over HTTP and notes what comes back, when.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "bench/config/bench_config.h"
#include "bench/load/driver.h"
#include "bench/over_http/answer_reader.h"
#include "bench/over_http/target.h"
#include "bench/workload/body_writer.h"
#include "bench/workload/token_text.h"
#include "http/client.h"
#include "net/event_loop.h"

namespace llmd::bench {

/// Loop thread only.
class HttpTransport final : public Transport {
 public:
  /// Everything given outlives this.
  HttpTransport(net::EventLoop& loop, const BenchConfig& config, const Target& target,
                const TokenText& text, RunResult& result);
  ~HttpTransport();

  /// Before the first send(): who to tell, and whose clock times are on.
  void attach(Driver& driver, bool keeps_answers);

  void send(Flight& flight) override;
  void abandon(Flight& flight) override;
  /// Ends requests that have taken longer than BenchConfig::request_timeout. Call often.
  void expire();

 private:
  class SentCall;
  friend class SentCall;

  std::string headers_of(const Flight& flight) const;
  void ended(SentCall& call);
  uint32_t endpoint_of(const http::ResponseHead& head);

  net::EventLoop& loop_;
  const BenchConfig& config_;
  const Target& target_;
  const TokenText& text_;
  RunResult& result_;
  BodyOptions body_options_;
  std::string common_headers_;
  std::string session_prefix_;  ///< makes session names of this run differ from another's
  http::Client client_;
  EventParser parser_;
  Driver* driver_ = nullptr;
  bool keeps_answers_ = false;
  std::unordered_map<uint64_t, std::shared_ptr<SentCall>> calls_;  ///< by request number
  std::deque<std::pair<Duration, uint64_t>> deadlines_;            ///< in order, as all wait alike
  std::unordered_map<std::string, uint32_t> endpoints_;            ///< by name
};

/// The index of endpoint `name` in `result`, made if it is new; at most kEndpointsMax are told
/// apart, the rest are "unknown".
uint32_t endpoint_index(std::unordered_map<std::string, uint32_t>& known, RunResult& result,
                        const std::string& name);
inline constexpr size_t kEndpointsMax = 10'000;

}  // namespace llmd::bench
