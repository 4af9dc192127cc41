// SPDX-License-Identifier: Apache-2.0
// The plugins that exist; use make_filter() and its like to get one by name.
#pragma once

#include <memory>

#include "schedule/plugin.h"

namespace llmd::schedule {

std::unique_ptr<Filter> make_ready_filter();
std::unique_ptr<Filter> make_model_filter();
std::unique_ptr<Filter> make_circuit_filter();

std::unique_ptr<Scorer> make_queue_scorer();
std::unique_ptr<Scorer> make_active_request_scorer();
std::unique_ptr<Scorer> make_kv_cache_utilization_scorer();
std::unique_ptr<Scorer> make_prefix_cache_scorer();

std::unique_ptr<Picker> make_max_score_picker();

}  // namespace llmd::schedule
