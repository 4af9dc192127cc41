// SPDX-License-Identifier: Apache-2.0
// What a prompt of 100,000 tokens costs on its way in: read, rendered, tokenized and named.
// LLMD_TOKENIZER_DIR names a directory with tokenizer.json and a chat template, as of Qwen3.
#include <benchmark/benchmark.h>
#include <fmt/core.h>

#include <cstdlib>

#include "openai/request_scan.h"
#include "request/tokenizers.h"
#include "schedule/prefix_hash.h"

namespace llmd::request {
namespace {

constexpr size_t kTurns = 100;
constexpr const char* kSentence =
    "In step {} the gateway reads a request once, picks an engine for it, and relays what comes "
    "back; in 2024 it didn't wait for anybody's locks. ";

/// About 500 tokens that no other number has.
std::string message(size_t number) {
  std::string out;
  for (size_t i = 0; i < 14; ++i) out += fmt::format(fmt::runtime(kSentence), number * 100 + i);
  return out;
}

/// A chat of `turns` questions and answers and one question more, of its own.
std::string chat(size_t turns, size_t question, size_t conversation) {
  std::string out = R"({"model":"m","messages":[)";
  for (size_t i = 0; i < 2 * turns; ++i) {
    out += fmt::format(R"({{"role":"{}","content":"{}"}},)", i % 2 == 0 ? "user" : "assistant",
                       message(conversation * 1'000'000 + i));
  }
  return out + fmt::format(R"({{"role":"user","content":"{}"}}]}})", message(900'000 + question));
}

class Rig {
 public:
  explicit Rig(benchmark::State& state) : tokenizers_(registry_, {}, 1) {
    const char* directory = std::getenv("LLMD_TOKENIZER_DIR");
    auto loaded = tokenizers_.load(directory == nullptr ? "" : directory);
    if (loaded) {
      tokenizer_ = *loaded;
    } else {
      state.SkipWithError(loaded.error().message.c_str());
    }
  }
  bool ok() const { return tokenizer_ != nullptr; }
  uint32_t read(const std::string& body) {
    keys_.clear();
    tokenizers_.read(tokenizer_, {.body = body, .adapter = {}}, keys_, [] {});
    return keys_.tokens;
  }

 private:
  observe::Registry registry_;
  Tokenizers tokenizers_;
  TokenizerPtr tokenizer_;
  schedule::TokenKeys keys_;
};

void finish(benchmark::State& state, size_t bytes, uint32_t tokens) {
  state.SetBytesProcessed(static_cast<int64_t>(bytes * state.iterations()));
  state.counters["tokens"] = tokens;
}

/// Reads the bodies that `next_body` gives, one after the other.
template <typename NextBody>
void read_bodies(benchmark::State& state, Rig& rig, NextBody next_body) {
  size_t bytes = 0;
  uint32_t tokens = 0;
  for (auto _ : state) {
    state.PauseTiming();
    const std::string body = next_body();
    state.ResumeTiming();
    tokens = rig.read(body);
    bytes = body.size();
  }
  finish(state, bytes, tokens);
}

/// Nothing of the conversation was seen before.
void first_sight(benchmark::State& state) {
  Rig rig(state);
  if (!rig.ok()) return;
  read_bodies(state, rig,
              [conversation = size_t{0}]() mutable { return chat(kTurns, 0, ++conversation); });
}
BENCHMARK(first_sight)->Unit(benchmark::kMicrosecond);

/// All but the last question was.
void next_turn(benchmark::State& state) {
  Rig rig(state);
  if (!rig.ok()) return;
  rig.read(chat(kTurns, 0, 1));
  read_bodies(state, rig, [question = size_t{0}]() mutable { return chat(kTurns, ++question, 1); });
}
BENCHMARK(next_turn)->Unit(benchmark::kMicrosecond);

/// A short prompt, which is read on the loop.
void short_first_sight(benchmark::State& state) {
  Rig rig(state);
  if (!rig.ok()) return;
  read_bodies(state, rig, [number = size_t{0}]() mutable {
    ++number;
    return chat(3, number, number);
  });
}
BENCHMARK(short_first_sight)->Unit(benchmark::kMicrosecond);

/// The names that a prompt has where no tokenizer is known.
void by_bytes(benchmark::State& state) {
  const std::string body = chat(kTurns, 0, 1);
  const auto scan = openai::scan_request(body).value();
  schedule::Prefix prefix;
  for (auto _ : state) {
    schedule::hash_prefix({.model = "m"}, scan.content().of(body), SIZE_MAX, prefix);
    benchmark::DoNotOptimize(prefix.hashes.data());
  }
  finish(state, body.size(), prefix.tokens());
}
BENCHMARK(by_bytes)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace llmd::request
