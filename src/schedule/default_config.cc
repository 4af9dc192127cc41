// SPDX-License-Identifier: Apache-2.0
#include "schedule/default_config.h"

namespace llmd::schedule {

std::string_view default_config_text() {
  return R"(apiVersion: llm-d.ai/v1
kind: EndpointPickerConfig
plugins:
- type: decode-filter
- type: queue-scorer
- type: kv-cache-utilization-scorer
- type: prefix-cache-scorer
- type: active-request-scorer
schedulingProfiles:
- name: default
  plugins:
  - {pluginRef: decode-filter}
  - {pluginRef: queue-scorer, weight: 2}
  - {pluginRef: kv-cache-utilization-scorer, weight: 2}
  - {pluginRef: prefix-cache-scorer, weight: 3}
  - {pluginRef: active-request-scorer, weight: 2}
)";
}

resources::EndpointPickerConfig default_config() {
  return resources::parse_endpoint_picker_config(default_config_text(), "default").value();
}

}  // namespace llmd::schedule
