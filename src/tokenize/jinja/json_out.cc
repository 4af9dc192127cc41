// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tokenize/jinja/print.h"
#include "tokenize/utf8.h"

namespace llmd::tokenize::jinja {
namespace {

void append_unit(std::string& out, uint32_t unit) { out += fmt::format("\\u{:04x}", unit); }

void append_non_ascii(std::string& out, char32_t c) {
  if (c < 0x10000) return append_unit(out, c);
  append_unit(out, 0xD800 + ((c - 0x10000) >> 10));
  append_unit(out, 0xDC00 + ((c - 0x10000) & 0x3FF));
}

void append_ascii(std::string& out, char c) {
  constexpr std::string_view kEscaped = "\"\\\n\r\t\f\b";
  constexpr std::string_view kLetters = "\"\\nrtfb";
  const size_t at = kEscaped.find(c);
  if (at != std::string_view::npos) {
    out.push_back('\\');
    out.push_back(kLetters[at]);
  } else if (static_cast<uint8_t>(c) < 0x20) {
    append_unit(out, static_cast<uint8_t>(c));
  } else {
    out.push_back(c);
  }
}

class JsonWriter {
 public:
  explicit JsonWriter(const JsonStyle& style) : style_(style) {}

  Result<void> write(const Value& value) {
    if (value.is_text()) {
      write_text(value.text());
    } else if (const List* list = value.list()) {
      return write_list(*list);
    } else if (const Dict* dict = value.dict()) {
      return write_dict(*dict);
    } else {
      return write_scalar(value);
    }
    return {};
  }

  std::string take() { return std::move(out_); }

 private:
  Result<void> write_scalar(const Value& value) {
    if (value.is<None>()) {
      out_ += "null";
    } else if (const bool* flag = value.as<bool>()) {
      out_ += *flag ? "true" : "false";
    } else if (const double* number = value.as<double>();
               number != nullptr && std::isnan(*number)) {
      out_ += "NaN";
    } else if (number != nullptr && std::isinf(*number)) {
      out_ += *number < 0 ? "-Infinity" : "Infinity";
    } else if (is_number(value)) {
      append_string(out_, value);
    } else {
      return invalid_argument(
          fmt::format("Object of type {} is not JSON serializable", type_name(value)));
    }
    return {};
  }

  void write_text(std::string_view text) {
    out_.push_back('"');
    while (!text.empty()) {
      const Utf8Step step = utf8_step(text);
      if (step.code_point < 0x80) {
        append_ascii(out_, text[0]);
      } else if (style_.ensure_ascii) {
        append_non_ascii(out_, step.code_point);
      } else {
        out_.append(text, 0, step.length);
      }
      text.remove_prefix(step.length);
    }
    out_.push_back('"');
  }

  Result<void> write_list(const List& list) {
    out_.push_back('[');
    ++level_;
    for (size_t i = 0; i < list.size(); ++i) {
      begin_item(i == 0);
      LLMD_RETURN_IF_ERROR(write(list[i]));
    }
    end_container(list.empty(), ']');
    return {};
  }

  Result<void> write_dict(const Dict& dict) {
    std::vector<const std::pair<Value, Value>*> entries;
    for (const auto& entry : dict.entries) entries.push_back(&entry);
    if (style_.sort_keys) {
      std::ranges::stable_sort(
          entries, [](auto* a, auto* b) { return to_string(a->first) < to_string(b->first); });
    }
    out_.push_back('{');
    ++level_;
    for (size_t i = 0; i < entries.size(); ++i) {
      begin_item(i == 0);
      LLMD_RETURN_IF_ERROR(write_key(entries[i]->first));
      out_ += style_.key_separator;
      LLMD_RETURN_IF_ERROR(write(entries[i]->second));
    }
    end_container(entries.empty(), '}');
    return {};
  }

  Result<void> write_key(const Value& key) {
    if (key.is_text()) {
      write_text(key.text());
      return {};
    }
    out_.push_back('"');
    LLMD_RETURN_IF_ERROR(write_scalar(key));
    out_.push_back('"');
    return {};
  }

  void begin_item(bool is_first) {
    if (!is_first) out_ += style_.item_separator;
    new_line();
  }

  void end_container(bool is_empty, char bracket) {
    --level_;
    if (!is_empty) new_line();
    out_.push_back(bracket);
  }

  void new_line() {
    if (!style_.indent) return;
    out_.push_back('\n');
    for (int i = 0; i < level_; ++i) out_ += *style_.indent;
  }

  const JsonStyle& style_;
  std::string out_;
  int level_ = 0;
};

}  // namespace

Result<std::string> to_json(const Value& value, const JsonStyle& style) {
  JsonWriter writer(style);
  LLMD_RETURN_IF_ERROR(writer.write(value));
  return writer.take();
}

}  // namespace llmd::tokenize::jinja
