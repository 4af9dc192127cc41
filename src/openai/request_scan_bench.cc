// SPDX-License-Identifier: Apache-2.0
#include <benchmark/benchmark.h>

#include "openai/request_scan.h"

namespace llmd::openai {
namespace {

/// A chat body of about `bytes` bytes with an escape every 25 characters, as dialogue and code
/// have.
std::string chat_body(size_t bytes) {
  std::string content;
  while (content.size() + 200 < bytes) {
    content += R"(The quick \"brown\" fox jumps over the lazy dog while the band plays.\n)";
  }
  return R"({"model":"llmd-tiny","messages":[{"role":"system","content":"You are helpful."},)"
         R"({"role":"user","content":")" +
         content + R"("}],"max_tokens":128,"stream":true,"stream_options":{"include_usage":true}})";
}

void scan_chat(benchmark::State& state) {
  const std::string body = chat_body(static_cast<size_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(scan_request(body));
  state.SetBytesProcessed(static_cast<int64_t>(body.size()) * state.iterations());
}
BENCHMARK(scan_chat)->Arg(1 << 10)->Arg(220 << 10);

}  // namespace
}  // namespace llmd::openai
