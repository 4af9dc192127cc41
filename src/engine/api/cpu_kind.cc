// SPDX-License-Identifier: Apache-2.0
#include "engine/api/cpu_kind.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <thread>

#include "base/log.h"
#include "engine/api/engine_process.h"
#include "engine/api/kv_size.h"
#include "engine/model/loader.h"

namespace llmd::engine {
namespace {

constexpr uint32_t kMaxNumSeqs = 256;
constexpr uint32_t kMaxNumBatchedTokens = 512;

uint64_t memory_bytes() {
  return static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) *
         static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

uint32_t thread_count(const EngineProcessOptions& options) {
  return options.threads > 0 ? options.threads : std::max(1U, std::thread::hardware_concurrency());
}

std::string directory_name(const std::string& directory) {
  std::filesystem::path path = std::filesystem::path(directory).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  return path.filename().string();
}

class CpuKind final : public EngineKind {
 public:
  Result<void> load(const EngineProcessOptions& options) {
    log::info("loading {}", options.model);
    LLMD_ASSIGN_OR_RETURN(model_, load_model({options.model, thread_count(options)}));
    LLMD_ASSIGN_OR_RETURN(assets_, load_assets(options.model));
    for (const std::string& warning : assets_.warnings) log::warn("{}", warning);
    shape_.model_name = directory_name(options.model);
    shape_.model_root = options.model;
    shape_.vocab_size = model_->info().vocab_size;
    shape_.cache_dtype = options.kv_cache_dtype == KvDtype::kF32 ? "f32" : "bf16";
    shape_.scheduler.max_num_seqs = options.max_num_seqs > 0 ? options.max_num_seqs : kMaxNumSeqs;
    shape_.scheduler.max_num_batched_tokens =
        options.max_num_batched_tokens > 0 ? options.max_num_batched_tokens : kMaxNumBatchedTokens;
    shape_.scheduler.block_size = options.block_size;
    shape_.scheduler.prefix_caching = options.prefix_caching;
    shape_.scheduler.eos_ids = assets_.eos_ids;
    return make_pool(options);
  }

  const ModelAssets& assets() const override { return assets_; }
  const EngineShape& shape() const override { return shape_; }

  std::unique_ptr<Executor> make_executor(const Clock&, const CallAfter&) override {
    return model_->make_executor(*kv_, shape_.scheduler.max_num_batched_tokens);
  }

 private:
  Result<void> make_pool(const EngineProcessOptions& options) {
    const ModelInfo& info = model_->info();
    KvLayout layout{
        1, info.layers, info.kv_heads, options.block_size, info.head_dim, options.kv_cache_dtype};
    LLMD_ASSIGN_OR_RETURN(
        const KvSize size,
        size_kv(layout, {info.max_position, options.max_model_len, options.num_gpu_blocks_override,
                         shape_.scheduler.max_num_seqs, memory_bytes()}));
    if (size.shortened) {
      log::warn(
          "sequences are limited to {} tokens, of the model's {}: more do not fit into the KV "
          "cache (--num-gpu-blocks-override)",
          size.max_model_len, info.max_position);
    }
    layout.blocks = size.blocks;
    LLMD_ASSIGN_OR_RETURN(kv_, KvPool::create(layout));
    shape_.blocks = size.blocks;
    shape_.scheduler.max_model_len = size.max_model_len;
    log::info("{}: {} parameters, max_model_len {}, {} KV blocks of {} tokens ({} MiB), {} threads",
              info.architecture, info.parameters, size.max_model_len, size.blocks,
              options.block_size, layout.total_bytes() >> 20U, thread_count(options));
    return {};
  }

  std::unique_ptr<Model> model_;
  ModelAssets assets_;
  EngineShape shape_;
  std::optional<KvPool> kv_;
};

}  // namespace

Result<std::unique_ptr<EngineKind>> load_cpu_kind(const EngineProcessOptions& options) {
  auto kind = std::make_unique<CpuKind>();
  LLMD_RETURN_IF_ERROR(kind->load(options));
  return std::unique_ptr<EngineKind>(std::move(kind));
}

}  // namespace llmd::engine
