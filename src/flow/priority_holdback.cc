// SPDX-License-Identifier: Apache-2.0
#include "flow/usage_limit.h"

namespace llmd::flow {
namespace {

struct Options {
  bool by_value = false;
  double least = 0;
  double most = 1;
};

class PriorityHoldback final : public UsageLimitPolicy {
 public:
  explicit PriorityHoldback(const Options& options) : options_(options) {}

  void limit(double /*saturation*/, std::span<const int32_t> priorities,
             std::span<double> ceilings) override {
    for (size_t i = 0; i < priorities.size(); ++i) {
      const double height =
          options_.by_value ? height_by_value(priorities, i) : height_by_rank(priorities.size(), i);
      ceilings[i] = options_.least + height * (options_.most - options_.least);
    }
  }

 private:
  /// 1 for the highest priority, 0 for the lowest; the only one is the highest.
  static double height_by_rank(size_t count, size_t rank) {
    if (count == 1) return 1;
    return 1 - static_cast<double>(rank) / static_cast<double>(count - 1);
  }
  static double height_by_value(std::span<const int32_t> priorities, size_t rank) {
    const double lowest = priorities.back();
    const double range = priorities.front() - lowest;
    return range == 0 ? 1 : (priorities[rank] - lowest) / range;
  }

  const Options options_;
};

}  // namespace

MadeUsageLimit make_priority_holdback(resources::Fields& parameters) {
  Options options;
  LLMD_ASSIGN_OR_RETURN(const std::string shape, parameters.text("shape", "linear"));
  if (shape != "linear") return parameters.error("shape", "must be linear");
  LLMD_ASSIGN_OR_RETURN(const std::string domain, parameters.text("domain", "rank"));
  if (domain != "rank" && domain != "value") {
    return parameters.error("domain", "must be rank or value");
  }
  options.by_value = domain == "value";
  LLMD_RETURN_IF_ERROR(parameters.require("minCeiling"));
  LLMD_ASSIGN_OR_RETURN(options.least, parameters.decimal("minCeiling", 0, 1));
  LLMD_ASSIGN_OR_RETURN(options.most, parameters.decimal("maxCeiling", 1, 1));
  if (options.least >= options.most) {
    return parameters.error("minCeiling", "must be below maxCeiling");
  }
  LLMD_RETURN_IF_ERROR(parameters.done());
  return {std::make_shared<PriorityHoldback>(options)};
}

}  // namespace llmd::flow
