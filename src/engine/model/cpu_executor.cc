// SPDX-License-Identifier: Apache-2.0
#include "engine/model/cpu_executor.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "engine/sample/sampler.h"

namespace llmd::engine {

CpuExecutor::CpuExecutor(std::unique_ptr<Forward> forward)
    : forward_(std::move(forward)), thread_([this] { work_loop(); }) {}

CpuExecutor::~CpuExecutor() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  submitted_.notify_one();
  thread_.join();
}

void CpuExecutor::submit(const Batch& batch, std::function<void(StepResult)> done) {
  {
    const std::lock_guard lock(mutex_);
    LLMD_CHECK(done_ == nullptr && done != nullptr);
    items_.assign(batch.items.begin(), batch.items.end());
    done_ = std::move(done);
  }
  submitted_.notify_one();
}

void CpuExecutor::work_loop() {
  while (true) {
    {
      std::unique_lock lock(mutex_);
      submitted_.wait(lock, [this] { return stopping_ || done_ != nullptr; });
      if (done_ == nullptr) return;
    }
    StepResult result = step();
    std::function<void(StepResult)> done;
    {
      const std::lock_guard lock(mutex_);
      done = std::exchange(done_, nullptr);
    }
    done(std::move(result));
  }
}

StepResult CpuExecutor::step() {
  StepResult result;
  result.tokens.resize(items_.size());
  wanting_.clear();
  for (uint32_t i = 0; i < items_.size(); ++i) {
    if (items_[i].sampling != nullptr) wanting_.push_back(i);
  }
  const uint32_t wanted = forward_->run(items_);
  for (uint32_t first = 0; first < wanted; first += kLogitRows) {
    choose(first, std::min(kLogitRows, wanted - first), result);
  }
  return result;
}

void CpuExecutor::choose(uint32_t first, uint32_t count, StepResult& result) {
  const kernels::Rows logits = forward_->logits(first, count);
  forward_->team().run(count, [&](uint32_t i, uint32_t) {
    const BatchItem& item = items_[wanting_[first + i]];
    const auto position = item.first_position + static_cast<uint32_t>(item.tokens.size());
    result.tokens[wanting_[first + i]] =
        sample({logits.row(i), forward_->vocab()}, *item.sampling, position, item.suppressed);
  });
}

}  // namespace llmd::engine
