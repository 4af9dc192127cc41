// SPDX-License-Identifier: Apache-2.0
#include "engine/simulated/simulated_executor.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace llmd::engine {

/// The step under way, and when the one before ended.
struct SimulatedExecutor::Step {
  StepResult result;
  std::function<void(StepResult)> done;  ///< set: a step is under way
  TimePoint end{};                       ///< when it ends by the model
  TimePoint told{};                      ///< when its completion ran, a timer's lateness after
};

SimulatedExecutor::SimulatedExecutor(TimeModel model, std::shared_ptr<const SimulatedText> text,
                                     const Clock& clock, CallAfter call_after)
    : model_(model),
      text_(std::move(text)),
      clock_(clock),
      call_after_(std::move(call_after)),
      step_(std::make_shared<Step>()) {}

/// A step that follows on the heels of another begins when that one should have ended, so that the
/// lateness of timers does not add up. On the heels is: no later after the completion than the
/// completion itself was late. Virtual time has no lateness, hence no credit.
TimePoint SimulatedExecutor::step_begin(TimePoint now) const {
  const bool follows = now - step_->told <= step_->told - step_->end;
  return follows ? step_->end : now;
}

void SimulatedExecutor::submit(const Batch& batch, std::function<void(StepResult)> done) {
  Step& step = *step_;
  LLMD_CHECK(step.done == nullptr && done != nullptr);
  step.result.tokens.resize(batch.items.size());
  std::transform(batch.items.begin(), batch.items.end(), step.result.tokens.begin(),
                 [this](const BatchItem& item) -> std::optional<TokenId> {
                   if (item.sampling == nullptr) return std::nullopt;
                   return text_->choose(item);
                 });
  step.done = std::move(done);
  const TimePoint now = clock_.now();
  step.end = step_begin(now) + model_.step_time(batch);
  call_after_(std::max(step.end - now, Duration::zero()),
              [weak = std::weak_ptr(step_), &clock = clock_] {
                const std::shared_ptr<Step> ended = weak.lock();
                if (ended == nullptr) return;
                ended->told = clock.now();
                std::exchange(ended->done, nullptr)(std::move(ended->result));
              });
}

}  // namespace llmd::engine
