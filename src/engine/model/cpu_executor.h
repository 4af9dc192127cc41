// SPDX-License-Identifier: Apache-2.0
// Runs batches on a thread of its own (and the forward pass's team).
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "engine/executor.h"
#include "engine/model/forward.h"

namespace llmd::engine {

/// The destructor finishes the batch in hand first. submit() may be called from any thread, also
/// from the completion itself, but only when the batch before has completed.
class CpuExecutor final : public Executor {
 public:
  explicit CpuExecutor(std::unique_ptr<Forward> forward);
  ~CpuExecutor() override;

  void submit(const Batch& batch, std::function<void(StepResult)> done) override;

 private:
  void work_loop();
  StepResult step();
  void choose(uint32_t first, uint32_t count, StepResult& result);

  std::unique_ptr<Forward> forward_;
  std::mutex mutex_;  ///< hands over one batch per step; never held while computing
  std::condition_variable submitted_;
  bool stopping_ = false;
  std::function<void(StepResult)> done_;  ///< set: a batch waits
  std::vector<BatchItem> items_;
  std::vector<uint32_t> wanting_;  ///< items that want a token, in order
  std::thread thread_;
};

}  // namespace llmd::engine
