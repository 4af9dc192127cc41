// SPDX-License-Identifier: Apache-2.0
#include "engine/model/config.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "engine/kernels/kernels.h"

namespace llmd::engine {
namespace {

using nlohmann::json;

// Limits keep every product of two sizes far from overflow. The largest published models stay
// below a quarter of each.
constexpr uint32_t kLayersMax = 1024;
constexpr uint32_t kHiddenMax = 1U << 17;
constexpr uint32_t kHeadsMax = 1024;
constexpr uint32_t kHeadDimMax = 1024;
constexpr uint32_t kIntermediateMax = 1U << 20;
constexpr uint32_t kVocabMax = 1U << 22;
constexpr uint32_t kPositionMax = 1U << 24;

Error refused(std::string_view what) {
  return invalid_argument(fmt::format("config.json: {}", what));
}

std::string shown(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace).substr(0, 100);
}

/// The value of a key; absent and null are the same.
const json* find(const json& object, const char* key) {
  const auto it = object.find(key);
  return it == object.end() || it->is_null() ? nullptr : &*it;
}

/// Reads keys until the first failure, which it keeps.
class Reader {
 public:
  explicit Reader(const json& object) : object_(object) {}

  uint32_t count(const char* key, uint32_t most, std::optional<uint32_t> otherwise = {}) {
    const json* value = find(object_, key);
    if (value == nullptr && otherwise) return *otherwise;
    if (value == nullptr || !value->is_number_unsigned() || value->get<uint64_t>() == 0 ||
        value->get<uint64_t>() > most) {
      fail(fmt::format("'{}' is {}, expected a whole number from 1 to {}", key,
                       value == nullptr ? "missing" : shown(*value), most));
      return 1;
    }
    return value->get<uint32_t>();
  }

  double positive(const char* key, std::optional<double> otherwise = {}) {
    const json* value = find(object_, key);
    if (value == nullptr && otherwise) return *otherwise;
    if (value == nullptr || !value->is_number() || !(value->get<double>() > 0) ||
        value->get<double>() > 1e12) {
      fail(fmt::format("'{}' is {}, expected a positive number", key,
                       value == nullptr ? "missing" : shown(*value)));
      return 1;
    }
    return value->get<double>();
  }

  bool flag(const char* key, bool otherwise) {
    const json* value = find(object_, key);
    if (value == nullptr) return otherwise;
    if (value->is_boolean()) return value->get<bool>();
    fail(fmt::format("'{}' is {}, expected true or false", key, shown(*value)));
    return otherwise;
  }

  /// A key that may be there only with the one value that we compute.
  void only(const char* key, const json& supported) {
    const json* value = find(object_, key);
    if (value != nullptr && *value != supported) {
      fail(fmt::format("'{}' is {}, supported is {}", key, shown(*value), shown(supported)));
    }
  }

  void absent(const char* key) {
    if (const json* value = find(object_, key)) {
      fail(fmt::format("'{}' is {}, which is not supported", key, shown(*value)));
    }
  }

  void fail(const std::string& what) {
    if (status_.ok()) status_ = refused(what);
  }
  const Result<void>& status() const { return status_; }

