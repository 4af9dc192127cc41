// SPDX-License-Identifier: Apache-2.0
#include "schedule/default_config.h"

namespace llmd::schedule {

std::string default_config_text(bool kv_events) {
  std::string text = R"(apiVersion: llm-d.ai/v1
kind: EndpointPickerConfig
plugins:
- type: decode-filter
- type: expected-ttft-scorer
)";
  if (kv_events) text += "- type: precise-prefix-cache-producer\n";
  return text + R"(schedulingProfiles:
- name: default
  plugins:
  - {pluginRef: decode-filter}
  - {pluginRef: expected-ttft-scorer}
)";
}

resources::EndpointPickerConfig default_config(bool kv_events) {
  return resources::parse_endpoint_picker_config(default_config_text(kv_events), "default").value();
}

}  // namespace llmd::schedule
