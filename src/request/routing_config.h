// SPDX-License-Identifier: Apache-2.0
// What the objects a user writes say about requests: which pools there are, how each schedules, who
// has which priority.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "resources/objects.h"

namespace llmd::request {

/// One pool of endpoints that serve the same model.
struct RouteConfig {
  std::string name;        ///< in metrics
  std::string model_name;  ///< that it is for, also while it has no endpoint; empty: any
  /// Values of the endpoints' label llm-d.ai/model-service; none: every endpoint that no other
  /// route has.
  std::vector<std::string> services;
  resources::EndpointPickerConfig scheduling;
  std::string tokenizer = {};  ///< as tokenizer_of() says; empty: not known
};

/// With what the service's engines tokenize, as far as its object tells: a directory of the model's
/// files, or tokenize::kWords4; empty where it does not tell.
std::string tokenizer_of(const resources::ModelService& service);

struct RoutingConfig {
  std::vector<RouteConfig> routes;  ///< the last is for all endpoints of no service
  std::vector<resources::InferenceObjective> objectives;
  std::vector<resources::InferenceModelRewrite> rewrites;
};

/// ModelServices of one model make one route. An EndpointPickerConfig is for all that have no
/// scheduling of their own; without one, the default. Refuses a second EndpointPickerConfig, and
/// services of one model that are scheduled differently.
Result<RoutingConfig> plan_routing(resources::Objects objects);

}  // namespace llmd::request
