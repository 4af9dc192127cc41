// SPDX-License-Identifier: Apache-2.0
#include "tokenize/normalizer.h"

#include <utf8proc.h>

#include "tokenize/normal_form.h"
#include "tokenize/pattern.h"
#include "tokenize/utf8.h"

namespace llmd::tokenize {
namespace {

using Step = Normalizer::Step;
using StepResult = Result<std::unique_ptr<const Step>>;

template <typename T, typename... Args>
StepResult make_step(Args&&... args) {
  return std::unique_ptr<const Step>(std::make_unique<const T>(std::forward<Args>(args)...));
}

class UnicodeForm final : public Step {
 public:
  explicit UnicodeForm(NormalForm form) : form_(form) {}
  bool apply(std::string_view text, std::string& out) const override {
    return append_normalized(text, form_, out);
  }

 private:
  NormalForm form_;
};

class Lowercase final : public Step {
 public:
  bool apply(std::string_view text, std::string& out) const override {
    constexpr char32_t kCapitalIWithDot = 0x130;  // the one letter whose lower case is two
    while (!text.empty()) {
      const Utf8Step step = utf8_step(text);
      text.remove_prefix(step.length);
      if (step.code_point == kCapitalIWithDot) {
        out.append("i\xCC\x87");
      } else {
        const auto lower = utf8proc_tolower(static_cast<utf8proc_int32_t>(step.code_point));
        append_utf8(out, static_cast<char32_t>(lower));
      }
    }
    return true;
  }
};

class Strip final : public Step {
 public:
  Strip(bool left, bool right) : left_(left), right_(right) {}
  bool apply(std::string_view text, std::string& out) const override {
    while (left_ && !text.empty() && is_white_space(utf8_first(text))) {
      text.remove_prefix(utf8_length(text[0]));
    }
    while (right_ && !text.empty()) {
      const size_t last = utf8_last_start(text);
      if (!is_white_space(utf8_first(text.substr(last)))) break;
      text = text.substr(0, last);
    }
    out.append(text);
    return true;
  }

 private:
  bool left_;
  bool right_;
};

class Prepend final : public Step {
 public:
  explicit Prepend(std::string_view prefix) : prefix_(prefix) {}
  bool apply(std::string_view text, std::string& out) const override {
    if (text.empty()) return false;
    out.append(prefix_).append(text);
    return true;
  }

 private:
  std::string prefix_;
};

class Replace final : public Step {
 public:
  Replace(Pattern pattern, std::string_view with) : pattern_(std::move(pattern)), with_(with) {}
  bool apply(std::string_view text, std::string& out) const override {
    pattern_.replace_all(text, with_, out);
    return true;
  }

 private:
  Pattern pattern_;
  std::string with_;
};

StepResult parse_strip(Json json) {
  LLMD_ASSIGN_OR_RETURN(const bool left, bool_field(json, "strip_left", true, "normalizer Strip"));
  LLMD_ASSIGN_OR_RETURN(const bool right,
                        bool_field(json, "strip_right", true, "normalizer Strip"));
  return make_step<Strip>(left, right);
}

StepResult parse_prepend(Json json) {
  LLMD_ASSIGN_OR_RETURN(const auto prefix, text_field(json, "prepend", "normalizer Prepend"));
  return make_step<Prepend>(prefix);
}

StepResult parse_replace(Json json) {
  LLMD_ASSIGN_OR_RETURN(Pattern pattern, Pattern::parse(json, "normalizer Replace"));
  LLMD_ASSIGN_OR_RETURN(const auto with, text_field(json, "content", "normalizer Replace"));
  return make_step<Replace>(std::move(pattern), with);
}

StepResult parse_step(Json json) {
  LLMD_ASSIGN_OR_RETURN(const std::string_view type, text_field(json, "type", "normalizer"));
  const auto form = [](bool compose, bool compatibility) -> StepResult {
    return make_step<UnicodeForm>(NormalForm{compose, compatibility});
  };
  if (type == "NFC") return form(true, false);
  if (type == "NFD") return form(false, false);
  if (type == "NFKC") return form(true, true);
  if (type == "NFKD") return form(false, true);
  if (type == "Lowercase") return make_step<Lowercase>();
  if (type == "Strip") return parse_strip(json);
  if (type == "Prepend") return parse_prepend(json);
  if (type == "Replace") return parse_replace(json);
  return unknown_type("normalizer", type);
}

}  // namespace

Result<Normalizer> Normalizer::parse(std::optional<Json> json) {
  LLMD_ASSIGN_OR_RETURN(const auto steps, flatten_sequence(json, "normalizers", "normalizer"));
  Normalizer normalizer;
  for (Json step : steps) {
    LLMD_ASSIGN_OR_RETURN(auto parsed, parse_step(step));
    normalizer.steps_.push_back(std::move(parsed));
  }
  return normalizer;
}

std::string_view Normalizer::apply(std::string_view text, std::string& storage) const {
  std::string next;
  for (const auto& step : steps_) {
    next.clear();
    if (!step->apply(text, next)) continue;
    storage.swap(next);
    text = storage;
  }
  return text;
}

}  // namespace llmd::tokenize
