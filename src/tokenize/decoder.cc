// SPDX-License-Identifier: Apache-2.0
#include "tokenize/decoder.h"

#include <fmt/core.h>

#include <charconv>

#include "tokenize/byte_level.h"
#include "tokenize/pattern.h"

namespace llmd::tokenize {
namespace {

using Piece = Decoder::Piece;
using Step = Decoder::Step;
using StepResult = Result<std::unique_ptr<const Step>>;

template <typename T, typename... Args>
StepResult make_step(Args&&... args) {
  return std::unique_ptr<const Step>(std::make_unique<const T>(std::forward<Args>(args)...));
}

constexpr size_t kStripMax = 1024;

class ByteLevelStep final : public Step {
 public:
  void apply(Piece& piece, bool) const override {
    if (auto bytes = byte_level_decode(piece.bytes)) piece.bytes = std::move(*bytes);
  }
};

/// Tokens of the form <0x0A>.
class ByteFallbackStep final : public Step {
 public:
  void apply(Piece& piece, bool) const override {
    const std::string& token = piece.bytes;
    if (token.size() != 6 || !token.starts_with("<0x") || token.back() != '>') return;
    uint8_t byte = 0;
    const char* end = token.data() + 5;
    if (std::from_chars(token.data() + 3, end, byte, 16).ptr != end) return;
    piece = {std::string(1, static_cast<char>(byte)), true};
  }
};

class ReplaceStep final : public Step {
 public:
  ReplaceStep(Pattern pattern, std::string_view with) : pattern_(std::move(pattern)), with_(with) {}
  void apply(Piece& piece, bool) const override {
    std::string out;
    pattern_.replace_all(piece.bytes, with_, out);
    piece.bytes = std::move(out);
  }

 private:
  Pattern pattern_;
  std::string with_;
};

class MetaspaceStep final : public Step {
 public:
  MetaspaceStep(std::string_view mark, bool drops_first)
      : mark_(Pattern::literal(mark)), drops_first_(drops_first) {}
  void apply(Piece& piece, bool is_first) const override {
    std::string out;
    mark_.replace_all(piece.bytes, is_first && drops_first_ ? "" : " ", out);
    piece.bytes = std::move(out);
  }

 private:
  Pattern mark_;
  bool drops_first_;
};

class StripStep final : public Step {
 public:
  StripStep(std::string_view content, size_t start, size_t stop)
      : content_(content), start_(start), stop_(stop) {}
  void apply(Piece& piece, bool) const override {
    std::string_view text = piece.bytes;
    for (size_t i = 0; i < start_ && text.starts_with(content_); ++i) {
      text.remove_prefix(content_.size());
    }
    for (size_t i = 0; i < stop_ && text.ends_with(content_); ++i) {
      text.remove_suffix(content_.size());
    }
    piece.bytes = std::string(text);
  }

 private:
  std::string content_;
  size_t start_;
  size_t stop_;
};

class SpaceBetween final : public Step {
 public:
  void apply(Piece& piece, bool is_first) const override {
    if (!is_first) piece.bytes.insert(0, 1, ' ');
  }
};

struct StripFields {
  std::string_view content;
  size_t start;
  size_t stop;
};

Result<StripFields> parse_strip(Json json) {
  StripFields fields{};
  LLMD_ASSIGN_OR_RETURN(fields.content, text_field(json, "content", "decoder Strip"));
  LLMD_ASSIGN_OR_RETURN(fields.start, uint_field(json, "start", "decoder Strip"));
  LLMD_ASSIGN_OR_RETURN(fields.stop, uint_field(json, "stop", "decoder Strip"));
  if (fields.content.empty() || fields.start > kStripMax || fields.stop > kStripMax) {
    return invalid_argument("tokenizer.json: decoder Strip: nothing to strip, or too much");
  }
  return fields;
}

StepResult parse_replace(Json json) {
  LLMD_ASSIGN_OR_RETURN(Pattern pattern, Pattern::parse(json, "decoder Replace"));
  LLMD_ASSIGN_OR_RETURN(const auto with, text_field(json, "content", "decoder Replace"));
  return make_step<ReplaceStep>(std::move(pattern), with);
}

StepResult parse_metaspace(Json json) {
  constexpr std::string_view kWhere = "decoder Metaspace";
  LLMD_ASSIGN_OR_RETURN(const auto mark, text_field(json, "replacement", kWhere));
  LLMD_ASSIGN_OR_RETURN(bool drops, bool_field(json, "add_prefix_space", true, kWhere));
  if (field(json, "prepend_scheme")) {
    LLMD_ASSIGN_OR_RETURN(const auto scheme, text_field(json, "prepend_scheme", kWhere));
    drops = scheme != "never";
  }
  return make_step<MetaspaceStep>(mark, drops);
}

StepResult parse_token_step(Json json, std::string_view type) {
  if (type == "ByteLevel") return make_step<ByteLevelStep>();
  if (type == "ByteFallback") return make_step<ByteFallbackStep>();
  if (type == "Replace") return parse_replace(json);
  if (type == "Metaspace") return parse_metaspace(json);
  if (type == "Strip") {
    LLMD_ASSIGN_OR_RETURN(const StripFields strip, parse_strip(json));
    return make_step<StripStep>(strip.content, strip.start, strip.stop);
  }
  return unknown_type("decoder", type);
}

}  // namespace

Result<Decoder> Decoder::parse(std::optional<Json> json) {
  LLMD_ASSIGN_OR_RETURN(const auto steps, flatten_sequence(json, "decoders", "decoder"));
  Decoder decoder;
  bool fused = false;
  for (Json step : steps) LLMD_RETURN_IF_ERROR(decoder.add(step, fused));
  if (steps.empty()) {
    decoder.steps_.push_back(std::make_unique<const SpaceBetween>());
    decoder.first_differs_ = true;
  }
  return decoder;
}

Result<void> Decoder::add(Json step, bool& fused) {
  LLMD_ASSIGN_OR_RETURN(const std::string_view type, text_field(step, "type", "decoder"));
  if (type == "Fuse") {
    fused = true;
    return {};
  }
  if (!fused) {
    LLMD_ASSIGN_OR_RETURN(auto parsed, parse_token_step(step, type));
    first_differs_ = first_differs_ || type == "Metaspace";
    steps_.push_back(std::move(parsed));
    return {};
  }
  if (type != "Strip") return unknown_type("decoder behind Fuse", type);
  LLMD_ASSIGN_OR_RETURN(const StripFields strip, parse_strip(step));
  if (strip.stop > 0 || strip_count_ > 0) {
    return Error{
        Errc::kUnimplemented,
        "tokenizer.json: decoder Strip behind Fuse is supported once and at the start only"};
  }
  strip_content_ = strip.content;
  strip_count_ = strip.start;
  return {};
}

Decoder::Piece Decoder::piece_of(std::string_view token, bool is_first) const {
  Piece piece{std::string(token)};
  for (const auto& step : steps_) {
    if (!piece.is_fallback) step->apply(piece, is_first);
  }
  return piece;
}

void Decoder::append_stripped(DecodeState& state, std::string_view text, std::string& out) const {
  if (text.empty()) return;
  while (state.stripped < strip_count_ && text.starts_with(strip_content_)) {
    text.remove_prefix(strip_content_.size());
    ++state.stripped;
  }
  if (!text.empty()) state.stripped = strip_count_;
  out.append(text);
}

}  // namespace llmd::tokenize
