// SPDX-License-Identifier: Apache-2.0
#include "openai/generation_fields.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

namespace llmd::openai {
namespace {

constexpr int64_t kInt32Max = std::numeric_limits<int32_t>::max();

Status read_uint32(const JsonField& field, int64_t smallest, int64_t largest, uint32_t& out) {
  int64_t value = 0;
  if (Status error = field.read(value, smallest, largest)) return error;
  out = static_cast<uint32_t>(value);
  return {};
}

Status read_temperature(const JsonField& field, GenerationFields& out) {
  return field.read(out.temperature.emplace(), 0, std::numeric_limits<float>::max());
}

Status read_top_p(const JsonField& field, GenerationFields& out) {
  if (Status error = field.read(out.top_p.emplace(), 0, 1)) return error;
  if (*out.top_p == 0) return field.invalid("must be greater than 0");
  return {};
}

Status read_top_k(const JsonField& field, GenerationFields& out) {
  int64_t value = 0;
  if (Status error = field.read(value, -1, kInt32Max)) return error;
  out.top_k = static_cast<int32_t>(value);
  return {};
}

Status read_seed(const JsonField& field, GenerationFields& out) {
  int64_t value = 0;
  if (Status error = field.read(value, std::numeric_limits<int64_t>::min(),
                                std::numeric_limits<int64_t>::max())) {
    return error;
  }
  out.seed = static_cast<uint64_t>(value);
  return {};
}

Status add_stop(const JsonField& field, GenerationFields& out) {
  std::string stop;
  if (Status error = field.read(stop, kStopStringBytesMax)) return error;
  if (stop.empty()) return field.invalid("must not be an empty string");
  if (out.stop.size() == kStopStringsMax) {
    return field.invalid(fmt::format("has more than {} strings", kStopStringsMax));
  }
  out.stop.push_back(std::move(stop));
  return {};
}

Status read_stop(const JsonField& field, GenerationFields& out) {
  out.stop.clear();
  simdjson::dom::array array;
  if (field.value().get_array().get(array) != simdjson::SUCCESS) return add_stop(field, out);
  for (const simdjson::dom::element element : array) {
    if (Status error = add_stop(JsonField(field.name(), element), out)) return error;
  }
  return {};
}

struct GenerationReader {
  std::string_view name;
  Status (*read)(const JsonField&, GenerationFields&);
};

constexpr GenerationReader kGenerationReaders[] = {
    {"temperature", read_temperature},
    {"top_p", read_top_p},
    {"top_k", read_top_k},
    {"seed", read_seed},
    {"max_tokens",
     [](const JsonField& f, GenerationFields& out) {
       return read_uint32(f, 1, kInt32Max, out.max_tokens.emplace());
     }},
    {"max_completion_tokens",
     [](const JsonField& f, GenerationFields& out) {
       return read_uint32(f, 1, kInt32Max, out.max_completion_tokens.emplace());
     }},
    {"stop", read_stop},
    {"min_tokens",
     [](const JsonField& f, GenerationFields& out) {
       return read_uint32(f, 0, kInt32Max, out.min_tokens);
     }},
    {"n", [](const JsonField& f,
             GenerationFields& out) { return read_uint32(f, 1, kChoicesMax, out.n); }},
    {"ignore_eos",
     [](const JsonField& f, GenerationFields& out) { return f.read(out.ignore_eos); }},
    {"stop_token_ids",
     [](const JsonField& f, GenerationFields& out) {
       return f.read(out.stop_token_ids, kStopTokensMax);
     }},
    {"include_stop_str_in_output",
     [](const JsonField& f, GenerationFields& out) {
       return f.read(out.include_stop_str_in_output);
     }},
    {"skip_special_tokens",
     [](const JsonField& f, GenerationFields& out) { return f.read(out.skip_special_tokens); }},
    {"cache_salt", [](const JsonField& f,
                      GenerationFields& out) { return f.read(out.cache_salt, kSaltBytesMax); }},
};

Status read_stream_options(const JsonField& field, StreamFields& out) {
  simdjson::dom::object object;
  if (field.value().get_object().get(object) != simdjson::SUCCESS) {
    return field.invalid("must be an object");
  }
  return for_each_field(object, [&](const JsonField& option) -> Status {
    if (option.name() == "include_usage") return option.read(out.include_usage);
    if (option.name() == "continuous_usage_stats") return option.read(out.continuous_usage);
    return {};
  });
}

/// Neutral values of these mean "not used"; anything else would change the answer.
constexpr std::string_view kUnsupported[] = {
    "allowed_token_ids",
    "audio",
    "bad_words",
    "chat_template",
    "continue_final_message",
    "documents",
    "echo",
    "features",
    "frequency_penalty",
    "functions",
    "guided_choice",
    "guided_grammar",
    "guided_json",
    "guided_regex",
    "kv_transfer_params",
    "logit_bias",
    "logits_processors",
    "lora_request",
    "min_p",
    "presence_penalty",
    "priority",
    "prompt_embeds",
    "structured_outputs",
    "suffix",
    "top_logprobs",
    "truncate_prompt_tokens",
    "use_beam_search",
    "web_search_options",
};

bool asks_for_text_only(const JsonField& field) {
  std::string_view type;
  return field.value().at_key("type").get_string().get(type) == simdjson::SUCCESS && type == "text";
}

bool is_text_modality(const JsonField& field) {
  std::string_view first;
  return field.value().at(0).get_string().get(first) == simdjson::SUCCESS && first == "text" &&
         field.value().at(1).error() != simdjson::SUCCESS;
}

/// Fields whose harmless value is another than false, zero or empty.
std::optional<bool> is_harmless(const JsonField& field) {
  const std::string_view name = field.name();
  if (name == "response_format") return asks_for_text_only(field);
  if (name == "modalities") return is_text_modality(field);
  if (name == "function_call") return field.text() == "none" || field.text() == "auto";
  if (name == "repetition_penalty" || name == "length_penalty" || name == "best_of") {
    return field.number() == 1.0;
  }
  // 0 asks for the chosen token's own probability.
  if (name == "logprobs" || name == "prompt_logprobs") return field.is_neutral() && !field.number();
  if (std::binary_search(std::begin(kUnsupported), std::end(kUnsupported), name)) {
    return field.is_neutral();
  }
  return std::nullopt;
}

}  // namespace

bool read_generation_field(const JsonField& field, GenerationFields& out, Status& error) {
  for (const GenerationReader& reader : kGenerationReaders) {
    if (reader.name != field.name()) continue;
    error = reader.read(field, out);
    return true;
  }
  return false;
}

bool read_stream_field(const JsonField& field, StreamFields& out, Status& error) {
  if (field.name() == "stream") {
    error = field.read(out.stream);
  } else if (field.name() == "stream_options") {
    error = read_stream_options(field, out);
  } else if (field.name() == "return_token_ids") {
    error = field.read(out.return_token_ids);
  } else {
    return false;
  }
  return true;
}

bool refuse_unsupported(const JsonField& field, Status& error) {
  const std::optional<bool> harmless = is_harmless(field);
  if (!harmless) return false;
  if (!*harmless) error = field.unsupported();
  return true;
}

Status check_generation(GenerationFields& fields) {
  if (fields.max_completion_tokens) fields.max_tokens = fields.max_completion_tokens;
  if (fields.max_tokens && fields.min_tokens > *fields.max_tokens) {
    return make_error(400,
                      fmt::format("min_tokens must be at most max_tokens={}, got {}",
                                  *fields.max_tokens, fields.min_tokens),
                      "min_tokens");
  }
  return {};
}

}  // namespace llmd::openai
