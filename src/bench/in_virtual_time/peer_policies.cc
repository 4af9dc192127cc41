// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <unordered_map>

#include "base/text.h"
#include "bench/in_virtual_time/policy.h"
#include "schedule/default_config.h"

namespace llmd::bench {
namespace {

class RoundRobin final : public Policy {
 public:
  explicit RoundRobin(size_t engines) : engines_(static_cast<uint32_t>(engines)) {}
  void place(const Sent&, std::function<void(const Placement&)> placed) override {
    placed(next_++ % engines_);
  }
  void ended(uint64_t) override {}

 private:
  uint32_t engines_;
  uint32_t next_ = 0;
};

class LeastConnections final : public Policy {
 public:
  explicit LeastConnections(size_t engines) : connections_(engines) {}

  void place(const Sent& sent, std::function<void(const Placement&)> placed) override {
    const uint32_t least = *std::ranges::min_element(connections_);
    const auto count = static_cast<uint32_t>(connections_.size());
    while (connections_[next_ % count] != least) ++next_;
    const uint32_t chosen = next_++ % count;
    ++connections_[chosen];
    places_[sent.number] = chosen;
    placed(chosen);
  }
  void ended(uint64_t number) override {
    const auto found = places_.find(number);
    if (found == places_.end()) return;
    --connections_[found->second];
    places_.erase(found);
  }

 private:
  std::vector<uint32_t> connections_;
  std::unordered_map<uint64_t, uint32_t> places_;
  uint32_t next_ = 0;
};

Result<std::unique_ptr<Policy>> make_configured_policy(const std::string& file,
                                                       const PolicySurroundings& around) {
  LLMD_ASSIGN_OR_RETURN(const auto objects, resources::load_objects({file}));
  return make_gateway_policy(around, objects);
}

Result<std::unique_ptr<Policy>> make_kv_events_policy(const PolicySurroundings& around) {
  resources::Objects objects;
  objects.picker_configs.push_back(schedule::default_config(true));
  return make_gateway_policy(around, objects);
}

class Fixed final : public Policy {
 public:
  explicit Fixed(std::vector<uint32_t> places) : places_(std::move(places)) {}
  void place(const Sent& sent, std::function<void(const Placement&)> placed) override {
    if (sent.number >= places_.size()) return placed(openai::make_error(503, "no place is known"));
    placed(places_[sent.number]);
  }
  void ended(uint64_t) override {}

 private:
  std::vector<uint32_t> places_;
};

}  // namespace

std::unique_ptr<Policy> make_round_robin_policy(const PolicySurroundings& around) {
  return std::make_unique<RoundRobin>(around.engines.size());
}

std::unique_ptr<Policy> make_least_connections_policy(const PolicySurroundings& around) {
  return std::make_unique<LeastConnections>(around.engines.size());
}

std::unique_ptr<Policy> make_fixed_policy(std::vector<uint32_t> places) {
  return std::make_unique<Fixed>(std::move(places));
}

Result<std::unique_ptr<Policy>> make_policy(const std::string& name,
                                            const PolicySurroundings& around) {
  if (name == "gateway") return make_gateway_policy(around, {});
  if (name == "gateway-kv-events") return make_kv_events_policy(around);
  if (name.ends_with(".yaml") || name.ends_with(".yml"))
    return make_configured_policy(name, around);
  if (name == "round-robin") return make_round_robin_policy(around);
  if (name == "least-connections") return make_least_connections_policy(around);
  const std::vector<std::string> known{"gateway", "gateway-kv-events", "round-robin",
                                       "least-connections", std::string(kBestFoundPolicy)};
  const auto nearest = nearest_word(name, known);
  return invalid_argument("there is no policy \"" + name + "\"" +
                          (nearest ? "; did you mean " + *nearest + "?"
                                   : "; there is gateway, gateway-kv-events, round-robin, "
                                     "least-connections, best-found, or a file: NAME.yaml"));
}

}  // namespace llmd::bench
