// SPDX-License-Identifier: Apache-2.0
// One engine that can be reached, and what is known of its load right now.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "endpoints/circuit.h"
#include "endpoints/prefix_accuracy.h"
#include "endpoints/service_rate.h"
#include "net/socket.h"

namespace llmd::endpoints {

/// The engine's name; it decides by which names metrics are read.
inline constexpr std::string_view kEngineTypeLabel = "llm-d.ai/engine-type";
inline constexpr std::string_view kLegacyEngineTypeLabel =
    "inference.networking.k8s.io/engine-type";
inline constexpr std::string_view kRoleLabel = "llm-d.ai/role";
/// The name of the ModelService whose replica it is: which pool it belongs to.
inline constexpr std::string_view kModelServiceLabel = "llm-d.ai/model-service";
/// Which of the data-parallel ranks behind one metrics page the endpoint is. Our own: upstream
/// tells ranks by ports alone.
inline constexpr std::string_view kRankLabel = "llm-d.ai/data-parallel-rank";
/// Ports on which the endpoint publishes its KV events and replays them, where they are others than
/// the configuration says. Our own: engines of one host need different ones.
inline constexpr std::string_view kKvEventsPortLabel = "llm-d.ai/kv-events-port";
inline constexpr std::string_view kKvReplayPortLabel = "llm-d.ai/kv-replay-port";
inline constexpr std::string_view kDrainingLabel = "llm-d.ai/draining";

/// Who an endpoint is, as discovery says. Two equal specs are the same endpoint.
struct EndpointSpec {
  std::string name;
  std::string name_space = "default";
  std::string address;  ///< IPv4 or IPv6 literal, or a host's name
  uint16_t port = 0;
  std::map<std::string, std::string, std::less<>> labels;

  /// "address:port", "[address]:port": as in a Host header.
  std::string host_port() const;
  bool operator==(const EndpointSpec&) const = default;
};

/// What an endpoint does of a request.
enum class Stage : uint8_t { kEncode, kPrefill, kDecode };
/// Whether a role, a value of kRoleLabel, includes the stage. Values: scheduler reference 3.2.
bool role_includes(std::string_view role, Stage stage);

enum class Health : uint8_t {
  kUnknown,  ///< not asked yet
  kUp,       ///< answered its health check, its models are known
  kDown,
};

/// So that differences are finite.
inline constexpr double kAttributeMax = 1e300;

/// A figure that only a configuration knows: a custom metric of upstream's core-metrics-extractor.
struct Attribute {
  std::string key;
  std::optional<double> value;  ///< of at most ±kAttributeMax; nothing when the page lacks it

  bool operator==(const Attribute&) const = default;
};

/// Figures read from the engine's metrics page.
struct Scrape {
  double waiting = 0;          ///< requests queued in the engine
  double running = 0;          ///< requests being computed
  double kv_usage = 0;         ///< share of KV blocks in use, 0…1
  uint64_t cache_tokens = 0;   ///< KV capacity in tokens; 0 when the engine does not say
  double prefix_queries = 0;   ///< prompt tokens looked up in the prefix cache, cumulative
  double prefix_hits = 0;      ///< of these, found there
  double process_start_s = 0;  ///< process_start_time_seconds; 0 when absent
  uint32_t block_size = 0;     ///< tokens; 0 when the engine does not say
  std::vector<std::string> active_adapters;   ///< LoRA adapters that requests are computed with
  std::vector<std::string> waiting_adapters;  ///< that queued requests wait for
  uint32_t adapters_max = 0;                  ///< at once; 0 when the engine does not say
  /// Found by their keys, not by places: the configuration may have changed since.
  std::vector<Attribute> attributes;

  /// Nothing when it was not read.
  std::optional<double> attribute(std::string_view key) const;
  bool operator==(const Scrape&) const = default;
};

struct PresumedLoad {
  double waiting;   ///< requests
  double running;   ///< requests
  double kv_usage;  ///< 0…1
};

/// What an engine serves, as its /v1/models says.
struct ModelList {
  std::vector<std::string> names;     ///< adapters too
  std::vector<std::string> adapters;  ///< LoRA: those that vLLM lists with a parent
  uint64_t max_model_len = 0;         ///< vLLM's, in tokens; 0 when the engine does not say

  bool operator==(const ModelList&) const = default;
};

/// What changes while requests flow. Loop thread only.
struct Live {
  Health health = Health::kUnknown;
  std::vector<std::string> models;
  std::vector<std::string> adapters;  ///< those of `models` that are LoRA adapters
  uint64_t max_model_len = 0;         ///< tokens; 0: not known

  uint32_t in_flight = 0;  ///< requests that this process has there now
  TimePoint placed_at{};   ///< when it sent the last one there
  /// Tokens of them: of prompts what is not cached, until the first byte of the response; and of
  /// answers what is expected, where the configuration counts it, until the end.
  uint64_t in_flight_tokens = 0;
  uint64_t prefill_tokens = 0;  ///< the part of it that is of prompts
  ServiceRate rate;
  PrefixAccuracy prefix_accuracy;
  Scrape scrape;
  uint32_t in_flight_at_scrape = 0;
  bool stale = false;      ///< `scrape` could not be renewed for a while; see presumed()
  TimePoint scraped_at{};  ///< when `scrape` was read; the clock's zero before the first time

  Circuit circuit;
  /// Where to connect; nothing until the name is resolved.
  std::optional<net::Address> address;

  /// This process sends a request there.
  void note_placed(TimePoint now) {
    ++in_flight;
    placed_at = now;
    circuit.note_placed(now);
  }

  /// Requests there now: the own ones at once, plus what others had there at the last scrape.
  double active_requests() const;
  /// Requests that wait there now, by the last scrape and what was sent since; and those of ours
  /// that the engine had by then and did not count.
  double waiting_requests() const;
  /// What scorers reckon with: the figures, or those of a full engine when they are stale. So an
  /// endpoint that cannot be seen is a bad choice, but a choice; filters go by the last figures.
  PresumedLoad presumed() const;
  bool serves(std::string_view model) const;
};

/// Shared between the pool and the requests in flight; outlives its place in the pool.
struct Endpoint : std::enable_shared_from_this<Endpoint> {
  Endpoint(EndpointSpec identity, uint32_t place);

  /// Whether new requests may go there.
  bool takes_work() const { return live.health == Health::kUp && !is_draining; }
  /// The label's value; empty when absent.
  std::string_view label(std::string_view key) const;

  const EndpointSpec spec;
  const std::optional<uint32_t> rank;  ///< of kRankLabel
  const bool is_draining;              ///< label llm-d.ai/draining: it takes no new requests
  const bool is_literal;               ///< its address needs no resolver
  const uint32_t slot;          ///< below kEndpointsMax, unique among the pool's current endpoints
  const std::string host_port;  ///< of the spec
  Live live;
};

}  // namespace llmd::endpoints
