// SPDX-License-Identifier: Apache-2.0
// What differs between a model on the CPU and a simulated one, as far as the front end must know.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/call_after.h"
#include "engine/api/capabilities.h"
#include "engine/api/model_assets.h"
#include "engine/batch/scheduler.h"
#include "engine/executor.h"

namespace llmd::engine {

struct EngineShape {
  std::string model_name;       ///< what it is served as, unless told otherwise
  std::string model_root;       ///< where it came from, for /v1/models
  uint64_t vocab_size = 0;      ///< token ids from clients are below it
  uint32_t blocks = 0;          ///< of one engine's KV cache
  std::string cache_dtype;      ///< of the KV cache, for metrics
  uint32_t waiting_max = 1024;  ///< requests beyond it are refused
  int queue_full_status = 503;  ///< with this status
  Duration startup{};           ///< until then nothing is served
  SchedulerOptions scheduler;   ///< complete
};

/// Loaded once per process, shared by its engines. Loop thread only.
class EngineKind {
 public:
  virtual ~EngineKind() = default;
  virtual const ModelAssets& assets() const = 0;
  virtual const EngineShape& shape() const = 0;
  /// The name of the profile of a simulated engine; empty for a real one.
  virtual std::string_view simulated_profile() const { return {}; }
  /// What one engine can do beyond generating; `seed` differs between engines.
  virtual Capabilities capabilities([[maybe_unused]] uint64_t seed) const { return {}; }
  /// One engine's executor; this object outlives it, as do clock and delays. A real engine has one.
  virtual std::unique_ptr<Executor> make_executor(const Clock& clock,
                                                  const CallAfter& call_after) = 0;
};

}  // namespace llmd::engine
