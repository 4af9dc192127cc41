// SPDX-License-Identifier: Apache-2.0
#include "request/tokenizers.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "base/log.h"
#include "openai/chat_types.h"
#include "openai/request_parse.h"

namespace llmd::request {
namespace {

/// About half a millisecond of work, no more than a loop does anyway for a burst of requests.
constexpr size_t kLoopBytesMax = 16U << 10U;
/// Of bodies that wait for a thread, or have one.
constexpr size_t kHeldBytesMax = 64U << 20U;
/// Of token ids found before: some 30 million with what keeps them in order.
constexpr size_t kCacheBytesMax = 128U << 20U;

constexpr const char* kTokenized = "llmd_prompts_tokenized_total";
constexpr const char* kTokenizedHelp =
    "Prompts tokenized by the gateway, on its loop or beside it.";
constexpr const char* kMissed = "llmd_prompts_not_tokenized_total";
constexpr const char* kMissedHelp = "Prompts placed by their bytes though a tokenizer was there.";

size_t thread_count() { return std::max(std::thread::hardware_concurrency(), 1U); }

/// Of the prompt's ids; none where they cannot be known: something in the body is not understood
/// here, which need not be wrong.
schedule::TokenKeys find_keys(const tokenize::PromptTokenizer& tokenizer,
                              const PromptText& prompt) {
  schedule::TokenKeys keys;
  openai::PromptRequest request;
  if (openai::parse_request(prompt.body, request)) return keys;
  const std::string salt = request.cache_salt;
  const auto prompts = tokenizer.encode(std::move(request));
  if (!prompts) return keys;
  for (const tokenize::Tokens& ids : *prompts) {
    keys.add(ids, {.adapter = prompt.adapter}, salt);
  }
  return keys;
}

/// What a thread works on. The body is a copy, as the client may leave meanwhile.
struct Reading {
  TokenizerPtr tokenizer;
  std::string body;
  std::string adapter;
  schedule::TokenKeys keys;
};

}  // namespace

Tokenizers::Tokenizers(observe::Registry& registry, std::function<void(std::function<void()>)> post,
                       uint64_t seed)
    : seed_(seed),
      tokens_(registry.counter("llmd_prompt_tokens_total",
                               "Tokens of the prompts that were tokenized.")),
      on_loop_(registry.counter(kTokenized, kTokenizedHelp, {{"where", "loop"}})),
      beside_loop_(registry.counter(kTokenized, kTokenizedHelp, {{"where", "thread"}})),
      queue_full_(registry.counter(kMissed, kMissedHelp, {{"reason", "queue_full"}})),
      failed_(registry.counter(kMissed, kMissedHelp, {{"reason", "not_understood"}})),
      has_threads_(post != nullptr),
      off_loop_(std::move(post), thread_count(), kHeldBytesMax) {}

Result<TokenizerPtr> Tokenizers::load(const std::string& path) {
  const bool is_words4 = path == tokenize::kWords4;
  std::error_code unreadable;  // load_prompt_tokenizer() says it better
  const auto changed = is_words4 ? std::filesystem::file_time_type()
                                 : std::filesystem::last_write_time(
                                       std::filesystem::path(path) / "tokenizer.json", unreadable);
  Loaded& loaded = loaded_[path];
  if (auto known = loaded.tokenizer.lock(); known && loaded.changed == changed) return known;
  auto tokenizer = std::make_shared<tokenize::PromptTokenizer>();
  if (is_words4) {
    *tokenizer = tokenize::words4_prompt_tokenizer();
  } else {
    LLMD_ASSIGN_OR_RETURN(*tokenizer, tokenize::load_prompt_tokenizer(path));
    tokenizer->cache = std::make_unique<tokenize::EncodeCache>(kCacheBytesMax, seed_);
  }
  for (const std::string& warning : tokenizer->warnings) log::warn("{}: {}", path, warning);
  loaded = {.changed = changed, .tokenizer = tokenizer};
  return TokenizerPtr(std::move(tokenizer));
}

OffLoop::JobPtr Tokenizers::read(const TokenizerPtr& tokenizer, const PromptText& prompt,
                                 schedule::TokenKeys& keys, std::function<void()> done) {
  if (prompt.body.size() <= kLoopBytesMax || !has_threads_) {
    on_loop_.add();
    count(keys = find_keys(*tokenizer, prompt));
    return nullptr;
  }
  auto reading = std::make_shared<Reading>(
      Reading{tokenizer, std::string(prompt.body), std::string(prompt.adapter), {}});
  auto job = off_loop_.start(
      prompt.body.size(),
      [reading] {
        reading->keys =
            find_keys(*reading->tokenizer, {.body = reading->body, .adapter = reading->adapter});
      },
      [this, reading, &keys, done = std::move(done)] {
        count(keys = std::move(reading->keys));
        done();
      });
  (job == nullptr ? queue_full_ : beside_loop_).add();
  return job;
}

void Tokenizers::count(const schedule::TokenKeys& found) {
  if (found.prompts() == 0) failed_.add();
  tokens_.add(found.tokens);
}

bool Tokenizers::run(size_t bytes, std::function<void()> work, std::function<void()> done) {
  if (bytes <= kLoopBytesMax || !has_threads_) {
    work();
    done();
    return true;
  }
  return off_loop_.start(bytes, std::move(work), std::move(done)) != nullptr;
}

}  // namespace llmd::request
