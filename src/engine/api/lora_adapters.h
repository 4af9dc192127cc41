// SPDX-License-Identifier: Apache-2.0
// LoRA adapters that clients ask for by name, loaded and unloaded while the engine runs.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/batch/engine.h"
#include "openai/error.h"

namespace llmd::engine {

struct LoraAdapter {
  AdapterId id = 0;  ///< never used again for another one
  std::string path;
};

/// Loop thread only.
class LoraAdapters {
 public:
  static constexpr size_t kAdaptersMax = 1024;
  static constexpr size_t kNameBytesMax = 256;

  /// `per_step_max`: different adapters that one step may compute, vLLM's --max-loras.
  explicit LoraAdapters(uint32_t per_step_max) : per_step_max_(per_step_max) {}

  /// Messages and statuses are vLLM's.
  std::optional<openai::ApiError> load(const std::string& name, const std::string& path);
  std::optional<openai::ApiError> unload(const std::string& name);

  const LoraAdapter* find(std::string_view name) const;
  /// By name.
  const std::map<std::string, LoraAdapter, std::less<>>& all() const { return adapters_; }

  /// vLLM's vllm:lora_requests_info as text: which adapters run and wait, the time its value.
  /// Written by hand because each set of names would otherwise stay in the registry for ever.
  std::string exposition(const Engine& engine, int64_t unix_time_s) const;

 private:
  std::string names_of(const std::vector<AdapterId>& ids) const;

  uint32_t per_step_max_;
  AdapterId next_id_ = 1;
  std::map<std::string, LoraAdapter, std::less<>> adapters_;
};

}  // namespace llmd::engine
