// SPDX-License-Identifier: Apache-2.0
#include "openai/request_scan.h"

#include <fmt/core.h>
#include <simdjson.h>

#include <array>
#include <bitset>

#include "base/text.h"
#include "openai/json_cursor.h"

namespace llmd::openai {
namespace {

enum class Field : uint8_t {
  kModel,
  kPrompt,
  kTokenIds,
  kMessages,
  kTools,
  kCacheSalt,
  kKvTransferParams,
  kStreamOptions,
  kStream,
  kMaxTokens,
  kMaxCompletionTokens,
  kCount,
};

constexpr auto kFieldCount = static_cast<size_t>(Field::kCount);
/// In the order of Field.
constexpr std::array<std::string_view, kFieldCount> kFieldNames = {
    "model",
    "prompt",
    "token_ids",
    "messages",
    "tools",
    "cache_salt",
    "kv_transfer_params",
    "stream_options",
    "stream",
    "max_tokens",
    "max_completion_tokens",
};

Field find_field(std::string_view key) {
  size_t i = 0;
  while (i < kFieldCount && kFieldNames[i] != key) ++i;
  return static_cast<Field>(i);
}

class Scanner {
 public:
  explicit Scanner(std::string_view body) : body_(body), cursor_(body) {}

  Result<RequestScan> run() {
    if (!simdjson::validate_utf8(body_.data(), body_.size())) {
      return invalid_argument("the body is not valid UTF-8");
    }
    cursor_.skip_space();
    if (cursor_.peek() != '{') return invalid_argument("the body is not a JSON object");
    if (!members([this](std::string_view key) { return root_member(key); })) return syntax_error();
    cursor_.skip_space();
    if (!cursor_.at_end()) {
      cursor_.fail("text behind the object");
      return syntax_error();
    }
    if (completion_tokens_) scan_.max_tokens = completion_tokens_;
    return std::move(scan_);
  }

 private:
  Error syntax_error() const {
    return invalid_argument(
        fmt::format("invalid JSON at byte {}: {}", cursor_.position(), cursor_.error()));
  }

  /// Reads an object; calls `member(key)` with the cursor on each value, which it must consume.
  template <typename Member>
  bool members(Member member) {
    cursor_.take('{');
    cursor_.skip_space();
    if (cursor_.take('}')) return true;
    std::string unescaped;
    while (true) {
      bool escaped = false;
      const size_t begin = cursor_.position();
      if (!cursor_.string(escaped)) return false;
      std::string_view key = body_.substr(begin + 1, cursor_.position() - begin - 2);
      if (escaped) key = unescaped = unescape_json(key);
      cursor_.skip_space();
      if (!cursor_.take(':')) return cursor_.fail("expected :");
      cursor_.skip_space();
      if (!member(key)) return false;
      cursor_.skip_space();
      if (cursor_.take('}')) return true;
      if (!cursor_.take(',')) return cursor_.fail("expected , or }");
      cursor_.skip_space();
    }
  }

  bool root_member(std::string_view key) {
    const Field field = find_field(key);
    if (field == Field::kCount) return cursor_.value(1);
    if (seen_.test(static_cast<size_t>(field))) return cursor_.fail("a field that occurs twice");
    seen_.set(static_cast<size_t>(field));
    const size_t begin = cursor_.position();
    const bool has_options = field == Field::kStreamOptions && cursor_.peek() == '{';
    const bool valid =
        has_options ? members([this](std::string_view inner) { return option_member(inner); })
                    : cursor_.value(1);
    return valid && store(field, {begin, cursor_.position()});
  }

  bool option_member(std::string_view key) {
    const size_t begin = cursor_.position();
    if (!cursor_.value(2)) return false;
    if (key != "include_usage") return true;
    if (usage_seen_) return cursor_.fail("a field that occurs twice");
    usage_seen_ = true;
    scan_.include_usage = text({begin, cursor_.position()}) == "true";
    return true;
  }

  std::string_view text(Span span) const { return span.of(body_); }

  bool store(Field field, Span span) {
    if (text(span) == "null") return true;
    switch (field) {
      case Field::kModel:
        return store_model(span);
      case Field::kPrompt:
      case Field::kTokenIds:
        scan_.prompt = span;
        return true;
      case Field::kMessages:
        scan_.messages = span;
        return true;
      case Field::kTools:
        scan_.tools = span;
        return true;
      case Field::kCacheSalt:
        scan_.cache_salt = span;
        return true;
      case Field::kKvTransferParams:
        scan_.kv_transfer_params = span;
        return true;
      case Field::kStreamOptions:
        scan_.stream_options = span;
        return true;
      case Field::kStream:
        scan_.stream = text(span) == "true";
        return true;
      case Field::kMaxTokens:
        scan_.max_tokens = parse_uint(text(span));
        return true;
      case Field::kMaxCompletionTokens:
        completion_tokens_ = parse_uint(text(span));
        return true;
      case Field::kCount:
        break;
    }
    return true;
  }

  bool store_model(Span span) {
    if (body_[span.begin] != '"') return cursor_.fail("model must be a string");
    scan_.model = span;
    scan_.model_name = unescape_json(body_.substr(span.begin + 1, span.end - span.begin - 2));
    return true;
  }

  std::string_view body_;
  JsonCursor cursor_;
  RequestScan scan_;
  std::bitset<kFieldCount> seen_;
  std::optional<uint64_t> completion_tokens_;
  bool usage_seen_ = false;
};

}  // namespace

Result<RequestScan> scan_request(std::string_view body) { return Scanner(body).run(); }

}  // namespace llmd::openai
