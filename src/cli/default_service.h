// SPDX-License-Identifier: Apache-2.0
// What `llmd up` serves when it is given no file.
#pragma once

#include <vector>

#include "base/result.h"
#include "resources/model_service.h"

namespace llmd::cli {

/// Two engines with the default model, looked for in the working directory, the source tree that
/// this program was built in, and beside an installation.
Result<std::vector<resources::ModelService>> default_services();

}  // namespace llmd::cli
