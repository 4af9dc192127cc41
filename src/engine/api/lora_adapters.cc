// SPDX-License-Identifier: Apache-2.0
#include "engine/api/lora_adapters.h"

#include <fmt/core.h>

#include <algorithm>

namespace llmd::engine {

using openai::make_error;

std::optional<openai::ApiError> LoraAdapters::load(const std::string& name,
                                                   const std::string& path) {
  if (name.empty() || path.empty()) {
    return make_error(400, "Both 'lora_name' and 'lora_path' must be provided.");
  }
  if (name.size() > kNameBytesMax || name.find_first_of("\",\\\n") != std::string::npos) {
    return make_error(400, "lora_name must be at most 256 bytes, without \" , \\ and line ends",
                      "lora_name");
  }
  if (adapters_.contains(name)) {
    return make_error(400, fmt::format("The lora adapter '{}' has already been loaded.", name),
                      "lora_name");
  }
  if (adapters_.size() == kAdaptersMax) {
    return make_error(
        400, fmt::format("{} LoRA adapters are loaded, the most this engine holds", kAdaptersMax));
  }
  adapters_.emplace(name, LoraAdapter{next_id_++, path});
  return std::nullopt;
}

std::optional<openai::ApiError> LoraAdapters::unload(const std::string& name) {
  if (adapters_.erase(name) > 0) return std::nullopt;
  return make_error(404, fmt::format("The lora adapter '{}' cannot be found.", name), "lora_name");
}

const LoraAdapter* LoraAdapters::find(std::string_view name) const {
  const auto found = adapters_.find(name);
  return found == adapters_.end() ? nullptr : &found->second;
}

std::string LoraAdapters::names_of(const std::vector<AdapterId>& ids) const {
  std::string out;
  for (const auto& [name, adapter] : adapters_) {
    if (std::find(ids.begin(), ids.end(), adapter.id) == ids.end()) continue;
    out += (out.empty() ? "" : ",") + name;
  }
  return out;
}

std::string LoraAdapters::exposition(const Engine& engine, int64_t unix_time_s) const {
  const AdapterLoad load = engine.adapter_load();
  return fmt::format(
      "# HELP vllm:lora_requests_info Running stats on lora requests.\n"
      "# TYPE vllm:lora_requests_info gauge\n"
      "vllm:lora_requests_info{{max_lora=\"{}\",running_lora_adapters=\"{}\","
      "waiting_lora_adapters=\"{}\"}} {}\n",
      per_step_max_, names_of(load.running), names_of(load.waiting), unix_time_s);
}

}  // namespace llmd::engine