 private:
  const json& object_;
  Result<void> status_;
};

Result<Llama3Scaling> parse_llama3(const json& object) {
  Reader reader(object);
  Llama3Scaling scaling;
  scaling.factor = reader.positive("factor");
  scaling.low_freq_factor = reader.positive("low_freq_factor");
  scaling.high_freq_factor = reader.positive("high_freq_factor");
  scaling.original_max_position = reader.positive("original_max_position_embeddings");
  if (scaling.high_freq_factor <= scaling.low_freq_factor) {
    reader.fail("'high_freq_factor' must exceed 'low_freq_factor'");
  }
  LLMD_RETURN_IF_ERROR(reader.status());
  return scaling;
}

/// `rope_theta` and `rope_scaling`, or both in `rope_parameters` as transformers 5 writes them.
Result<void> parse_rope(const json& root, ModelConfig& config) {
  const json* parameters = find(root, "rope_parameters");
  const json* scaling = parameters != nullptr ? parameters : find(root, "rope_scaling");
  if (scaling != nullptr && !scaling->is_object()) return refused("rope settings are no object");
  Reader reader(parameters != nullptr ? *parameters : root);
  config.rope_theta = reader.positive("rope_theta", 10000.0);
  LLMD_RETURN_IF_ERROR(reader.status());
  if (scaling == nullptr) return {};
  const json* type = find(*scaling, "rope_type");
  if (type == nullptr) type = find(*scaling, "type");
  if (type == nullptr || *type == "default") return {};
  if (*type != "llama3") {
    return refused(fmt::format("rope type {} is not supported; expected \"default\" or \"llama3\"",
                               shown(*type)));
  }
  LLMD_ASSIGN_OR_RETURN(config.rope_scaling, parse_llama3(*scaling));
  return {};
}

void read_sizes(Reader& reader, ModelConfig& config) {
  config.layers = reader.count("num_hidden_layers", kLayersMax);
  config.hidden = reader.count("hidden_size", kHiddenMax);
  config.heads = reader.count("num_attention_heads", kHeadsMax);
  config.kv_heads = reader.count("num_key_value_heads", kHeadsMax, config.heads);
  config.intermediate = reader.count("intermediate_size", kIntermediateMax);
  config.vocab = reader.count("vocab_size", kVocabMax);
  config.max_position = reader.count("max_position_embeddings", kPositionMax);
  config.rms_epsilon = static_cast<float>(reader.positive("rms_norm_eps", 1e-6));
}

/// What every decoder of the Llama family shares.
void read_common(Reader& reader, ModelConfig& config) {
  read_sizes(reader, config);
  reader.only("hidden_act", "silu");
  reader.only("attention_bias", false);
  reader.only("mlp_bias", false);
  reader.only("partial_rotary_factor", 1.0);
  reader.absent("quantization_config");
}

void read_llama(const json&, Reader& reader, ModelConfig& config) {
  config.tied = reader.flag("tie_word_embeddings", false);
  config.head_dim =
      reader.count("head_dim", kHeadDimMax, std::max(1U, config.hidden / config.heads));
}

void read_qwen3(const json& root, Reader& reader, ModelConfig& config) {
  config.tied = reader.flag("tie_word_embeddings", false);
  config.head_dim = reader.count("head_dim", kHeadDimMax, 128U);
  config.qk_norm = true;
  reader.only("use_sliding_window", false);
  const json* kinds = find(root, "layer_types");
  if (kinds == nullptr) return;
  for (const json& kind : *kinds) {
    if (kind != "full_attention") {
      reader.fail(
          fmt::format("layer type {} is not supported; expected \"full_attention\"", shown(kind)));
    }
  }
}

/// An architecture is its name and what it reads beyond the common part.
struct Architecture {
  const char* name;
  void (*read)(const json&, Reader&, ModelConfig&);
};
constexpr Architecture kArchitectures[] = {{"LlamaForCausalLM", read_llama},
                                           {"Qwen3ForCausalLM", read_qwen3}};

Result<const Architecture*> find_architecture(const json& root) {
  const json* names = find(root, "architectures");
  const bool usable = names != nullptr && names->is_array() && names->size() == 1;
  for (const Architecture& known : kArchitectures) {
    if (usable && (*names)[0] == known.name) return &known;
  }
  std::string expected;
  for (const Architecture& known : kArchitectures) {
    expected += fmt::format("{}\"{}\"", expected.empty() ? "" : " or ", known.name);
  }
  return refused(fmt::format("'architectures' is {}, expected one of {}",
                             names == nullptr ? "missing" : shown(*names), expected));
}

Result<void> check_shape(const ModelConfig& config) {
  const auto multiple = [](const char* what, uint32_t size) -> Result<void> {
    if (size % kernels::kVectorFloats == 0) return {};
    return refused(
        fmt::format("{} is {}, expected a multiple of {}", what, size, kernels::kVectorFloats));
  };
  LLMD_RETURN_IF_ERROR(multiple("hidden_size", config.hidden));
  LLMD_RETURN_IF_ERROR(multiple("head_dim", config.head_dim));
  LLMD_RETURN_IF_ERROR(multiple("intermediate_size", config.intermediate));
  if (config.heads % config.kv_heads != 0) {
    return refused(fmt::format("{} attention heads do not divide among {} KV heads", config.heads,
                               config.kv_heads));
  }
  return {};
}

}  // namespace

Result<ModelConfig> parse_config(std::string_view text) {
  const json root = json::parse(text, nullptr, false);
  if (!root.is_object()) return refused("not a JSON object");
  LLMD_ASSIGN_OR_RETURN(const Architecture* architecture, find_architecture(root));
  ModelConfig config;
  config.architecture = architecture->name;
  Reader reader(root);
  read_common(reader, config);
  architecture->read(root, reader, config);
  LLMD_RETURN_IF_ERROR(reader.status());
  LLMD_RETURN_IF_ERROR(parse_rope(root, config));
  LLMD_RETURN_IF_ERROR(check_shape(config));
  return config;
}

uint32_t row_parallel_groups(const ModelConfig& config) {
  uint32_t groups = kernels::kGroupsMax;
  const auto divides = [&groups](uint32_t size) {
    return size % (groups * kernels::kVectorFloats) == 0;
  };
  while (groups > 1 && !(config.kv_heads % groups == 0 && divides(config.query_size()) &&
                         divides(config.intermediate))) {
    groups /= 2;
  }
  return groups;
}

}  // namespace llmd::engine
