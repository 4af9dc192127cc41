// SPDX-License-Identifier: Apache-2.0
// For tests: safetensors files and whole model directories, made on the spot.
#pragma once

#include <fmt/core.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/random.h"

namespace llmd::engine {

/// A directory that goes with the test.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "llmd-model-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::string& path() const { return path_; }
  void write(const std::string& name, std::string_view content) const {
    std::ofstream(path_ + "/" + name, std::ios::binary) << content;
  }

 private:
  std::string path_;
};

inline std::string safetensors_file(std::string_view header, std::string_view data) {
  std::string out(8, '\0');
  for (size_t i = 0; i < 8; ++i) out[i] = static_cast<char>(header.size() >> (8 * i));
  return out.append(header).append(data);
}

/// Adds bf16 tensors one after another.
class SafetensorsWriter {
 public:
  void add(const std::string& name, uint32_t rows, uint32_t cols) {
    const std::string shape =
        cols == 0 ? fmt::format("{}", rows) : fmt::format("{},{}", rows, cols);
    const size_t begin = data_.size();
    const size_t count = size_t{rows} * (cols == 0 ? 1 : cols);
    for (size_t i = 0; i < count; ++i) {
      // Norms are near 1; matrices lie in ±[2^-5, 2^-3): sums stay of order 1 at these sizes.
      const uint64_t bits = random_.next();
      const auto value =
          static_cast<uint16_t>(cols == 0 ? 0x3f80 | (bits & 0x1f) : 0x3d00 | (bits & 0x80ff));
      data_.push_back(static_cast<char>(value & 0xff));
      data_.push_back(static_cast<char>(value >> 8));
    }
    header_ += fmt::format(R"({}"{}":{{"dtype":"BF16","shape":[{}],"data_offsets":[{},{}]}})",
                           header_.empty() ? "" : ",", name, shape, begin, data_.size());
  }
  std::string finish() const { return safetensors_file("{" + header_ + "}", data_); }

 private:
  std::string header_;
  std::string data_;
  Random random_{1};
};

struct TestShape {
  uint32_t hidden = 64, layers = 2, heads = 8, kv_heads = 4, head_dim = 16, intermediate = 128;
  uint32_t vocab = 96;
  bool qwen3 = false;
};

inline std::string config_json(const TestShape& s) {
  return fmt::format(
      R"({{"architectures":["{}"],"hidden_size":{},"num_hidden_layers":{},"num_attention_heads":{},)"
      R"("num_key_value_heads":{},"head_dim":{},"intermediate_size":{},"vocab_size":{},)"
      R"("max_position_embeddings":1024,"rms_norm_eps":1e-5,"tie_word_embeddings":true}})",
      s.qwen3 ? "Qwen3ForCausalLM" : "LlamaForCausalLM", s.hidden, s.layers, s.heads, s.kv_heads,
      s.head_dim, s.intermediate, s.vocab);
}

inline void add_layer(SafetensorsWriter& out, const TestShape& s, uint32_t layer) {
  const std::string prefix = fmt::format("model.layers.{}.", layer);
  const auto add = [&](const char* name, uint32_t rows, uint32_t cols) {
    out.add(prefix + name + ".weight", rows, cols);
  };
  add("input_layernorm", s.hidden, 0);
  add("post_attention_layernorm", s.hidden, 0);
  add("self_attn.q_proj", s.heads * s.head_dim, s.hidden);
  add("self_attn.k_proj", s.kv_heads * s.head_dim, s.hidden);
  add("self_attn.v_proj", s.kv_heads * s.head_dim, s.hidden);
  add("self_attn.o_proj", s.hidden, s.heads * s.head_dim);
  add("mlp.gate_proj", s.intermediate, s.hidden);
  add("mlp.up_proj", s.intermediate, s.hidden);
  add("mlp.down_proj", s.hidden, s.intermediate);
  if (!s.qwen3) return;
  add("self_attn.q_norm", s.head_dim, 0);
  add("self_attn.k_norm", s.head_dim, 0);
}

inline void write_model(const TemporaryDirectory& directory, const TestShape& shape) {
  SafetensorsWriter weights;
  weights.add("model.embed_tokens.weight", shape.vocab, shape.hidden);
  weights.add("model.norm.weight", shape.hidden, 0);
  for (uint32_t layer = 0; layer < shape.layers; ++layer) add_layer(weights, shape, layer);
  directory.write("config.json", config_json(shape));
  directory.write("model.safetensors", weights.finish());
}

}  // namespace llmd::engine
