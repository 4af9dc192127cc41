// SPDX-License-Identifier: Apache-2.0
#include "schedule/producers/precise_prefix_cache_producer.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "flow/config_fields.h"
#include "kv/index/live_index.h"
#include "schedule/plugins.h"

namespace llmd::schedule {
namespace {

constexpr uint32_t kPortMax = UINT16_MAX;
/// A cache with less room than this counts as full.
constexpr uint64_t kTokensOfAPrompt = 4096;
/// An endpoint of which so much of a prompt is mistaken, on average, is not believed.
constexpr double kErrorMax = 0.25;
/// Answers that it takes to say so, and after which its events are asked for anew.
constexpr uint64_t kAnswersMin = 32;

template <typename Value>
Value& at(std::vector<Value>& by_slot, uint32_t slot) {
  if (slot >= by_slot.size()) by_slot.resize(slot + 1);
  return by_slot[slot];
}

template <typename Value>
Value get(const std::vector<Value>& by_slot, uint32_t slot) {
  return slot < by_slot.size() ? by_slot[slot] : Value();
}

/// The label's port, else `first` plus the endpoint's rank; 0 when there is none.
uint16_t port_of(const endpoints::Endpoint& endpoint, std::string_view label, uint16_t first) {
  if (const auto port = parse_uint(endpoint.label(label)); port && *port <= kPortMax) {
    return static_cast<uint16_t>(*port);
  }
  const uint32_t port = first + endpoint.rank.value_or(0);
  return first == 0 || port > kPortMax ? 0 : static_cast<uint16_t>(port);
}

}  // namespace

PrecisePrefixCacheProducer::PrecisePrefixCacheProducer(const PreciseIndexOptions& options)
    : options_(options), approx_(ApproxIndexOptions{}), recent_(options.expected_for) {}

void PrecisePrefixCacheProducer::use(std::unique_ptr<kv::FollowedCaches> caches) {
  caches_ = std::move(caches);
  reader_.emplace(caches_->index());
}

void PrecisePrefixCacheProducer::watch(const endpoints::Endpoint& endpoint) {
  at(capacity_tokens_, endpoint.slot) = endpoint.live.scrape.cache_tokens;
  const auto& address = endpoint.live.address;
  const uint16_t events = port_of(endpoint, endpoints::kKvEventsPortLabel, options_.events_port);
  if (!address || events == 0) return;
  const uint16_t replay = port_of(endpoint, endpoints::kKvReplayPortLabel, options_.replay_port);
  kv::EventSource source{.events = address->with_port(events), .replay = std::nullopt};
  if (replay != 0) source.replay = address->with_port(replay);
  if (!follows()) use(std::make_unique<kv::LiveIndex>());
  check_accuracy(endpoint);
  caches_->follow(endpoint.slot, source);
}

/// An index that is wrong about an endpoint has missed something that nobody noticed.
void PrecisePrefixCacheProducer::check_accuracy(const endpoints::Endpoint& endpoint) {
  const endpoints::PrefixAccuracy& accuracy = endpoint.live.prefix_accuracy;
  Trust& trust = at(trust_, endpoint.slot);
  if (accuracy.answers() < trust.asked_anew_at) trust = {};  // another endpoint in its place
  trust.is_poor = accuracy.answers() >= kAnswersMin && accuracy.error() > kErrorMax;
  if (!trust.is_poor || accuracy.answers() < trust.asked_anew_at + kAnswersMin) return;
  trust.asked_anew_at = accuracy.answers();
  caches_->forget(endpoint.slot);
}

bool PrecisePrefixCacheProducer::is_trusted(uint32_t slot) const {
  return follows() && !get(trust_, slot).is_poor &&
         caches_->knowledge(slot) == kv::Knowledge::kWhole;
}

void PrecisePrefixCacheProducer::publish_metrics(observe::Registry& registry,
                                                 const std::string& pool) const {
  if (!follows()) return;
  caches_->publish_metrics(registry, pool);
  registry
      .gauge("llm_d_epp_kv_cache_index_distrusted_endpoints",
             "Endpoints whose answers contradict the index.", {{"inference_pool", pool}})
      .set(static_cast<double>(std::ranges::count(trust_, true, &Trust::is_poor)));
}

void PrecisePrefixCacheProducer::forget(uint32_t slot) {
  approx_.forget(slot);
  recent_.forget(slot);
  if (follows()) caches_->forget(slot);
}

void PrecisePrefixCacheProducer::produce(const Query& query) {
  approx_.produce(query);
  matched_.clear();
  knows_ids_ = query.token_keys != nullptr;
  total_tokens_ = knows_ids_ ? std::max(query.token_keys->tokens, 1U) : approx_.total_tokens();
  if (!knows_ids_) return;
  for (size_t i = 0; i < query.token_keys->prompts(); ++i) {
    match(query.token_keys->prompt(i), query.now);
  }
}

/// Adds to matched_ what each endpoint holds of one prompt, or will when it has computed what it
/// was sent.
void PrecisePrefixCacheProducer::match(std::span<const kv::BlockKey> prompt, TimePoint now) {
  blocks_.clear();
  const auto found = follows() ? reader_->match(prompt) : std::span<const kv::Match>();
  for (const kv::Match& match : found) {
    const auto slot = caches_->slot_of(match.endpoint);
    if (!slot) continue;
    at(blocks_, *slot) = match.length();
    double weighted = 0;
    for (size_t tier = 0; tier < kv::kTiers; ++tier) {
      weighted += match.blocks[tier] * options_.weights[tier];
    }
    at(matched_, *slot) += static_cast<uint32_t>(std::lround(weighted * kv::kBlockTokens));
  }
  if (!options_.expects_placed) return;
  held_.assign(blocks_.begin(), blocks_.end());
  recent_.raise(prompt, now, blocks_);
  for (uint32_t slot = 0; slot < blocks_.size(); ++slot) {
    const uint32_t expected = blocks_[slot] - get(held_, slot);
    if (expected > 0) at(matched_, slot) += expected * static_cast<uint32_t>(kv::kBlockTokens);
  }
}

uint32_t PrecisePrefixCacheProducer::matched_tokens(uint32_t slot) const {
  if (!knows_ids_) return approx_.matched_tokens(slot);
  const uint32_t told = get(matched_, slot);
  if (is_trusted(slot)) return told;
  return std::min(std::max(told, approx_.matched_tokens(slot)), total_tokens_);
}

bool PrecisePrefixCacheProducer::is_full(uint32_t slot) const {
  const uint64_t capacity = get(capacity_tokens_, slot);
  if (!follows() || capacity == 0 || caches_->knowledge(slot) == kv::Knowledge::kNothing) {
    return approx_.is_full(slot);
  }
  return caches_->entries(slot) * kv::kBlockTokens + kTokensOfAPrompt > capacity;
}

void PrecisePrefixCacheProducer::placed(const Query& query, const endpoints::Endpoint& endpoint) {
  approx_.placed(query, endpoint);
  if (query.token_keys == nullptr || !options_.expects_placed) return;
  for (size_t i = 0; i < query.token_keys->prompts(); ++i) {
    recent_.add(endpoint.slot, query.token_keys->prompt(i), query.now);
  }
}

namespace {

Result<void> read_weights(resources::Fields& indexer, PreciseIndexOptions& options) {
  constexpr double kWeightMax = 1;
  LLMD_ASSIGN_OR_RETURN(auto backends, indexer.maps("kvCacheBackendConfigs"));
  for (resources::Fields& backend : backends) {
    LLMD_ASSIGN_OR_RETURN(const std::string name, backend.text("name", ""));
    const auto* tier = std::ranges::find(kv::kTierNames, name);
    if (tier == std::end(kv::kTierNames)) {
      return backend.error("name", "must be gpu, cpu or storage");
    }
    double& weight = options.weights[static_cast<size_t>(tier - kv::kTierNames)];
    LLMD_ASSIGN_OR_RETURN(weight, backend.decimal("weight", weight, kWeightMax));
    LLMD_RETURN_IF_ERROR(backend.done());
  }
  return {};
}

/// The index has its own memory bounds, block size and hash: what upstream lets choose of them is
/// accepted and changes nothing.
Result<void> read_indexer(resources::Fields& parameters, PreciseIndexOptions& options) {
  LLMD_ASSIGN_OR_RETURN(auto processor, parameters.map("tokenProcessorConfig"));
  for (const std::string_view key : {"blockSizeTokens", "hashSeed", "hashAlgorithm"}) {
    processor.find(key);
  }
  LLMD_RETURN_IF_ERROR(processor.done());
  LLMD_ASSIGN_OR_RETURN(auto indexer, parameters.map("indexerConfig"));
  for (const std::string_view key :
       {"kvBlockIndexConfig", "tokenProcessorConfig", "tokenizersPoolConfig"}) {
    indexer.find(key);
  }
  LLMD_RETURN_IF_ERROR(read_weights(indexer, options));
  return indexer.done();
}

/// Topics are not looked at: each endpoint is heard on a connection of its own.
Result<void> read_events(resources::Fields& parameters, PreciseIndexOptions& options) {
  LLMD_ASSIGN_OR_RETURN(auto events, parameters.map("kvEventsConfig"));
  for (const std::string_view key : {"topicFilter", "concurrency", "engineType"}) events.find(key);
  constexpr std::string_view kUnbuilt[] = {"zmqEndpoint"};
  LLMD_RETURN_IF_ERROR(events.refuse_unbuilt(kUnbuilt));
  LLMD_ASSIGN_OR_RETURN(const bool discovers, events.boolean("discoverPods", true));
  if (!discovers) {
    return events.error("discoverPods", "must be true: endpoints are found as the gateway's are");
  }
  LLMD_ASSIGN_OR_RETURN(auto discovery, events.map("podDiscoveryConfig"));
  for (const std::string_view key : {"podLabelSelector", "podNamespace"}) discovery.find(key);
  LLMD_ASSIGN_OR_RETURN(const uint32_t port,
                        discovery.number("socketPort", options.events_port, kPortMax));
  LLMD_ASSIGN_OR_RETURN(const uint32_t replay, discovery.number("replaySocketPort", 0, kPortMax));
  options.events_port = static_cast<uint16_t>(port);
  options.replay_port = static_cast<uint16_t>(replay);
  LLMD_RETURN_IF_ERROR(discovery.done());
  return events.done();
}

/// Upstream's older form: the producer, and what prefix-cache-scorer makes of it, in one plugin.
class PrecisePrefixCacheScorer final : public PrecisePrefixCacheProducer, public Scorer {
 public:
  using PrecisePrefixCacheProducer::PrecisePrefixCacheProducer;
  void score(const Query&, std::span<const Candidate> candidates,
             std::span<double> scores) override {
    for (size_t i = 0; i < candidates.size(); ++i) {
      const double matched = matched_tokens(candidates[i].endpoint->slot);
      scores[i] = matched / std::max(total_tokens(), 1U);
    }
  }
};

template <typename Kind>
Made make_precise(resources::Fields& parameters) {
  PreciseIndexOptions options;
  LLMD_RETURN_IF_ERROR(read_indexer(parameters, options));
  LLMD_RETURN_IF_ERROR(read_events(parameters, options));
  LLMD_ASSIGN_OR_RETURN(options.expects_placed,
                        parameters.boolean("speculativeIndexing", options.expects_placed));
  LLMD_ASSIGN_OR_RETURN(options.expected_for,
                        flow::read_duration(parameters, "speculativeTTL", options.expected_for));
  return make_plugin<Kind>(options);
}

}  // namespace

Made make_precise_prefix_cache_producer(resources::Fields& parameters, Registry&) {
  return make_precise<PrecisePrefixCacheProducer>(parameters);
}

Made make_precise_prefix_cache_scorer(resources::Fields& parameters, Registry&) {
  return make_precise<PrecisePrefixCacheScorer>(parameters);
}

}  // namespace llmd::schedule
