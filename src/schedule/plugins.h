// SPDX-License-Identifier: Apache-2.0
// The plugins that exist, one file each; registry.h makes them by type name. Each reads its
// parameters, refuses the ones it does not know, and finds other plugins through `registry`.
#pragma once

#include "schedule/registry.h"

namespace llmd::schedule {

using Made = Result<std::unique_ptr<Plugin>>;

template <typename Kind, typename... Arguments>
Made make_plugin(Arguments&&... arguments) {
  return std::unique_ptr<Plugin>(std::make_unique<Kind>(std::forward<Arguments>(arguments)...));
}

// filters/
Made make_label_selector_filter(resources::Fields& parameters, Registry& registry);
Made make_encode_filter(resources::Fields& parameters, Registry& registry);
Made make_prefill_filter(resources::Fields& parameters, Registry& registry);
Made make_decode_filter(resources::Fields& parameters, Registry& registry);
Made make_session_affinity_filter(resources::Fields& parameters, Registry& registry);
Made make_utilization_filter(resources::Fields& parameters, Registry& registry);
Made make_prefix_cache_affinity_filter(resources::Fields& parameters, Registry& registry);
Made make_utilization_detector_filter(resources::Fields& parameters, Registry& registry);
Made make_concurrency_detector_filter(resources::Fields& parameters, Registry& registry);
Made make_header_based_testing_filter(resources::Fields& parameters, Registry& registry);
Made make_topology_affinity_filter(resources::Fields& parameters, Registry& registry);
Made make_endpoint_attribute_filter(resources::Fields& parameters, Registry& registry);

// scorers/
Made make_queue_scorer(resources::Fields& parameters, Registry& registry);
Made make_running_requests_size_scorer(resources::Fields& parameters, Registry& registry);
Made make_kv_cache_utilization_scorer(resources::Fields& parameters, Registry& registry);
Made make_load_aware_scorer(resources::Fields& parameters, Registry& registry);
Made make_active_request_scorer(resources::Fields& parameters, Registry& registry);
Made make_token_load_scorer(resources::Fields& parameters, Registry& registry);
Made make_prefix_cache_scorer(resources::Fields& parameters, Registry& registry);
Made make_no_hit_lru_scorer(resources::Fields& parameters, Registry& registry);
Made make_lora_affinity_scorer(resources::Fields& parameters, Registry& registry);
Made make_session_affinity_scorer(resources::Fields& parameters, Registry& registry);
Made make_context_length_aware_scorer(resources::Fields& parameters, Registry& registry);
Made make_header_label_affinity_scorer(resources::Fields& parameters, Registry& registry);
Made make_topology_affinity_scorer(resources::Fields& parameters, Registry& registry);
Made make_endpoint_attribute_scorer(resources::Fields& parameters, Registry& registry);
Made make_expected_ttft_scorer(resources::Fields& parameters, Registry& registry);

// pickers/
Made make_max_score_picker(resources::Fields& parameters, Registry& registry);
Made make_random_picker(resources::Fields& parameters, Registry& registry);
Made make_weighted_random_picker(resources::Fields& parameters, Registry& registry);

// producers/
Made make_approx_prefix_cache_producer(resources::Fields& parameters, Registry& registry);
Made make_burst_prefix_cache_producer(resources::Fields& parameters, Registry& registry);
Made make_topology_extractor(resources::Fields& parameters, Registry& registry);
Made make_core_metrics_extractor(resources::Fields& parameters, Registry& registry);
Made make_agent_identity(resources::Fields& parameters, Registry& registry);
Made make_precise_prefix_cache_producer(resources::Fields& parameters, Registry& registry);
Made make_precise_prefix_cache_scorer(resources::Fields& parameters, Registry& registry);
Made make_inflight_load_producer(resources::Fields& parameters, Registry& registry);
Made make_token_producer(resources::Fields& parameters, Registry& registry);
Made make_session_id_producer(resources::Fields& parameters, Registry& registry);

// handlers/
Made make_single_profile_handler(resources::Fields& parameters, Registry& registry);
Made make_disagg_profile_handler(resources::Fields& parameters, Registry& registry);
Made make_pd_profile_handler(resources::Fields& parameters, Registry& registry);
Made make_header_profile_handler(resources::Fields& parameters, Registry& registry);

// deciders/
Made make_prefix_based_pd_decider(resources::Fields& parameters, Registry& registry);
Made make_always_disagg_pd_decider(resources::Fields& parameters, Registry& registry);

// admitters/
Made make_probabilistic_admitter(resources::Fields& parameters, Registry& registry);

}  // namespace llmd::schedule
