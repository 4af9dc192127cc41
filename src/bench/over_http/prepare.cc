// SPDX-License-Identifier: Apache-2.0
#include "bench/over_http/prepare.h"

#include <fmt/core.h>
#include <simdjson.h>

#include <filesystem>
#include <optional>
#include <utility>

#include "base/text.h"
#include "endpoints/scrape.h"
#include "openai/json_writer.h"

namespace llmd::bench {
namespace {

constexpr int kOk = 200;
constexpr size_t kTokenizerBytesMax = 256U << 20U;
constexpr std::string_view kWords4 = "words4";

/// Questions to one target, with the run's credentials.
class Questions {
 public:
  Questions(const BenchConfig& config, const Target& target) : target_(target) {
    headers_ = "Content-Type: application/json\r\n";
    if (!config.server.api_key.empty()) {
      headers_ += fmt::format("Authorization: Bearer {}\r\n", config.server.api_key);
    }
    body_.api = config.api.type;
  }

  void set_model(std::string model) { body_.model = std::move(model); }
  Result<endpoints::Reply> get(std::string_view path) const {
    return ask(target_, "GET", path, headers_, "");
  }

  /// Tokens of a request's prompt, or nothing where the target cannot say.
  Result<std::optional<std::vector<uint64_t>>> tokens(const TokenText& text,
                                                      const Request& request) const {
    std::string body;
    write_tokenize_body(body_, text, request, body);
    return tokens_of(body);
  }
  Result<std::optional<std::vector<uint64_t>>> tokens(std::string_view prompt) const {
    std::string body = "{\"model\":";
    openai::append_json_string(body, body_.model);
    body += ",\"prompt\":";
    openai::append_json_string(body, prompt);
    return tokens_of(body + "}");
  }

 private:
  Result<std::optional<std::vector<uint64_t>>> tokens_of(std::string_view body) const {
    std::optional<std::vector<uint64_t>> none;
    LLMD_ASSIGN_OR_RETURN(const auto reply, ask(target_, "POST", "/tokenize", headers_, body));
    if (reply.status != kOk) return none;
    simdjson::dom::parser parser;
    simdjson::dom::array ids;
    if (parser.parse(reply.body)["tokens"].get_array().get(ids) != simdjson::SUCCESS) return none;
    std::vector<uint64_t> out;
    for (const auto id : ids) {
      uint64_t value = 0;
      if (id.get_uint64().get(value) != simdjson::SUCCESS) return none;
      out.push_back(value);
    }
    return std::optional(std::move(out));
  }

