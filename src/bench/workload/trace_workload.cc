// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <utility>

#include "bench/workload/kinds.h"

namespace llmd::bench {
namespace {

class TraceWorkload final : public Workload {
 public:
  TraceWorkload(Trace trace, std::string name, uint64_t seed, const PromptOverhead& overhead)
      : trace_(std::move(trace)), name_(std::move(name)), seed_(seed), overhead_(overhead) {}

  Request request(uint64_t number) override {
    const TraceRequest& from = trace_.requests[number % trace_.requests.size()];
    const uint32_t tokens = less_overhead(from.input_tokens, overhead_.user_only);
    Request out;
    out.number = number;
    out.output_tokens = std::max(from.output_tokens, 1U);
    out.messages.push_back(
        {.role = Role::kUser, .pieces = pieces(from, tokens, number), .text = {}});
    return out;
  }

  const Trace* trace() const override { return &trace_; }

  std::string describe() const override {
    return fmt::format("trace {}, {} requests in {:.0f} s{}", name_, trace_.requests.size(),
                       to_seconds(trace_.requests.back().due),
                       trace_.skipped_lines == 0
                           ? ""
                           : fmt::format(", {} broken lines skipped", trace_.skipped_lines));
  }

 private:
  /// Blocks by their ids, cut to `tokens`; a prompt of its own where the trace has no ids.
  std::vector<Piece> pieces(const TraceRequest& from, uint32_t tokens, uint64_t number) const {
    if (from.block_count == 0) return {{mix_all(seed_, number), tokens}};
    std::vector<Piece> out;
    for (const uint64_t id : trace_.blocks_of(from)) {
      const uint32_t part = std::min(tokens, kTraceBlockTokens);
      if (part == 0) break;
      out.push_back({mix_all(seed_, id), part});
      tokens -= part;
    }
    return out;
  }

  Trace trace_;
  std::string name_;
  uint64_t seed_;
  PromptOverhead overhead_;
};

}  // namespace

std::unique_ptr<Workload> make_trace(Trace trace, std::string name, uint64_t seed,
                                     const PromptOverhead& overhead) {
  return std::make_unique<TraceWorkload>(std::move(trace), std::move(name), seed, overhead);
}

}  // namespace llmd::bench
