// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <numeric>
#include <utility>
#include <vector>

#include "bench/workload/kinds.h"

namespace llmd::bench {
namespace {

// What a number is drawn for, so that equal indices of different things differ.
enum Purpose : uint64_t { kOrder, kSystem, kQuestion, kLengths };

/// 0 … count - 1 in an order that the seed decides (Fisher and Yates).
std::vector<uint32_t> shuffled(uint32_t count, uint64_t seed) {
  std::vector<uint32_t> order(count);
  std::iota(order.begin(), order.end(), 0U);
  Random random(mix_all(seed, kOrder));
  for (uint32_t i = count; i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  return order;
}

class SharedPrefix final : public Workload {
 public:
  SharedPrefix(const SharedPrefixOptions& options, uint64_t seed, const PromptOverhead& overhead)
      : options_(options),
        seed_(seed),
        overhead_(overhead),
        order_(shuffled(options.groups * options.prompts_per_group, seed)),
        sessions_(options.multi_turn ? order_.size() : 0) {}

  uint64_t session_of(uint64_t number) const override {
    return options_.multi_turn ? number % order_.size() + 1 : 0;
  }

  Request request(uint64_t number) override {
    Request out;
    out.number = number;
    out.session = session_of(number);
    const uint32_t prompt = order_[number % order_.size()];
    Random random(mix_all(seed_, kLengths, prompt));
    const uint32_t question = sample_count(options_.question, random);
    out.output_tokens = std::max(sample_count(options_.output, random), 1U);
    if (out.session == 0 || sessions_[out.session - 1].history.empty()) {
      out.messages = {system_prompt(prompt / options_.prompts_per_group)};
    } else {
      out.messages = sessions_[out.session - 1].history;
    }
    if (out.session != 0) out.turn = sessions_[out.session - 1].turns++;
    const bool begins = out.messages.size() == 1;
    const Piece piece{mix_all(seed_, kQuestion, prompt, out.turn),
                      less_overhead(question, begins ? overhead_.system_and_user : 0)};
    out.messages.push_back({.role = Role::kUser, .pieces = {piece}, .text = {}});
    return out;
  }

  bool keeps_answers() const override { return options_.multi_turn; }

  void answered(const Request& request, std::string_view answer) override {
    if (request.session == 0) return;
    auto& history = sessions_[request.session - 1].history;
    history = request.messages;
    history.push_back({.role = Role::kAssistant, .pieces = {}, .text = std::string(answer)});
  }

  void begin_stage() override {
    for (Session& session : sessions_) session = {};
  }

  std::string describe() const override {
    return fmt::format("shared_prefix, {} groups x {} prompts, {:g} + {:g} tokens in, {:g} out{}",
                       options_.groups, options_.prompts_per_group, options_.system_prompt.mean,
                       options_.question.mean, options_.output.mean,
                       options_.multi_turn ? ", multi-turn" : "");
  }

 private:
  struct Session {
    uint32_t turns = 0;
    std::vector<Message> history;  ///< what was said, up to the last answer
  };

  Message system_prompt(uint32_t group) const {
    Random random(mix_all(seed_, kSystem, group));
    const Piece piece{random.next(), sample_count(options_.system_prompt, random)};
    return {.role = Role::kSystem, .pieces = {piece}, .text = {}};
  }

  SharedPrefixOptions options_;
  uint64_t seed_;
  PromptOverhead overhead_;
  std::vector<uint32_t> order_;
  std::vector<Session> sessions_;
};

}  // namespace

std::unique_ptr<Workload> make_shared_prefix(const SharedPrefixOptions& options, uint64_t seed,
                                             const PromptOverhead& overhead) {
  return std::make_unique<SharedPrefix>(options, seed, overhead);
}

}  // namespace llmd::bench
