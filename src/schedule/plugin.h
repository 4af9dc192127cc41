// SPDX-License-Identifier: Apache-2.0
// What a scheduling profile is made of: filters drop endpoints, scorers rate the rest, a picker
// takes one; producers find out beforehand what those look at. Type names, parameters and formulas
// are upstream's (EndpointPickerConfig). Loop thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "endpoints/endpoint.h"
#include "http/message.h"
#include "observe/metrics.h"
#include "schedule/prefix_hash.h"
#include "schedule/token_keys.h"

namespace llmd::schedule {

/// What plugins may know of a request.
struct Query {
  std::string_view model;  ///< that the engine will be asked for; an adapter's name too
  std::span<const http::Header> headers;
  const Prefix* prefix = nullptr;
  const TokenKeys* token_keys = nullptr;  ///< null where the prompt's ids are not known
  uint32_t prompt_tokens = 0;             ///< estimated from the bytes, where the ids are not known
  uint32_t output_tokens = 0;             ///< expected
  int32_t priority = 0;
  /// The only endpoints allowed, as "address[:port],…".
  std::optional<std::string_view> subset = {};
  TimePoint now{};
  /// The endpoint that the first profile chose, for those that come after it.
  const endpoints::Endpoint* peer = nullptr;

  /// The header's value; empty when absent.
  std::string_view header(std::string_view name) const {
    return http::find_header(headers, name).value_or(std::string_view());
  }
};

struct Candidate {
  endpoints::Endpoint* endpoint = nullptr;
  double score = 0;  ///< weighted sum so far
};
using Candidates = std::vector<Candidate>;

/// Lives as long as its configuration, or longer. One may be of several kinds.
class Plugin {
 public:
  virtual ~Plugin() = default;
  /// Whether the next configuration goes on with it, if it names one of the same name, type and
  /// parameters: what it knows would take long to learn again. It may refer to no other plugin.
  virtual bool outlives_configuration() const { return false; }
  /// Whether it reads Query::token_keys: prompts are tokenized then, where that can be done.
  virtual bool wants_token_keys() const { return false; }
  /// A profile that this plugin is part of placed the request; for producers, any profile did.
  virtual void placed(const Query&, const endpoints::Endpoint&) {}
  /// Call before the registry's page is written; `pool` says whose metrics they are.
  virtual void publish_metrics(observe::Registry&, const std::string& /*pool*/) const {}
  /// Headers for the response of a request that `endpoint` answers, each "Name: value\r\n".
  virtual void add_response_headers(const endpoints::Endpoint&, std::string&) {}
  /// An endpoint of the pool, whenever something new is known of it.
  virtual void watch(const endpoints::Endpoint&) {}
  /// The endpoint of this slot is gone, or all that it had cached.
  virtual void forget(uint32_t /*slot*/) {}
};

class Filter : public virtual Plugin {
 public:
  /// Whether it drops endpoints because they are busy: then the request may come again.
  virtual bool sheds_load() const { return false; }
  virtual void apply(const Query& query, Candidates& candidates) = 0;
};

class Scorer : public virtual Plugin {
 public:
  /// Writes one score in [0, 1] for each candidate; what lies outside is clamped by the caller.
  virtual void score(const Query& query, std::span<const Candidate> candidates,
                     std::span<double> scores) = 0;
};

class Picker : public virtual Plugin {
 public:
  /// Moves the best to the front, as many as it would fall back on, and says how many those are.
  /// Of at least one candidate. Equal candidates are drawn among by `random`.
  virtual size_t pick(std::span<Candidate> candidates, Random& random) = 0;
};

/// Finds out whose request it is, where no header of the gateway's own says so.
class TenantReader : public virtual Plugin {
 public:
  /// A view into `headers`; empty when they do not tell.
  virtual std::string_view tenant(std::span<const http::Header> headers) const = 0;
};

/// Finds out something for the other plugins, before the first profile runs.
class Producer : public virtual Plugin {
 public:
  virtual void produce(const Query& query) = 0;
};

/// How much of the prompt each endpoint has cached.
class PrefixProducer : public Producer {
 public:
  /// By endpoint slot, in tokens of a prompt of query.prompt_tokens. Of the last produce().
  virtual uint32_t matched_tokens(uint32_t slot) const = 0;
  /// Whether what comes new there drives something else out.
  virtual bool is_full(uint32_t slot) const = 0;
  /// The whole prompt as matched_tokens() counts it; never less than that.
  virtual uint32_t total_tokens() const = 0;
};

/// What a profile did with a request: the endpoint it chose first. Empty when filters left none.
struct ProfilePick {
  std::string_view profile;
  endpoints::Endpoint* endpoint = nullptr;
};

/// Says whether the request's prompt goes through a stage of its own (prefill, encode), given the
/// endpoint that will decode it.
class Decider : public virtual Plugin {
 public:
  virtual bool wants_stage(const Query& query, const endpoints::Endpoint& decode) = 0;
};

/// Chooses which profiles run.
class ProfileHandler : public virtual Plugin {
 public:
  /// The index of the next profile to run after those in `done`; nothing when all have run.
  virtual std::optional<size_t> next(const Query& query, std::span<const ProfilePick> done) = 0;
  /// The index in `done` of the endpoint that the request is sent to; the others serve it.
  virtual size_t primary(std::span<const ProfilePick> done) const = 0;
  /// Refuses profiles that it cannot work with; called once, before anything else.
  virtual Result<void> use_profiles(std::span<const std::string> names) = 0;
};

/// Refuses some requests before any profile runs.
class Admitter : public virtual Plugin {
 public:
  virtual bool admits(const Query& query, std::span<const Candidate> candidates,
                      Random& random) = 0;
};

}  // namespace llmd::schedule
