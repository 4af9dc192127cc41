// SPDX-License-Identifier: Apache-2.0
// How requests are scheduled where nobody says.
#pragma once

#include <string_view>

#include "resources/endpoint_picker_config.h"

namespace llmd::schedule {

/// The document that stands for an absent one: expected-ttft-scorer alone, among endpoints that
/// decode. docs/performance.md says how it compares with others.
std::string_view default_config_text();
/// The same, parsed.
resources::EndpointPickerConfig default_config();

}  // namespace llmd::schedule
