// SPDX-License-Identifier: Apache-2.0
#include "bench/workload/body_writer.h"

#include "openai/json_writer.h"

namespace llmd::bench {
namespace {

std::string_view name_of(Role role) {
  switch (role) {
    case Role::kSystem:
      return "system";
    case Role::kAssistant:
      return "assistant";
    case Role::kUser:
      break;
  }
  return "user";
}

/// The inside of a JSON string.
void append_content(const TokenText& text, const Message& message, std::string& out) {
  for (const Piece& piece : message.pieces) text.append(out, piece);
  if (message.text.empty()) return;
  const size_t quote = out.size();
  openai::append_json_string(out, message.text);
  out.pop_back();  // its quotes go: the string is open already
  out.erase(quote, 1);
}

void write_messages(const TokenText& text, const Request& request, std::string& out) {
  out += "\"messages\":[";
  for (const Message& message : request.messages) {
    if (&message != &request.messages.front()) out += ',';
    out += "{\"role\":\"";
    out += name_of(message.role);
    out += "\",\"content\":\"";
    append_content(text, message, out);
    out += "\"}";
  }
  out += ']';
}

void write_prompt(const TokenText& text, const Request& request, std::string& out) {
  out += "\"prompt\":\"";
  for (const Message& message : request.messages) append_content(text, message, out);
  out += '"';
}

void write_input(const BodyOptions& options, const TokenText& text, const Request& request,
                 std::string& out) {
  out += "{\"model\":";
  openai::append_json_string(out, options.model);
  out += ',';
  if (options.api == Api::kChat) {
    write_messages(text, request, out);
  } else {
    write_prompt(text, request, out);
  }
}

}  // namespace

std::string_view path_of(Api api) {
  return api == Api::kChat ? "/v1/chat/completions" : "/v1/completions";
}

void write_body(const BodyOptions& options, const TokenText& text, const Request& request,
                std::string& out) {
  write_input(options, text, request, out);
  const std::string tokens = std::to_string(request.output_tokens);
  out += ",\"max_tokens\":" + tokens;
  if (options.ignore_eos) out += ",\"ignore_eos\":true,\"min_tokens\":" + tokens;
  if (options.streaming) out += R"(,"stream":true,"stream_options":{"include_usage":true})";
  out += '}';
}

void write_tokenize_body(const BodyOptions& options, const TokenText& text, const Request& request,
                         std::string& out) {
  write_input(options, text, request, out);
  out += '}';
}

}  // namespace llmd::bench
