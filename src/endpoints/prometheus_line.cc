// SPDX-License-Identifier: Apache-2.0
#include "endpoints/prometheus_line.h"

#include <charconv>
#include <cmath>

#include "base/text.h"

namespace llmd::endpoints {
namespace {

/// Where the value that begins at `at`, behind its quote, ends: the place of the closing quote.
size_t value_end(std::string_view text, size_t at) {
  while (at < text.size() && text[at] != '"') at += text[at] == '\\' ? 2 : 1;
  return at < text.size() ? at : std::string_view::npos;
}

/// Goes through a label set, "{a=\"b\",c=\"d\"}".
class LabelCursor {
 public:
  explicit LabelCursor(std::string_view text) : text_(text) {}

  /// Moves to the next label. False at the end of the set, or of what can be understood.
  bool next() {
    const size_t equals = text_.find_first_of("=}", at_);
    if (equals == std::string_view::npos) return false;
    name = trim(text_.substr(at_, equals - at_));
    if (text_[equals] == '}') {
      if (name.empty()) end_ = equals + 1;
      return false;
    }
    const size_t quote = text_.find('"', equals);
    const size_t close = quote == std::string_view::npos ? quote : value_end(text_, quote + 1);
    if (close == std::string_view::npos) return false;
    value = text_.substr(quote + 1, close - quote - 1);
    at_ = text_.find_first_not_of(" \t,", close + 1);
    return at_ != std::string_view::npos;
  }

  /// After the last next(): bytes that the set takes; npos when it does not end.
  size_t end() const { return end_; }

  std::string_view name;
  std::string_view value;

 private:
  std::string_view text_;
  size_t at_ = 1;
  size_t end_ = std::string_view::npos;
};

/// Bytes of the label set at the start of `text`; npos when it does not end.
size_t label_set_length(std::string_view text) {
  if (!text.starts_with('{')) return 0;
  LabelCursor labels(text);
  while (labels.next()) {
  }
  return labels.end();
}

}  // namespace

std::string_view Series::label(std::string_view name) const {
  LabelCursor cursor(labels);
  while (!labels.empty() && cursor.next()) {
    if (cursor.name == name) return cursor.value;
  }
  return {};
}

std::optional<Series> parse_series(std::string_view after_name) {
  const std::string_view rest = trim(after_name);
  const size_t length = label_set_length(rest);
  if (length == std::string_view::npos) return std::nullopt;
  const std::string_view text = trim(rest.substr(length));
  Series series{.labels = rest.substr(0, length), .value = 0};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), series.value);
  if (error != std::errc() || !std::isfinite(series.value)) return std::nullopt;
  const bool ends_there = end == text.data() + text.size() || *end == ' ' || *end == '\t';
  return ends_there ? std::optional(series) : std::nullopt;
}

}  // namespace llmd::endpoints
