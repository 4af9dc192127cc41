// SPDX-License-Identifier: Apache-2.0
#include "endpoints/scrape.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "endpoints/metrics_reader.h"

namespace llmd::endpoints {

Scrape parse_metrics(std::string_view page, std::string_view engine) {
  MetricsReader reader(EngineMetrics::built_in().find(engine));
  reader.read(page);
  return reader.finish();
}

Result<ModelList> parse_models(std::string_view json) {
  const auto root = nlohmann::json::parse(json, nullptr, false);
  const auto data = root.is_object() ? root.find("data") : root.end();
  if (!root.is_object() || data == root.end() || !data->is_array()) {
    return invalid_argument("the model list is no object with an array \"data\"");
  }
  ModelList list;
  for (const auto& model : *data) {
    const auto id = model.is_object() ? model.find("id") : model.end();
    if (id == model.end() || !id->is_string() || list.names.size() >= kServedModelsMax) continue;
    const auto& name = id->get_ref<const std::string&>();
    if (name.empty() || name.size() > kModelNameBytesMax) continue;
    list.names.push_back(name);
    if (const auto parent = model.find("parent"); parent != model.end() && parent->is_string()) {
      list.adapters.push_back(name);
    }
    const auto length = model.find("max_model_len");
    if (length == model.end() || !length->is_number_unsigned()) continue;
    list.max_model_len = std::max(list.max_model_len, length->get<uint64_t>());
  }
  return list;
}

}  // namespace llmd::endpoints
