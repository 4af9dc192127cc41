// SPDX-License-Identifier: Apache-2.0
#include "engine/sample/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "base/random.h"
#include "engine/kernels/kernels.h"

namespace llmd::engine {
namespace {

/// Below this a temperature is greedy, as in vLLM.
constexpr float kTemperatureMin = 1e-5F;
constexpr float kNever = -std::numeric_limits<float>::infinity();

/// A token that is still in the running. `weight` is exp(logit - largest), not normalised.
struct Candidate {
  float weight;
  TokenId token;
};

/// The order in which top-k and top-p keep: likelier first, then the lower id.
bool before(const Candidate& a, const Candidate& b) {
  return a.weight != b.weight ? a.weight > b.weight : a.token < b.token;
}

TokenId argmax(std::span<const float> logits) {
  return static_cast<TokenId>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

/// Turns logits into weights: exp((logit - largest) / temperature), in place.
void soften(std::span<float> logits, float temperature) {
  const float largest = *std::max_element(logits.begin(), logits.end());
  const float scale = 1.0F / temperature;
  for (float& logit : logits) logit = (logit - largest) * scale;
  const size_t whole = logits.size() / kernels::kVectorFloats * kernels::kVectorFloats;
  kernels::exponential(logits.data(), whole);
  float tail[kernels::kVectorFloats] = {};
  std::copy(logits.begin() + static_cast<std::ptrdiff_t>(whole), logits.end(), tail);
  kernels::exponential(tail, kernels::kVectorFloats);
  std::copy_n(tail, logits.size() - whole, logits.begin() + static_cast<std::ptrdiff_t>(whole));
}

/// A point in [0, 1) that depends on the seed and the position alone.
double draw(uint64_t seed, uint32_t position) {
  return unit_interval(mix64(mix64(seed) ^ mix64(uint64_t{position} + 1)));
}

/// Without top-k and top-p no order is needed: walk the weights in order of id.
TokenId choose_of_all(std::span<const float> weights, double point) {
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  double left = point * total;
  TokenId last = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] <= 0) continue;
    last = static_cast<TokenId>(i);
    left -= weights[i];
    if (left < 0) break;
  }
  return last;
}

double total_weight(std::span<const Candidate> candidates) {
  return std::accumulate(candidates.begin(), candidates.end(), 0.0,
                         [](double sum, const Candidate& c) { return sum + c.weight; });
}

TokenId choose_of(std::span<const Candidate> kept, double point) {
  double left = point * total_weight(kept);
  for (const Candidate& c : kept) {
    left -= c.weight;
    if (left < 0) return c.token;
  }
  return kept.back().token;
}

/// Every token that can be chosen, by id. The thread keeps the memory between calls.
std::vector<Candidate>& collect(std::span<const float> weights) {
  thread_local std::vector<Candidate> candidates;
  candidates.clear();
  for (size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] > 0) candidates.push_back({weights[i], static_cast<TokenId>(i)});
  }
  return candidates;
}

/// Keeps the k first; the rest of the vector goes.
void keep_top_k(std::vector<Candidate>& candidates, int32_t top_k) {
  if (top_k <= 0 || static_cast<size_t>(top_k) >= candidates.size()) return;
  std::nth_element(candidates.begin(), candidates.begin() + (top_k - 1), candidates.end(), before);
  candidates.resize(static_cast<size_t>(top_k));
}

/// Sorts as much as the nucleus needs, doubling, and keeps the fewest whose weight reaches top_p of
/// `total`: the one that crosses is kept.
void keep_top_p(std::vector<Candidate>& candidates, float top_p, double total) {
  constexpr size_t kFirst = 64;
  const double goal = double{top_p} * total;
  double sum = 0;
  size_t sorted = 0;
  while (sorted < candidates.size()) {
    const size_t next = std::min(candidates.size(), std::max(kFirst, sorted * 2));
    const auto begin = candidates.begin() + static_cast<std::ptrdiff_t>(sorted);
    const auto end = candidates.begin() + static_cast<std::ptrdiff_t>(next);
    std::partial_sort(begin, end, candidates.end(), before);
    for (; sorted < next; ++sorted) {
      sum += candidates[sorted].weight;
      if (sum >= goal) return candidates.resize(sorted + 1);
    }
  }
}

}  // namespace

TokenId sample(std::span<float> logits, const SamplingParams& params, uint32_t position,
               std::span<const TokenId> suppressed) {
  for (const TokenId token : suppressed) {
    if (token < logits.size()) logits[token] = kNever;
  }
  if (!(params.temperature >= kTemperatureMin)) return argmax(logits);
  soften(logits, params.temperature);
  const double point = draw(params.seed, position);
  const bool narrow = params.top_k > 0 && static_cast<size_t>(params.top_k) < logits.size();
  if (!narrow && params.top_p >= 1) return choose_of_all(logits, point);
  std::vector<Candidate>& candidates = collect(logits);
  if (candidates.empty()) return argmax(logits);
  keep_top_k(candidates, params.top_k);
  if (params.top_p < 1) keep_top_p(candidates, params.top_p, total_weight(candidates));
  std::sort(candidates.begin(), candidates.end(), before);
  return choose_of(candidates, point);
}

}  // namespace llmd::engine
