// SPDX-License-Identifier: Apache-2.0
#include "schedule/producers/inflight_load_producer.h"

#include <algorithm>

#include "schedule/plugins.h"

namespace llmd::schedule {

uint32_t InflightLoadProducer::prompt_tokens(const Query& query,
                                             const endpoints::Endpoint& endpoint) const {
  const uint32_t cached = prefixes_.matched_tokens(endpoint.slot);
  return query.prompt_tokens - std::min(cached, query.prompt_tokens);
}

uint32_t InflightLoadProducer::output_tokens(const Query& query) const {
  if (!options_.adds_output) return 0;
  const double expected =
      query.output_tokens > 0 ? query.output_tokens : options_.output_ratio * query.prompt_tokens;
  return static_cast<uint32_t>(std::min<double>(expected, options_.output_max));
}

Made make_inflight_load_producer(resources::Fields& parameters, Registry& registry) {
  constexpr double kRatioMax = 1e6;
  InflightLoadProducer::Options options;
  LLMD_ASSIGN_OR_RETURN(options.adds_output, parameters.boolean("addEstimatedOutputTokens", false));
  LLMD_ASSIGN_OR_RETURN(options.output_ratio,
                        parameters.decimal("outputRatio", options.output_ratio, kRatioMax));
  LLMD_ASSIGN_OR_RETURN(options.output_max, parameters.number("maxEstimatedOutputTokens",
                                                              options.output_max, UINT32_MAX));
  LLMD_ASSIGN_OR_RETURN(PrefixProducer* const prefixes, registry.read_prefix_producer(parameters));
  return make_plugin<InflightLoadProducer>(options, *prefixes);
}

}  // namespace llmd::schedule
