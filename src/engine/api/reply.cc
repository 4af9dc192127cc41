// SPDX-License-Identifier: Apache-2.0
#include "engine/api/reply.h"

namespace llmd::engine {
namespace {

constexpr std::string_view kJson = "application/json";

std::string_view name_of(FinishReason reason) {
  switch (reason) {
    case FinishReason::kStop:
      return "stop";
    case FinishReason::kLength:
      return "length";
    case FinishReason::kAbort:
      return "abort";
    case FinishReason::kNone:
      break;
  }
  return {};
}

openai::StopReason stop_reason_of(const Progress& progress) {
  if (progress.stop_string != nullptr) return std::string_view(*progress.stop_string);
  if (progress.stop_token) return *progress.stop_token;
  return {};
}

/// A full queue is this engine's affair.
openai::ApiError refusal(const Error& error, int queue_full_status) {
  if (error.code != Errc::kResourceExhausted) return openai::to_api_error(error);
  return openai::make_error(queue_full_status, error.message, {}, "queue_full");
}

}  // namespace

Reply::Reply(ApiContext& context, std::shared_ptr<http::Exchange> exchange,
             std::unique_ptr<openai::ReplyFormat> format, const openai::StreamFields& streaming)
    : context_(context),
      exchange_(std::move(exchange)),
      format_(std::move(format)),
      streaming_(streaming) {}

void Reply::run(std::vector<EngineRequest> requests, size_t per_prompt) {
  per_prompt_ = per_prompt;
  open_ = requests.size();
  choices_.resize(requests.size());
  exchange_->on_disconnect([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->give_up();
  });
  for (size_t i = 0; i < requests.size(); ++i) {
    Choice& choice = choices_[i];
    choice.part.index = static_cast<uint32_t>(i);
    choice.part.with_token_ids = streaming_.return_token_ids || format_->is_about_tokens();
    if (i % per_prompt == 0) {
      usage_.prompt_tokens += static_cast<uint32_t>(requests[i].prompt.size());
    }
    if (streaming_.return_token_ids) choice.prompt = requests[i].prompt;
    Result<SequenceId> id = context_.engine.submit(
        std::move(requests[i]), [self = shared_from_this(), &choice](const Progress& progress) {
          self->on_progress(choice, progress);
        });
    if (!id) {
      give_up();
      const openai::ApiError error = refusal(id.error(), context_.queue_full_status);
      const http::Header retry{"Retry-After", "1"};
      exchange_->respond(error.status, kJson, openai::to_json(error), std::span(&retry, 1));
      return;
    }
    choice.id = *id;
  }
}

void Reply::on_progress(Choice& choice, const Progress& progress) {
  if (closed_) return;
  count(choice, progress);
  streaming_.stream ? stream(choice, progress) : gather(choice, progress);
  if (progress.finish != FinishReason::kNone && --open_ == 0) complete();
}

void Reply::count(Choice& choice, const Progress& progress) {
  usage_.completion_tokens += progress.generated - choice.generated;
  if (choice.generated == 0 && choice.part.index % per_prompt_ == 0) {
    usage_.cached_tokens += progress.cached;
  }
  choice.generated = progress.generated;
}

void Reply::stream(Choice& choice, const Progress& progress) {
  if (!started_) begin_stream();
  openai::ChoicePart& part = choice.part;
  buffer_.clear();
  part.prompt_token_ids = choice.opened ? std::span<const TokenId>() : choice.prompt;
  if (!choice.opened) format_->append_opening(buffer_, part);
  choice.opened = true;
  const bool ended = progress.finish != FinishReason::kNone;
  if (part.with_token_ids || ended || !progress.text.empty()) {
    part.text = progress.text;
    part.token_ids = progress.tokens;
    part.finish_reason = name_of(progress.finish);
    part.stop_reason = stop_reason_of(progress);
    // Of this choice alone: the others have chunks of their own.
    const openai::Usage usage{usage_.prompt_tokens, choice.generated, usage_.cached_tokens};
    format_->append_chunk(buffer_, part, streaming_.continuous_usage ? &usage : nullptr);
  }
  flush();
}

void Reply::begin_stream() {
  started_ = true;
  const http::Header no_cache{"Cache-Control", "no-cache"};
  exchange_->start(200, "text/event-stream; charset=utf-8", std::span(&no_cache, 1));
}

/// A client that takes nothing must not make the engine hold its text for ever.
void Reply::flush() {
  if (buffer_.empty()) return;
  exchange_->write(buffer_);
  if (exchange_->unsent_bytes() <= context_.limits.unsent_bytes_max) return;
  context_.slow_streams_cut.add();
  give_up();
  exchange_->abort();
}

void Reply::gather(Choice& choice, const Progress& progress) {
  choice.text += progress.text;
  if (choice.part.with_token_ids) {
    choice.token_ids.insert(choice.token_ids.end(), progress.tokens.begin(), progress.tokens.end());
  }
  if (progress.finish == FinishReason::kNone) return;
  openai::ChoicePart& part = choice.part;
  part.text = choice.text;
  part.token_ids = choice.token_ids;
  part.prompt_token_ids = choice.prompt;
  part.finish_reason = name_of(progress.finish);
  part.stop_reason = stop_reason_of(progress);
  if (progress.stop_string != nullptr) {
    choice.stop_string = *progress.stop_string;
    part.stop_reason = std::string_view(choice.stop_string);
  }
}

void Reply::complete() {
  if (closed_) return;
  closed_ = true;
  buffer_.clear();
  if (streaming_.stream) {
    if (streaming_.include_usage) format_->append_usage_chunk(buffer_, usage_);
    buffer_ += openai::kDoneEvent;
    exchange_->write(buffer_);
    exchange_->finish();
  } else {
    std::vector<openai::ChoicePart> parts;
    parts.reserve(choices_.size());
    for (const Choice& choice : choices_) parts.push_back(choice.part);
    format_->append_response(buffer_, parts, usage_);
    exchange_->respond(200, kJson, buffer_);
  }
}

/// Ends the engine's work. Afterwards no callback holds this object any more, so the caller must.
void Reply::give_up() {
  closed_ = true;
  for (const Choice& choice : choices_) context_.engine.abort(choice.id);
}

}  // namespace llmd::engine
