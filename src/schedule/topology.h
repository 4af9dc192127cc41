// SPDX-License-Identifier: Apache-2.0
// Where endpoints stand, and how near they are to each other.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "schedule/registry.h"

namespace llmd::schedule {

/// From near to far.
enum class Level : uint8_t { kHost, kRack, kZone, kRegion };
inline constexpr std::array<std::string_view, 4> kLevelNames = {"host", "rack", "zone", "region"};

/// Upstream's topology-extractor: endpoints say by labels where they stand.
class Topology final : public Plugin {
 public:
  using Labels = std::array<std::string, kLevelNames.size()>;
  explicit Topology(Labels labels) : labels_(std::move(labels)) {}

  /// The nearest level on which both name the same place; nothing when there is none.
  std::optional<Level> shared(const endpoints::Endpoint& one,
                              const endpoints::Endpoint& other) const;
  /// Whether it says anything of where it stands.
  bool knows(const endpoints::Endpoint& endpoint) const;

  /// The parameter topologyProducerName: whose labels a plugin goes by; those of the only extractor
  /// unless given.
  static Result<Topology*> read(resources::Fields& parameters, Registry& registry);

 private:
  const Labels labels_;
};

}  // namespace llmd::schedule
