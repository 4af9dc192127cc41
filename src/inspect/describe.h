// SPDX-License-Identifier: Apache-2.0
// What an object of a file will do, in a few lines for a terminal of 80 columns.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cluster/plan.h"
#include "endpoints/endpoint.h"
#include "resources/objects.h"

namespace llmd::inspect {

// Every text ends with a newline; all but its first line is indented. Any thread.

/// Makes all its plugins, so that their parameters are checked too: errors name the place.
Result<std::string> describe(const resources::EndpointPickerConfig& config);
/// A line about the service's own tokenizer; empty where `config`, which schedules its requests,
/// does not need it.
Result<std::string> describe_tokenizer(const resources::EndpointPickerConfig& config,
                                       const resources::ModelService& service);
/// Its replicas as `options` plan them, and its scheduling if it has any.
Result<std::string> describe(const resources::ModelService& service,
                             const cluster::PlanOptions& options);
std::string describe(const resources::InferenceObjective& objective);
std::string describe(const resources::InferenceModelRewrite& rewrite);
std::string describe(const std::vector<endpoints::EndpointSpec>& specs);

}  // namespace llmd::inspect
