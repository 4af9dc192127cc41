// SPDX-License-Identifier: Apache-2.0
// Which endpoint a request goes to: our gateway's own code, and other systems' rules to hold it
// against.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/virtual_time.h"
#include "bench/in_virtual_time/virtual_engine.h"
#include "http/message.h"
#include "openai/error.h"
#include "resources/objects.h"

namespace llmd::bench {

/// The index of the engine, among those that the policy was made with; or why there is none.
using Placement = std::variant<uint32_t, openai::ApiError>;

/// What a client sent; lives until ended().
struct Sent {
  uint64_t number = 0;  ///< of the request
  std::string_view body;
  std::span<const http::Header> headers;
};

/// One thread.
class Policy {
 public:
  virtual ~Policy() = default;
  /// Finds the engine for a request and calls `placed`: from within, or later when it has to wait.
  /// Once more, with an error, if it is taken back.
  virtual void place(const Sent& sent, std::function<void(const Placement&)> placed) = 0;
  /// Its first token came.
  virtual void first_token(uint64_t) {}
  /// It ended, however it did; also when it has not been placed yet.
  virtual void ended(uint64_t number) = 0;
};

/// What policies work on; all of it outlives them.
struct PolicySurroundings {
  VirtualTime& time;
  std::span<const std::unique_ptr<VirtualEngine>> engines;
  uint64_t seed = 0;
};

/// llmd's gateway: scan of the body, router, scheduler, poller, as `llmd gateway` runs them.
Result<std::unique_ptr<Policy>> make_gateway_policy(const PolicySurroundings& around,
                                                    const resources::Objects& objects);
/// nginx without a balancing directive: one after the other.
std::unique_ptr<Policy> make_round_robin_policy(const PolicySurroundings& around);
/// nginx's least_conn: the fewest requests under way; among equals round robin.
std::unique_ptr<Policy> make_least_connections_policy(const PolicySurroundings& around);
/// Request n goes where places[n] says; those beyond are refused.
std::unique_ptr<Policy> make_fixed_policy(std::vector<uint32_t> places);

/// What knows every request beforehand (best_found.h); needs the whole run, so not from
/// make_policy().
inline constexpr std::string_view kBestFoundPolicy = "best-found";

/// By the name that a user writes: gateway, gateway-kv-events (the same, by the default scheduling
/// of engines that publish KV events), round-robin, least-connections; or a file of objects
/// (*.yaml, *.yml), as for llmd gateway -f.
Result<std::unique_ptr<Policy>> make_policy(const std::string& name,
                                            const PolicySurroundings& around);

}  // namespace llmd::bench
