// SPDX-License-Identifier: Apache-2.0
// Any bytes as a body: every kind of request is either read or refused with a proper status.
#include <cstdlib>

#include "openai/chat_types.h"
#include "openai/request_parse.h"

namespace {

template <typename Request>
void parse(std::string_view body) {
  Request request;
  const auto error = llmd::openai::parse_request(body, request);
  if (error && (error->status < 400 || error->message.empty())) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace llmd::openai;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  parse<CompletionRequest>(body);
  parse<ChatRequest>(body);
  parse<GenerateRequest>(body);
  parse<TokenizeRequest>(body);
  parse<DetokenizeRequest>(body);
  parse<LoraRequest>(body);
  return 0;
}
