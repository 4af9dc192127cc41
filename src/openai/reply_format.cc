// SPDX-License-Identifier: Apache-2.0
#include "openai/reply_format.h"

#include "openai/json_writer.h"

namespace llmd::openai {
namespace {

constexpr std::string_view kEventBegin = "data: ";
constexpr std::string_view kEventEnd = "\n\n";

void write_usage(JsonWriter& json, const Usage& usage) {
  json.key("usage").begin_object();
  json.key("prompt_tokens").number(usage.prompt_tokens);
  json.key("total_tokens").number(int64_t{usage.prompt_tokens} + usage.completion_tokens);
  json.key("completion_tokens").number(usage.completion_tokens);
  json.key("prompt_tokens_details").begin_object();
  json.key("cached_tokens").number(usage.cached_tokens).end_object().end_object();
}

void write_finish_reason(JsonWriter& json, const ChoicePart& part) {
  json.key("finish_reason");
  part.finish_reason.empty() ? json.null() : json.string(part.finish_reason);
}

void write_end(JsonWriter& json, const ChoicePart& part) {
  const bool goes_on = part.finish_reason.empty() && part.stop_reason.index() == 0;
  if (goes_on) {  // as all chunks but the last do
    json.raw(R"("logprobs":null,"finish_reason":null,"stop_reason":null)");
    return;
  }
  json.key("logprobs").null();
  write_finish_reason(json, part);
  json.key("stop_reason");
  if (const auto* id = std::get_if<uint32_t>(&part.stop_reason)) {
    json.number(*id);
  } else if (const auto* text = std::get_if<std::string_view>(&part.stop_reason)) {
    json.string(*text);
  } else {
    json.null();
  }
}

void write_token_ids(JsonWriter& json, const ChoicePart& part) {
  if (part.with_token_ids) json.key("token_ids").numbers(part.token_ids);
}

void write_prompt_token_ids(JsonWriter& json, const ChoicePart& part) {
  if (!part.with_token_ids || part.prompt_token_ids.empty()) return;
  json.key("prompt_token_ids").numbers(part.prompt_token_ids);
}

/// The members that every object of one answer begins with.
std::string common_members(std::string_view id, std::string_view object, std::string_view model,
                           int64_t created_s) {
  std::string out;
  JsonWriter json(out);
  json.key("id").string(id).key("object").string(object);
  json.key("created").number(created_s).key("model").string(model);
  return out;
}

class CompletionFormat final : public ReplyFormat {
 public:
  CompletionFormat(std::string_view id, std::string_view model, int64_t created_s)
      : common_(common_members(id, "text_completion", model, created_s)) {}

  void append_opening(std::string&, const ChoicePart&) const override {}

  void append_chunk(std::string& out, const ChoicePart& part, const Usage* usage) const override {
    append_event(out, std::span(&part, 1), usage);
  }

  void append_usage_chunk(std::string& out, const Usage& usage) const override {
    append_event(out, {}, &usage);
  }

  void append_response(std::string& out, std::span<const ChoicePart> choices,
                       const Usage& usage) const override {
    append_object(out, choices, &usage);
  }

 private:
  void append_event(std::string& out, std::span<const ChoicePart> choices,
                    const Usage* usage) const {
    out += kEventBegin;
    append_object(out, choices, usage);
    out += kEventEnd;
  }

  void append_object(std::string& out, std::span<const ChoicePart> choices,
                     const Usage* usage) const {
    JsonWriter json(out);
    json.begin_object().raw(common_).key("choices").begin_array();
    for (const ChoicePart& part : choices) {
      json.begin_object().key("index").number(part.index).key("text").string(part.text);
      write_end(json, part);
      write_prompt_token_ids(json, part);
      write_token_ids(json, part);
      json.end_object();
    }
    json.end_array();
    if (usage != nullptr) write_usage(json, *usage);
    json.end_object();
  }

  std::string common_;
};

class ChatFormat : public ReplyFormat {
 public:
  ChatFormat(std::string_view id, std::string_view model, int64_t created_s)
      : chunk_(common_members(id, "chat.completion.chunk", model, created_s)),
        whole_(common_members(id, "chat.completion", model, created_s)) {}

  void append_opening(std::string& out, const ChoicePart& part) const override {
    out += kEventBegin;
    JsonWriter json(out);
    json.begin_object().raw(chunk_).key("choices").begin_array().begin_object();
    json.key("index").number(part.index).key("delta").begin_object();
    json.key("role").string("assistant");
    write_opening(json, part);
    json.end_object();
    json.key("logprobs").null().key("finish_reason").null().end_object().end_array();
    write_prompt_token_ids(json, part);
    json.end_object();
    out += kEventEnd;
  }

  void append_chunk(std::string& out, const ChoicePart& part, const Usage* usage) const override {
    out += kEventBegin;
    JsonWriter json(out);
    json.begin_object().raw(chunk_).key("choices").begin_array().begin_object();
    json.key("index").number(part.index).key("delta").begin_object();
    write_delta(json, part);
    json.end_object();
    write_end(json, part);
    write_token_ids(json, part);
    json.end_object().end_array();
    if (usage != nullptr) write_usage(json, *usage);
    json.end_object();
    out += kEventEnd;
  }

  void append_usage_chunk(std::string& out, const Usage& usage) const override {
    out += kEventBegin;
    JsonWriter json(out);
    json.begin_object().raw(chunk_).key("choices").begin_array().end_array();
    write_usage(json, usage);
    json.end_object();
    out += kEventEnd;
  }

