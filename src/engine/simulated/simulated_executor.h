// SPDX-License-Identifier: Apache-2.0
// An executor that lets a batch take as long as its time model says, and computes nothing.
#pragma once

#include <memory>

#include "base/call_after.h"
#include "engine/simulated/simulated_text.h"
#include "engine/simulated/time_model.h"

namespace llmd::engine {

/// Runs on an event loop, on scaled time and on a virtual clock alike: time comes from `clock` and
/// `call_after`, which outlives it. One thread, on which completions run too; a batch under way is
/// forgotten with the executor.
class SimulatedExecutor final : public Executor {
 public:
  SimulatedExecutor(TimeModel model, std::shared_ptr<const SimulatedText> text, const Clock& clock,
                    CallAfter call_after);

  void submit(const Batch& batch, std::function<void(StepResult)> done) override;

 private:
  struct Step;

  TimePoint step_begin(TimePoint now) const;

  TimeModel model_;
  std::shared_ptr<const SimulatedText> text_;
  const Clock& clock_;
  CallAfter call_after_;
  std::shared_ptr<Step> step_;  ///< shared with the call that is to end it
};

}  // namespace llmd::engine
