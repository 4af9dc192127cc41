// SPDX-License-Identifier: Apache-2.0
// The kinds of workload, for make_workload() alone.
#pragma once

#include <algorithm>
#include <memory>

#include "bench/workload/workload.h"

namespace llmd::bench {

/// What is left to generate of `tokens` when the target adds `overhead`; at least 1.
inline uint32_t less_overhead(uint32_t tokens, int overhead) {
  return static_cast<uint32_t>(std::max<int64_t>(int64_t{tokens} - overhead, 1));
}

std::unique_ptr<Workload> make_random(const RandomOptions& options, uint64_t seed,
                                      const PromptOverhead& overhead);
std::unique_ptr<Workload> make_shared_prefix(const SharedPrefixOptions& options, uint64_t seed,
                                             const PromptOverhead& overhead);
std::unique_ptr<Workload> make_conversations(const ConversationOptions& options, uint64_t seed,
                                             const PromptOverhead& overhead);
std::unique_ptr<Workload> make_trace(Trace trace, std::string name, uint64_t seed,
                                     const PromptOverhead& overhead);

}  // namespace llmd::bench
