// SPDX-License-Identifier: Apache-2.0
#include "schedule/default_config.h"

namespace llmd::schedule {

std::string_view default_config_text() {
  return R"(apiVersion: llm-d.ai/v1
kind: EndpointPickerConfig
plugins:
- type: decode-filter
- type: expected-ttft-scorer
schedulingProfiles:
- name: default
  plugins:
  - {pluginRef: decode-filter}
  - {pluginRef: expected-ttft-scorer}
)";
}

resources::EndpointPickerConfig default_config() {
  return resources::parse_endpoint_picker_config(default_config_text(), "default").value();
}

}  // namespace llmd::schedule
