// SPDX-License-Identifier: Apache-2.0
// Reads the few figures that scheduling needs from an engine's metrics page and model list.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "endpoints/endpoint.h"

namespace llmd::endpoints {

inline constexpr size_t kScrapeBytesMax = 1 << 20;
inline constexpr size_t kServedModelsMax = 1024;
inline constexpr size_t kModelNameBytesMax = 256;

/// What a MetricsReader finds in the whole page, all ranks together, under the built-in names of
/// `engine`, which is one of them. Any thread.
Scrape parse_metrics(std::string_view page, std::string_view engine);

/// An OpenAI model list. Ids that are too long are left out.
Result<ModelList> parse_models(std::string_view json);

}  // namespace llmd::endpoints
