// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <utility>
#include <vector>

#include "bench/workload/kinds.h"

namespace llmd::bench {
namespace {

enum Purpose : uint64_t { kShared, kDynamic, kPlan, kTurn };

class Conversations final : public Workload {
 public:
  Conversations(const ConversationOptions& options, uint64_t seed, const PromptOverhead& overhead)
      : options_(options), seed_(seed), overhead_(overhead), slots_(options.conversations) {}

  uint64_t session_of(uint64_t number) const override { return number % slots_.size() + 1; }

  Request request(uint64_t number) override {
    const uint64_t place = number % slots_.size();
    Slot& slot = slots_[place];
    Turn turn = turn_of(place, slot);
    if (slot.turn == slot.turns ||
        slot.tokens + turn.input + turn.output > options_.max_model_len) {
      begin_conversation(place, slot);
      turn = turn_of(place, slot);
    }
    Request out;
    out.number = number;
    out.session = place + 1;
    out.turn = slot.turn++;
    out.output_tokens = turn.output;
    out.pause = turn.pause;
    out.messages = slot.history;
    const bool begins = out.messages.size() == 1;
    const Piece piece{turn.stream,
                      less_overhead(turn.input, begins ? overhead_.system_and_user : 0)};
    out.messages.push_back({.role = Role::kUser, .pieces = {piece}, .text = {}});
    slot.tokens += turn.input + turn.output;
    return out;
  }

  bool keeps_answers() const override { return true; }

  void answered(const Request& request, std::string_view answer) override {
    auto& history = slots_[request.session - 1].history;
    history = request.messages;
    history.push_back({.role = Role::kAssistant, .pieces = {}, .text = std::string(answer)});
  }

  /// Fresh ones, not the same ones again.
  void begin_stage() override {
    for (Slot& slot : slots_) slot.turn = slot.turns;
  }

  std::string describe() const override {
    return fmt::format(
        "conversation_replay, {} conversations, {} + {:g} tokens of system prompt, {:g} turns of "
        "{:g} in, {:g} out (means)",
        options_.conversations, options_.shared_system_prompt, options_.dynamic_system_prompt.mean,
        options_.turns.mean, options_.input_per_turn.mean, options_.output_per_turn.mean);
  }

 private:
  struct Slot {
    uint64_t conversations = 0;  ///< begun so far
    uint32_t turns = 0;          ///< of the one under way
    uint32_t turn = 0;           ///< the next one
    uint64_t tokens = 0;         ///< in context if every answer is as long as wanted
    std::vector<Message> history;
  };
  struct Turn {
    uint32_t input;
    uint32_t output;
    Duration pause;
    uint64_t stream;
  };

  void begin_conversation(uint64_t place, Slot& slot) {
    ++slot.conversations;
    Random random(mix_all(seed_, kPlan, place, slot.conversations));
    slot.turns = std::max(sample_count(options_.turns, random), 1U);
    slot.turn = 0;
    const Piece shared{mix_all(seed_, kShared), options_.shared_system_prompt};
    const Piece dynamic{mix_all(seed_, kDynamic, place, slot.conversations),
                        sample_count(options_.dynamic_system_prompt, random)};
    slot.tokens = uint64_t{shared.tokens} + dynamic.tokens;
    slot.history = {{.role = Role::kSystem, .pieces = {shared, dynamic}, .text = {}}};
  }

  Turn turn_of(uint64_t place, const Slot& slot) const {
    Random random(mix_all(seed_, kTurn, place, slot.conversations, slot.turn));
    Turn turn{};
    turn.stream = random.next();
    turn.input = std::max(sample_count(options_.input_per_turn, random), 1U);
    turn.output = std::max(sample_count(options_.output_per_turn, random), 1U);
    turn.pause = std::chrono::duration_cast<Duration>(
        std::chrono::duration<double>(sample(options_.tool_latency_s, random)));
    return turn;
  }

  ConversationOptions options_;
  uint64_t seed_;
  PromptOverhead overhead_;
  std::vector<Slot> slots_;
};

}  // namespace

std::unique_ptr<Workload> make_conversations(const ConversationOptions& options, uint64_t seed,
                                             const PromptOverhead& overhead) {
  return std::make_unique<Conversations>(options, seed, overhead);
}

}  // namespace llmd::bench
