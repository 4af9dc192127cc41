// SPDX-License-Identifier: Apache-2.0
// A plugin instance as an EndpointPickerConfig names it; schedule/ and flow/ make theirs of it.
#pragma once

#include <string>

#include "resources/yaml.h"

namespace llmd::resources {

struct PluginSpec {
  std::string name;  ///< the type's name unless given
  std::string type;
  YamlNode parameters;  ///< a map, or null
  int line = 0;         ///< in the document
};

}  // namespace llmd::resources
