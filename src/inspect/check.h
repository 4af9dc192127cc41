// SPDX-License-Identifier: Apache-2.0
// Checks files of llmd's YAML and says what they will do.
#pragma once

#include <string>
#include <vector>

#include "cluster/plan.h"

namespace llmd::inspect {

struct CheckReport {
  std::string text;                 ///< what every good document will do
  std::vector<std::string> errors;  ///< as "file:line:column: key: what would be right"
};

/// Objects of any kind, endpoints.yaml, and configurations of `llmd bench`; which a file is is told
/// from its keys. Files are checked one by one, and so are documents: no error hides another. Any
/// thread.
CheckReport check_files(const std::vector<std::string>& files, const cluster::PlanOptions& options);

}  // namespace llmd::inspect
