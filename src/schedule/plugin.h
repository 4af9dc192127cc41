// SPDX-License-Identifier: Apache-2.0
// What a scheduling profile is made of: filters drop endpoints, scorers rate the rest, a picker
// takes one. Type names and formulas are upstream's (EndpointPickerConfig). Loop thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "endpoints/endpoint.h"

namespace llmd::schedule {

/// What filters and scorers may look at.
struct Query {
  std::string_view model;
  uint32_t prompt_units = 0;  ///< see prefix_hash.h
  TimePoint now{};
};

struct Candidate {
  endpoints::Endpoint* endpoint = nullptr;
  uint32_t matched_units = 0;  ///< leading part of the prompt that it probably has cached
  double score = 0;            ///< weighted sum so far
};

class Filter {
 public:
  virtual ~Filter() = default;
  virtual void apply(const Query& query, std::vector<Candidate>& candidates) const = 0;
};

class Scorer {
 public:
  virtual ~Scorer() = default;
  /// Writes one score in [0, 1] for each candidate; what lies outside is clamped by the caller.
  virtual void score(const Query& query, std::span<const Candidate> candidates,
                     std::span<double> scores) const = 0;
};

class Picker {
 public:
  virtual ~Picker() = default;
  /// Of at least one candidate. Equal candidates are drawn among by `random`.
  virtual endpoints::Endpoint* pick(std::span<const Candidate> candidates,
                                    Random& random) const = 0;
};

/// By type name; an unknown one is refused with the nearest known.
Result<std::unique_ptr<Filter>> make_filter(std::string_view type);
Result<std::unique_ptr<Scorer>> make_scorer(std::string_view type);
Result<std::unique_ptr<Picker>> make_picker(std::string_view type);

}  // namespace llmd::schedule
