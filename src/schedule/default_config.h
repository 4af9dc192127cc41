// SPDX-License-Identifier: Apache-2.0
// How requests are scheduled where nobody says.
#pragma once

#include <string>

#include "resources/endpoint_picker_config.h"

namespace llmd::schedule {

/// The document that stands for an absent one: expected-ttft-scorer alone, among endpoints that
/// decode. docs/performance.md says how it compares with others. With `kv_events` what endpoints
/// have cached is taken from their engines' events.
std::string default_config_text(bool kv_events = false);
/// The same, parsed.
resources::EndpointPickerConfig default_config(bool kv_events = false);

}  // namespace llmd::schedule
