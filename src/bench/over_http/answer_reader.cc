// SPDX-License-Identifier: Apache-2.0
#include "bench/over_http/answer_reader.h"

#include <simdjson.h>

#include <algorithm>

#include "base/text.h"

namespace llmd::bench {
namespace {

constexpr int kOk = 200;
constexpr size_t kErrorBytesMax = 300;

using Json = simdjson::dom::element;

std::string_view text_of(Json object, std::string_view key) {
  std::string_view text;
  if (object[key].get_string().get(text) != simdjson::SUCCESS) return {};
  return text;
}

uint32_t count_of(Json object, std::string_view key) {
  uint64_t count = 0;
  if (object[key].get_uint64().get(count) != simdjson::SUCCESS) return 0;
  return static_cast<uint32_t>(std::min<uint64_t>(count, UINT32_MAX));
}

/// OpenAI's {"error": {"message"}}, or vLLM's {"object": "error", "message"}.
std::string_view error_of(Json root) {
  Json error;
  if (root["error"].get(error) == simdjson::SUCCESS && !error.is_null()) {
    const std::string_view message =
        error.is_string() ? error.get_string().value_unsafe() : text_of(error, "message");
    return message.empty() ? "an error without a message" : message;
  }
  if (text_of(root, "object") != "error") return {};
  const std::string_view message = text_of(root, "message");
  return message.empty() ? "an error without a message" : message;
}

void read_usage(Json root, EventParser::Event& out) {
  Json usage;
  if (root["usage"].get(usage) != simdjson::SUCCESS || !usage.is_object()) return;
  out.has_usage = true;
  out.prompt_tokens = count_of(usage, "prompt_tokens");
  out.output_tokens = count_of(usage, "completion_tokens");
  Json details;
  if (usage["prompt_tokens_details"].get(details) == simdjson::SUCCESS && details.is_object()) {
    out.cached_tokens = count_of(details, "cached_tokens");
  }
}

bool has_tool_calls(Json message) {
  simdjson::dom::array calls;
  return message["tool_calls"].get_array().get(calls) == simdjson::SUCCESS && calls.size() > 0;
}

void read_choice(Json choice, EventParser::Event& out) {
  out.finished = !text_of(choice, "finish_reason").empty();
  Json message;
  const bool is_chat = choice["delta"].get(message) == simdjson::SUCCESS ||
                       choice["message"].get(message) == simdjson::SUCCESS;
  if (!is_chat) {
    out.text = text_of(choice, "text");
    out.has_token = !out.text.empty();
    return;
  }
  if (!message.is_object()) return;
  out.text = text_of(message, "content");
  out.has_token = !out.text.empty() || !text_of(message, "reasoning_content").empty() ||
                  !text_of(message, "reasoning").empty() || has_tool_calls(message);
}

}  // namespace

struct EventParser::Impl {
  simdjson::dom::parser parser;
};

EventParser::EventParser() : impl_(std::make_unique<Impl>()) {}
EventParser::~EventParser() = default;

EventParser::Event EventParser::parse(std::string_view json) {
  Event out;
  if (json.empty()) return out;  // may point nowhere, which simdjson would copy from
  Json root;
  const auto parsed = impl_->parser.parse(json.data(), json.size()).get(root);
  if (parsed != simdjson::SUCCESS || !root.is_object()) return out;
  out.is_json = true;
  out.error = error_of(root);
  if (!out.error.empty()) return out;
  read_usage(root, out);
  simdjson::dom::array choices;
  if (root["choices"].get_array().get(choices) != simdjson::SUCCESS) return out;
  Json choice;
  if (choices.at(0).get(choice) == simdjson::SUCCESS && choice.is_object()) {
    read_choice(choice, out);
  }
  return out;
}

void AnswerReader::begin(int status, bool is_stream) {
  record_.status = status;
  is_stream_ = is_stream && status == kOk;
}

void AnswerReader::fail(Outcome outcome, std::string_view why) {
  if (failed_) return;  // the first reason is the reason
  failed_ = true;
  record_.outcome = outcome;
  record_.error = why.substr(0, kErrorBytesMax);
}

void AnswerReader::read(std::string_view bytes, Duration now) {
  if (is_stream_) return read_events(bytes, now);
  if (pending_.size() + bytes.size() > kWholeAnswerBytesMax) {
    return fail(Outcome::kProtocol, "the answer is too large");
  }
  pending_.append(bytes);
}

/// Line by line; a line that came in pieces waits in `pending_`.
void AnswerReader::read_events(std::string_view bytes, Duration now) {
  while (!bytes.empty()) {
    const size_t end = bytes.find('\n');
    if (end == std::string_view::npos) {
      if (pending_.size() + bytes.size() > kEventBytesMax) {
        pending_.clear();
        return fail(Outcome::kProtocol, "an event is too large");
      }
      pending_.append(bytes);
      return;
    }
    if (pending_.empty()) {
      read_line(bytes.substr(0, end), now);
    } else {
      pending_.append(bytes.substr(0, end));
      read_line(pending_, now);
      pending_.clear();
    }
    bytes.remove_prefix(end + 1);
  }
}

/// OpenAI's streams have one line of data per event; comments and other fields mean nothing here.
void AnswerReader::read_line(std::string_view line, Duration now) {
  constexpr std::string_view kData = "data:";
  if (!line.starts_with(kData)) return;
  const std::string_view data = trim(line.substr(kData.size()));
  if (data == "[DONE]") {
    done_ = true;
  } else {
    take_event(data, now);
  }
}

void AnswerReader::take_event(std::string_view json, Duration now) {
  const EventParser::Event event = parser_.parse(json);
  if (!event.is_json) return fail(Outcome::kProtocol, "an event is not a JSON object");
  if (!event.error.empty()) return fail(Outcome::kBroken, event.error);
  done_ |= event.finished;
  if (event.has_token) take_token(now);
  if (options_.keeps_text) text_ += event.text;
  take_counts(event);
}

void AnswerReader::take_token(Duration now) {
  if (events_++ == 0) {
    record_.first_token = now;
  } else if (gaps_ != nullptr) {
    gaps_->record((now - record_.last_token).count());
  }
  record_.last_token = now;
  if (options_.keeps_token_times) record_.token_times.push_back(now);
}

void AnswerReader::take_counts(const EventParser::Event& event) {
  if (!event.has_usage) return;
  has_usage_ = true;
  record_.prompt_tokens = event.prompt_tokens;
  record_.output_tokens = event.output_tokens;
  record_.cached_tokens = event.cached_tokens;
}

void AnswerReader::take_whole() {
  const EventParser::Event event = parser_.parse(pending_);
  if (record_.status != kOk) {
    const std::string_view why = event.is_json && !event.error.empty() ? event.error : pending_;
    return fail(Outcome::kStatus, why.empty() ? std::string_view("no reason was given") : why);
  }
  if (!event.is_json) return fail(Outcome::kProtocol, "the answer is not a JSON object");
  if (!event.error.empty()) return fail(Outcome::kBroken, event.error);
  take_counts(event);
  if (options_.keeps_text) text_ = event.text;
  if (!event.has_token) fail(Outcome::kProtocol, "the answer has no token");
}

void AnswerReader::break_off(Outcome outcome, std::string_view why, Duration now) {
  record_.ended = now;
  if (!has_usage_) record_.output_tokens = events_;
  fail(outcome, why);
}

void AnswerReader::end(Duration now) {
  record_.ended = now;
  if (is_stream_) {
    if (!pending_.empty()) read_line(pending_, now);
    if (!done_) fail(Outcome::kBroken, "the stream ended before the answer did");
    if (events_ == 0) fail(Outcome::kProtocol, "the answer has no token");
    // Without usage, each event counts as a token, which it mostly is.
    if (!has_usage_) record_.output_tokens = events_;
  } else {
    take_whole();
  }
  if (!failed_) record_.outcome = Outcome::kOk;
}

}  // namespace llmd::bench
