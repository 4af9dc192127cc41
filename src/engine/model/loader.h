// SPDX-License-Identifier: Apache-2.0
// From a Hugging Face model directory to an executor.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "engine/cache/kv_pool.h"
#include "engine/executor.h"

namespace llmd::engine {

/// What the rest of the engine needs to know of a loaded model.
struct ModelInfo {
  std::string architecture;  ///< e.g. "LlamaForCausalLM"
  uint32_t layers = 0;
  uint32_t kv_heads = 0;
  uint32_t head_dim = 0;
  uint32_t vocab_size = 0;
  uint32_t max_position = 0;  ///< config.json's max_position_embeddings
  uint64_t parameters = 0;
};

struct LoadOptions {
  std::string directory;
  uint32_t threads = 1;
};

/// Weights, mapped from the files. Immutable; shared by whoever computes with them.
class Model {
 public:
  virtual ~Model() = default;
  virtual const ModelInfo& info() const = 0;
  /// An executor that computes with these weights on `options.threads` threads over `pool`, which
  /// must outlive it.
  virtual std::unique_ptr<Executor> make_executor(const KvPool& pool,
                                                  uint32_t tokens_per_step_max) = 0;
};

/// Refuses an unknown architecture, a missing tensor or a wrong shape, naming what was found and
/// what was expected.
Result<std::unique_ptr<Model>> load_model(const LoadOptions& options);

}  // namespace llmd::engine
