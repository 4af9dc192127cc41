// SPDX-License-Identifier: Apache-2.0
#include "gateway/token_handlers.h"

#include <string>
#include <utility>

#include "openai/chat_types.h"
#include "openai/request_parse.h"
#include "tokenize/token_answers.h"

namespace llmd::gateway {
namespace {

/// What a thread reads and writes; the exchange belongs to the loop.
struct Question {
  request::Router::ModelTokenizer model;
  bool tokenizes = true;  ///< else it detokenizes
  std::string body;
  std::string answer;  ///< empty: none
};

std::string tokenize(const Question& question) {
  openai::TokenizeRequest request;
  if (openai::parse_request(question.body, request)) return {};
  const auto& [tokenizer, max_model_len] = question.model;
  const auto tokens = tokenizer->encode(request);
  if (!tokens) return {};
  return tokenize::tokenize_answer(*tokenizer->tokenizer, *tokens, request.return_token_strs,
                                   static_cast<int64_t>(max_model_len));
}

std::string detokenize(const Question& question) {
  openai::DetokenizeRequest request;
  if (openai::parse_request(question.body, request)) return {};
  return tokenize::detokenize_answer(*question.model.tokenizer->tokenizer, request.tokens);
}

}  // namespace

void answer_with_tokens(request::Router& router, const std::shared_ptr<http::Exchange>& exchange,
                        std::function<void()> otherwise) {
  const std::string_view body = exchange->body();
  const auto scan = openai::scan_request(body);
  if (!scan) return otherwise();
  auto model = router.tokenizer_of(scan->model_name);
  if (model.tokenizer == nullptr || model.max_model_len == 0) return otherwise();
  const auto question =
      std::make_shared<Question>(Question{.model = std::move(model),
                                          .tokenizes = exchange->head().path() == "/tokenize",
                                          .body = std::string(body),
                                          .answer = {}});
  const auto work = [question] {
    question->answer = question->tokenizes ? tokenize(*question) : detokenize(*question);
  };
  const auto done = [question, exchange, otherwise] {
    if (question->answer.empty()) return otherwise();
    exchange->respond(200, "application/json", question->answer);
  };
  if (!router.tokenizers().run(body.size(), work, done)) otherwise();
}

}  // namespace llmd::gateway