  void append_response(std::string& out, std::span<const ChoicePart> choices,
                       const Usage& usage) const override {
    JsonWriter json(out);
    json.begin_object().raw(whole_).key("choices").begin_array();
    for (const ChoicePart& part : choices) {
      json.begin_object().key("index").number(part.index).key("message").begin_object();
      json.key("role").string("assistant");
      write_message(json, part);
      json.key("refusal").null().end_object();
      write_end(json, part);
      write_token_ids(json, part);
      json.end_object();
    }
    json.end_array();
    write_usage(json, usage);
    if (!choices.empty()) write_prompt_token_ids(json, choices.front());
    json.end_object();
  }

 protected:
  // What an answer is made of: members of the first delta, of the others, and of a whole message.
  virtual void write_opening(JsonWriter& json, const ChoicePart&) const {
    json.key("content").string("");
  }
  virtual void write_delta(JsonWriter& json, const ChoicePart& part) const {
    json.key("content").string(part.text);
  }
  virtual void write_message(JsonWriter& json, const ChoicePart& part) const {
    json.key("content").string(part.text);
  }

 private:
  std::string chunk_;
  std::string whole_;
};

/// Ends with "tool_calls" where the text came to its end by itself.
ChoicePart as_tool_call(ChoicePart part) {
  if (part.finish_reason == "stop") {
    part.finish_reason = "tool_calls";
    part.stop_reason = {};
  }
  return part;
}

class ToolCallFormat final : public ChatFormat {
 public:
  ToolCallFormat(std::string_view id, std::string_view model, int64_t created_s,
                 std::string_view name)
      : ChatFormat(id, model, created_s), call_id_("call-"), name_(name) {
    call_id_ += id;
  }

  void append_chunk(std::string& out, const ChoicePart& part, const Usage* usage) const override {
    ChatFormat::append_chunk(out, as_tool_call(part), usage);
  }

  void append_response(std::string& out, std::span<const ChoicePart> choices,
                       const Usage& usage) const override {
    std::vector<ChoicePart> parts(choices.begin(), choices.end());
    for (ChoicePart& part : parts) part = as_tool_call(part);
    ChatFormat::append_response(out, parts, usage);
  }

 private:
  void write_opening(JsonWriter& json, const ChoicePart& part) const override {
    json.key("content").null().key("tool_calls").begin_array().begin_object();
    json.key("index").number(0);
    write_call(json, part, "");
  }
  void write_delta(JsonWriter& json, const ChoicePart& part) const override {
    json.key("tool_calls").begin_array().begin_object().key("index").number(0);
    json.key("function").begin_object().key("arguments").string(part.text).end_object();
    json.end_object().end_array();
  }
  void write_message(JsonWriter& json, const ChoicePart& part) const override {
    json.key("content").null().key("tool_calls").begin_array().begin_object();
    write_call(json, part, part.text);
  }
  /// The rest of a call's object, and the end of the array around it.
  void write_call(JsonWriter& json, const ChoicePart& part, std::string_view arguments) const {
    json.key("id").string(call_id_ + "-" + std::to_string(part.index));
    json.key("type").string("function").key("function").begin_object();
    json.key("name").string(name_).key("arguments").string(arguments).end_object();
    json.end_object().end_array();
  }

  std::string call_id_;
  std::string name_;
};

/// vllm/entrypoints/serve/disagg/protocol.py: tokens only.
class GenerateFormat final : public ReplyFormat {
 public:
  explicit GenerateFormat(std::string_view request_id) {
    JsonWriter(common_).key("request_id").string(request_id);
  }

  bool is_about_tokens() const override { return true; }
  void append_opening(std::string&, const ChoicePart&) const override {}

  void append_chunk(std::string& out, const ChoicePart& part, const Usage* usage) const override {
    append_event(out, std::span(&part, 1), usage);
  }

  void append_usage_chunk(std::string& out, const Usage& usage) const override {
    append_event(out, {}, &usage);
  }

  void append_response(std::string& out, std::span<const ChoicePart> choices,
                       const Usage& usage) const override {
    JsonWriter json(out);
    json.begin_object().raw(common_);
    write_choices(json, choices);
    json.key("prompt_logprobs").null().key("kv_transfer_params").null();
    write_usage(json, usage);
    json.end_object();
  }

 private:
  static void write_choices(JsonWriter& json, std::span<const ChoicePart> choices) {
    json.key("choices").begin_array();
    for (const ChoicePart& part : choices) {
      json.begin_object().key("index").number(part.index).key("logprobs").null();
      write_finish_reason(json, part);
      json.key("token_ids").numbers(part.token_ids).end_object();
    }
    json.end_array();
  }

  void append_event(std::string& out, std::span<const ChoicePart> choices,
                    const Usage* usage) const {
    out += kEventBegin;
    JsonWriter json(out);
    json.begin_object().raw(common_);
    write_choices(json, choices);
    if (usage != nullptr) write_usage(json, *usage);
    json.end_object();
    out += kEventEnd;
  }

  std::string common_;
};

}  // namespace

std::unique_ptr<ReplyFormat> make_completion_format(std::string_view id, std::string_view model,
                                                    int64_t created_s) {
  return std::make_unique<CompletionFormat>(id, model, created_s);
}

std::unique_ptr<ReplyFormat> make_chat_format(std::string_view id, std::string_view model,
                                              int64_t created_s) {
  return std::make_unique<ChatFormat>(id, model, created_s);
}

std::unique_ptr<ReplyFormat> make_tool_call_format(std::string_view id, std::string_view model,
                                                   int64_t created_s, std::string_view name) {
  return std::make_unique<ToolCallFormat>(id, model, created_s, name);
}

std::unique_ptr<ReplyFormat> make_generate_format(std::string_view request_id) {
  return std::make_unique<GenerateFormat>(request_id);
}

}  // namespace llmd::openai
