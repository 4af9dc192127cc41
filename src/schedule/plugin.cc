// SPDX-License-Identifier: Apache-2.0
#include "schedule/plugin.h"

#include <fmt/core.h>

#include <string>

#include "base/text.h"
#include "schedule/plugins.h"

namespace llmd::schedule {
namespace {

template <typename Plugin>
struct Kind {
  std::string_view type;
  std::unique_ptr<Plugin> (*make)();
};

constexpr Kind<Filter> kFilters[] = {
    {"ready-filter", make_ready_filter},
    {"model-filter", make_model_filter},
    {"circuit-filter", make_circuit_filter},
};
constexpr Kind<Scorer> kScorers[] = {
    {"queue-scorer", make_queue_scorer},
    {"active-request-scorer", make_active_request_scorer},
    {"kv-cache-utilization-scorer", make_kv_cache_utilization_scorer},
    {"prefix-cache-scorer", make_prefix_cache_scorer},
};
constexpr Kind<Picker> kPickers[] = {
    {"max-score-picker", make_max_score_picker},
};

template <typename Plugin, size_t count>
Result<std::unique_ptr<Plugin>> make(std::string_view type, const Kind<Plugin> (&kinds)[count]) {
  std::vector<std::string> names;
  for (const auto& kind : kinds) {
    if (kind.type == type) return kind.make();
    names.emplace_back(kind.type);
  }
  const auto nearest = nearest_word(type, names);
  return not_found(fmt::format("there is no plugin of type \"{}\" here{}", type,
                               nearest ? fmt::format("; did you mean {}?", *nearest) : ""));
}

}  // namespace

Result<std::unique_ptr<Filter>> make_filter(std::string_view type) { return make(type, kFilters); }
Result<std::unique_ptr<Scorer>> make_scorer(std::string_view type) { return make(type, kScorers); }
Result<std::unique_ptr<Picker>> make_picker(std::string_view type) { return make(type, kPickers); }

}  // namespace llmd::schedule