  const Target& target_;
  std::string headers_;
  BodyOptions body_;
};

Result<std::string> model_of(const BenchConfig& config, const Questions& questions) {
  // Asked even when the name is known: a target that is down is told before the run.
  LLMD_ASSIGN_OR_RETURN(const auto reply, questions.get("/v1/models"));
  if (!config.server.model_name.empty()) return config.server.model_name;
  const auto models = reply.status == kOk ? endpoints::parse_models(reply.body)
                                          : Result<endpoints::ModelList>(not_found(""));
  if (!models || models->names.empty()) {
    return not_found("the target lists no model; name one with --model");
  }
  return models->names.front();
}

bool says_simulated(const Questions& questions) {
  const auto reply = questions.get("/version");
  return reply && reply->status == kOk && reply->body.find("simulated") != std::string::npos;
}

Result<std::unique_ptr<TokenText>> text_of_directory(const std::string& directory) {
  LLMD_ASSIGN_OR_RETURN(const std::string json,
                        read_file(directory + "/tokenizer.json", kTokenizerBytesMax));
  LLMD_ASSIGN_OR_RETURN(const auto tokenizer, tokenize::parse_tokenizer(json));
  LLMD_ASSIGN_OR_RETURN(auto words, single_token_words(*tokenizer));
  return make_word_text(std::move(words));
}

/// Adds those of `words` that the target counts as one token each; halves what does not count out.
Result<void> keep_single_tokens(const Questions& questions, std::span<const std::string> words,
                                size_t begin_tokens, std::vector<std::string>& out) {
  std::string text;
  for (const std::string& word : words) text += " " + word;
  LLMD_ASSIGN_OR_RETURN(const auto ids, questions.tokens(text));
  if (!ids) return invalid_argument("the target stopped answering /tokenize");
  if (ids->size() == words.size() + begin_tokens) {
    out.insert(out.end(), words.begin(), words.end());
  } else if (words.size() > 1) {
    const size_t half = words.size() / 2;
    LLMD_RETURN_IF_ERROR(keep_single_tokens(questions, words.first(half), begin_tokens, out));
    return keep_single_tokens(questions, words.subspan(half), begin_tokens, out);
  }
  return {};
}

/// Finds out what the target's /tokenize can tell.
Result<std::unique_ptr<TokenText>> text_of_target(const Questions& questions) {
  constexpr std::string_view kProbe = "abcdefgh";
  LLMD_ASSIGN_OR_RETURN(const auto ids, questions.tokens(kProbe));
  if (!ids) {
    return invalid_argument(
        "the target does not answer /tokenize, so nobody knows how it counts; give --tokenizer "
        "DIR (a model directory) or --tokenizer words4");
  }
  const auto words4 = tokenize::make_words4()->encode(kProbe, false);
  if (std::equal(ids->begin(), ids->end(), words4.begin(), words4.end())) {
    return make_words4_text();
  }
  LLMD_ASSIGN_OR_RETURN(const auto empty, questions.tokens(""));
  const size_t begin_tokens = empty ? empty->size() : 0;
  std::vector<std::string> words;
  LLMD_RETURN_IF_ERROR(keep_single_tokens(questions, common_words(), begin_tokens, words));
  if (words.size() < kWordsMin) {
    return invalid_argument(
        fmt::format("the target's tokenizer has only {} common words of one "
                    "token; give --tokenizer DIR",
                    words.size()));
  }
  return make_word_text(std::move(words));
}

Result<std::unique_ptr<TokenText>> text_for(const BenchConfig& config, const Questions& questions) {
  if (config.tokenizer == kWords4) return make_words4_text();
  if (!config.tokenizer.empty() && std::filesystem::is_directory(config.tokenizer)) {
    return text_of_directory(config.tokenizer);
  }
  return text_of_target(questions);
}

Request sample(uint32_t tokens, const std::vector<Role>& roles) {
  Request out;
  uint64_t stream = tokens;
  for (const Role role : roles) {
    out.messages.push_back({.role = role, .pieces = {{stream++, tokens}}, .text = {}});
  }
  return out;
}

/// What the target adds to prompts of these roles; nothing where it cannot say. Two samples of
/// different lengths must agree, or the generated text is not what it is meant to be.
Result<std::optional<int>> overhead_of(const Questions& questions, const TokenText& text,
                                       const std::vector<Role>& roles) {
  std::optional<int> seen;
  for (const uint32_t tokens : {200U, 300U}) {
    LLMD_ASSIGN_OR_RETURN(const auto ids, questions.tokens(text, sample(tokens, roles)));
    if (!ids) return std::optional<int>();
    const int extra = static_cast<int>(ids->size()) - static_cast<int>(roles.size() * tokens);
    if (seen && *seen != extra) {
      return invalid_argument(
          "the target counts generated text differently than the tokenizer that was given; leave "
          "--tokenizer out, or give the target's own directory");
    }
    seen = extra;
  }
  return seen;
}

}  // namespace

Result<Prepared> prepare(const BenchConfig& config, const Target& target) {
  Questions questions(config, target);
  Prepared out;
  LLMD_ASSIGN_OR_RETURN(out.model, model_of(config, questions));
  questions.set_model(out.model);
  out.simulated = says_simulated(questions);
  LLMD_ASSIGN_OR_RETURN(out.text, text_for(config, questions));
  LLMD_ASSIGN_OR_RETURN(const auto user, overhead_of(questions, *out.text, {Role::kUser}));
  LLMD_ASSIGN_OR_RETURN(const auto both,
                        overhead_of(questions, *out.text, {Role::kSystem, Role::kUser}));
  out.counts_are_exact = user.has_value() && both.has_value();
  out.overhead = {.user_only = user.value_or(0), .system_and_user = both.value_or(0)};
  return out;
}

}  // namespace llmd::bench
