// SPDX-License-Identifier: Apache-2.0
#include "openai/request_parse.h"

#include <fmt/core.h>

#include <algorithm>

#include "openai/chat_messages.h"
#include "openai/chat_types.h"
#include "openai/generation_fields.h"

namespace llmd::openai {
namespace {

constexpr size_t kAnyCount = std::numeric_limits<size_t>::max();

Status read_one_prompt(const JsonField& field, std::vector<Prompt>& out) {
  if (const std::optional<std::string_view> text = field.text()) {
    out.emplace_back(std::string(*text));
    return {};
  }
  std::vector<uint32_t> ids;
  if (field.read(ids, kAnyCount)) {
    return field.invalid("must be a string, token ids, or an array of one of these");
  }
  out.emplace_back(std::move(ids));
  return {};
}

/// A string, an array of strings, an array of ids, or an array of arrays of ids.
Status read_prompt(const JsonField& field, std::vector<Prompt>& out) {
  out.clear();
  simdjson::dom::array array;
  const bool is_array = field.value().get_array().get(array) == simdjson::SUCCESS;
  const bool nested = is_array && array.size() > 0 && !array.at(0).is_number();
  if (!nested) return read_one_prompt(field, out);
  for (const simdjson::dom::element element : array) {
    if (out.size() == kPromptsMax) {
      return field.invalid(fmt::format("has more than {} prompts", kPromptsMax));
    }
    if (Status error = read_one_prompt(JsonField(field.name(), element), out)) return error;
  }
  return {};
}

Status missing(std::string_view name) {
  return make_error(400, fmt::format("{} is missing", name), std::string(name),
                    "missing_required_parameter");
}

/// Reads what every generating request has; the rest goes to `read_own`.
template <typename Request, typename ReadOwn>
Status parse_generating(std::string_view body, Request& out, ReadOwn read_own) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (Status error = parse_object(body, parser, object)) return error;
  Status error = for_each_field(object, [&](const JsonField& field) -> Status {
    Status problem;
    if (field.name() == "model") return field.read(out.model);
    if (read_own(field, problem)) return problem;
    if (read_generation_field(field, out.generation, problem)) return problem;
    if (read_stream_field(field, out.streaming, problem)) return problem;
    refuse_unsupported(field, problem);
    return problem;
  });
  return error ? error : check_generation(out.generation);
}

Status read_sampling_params(const JsonField& field, GenerationFields& out) {
  simdjson::dom::object object;
  if (field.value().get_object().get(object) != simdjson::SUCCESS) {
    return field.invalid("must be an object");
  }
  return for_each_field(object, [&](const JsonField& param) -> Status {
    Status problem;
    if (!read_generation_field(param, out, problem)) refuse_unsupported(param, problem);
    return problem;
  });
}

/// What engines make the prompt of besides what PromptRequest holds.
constexpr std::string_view kChangesPrompt[] = {
    "chat_template", "continue_final_message", "documents",     "features",
    "functions",     "mm_processor_kwargs",    "prompt_embeds", "truncate_prompt_tokens",
};

Status read_prompt_field(const JsonField& field, ChatReader& chat, PromptRequest& out) {
  const std::string_view name = field.name();
  Status error;
  if (name == "cache_salt") return field.read(out.cache_salt, kSaltBytesMax);
  if (name == "prompt") return read_prompt(field, out.prompts);
  if (name == "token_ids") {
    std::vector<uint32_t> ids;
    error = field.read(ids, kAnyCount);
    out.prompts = {std::move(ids)};
    return error;
  }
  if (std::ranges::find(kChangesPrompt, name) != std::end(kChangesPrompt)) {
    return field.is_neutral() ? error : field.unsupported();
  }
  if (name == "add_special_tokens") error = field.read(out.add_special_tokens);
  if (!error) chat.read(field, error);
  return error;
}

bool read_generate_field(const JsonField& field, GenerateRequest& out, Status& error) {
  if (field.name() == "token_ids") {
    error = field.read(out.token_ids, kAnyCount);
  } else if (field.name() == "sampling_params") {
    error = read_sampling_params(field, out.generation);
  } else if (field.name() == "request_id") {
    error = field.read(out.request_id, kRequestIdBytesMax);
  } else {
    return false;
  }
  return true;
}

}  // namespace

std::optional<ApiError> parse_request(std::string_view body, CompletionRequest& out) {
  Status error = parse_generating(body, out, [&](const JsonField& field, Status& problem) {
    if (field.name() == "prompt") {
      problem = read_prompt(field, out.prompts);
    } else if (field.name() == "add_special_tokens") {
      problem = field.read(out.add_special_tokens);
    } else {
      return false;
    }
    return true;
  });
  if (error) return error;
  return out.prompts.empty() ? missing("prompt") : Status();
}

std::optional<ApiError> parse_request(std::string_view body, ChatRequest& out) {
  ChatReader reader;
  if (Status error = parse_generating(body, out, [&](const JsonField& field, Status& problem) {
        return reader.read(field, problem);
      })) {
    return error;
  }
  return reader.finish(out.chat);
}

std::optional<ApiError> parse_request(std::string_view body, GenerateRequest& out) {
  Status error = parse_generating(body, out, [&](const JsonField& field, Status& problem) {
    return read_generate_field(field, out, problem);
  });
  if (error) return error;
  return out.token_ids.empty() ? missing("token_ids") : Status();
}

std::optional<ApiError> parse_request(std::string_view body, PromptRequest& out) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (Status error = parse_object(body, parser, object)) return error;
  ChatReader chat;
  if (Status error = for_each_field(object, [&](const JsonField& field) -> Status {
        return read_prompt_field(field, chat, out);
      })) {
    return error;
  }
  if (object["messages"].error() != simdjson::SUCCESS && !out.prompts.empty()) return {};
  out.prompts.clear();
  return chat.finish(out.chat);
}

std::optional<ApiError> parse_request(std::string_view body, TokenizeRequest& out) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (Status error = parse_object(body, parser, object)) return error;
  ChatReader reader;
  Status error = for_each_field(object, [&](const JsonField& field) -> Status {
    Status problem;
    if (field.name() == "model") return field.read(out.model);
    if (field.name() == "prompt") return field.read(out.prompt.emplace());
    if (field.name() == "return_token_strs") return field.read(out.return_token_strs);
    if (field.name() == "add_special_tokens") problem = field.read(out.add_special_tokens);
    if (!problem && !reader.read(field, problem)) refuse_unsupported(field, problem);
    return problem;
  });
  if (error || out.prompt) return error;
  return reader.finish(out.chat);
}

std::optional<ApiError> parse_request(std::string_view body, DetokenizeRequest& out) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (Status error = parse_object(body, parser, object)) return error;
  bool found = false;
  Status error = for_each_field(object, [&](const JsonField& field) -> Status {
    if (field.name() == "model") return field.read(out.model);
    if (field.name() != "tokens") return {};
    found = true;
    return field.read(out.tokens, kAnyCount);
  });
  if (error) return error;
  return found ? Status() : missing("tokens");
}

std::optional<ApiError> parse_request(std::string_view body, LoraRequest& out) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (Status error = parse_object(body, parser, object)) return error;
  return for_each_field(object, [&](const JsonField& field) -> Status {
    if (field.name() == "lora_name") return field.read(out.name);
    if (field.name() == "lora_path") return field.read(out.path);
    return {};
  });
}

}  // namespace llmd::openai
