// SPDX-License-Identifier: Apache-2.0
// Drives src/tokenize from the JavaScript tests: a JSON object a line in, one a line out, in order.
//   {"op": "load", "path": P}                          → {"ok": true}
//   {"op": "encode", "text": T | "bytes_hex": H, "special": B, "cached": B} → {"ids": [...]}
//   {"op": "decode", "ids": [...], "skip_special": B}  → {"text": T, "streamed": T}
//   {"op": "template", "source": S}                    → {"ok": true}
//   {"op": "render", "context": {...}}                 → {"text": T}
// A failure is {"error": MESSAGE}.
#include <fmt/core.h>

#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/text.h"
#include "tokenize/chat_template.h"
#include "tokenize/encode_cache.h"
#include "tokenize/tokenizer.h"

namespace llmd::tokenize {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kFileBytesMax = 64 * 1024 * 1024;

Json failure(const std::string& message) { return {{"error", message}}; }

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

class Probe {
 public:
  Json answer(const Json& request) {
    const std::string op = request.at("op");
    if (op == "load") return load(request);
    if (op == "template") return parse_template(request);
    if (op == "render") return render(request);
    if (!tokenizer_) return failure("no tokenizer is loaded");
    if (op == "encode") return encode(request);
    if (op == "decode") return decode(request);
    return failure("unknown op " + op);
  }

 private:
  Json load(const Json& request) {
    auto file = read_file(request.at("path"), kFileBytesMax);
    if (!file) return failure(file.error().message);
    auto parsed = parse_tokenizer(*file);
    if (!parsed) return failure(parsed.error().message);
    tokenizer_ = std::move(*parsed);
    return {{"ok", true}};
  }

  Json encode(const Json& request) const {
    const std::string text = request.contains("bytes_hex") ? from_hex(request["bytes_hex"])
                                                           : request.at("text").get<std::string>();
    EncodeCache* cache = request.value("cached", false) ? &cache_ : nullptr;
    return {{"ids", tokenizer_->encode(text, request.value("special", false), cache)}};
  }

  Json decode(const Json& request) const {
    const std::vector<TokenId> ids = request.at("ids");
    const bool skip = request.value("skip_special", false);
    StreamDecoder stream(*tokenizer_, skip);
    std::string streamed;
    for (TokenId id : ids) streamed += stream.append(id);
    streamed += stream.finish();
    return {{"text", tokenizer_->decode(ids, skip)}, {"streamed", streamed}};
  }

  Json parse_template(const Json& request) {
    template_.reset();
    auto parsed = ChatTemplate::parse(request.at("source").get<std::string>());
    if (!parsed) return failure(parsed.error().message);
    template_ = std::move(*parsed);
    return {{"ok", true}};
  }

  Json render(const Json& request) const {
    if (!template_) return failure("no template is parsed");
    auto text = template_->render(request.at("context"));
    if (!text) return failure(text.error().message);
    return {{"text", *text}};
  }

  std::unique_ptr<Tokenizer> tokenizer_;
  mutable EncodeCache cache_{1 << 20, 1};  ///< small, so that some of it is forgotten
  std::optional<ChatTemplate> template_;
};

}  // namespace
}  // namespace llmd::tokenize

int main() {
  llmd::tokenize::Probe probe;
  std::string line;
  while (std::getline(std::cin, line)) {
    try {
      std::cout << probe.answer(nlohmann::ordered_json::parse(line)).dump() << '\n';
    } catch (const std::exception& problem) {
      std::cout << nlohmann::ordered_json{{"error", problem.what()}}.dump() << '\n';
    }
  }
}
