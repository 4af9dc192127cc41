// SPDX-License-Identifier: Apache-2.0
#include "bench/workload/workload.h"

#include <fmt/core.h>

#include "base/text.h"
#include "bench/workload/kinds.h"

namespace llmd::bench {
namespace {

/// `shortest` tokens must leave room for at least one that is generated.
Result<void> check_room(const Distribution& length, int overhead, std::string_view what) {
  const double shortest = length.type == Distribution::Type::kFixed ? length.mean : length.min;
  if (shortest > overhead) return {};
  return invalid_argument(
      fmt::format("{} may be {:g} tokens long, but the target adds {} of its own to each prompt "
                  "(chat template, BOS); ask for at least {}",
                  what, shortest, overhead, overhead + 1));
}

struct Maker {
  uint64_t seed;
  const PromptOverhead& overhead;
  using Made = Result<std::unique_ptr<Workload>>;

  Made operator()(const RandomOptions& options) const {
    LLMD_RETURN_IF_ERROR(check_room(options.input, overhead.user_only, "a prompt"));
    return make_random(options, seed, overhead);
  }
  Made operator()(const SharedPrefixOptions& options) const {
    LLMD_RETURN_IF_ERROR(check_room(options.question, overhead.system_and_user, "a question"));
    return make_shared_prefix(options, seed, overhead);
  }
  Made operator()(const ConversationOptions& options) const {
    LLMD_RETURN_IF_ERROR(
        check_room(options.input_per_turn, overhead.system_and_user, "a turn's input"));
    return make_conversations(options, seed, overhead);
  }
  Made operator()(const TraceOptions& options) const {
    LLMD_ASSIGN_OR_RETURN(const std::string text, read_file(options.path, kTraceBytesMax));
    LLMD_ASSIGN_OR_RETURN(
        Trace trace, parse_trace(text, options.format, options.path, options.skip_broken_lines));
    const std::string name = options.path.substr(options.path.rfind('/') + 1);
    return make_trace(std::move(trace), name, seed, overhead);
  }
};

}  // namespace

Result<std::unique_ptr<Workload>> make_workload(const WorkloadKind& kind, uint64_t seed,
                                                const PromptOverhead& overhead) {
  return std::visit(Maker{seed, overhead}, kind);
}

}  // namespace llmd::bench
