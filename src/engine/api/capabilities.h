// SPDX-License-Identifier: Apache-2.0
// What some kinds of engine can do and others cannot. What is missing is answered 501 by name.
#pragma once

#include <optional>

#include "engine/api/answer_maker.h"
#include "engine/api/failure_injection.h"
#include "engine/api/fake_metrics.h"
#include "engine/api/lora_adapters.h"

namespace llmd::engine {

/// Weights out of the accelerator's memory; vLLM's sleep mode.
struct SleepMode {
  bool sleeping = false;
};

/// One engine's. Loop thread only.
struct Capabilities {
  std::optional<FailureInjection> failures;
  std::optional<SleepMode> sleep;
  std::optional<LoraAdapters> lora;
  std::optional<FakeMetrics> fake_metrics;
  std::optional<AnswerMaker> answers;  ///< decides what is said, where no model does
};

}  // namespace llmd::engine
