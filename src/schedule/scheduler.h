// SPDX-License-Identifier: Apache-2.0
// Decides where one request runs: candidates, producers, then the profiles that the handler asks
// for.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "endpoints/pool.h"
#include "resources/endpoint_picker_config.h"
#include "schedule/explanation.h"
#include "schedule/plugin.h"
#include "schedule/producers/core_metrics_extractor.h"
#include "schedule/producers/inflight_load_producer.h"
#include "schedule/profile.h"
#include "schedule/registry.h"

namespace llmd::schedule {

/// Where a request goes.
struct Decision {
  endpoints::Endpoint* endpoint = nullptr;  ///< null when filters leave none
  endpoints::Endpoint* prefill = nullptr;   ///< computes the prompt first, where one was chosen
  uint32_t prompt_tokens = 0;               ///< what the request counts for there while in flight:
  uint32_t output_tokens = 0;               ///< see InflightLoadProducer
  bool all_busy = false;                    ///< no endpoint, because filters found all of them busy
};

/// One configuration at work. Loop thread only. Allocates nothing per decision once warm.
class Scheduler {
 public:
  /// Refuses what names no plugin, or one of the wrong kind. `seed` breaks ties. Given the
  /// scheduler of the `before` configuration of the same endpoints, what that has learned is kept
  /// as far as its plugins' parameters are unchanged; both may be used then.
  static Result<std::unique_ptr<Scheduler>> make(const resources::EndpointPickerConfig& config,
                                                 uint64_t seed, const Scheduler* before = nullptr);

  /// The longest prefix that any plugin looks at, in blocks.
  size_t prefix_blocks_max() const { return prefix_blocks_max_; }

  /// The endpoint for the request among those of `snapshot` that can serve it now, without
  /// `excluded`. Nothing is remembered of it until placed().
  Decision schedule(const Query& query, const endpoints::Snapshot& snapshot,
                    const endpoints::Snapshot& excluded, Explanation* explanation = nullptr);
  /// The request of the last schedule() goes where that decided.
  void placed(const Query& query);
  /// Whose request it is, where a plugin can tell by the headers; else empty.
  std::string_view tenant(std::span<const http::Header> headers) const;
  /// Whether admitters let the request in, given the candidates of schedule().
  bool admits(const Query& query, const endpoints::Snapshot& snapshot);

  void add_response_headers(const endpoints::Endpoint& endpoint, std::string& head);
  /// Something new is known of one of the endpoints.
  void watch(const endpoints::Endpoint& endpoint);
  /// The endpoint of this slot is gone, or all that it had cached.
  void forget(uint32_t slot);

  /// As Plugin::publish_metrics().
  void publish_metrics(observe::Registry& registry, const std::string& pool) const;

  const std::vector<std::string>& warnings() const { return registry_->warnings(); }
  /// By which names the metrics of its endpoints are to be read.
  const endpoints::EngineMetrics& engine_metrics() const { return extractor_->metrics(); }
  /// Whether prompts are to be tokenized before they are scheduled.
  bool wants_token_keys() const { return wants_token_keys_; }
  /// The tokenizer that the configuration names for `model`, as TokenProducer::Options::path; empty
  /// where it names none. An empty `model` is any.
  std::string tokenizer_path(std::string_view model) const;
  const Registry& registry() const { return *registry_; }
  const std::vector<Profile>& profiles() const { return profiles_; }

 private:
  Scheduler(std::unique_ptr<Registry> registry, uint64_t seed);
  Result<void> build(const resources::EndpointPickerConfig& config);
  void collect(const Query& query, const endpoints::Snapshot& snapshot,
               const endpoints::Snapshot& excluded, Explanation* explanation);
  void run_profile(size_t index, const Query& query, Explanation* explanation);

  std::unique_ptr<Registry> registry_;
  std::vector<Profile> profiles_;
  ProfileHandler* handler_ = nullptr;
  InflightLoadProducer* counting_ = nullptr;
  CoreMetricsExtractor* extractor_ = nullptr;
  std::vector<Producer*> producers_;
  std::vector<Admitter*> admitters_;
  std::vector<TenantReader*> tenant_readers_;
  std::vector<Plugin*> plugins_;
  size_t prefix_blocks_max_;
  bool wants_token_keys_ = false;
  Random random_;
  Candidates fit_;                 ///< scratch: those that can serve the request
  Candidates candidates_;          ///< scratch: of the profile that runs
  std::vector<ProfilePick> done_;  ///< of the last schedule()
  std::vector<size_t> ran_;        ///< the profiles of done_
};

}  // namespace llmd::schedule
