// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include "bench/workload/kinds.h"

namespace llmd::bench {
namespace {

class RandomWorkload final : public Workload {
 public:
  RandomWorkload(RandomOptions options, uint64_t seed, const PromptOverhead& overhead)
      : options_(options), seed_(seed), overhead_(overhead) {}

  Request request(uint64_t number) override {
    Random random(mix_all(seed_, number));
    Request out;
    out.number = number;
    const uint32_t input = sample_count(options_.input, random);
    out.output_tokens = std::max(sample_count(options_.output, random), 1U);
    const Piece prompt{mix_all(seed_, number, 1), less_overhead(input, overhead_.user_only)};
    out.messages.push_back({.role = Role::kUser, .pieces = {prompt}, .text = {}});
    return out;
  }

  std::string describe() const override {
    return fmt::format("random, {:g} tokens in, {:g} out (means)", options_.input.mean,
                       options_.output.mean);
  }

 private:
  RandomOptions options_;
  uint64_t seed_;
  PromptOverhead overhead_;
};

}  // namespace

std::unique_ptr<Workload> make_random(const RandomOptions& options, uint64_t seed,
                                      const PromptOverhead& overhead) {
  return std::make_unique<RandomWorkload>(options, seed, overhead);
}

}  // namespace llmd::bench
