// SPDX-License-Identifier: Apache-2.0
#include "schedule/producers/core_metrics_extractor.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/text.h"
#include "schedule/plugins.h"

namespace llmd::schedule {
namespace {

using endpoints::EngineMetrics;
using endpoints::EngineNames;
using endpoints::Figure;
using endpoints::Wanted;
using resources::Fields;

struct FigureKey {
  std::string_view key;
  Figure figure;
};
constexpr FigureKey kFigureKeys[] = {
    {"queuedRequestsSpec", Figure::kWaiting}, {"runningRequestsSpec", Figure::kRunning},
    {"kvUsageSpec", Figure::kKvUsage},        {"loraSpec", Figure::kAdapters},
    {"cacheInfoSpec", Figure::kCacheConfig},  {"cacheBlockSizeSpec", Figure::kBlockTokens},
    {"cacheNumBlocksSpec", Figure::kBlocks},
};
constexpr std::string_view kUnbuilt[] = {"loraLoadedSpec", "loraGPULoadedSpec", "loraGPUSlotsSpec"};
/// Upstream's name for the engine of endpoints without a label.
constexpr std::string_view kReservedName = "default";

std::string did_you_mean(std::string_view word, std::span<const std::string> known) {
  const auto nearest = nearest_word(word, known);
  return nearest ? fmt::format("; did you mean {}?", *nearest) : "";
}

Result<endpoints::SeriesSpec> read_spec(Fields& fields, std::string_view key) {
  LLMD_ASSIGN_OR_RETURN(const std::string text, fields.text(key, ""));
  auto spec = endpoints::parse_series_spec(text);
  if (!spec) return fields.error(key, spec.error().message);
  return spec;
}

/// As upstream has it, "" is as good as nothing.
bool is_given(Fields& fields, std::string_view key) {
  const resources::YamlNode* node = fields.find(key);
  return node != nullptr &&
         !(node->kind == resources::YamlNode::Kind::kScalar && node->scalar.empty());
}

/// Of a built-in engine of that name goes on what upstream's specifications have no words for.
EngineNames begin_engine(std::string name) {
  EngineNames out{.engine = std::move(name),
                  .wanted = {},
                  .attributes = {},
                  .rank_label = {},
                  .block_tokens_label = {},
                  .blocks_label = {}};
  const auto built_in = EngineMetrics::built_in().find(out.engine);
  if (built_in == nullptr) {
    out.wanted.push_back(
        {Figure::kProcessStart, {std::string(endpoints::kProcessStartSeries), {}}});
    return out;
  }
  out.rank_label = built_in->rank_label;
  std::ranges::copy_if(built_in->wanted, std::back_inserter(out.wanted), [](const Wanted& each) {
    return std::ranges::find(kFigureKeys, each.figure, &FigureKey::figure) == std::end(kFigureKeys);
  });
  return out;
}

Result<void> add_attribute(Fields& fields, EngineNames& engine) {
  LLMD_RETURN_IF_ERROR(fields.require("attributeKey"));
  LLMD_ASSIGN_OR_RETURN(std::string key, fields.text("attributeKey", ""));
  if (std::ranges::find(engine.attributes, key) != engine.attributes.end()) {
    return fields.error("attributeKey", "the engine has this attribute already");
  }
  LLMD_RETURN_IF_ERROR(fields.require("metricSpec"));
  LLMD_ASSIGN_OR_RETURN(auto spec, read_spec(fields, "metricSpec"));
  // Where it is missing upstream logs an error or not; here nothing is logged either way.
  LLMD_RETURN_IF_ERROR(fields.boolean("optional", false));
  engine.wanted.push_back({Figure::kAttribute, std::move(spec), engine.attributes.size()});
  engine.attributes.push_back(std::move(key));
  return fields.done();
}

Result<EngineNames> read_engine(Fields& fields, Registry& registry) {
  LLMD_RETURN_IF_ERROR(fields.require("name"));
  LLMD_ASSIGN_OR_RETURN(std::string name, fields.text("name", ""));
  if (name == kReservedName) return fields.error("name", "is reserved");
  EngineNames out = begin_engine(std::move(name));
  for (const auto& [key, figure] : kFigureKeys) {
    if (!is_given(fields, key)) continue;
    LLMD_ASSIGN_OR_RETURN(auto spec, read_spec(fields, key));
    out.wanted.push_back({figure, std::move(spec)});
  }
  LLMD_ASSIGN_OR_RETURN(out.block_tokens_label,
                        fields.text("cacheBlockSizeLabelName", "block_size"));
  LLMD_ASSIGN_OR_RETURN(out.blocks_label, fields.text("cacheNumBlocksLabelName", "num_gpu_blocks"));
  LLMD_ASSIGN_OR_RETURN(auto attributes, fields.maps("customMetrics"));
  for (Fields& each : attributes) LLMD_RETURN_IF_ERROR(add_attribute(each, out));
  LLMD_RETURN_IF_ERROR(fields.refuse_unbuilt(kUnbuilt));
  LLMD_RETURN_IF_ERROR(fields.done());
  for (const std::string_view key : {"queuedRequestsSpec", "runningRequestsSpec", "kvUsageSpec"}) {
    if (is_given(fields, key)) continue;
    registry.warn(fmt::format("{}:{}: engine {} has no {}: its figure counts as 0", fields.file(),
                              fields.line(), out.engine, key));
  }
  return out;
}

}  // namespace

Result<std::string> CoreMetricsExtractor::read_attribute(std::string_view key,
                                                         std::string_view producer,
                                                         Fields& parameters, Registry& registry) {
  LLMD_RETURN_IF_ERROR(parameters.require(key));
  LLMD_ASSIGN_OR_RETURN(std::string attribute, parameters.text(key, ""));
  const auto extractor = producer == kCoreMetricsExtractor
                             ? registry.get_by_type<CoreMetricsExtractor>(producer)
                             : registry.get<CoreMetricsExtractor>(producer);
  if (!extractor) return extractor.error();
  const auto known = extractor.value()->metrics().attributes();
  if (std::ranges::find(known, attribute) == known.end()) {
    return parameters.error(
        key, fmt::format("no customMetrics of {} produce \"{}\"{}", kCoreMetricsExtractor,
                         attribute, did_you_mean(attribute, known)));
  }
  return attribute;
}

Made make_core_metrics_extractor(Fields& parameters, Registry& registry) {
  LLMD_ASSIGN_OR_RETURN(
      std::string label_key,
      parameters.text("engineLabelKey", std::string(endpoints::kEngineTypeLabel)));
  LLMD_ASSIGN_OR_RETURN(const std::string default_engine,
                        parameters.text("defaultEngine", std::string(endpoints::kDefaultEngine)));
  LLMD_ASSIGN_OR_RETURN(auto maps, parameters.maps("engineConfigs"));
  std::vector<EngineNames> engines;
  for (Fields& each : maps) {
    LLMD_ASSIGN_OR_RETURN(EngineNames engine, read_engine(each, registry));
    if (std::ranges::find(engines, engine.engine, &EngineNames::engine) != engines.end()) {
      return each.error("name", "there is an engine of this name already");
    }
    engines.push_back(std::move(engine));
  }
  std::vector<std::string> names = EngineMetrics::built_in().engines();
  for (const EngineNames& each : engines) names.push_back(each.engine);
  if (std::ranges::find(names, default_engine) == names.end()) {
    return parameters.error(
        "defaultEngine", "there is no engine of this name" + did_you_mean(default_engine, names));
  }
  return make_plugin<CoreMetricsExtractor>(
      EngineMetrics(std::move(engines), std::move(label_key), default_engine));
}

}  // namespace llmd::schedule
