// SPDX-License-Identifier: Apache-2.0
// LLMD_TOKENIZER names the tokenizer.json to measure, a real one.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "tokenize/chat_template.h"
#include "tokenize/encode_cache.h"
#include "tokenize/tokenizer.h"

namespace llmd::tokenize {
namespace {

constexpr size_t kFileBytesMax = 64 * 1024 * 1024;
constexpr int kRepeats = 500;

std::string file() {
  const char* path = std::getenv("LLMD_TOKENIZER");
  auto content = read_file(path == nullptr ? "" : path, kFileBytesMax);
  return content ? *content : "";
}

std::string repeated(std::string_view text) {
  std::string out;
  for (int i = 0; i < kRepeats; ++i) out += text;
  return out;
}

const char kEnglish[] =
    "The gateway reads a request once, picks an engine for it, and relays what comes back; in 2024 "
    "it didn't wait for anybody's locks.\n";
const char kMixed[] =
    "Größe 漢字かな交じり文 Привет, мир! नमस्ते 👩‍👩‍👧 "
    "e\u0301 "
    "1234567.\n";

void load(benchmark::State& state) {
  const std::string json = file();
  for (auto _ : state) {
    auto parsed = parse_tokenizer(json);
    if (!parsed) return state.SkipWithError(parsed.error().message.c_str());
    benchmark::DoNotOptimize(parsed);
  }
}
BENCHMARK(load)->Unit(benchmark::kMillisecond);

void encode(benchmark::State& state, const std::string& text) {
  const auto parsed = parse_tokenizer(file());
  if (!parsed) return state.SkipWithError(parsed.error().message.c_str());
  size_t tokens = 0;
  for (auto _ : state) tokens += (*parsed)->encode(text, false).size();
  state.SetBytesProcessed(static_cast<int64_t>(text.size() * state.iterations()));
  state.counters["tokens/s"] =
      benchmark::Counter(static_cast<double>(tokens), benchmark::Counter::kIsRate);
}
BENCHMARK_CAPTURE(encode, english, repeated(kEnglish));
BENCHMARK_CAPTURE(encode, mixed_scripts, repeated(kMixed));
BENCHMARK_CAPTURE(encode, one_long_word, std::string(100'000, 'a'));

/// Some 100,000 tokens in messages of 500, as Qwen's template writes them; `turn` tells the last
/// one from those of other turns.
std::string chat(int turn) {
  std::string text;
  for (int i = 0; i < 200; ++i) {
    text += "<|im_start|>user\n";
    for (int j = 0; j < 16; ++j) text += std::to_string(i == 199 ? 1000 + turn : i) + kEnglish;
    text += "<|im_end|>\n";
  }
  return text;
}

void encode_chat(benchmark::State& state, bool is_known) {
  const auto parsed = parse_tokenizer(file());
  if (!parsed) return state.SkipWithError(parsed.error().message.c_str());
  EncodeCache cache(64 << 20, 1);
  (*parsed)->encode(chat(0), false, &cache);
  int turn = 0;
  size_t bytes = 0;
  size_t tokens = 0;
  for (auto _ : state) {
    state.PauseTiming();
    const std::string text = chat(++turn);
    state.ResumeTiming();
    tokens = (*parsed)->encode(text, false, is_known ? &cache : nullptr).size();
    bytes = text.size();
  }
  state.SetBytesProcessed(static_cast<int64_t>(bytes * state.iterations()));
  state.counters["tokens"] = static_cast<double>(tokens);
}
BENCHMARK_CAPTURE(encode_chat, fresh, false)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(encode_chat, next_turn, true)->Unit(benchmark::kMicrosecond);

void stream_decode(benchmark::State& state) {
  const auto parsed = parse_tokenizer(file());
  if (!parsed) return state.SkipWithError(parsed.error().message.c_str());
  const auto tokens = (*parsed)->encode(repeated(kMixed), false);
  std::string text;
  for (auto _ : state) {
    StreamDecoder stream(**parsed, true);
    for (TokenId token : tokens) {
      text.clear();
      stream.append_to(text, token);
    }
  }
  state.SetItemsProcessed(static_cast<int64_t>(tokens.size() * state.iterations()));
}
BENCHMARK(stream_decode);

void render(benchmark::State& state) {
  const auto parsed = ChatTemplate::parse(
      "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m.content | trim + "
      "'<|im_end|>\\n' }}{% endfor %}{% if add_generation_prompt %}x{% endif %}");
  nlohmann::ordered_json context = {{"add_generation_prompt", true}, {"messages", nullptr}};
  for (int i = 0; i < 10; ++i) {
    context["messages"].push_back(
        {{"role", i % 2 == 0 ? "user" : "assistant"}, {"content", kEnglish}});
  }
  for (auto _ : state) benchmark::DoNotOptimize(parsed->render(context).ok());
}
BENCHMARK(render);

}  // namespace
}  // namespace llmd::tokenize
