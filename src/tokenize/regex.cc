// SPDX-License-Identifier: Apache-2.0
#include "tokenize/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <fmt/core.h>
#include <pcre2.h>

namespace llmd::tokenize {
namespace {

constexpr size_t kPatternBytesMax = 64 * 1024;
constexpr uint32_t kMatchLimit = 10'000'000;
constexpr uint32_t kDepthLimit = 10'000;
constexpr size_t kJitStackBytesMin = 32 * 1024;
constexpr size_t kJitStackBytesMax = 4 * 1024 * 1024;

/// What a thread needs to match, whatever the pattern; one per thread, made at its first match.
struct MatchScratch {
  MatchScratch()
      : data(pcre2_match_data_create(1, nullptr)),
        context(pcre2_match_context_create(nullptr)),
        stack(pcre2_jit_stack_create(kJitStackBytesMin, kJitStackBytesMax, nullptr)) {
    pcre2_set_match_limit(context, kMatchLimit);
    pcre2_set_depth_limit(context, kDepthLimit);
    pcre2_jit_stack_assign(context, nullptr, stack);
  }
  MatchScratch(const MatchScratch&) = delete;
  MatchScratch& operator=(const MatchScratch&) = delete;
  ~MatchScratch() {
    pcre2_jit_stack_free(stack);
    pcre2_match_context_free(context);
    pcre2_match_data_free(data);
  }
  pcre2_match_data* data;
  pcre2_match_context* context;
  pcre2_jit_stack* stack;
};

/// Oniguruma's meaning of an escape, or empty where PCRE2 agrees.
std::string_view rewritten_escape(char escape, bool in_class) {
  switch (escape) {
    case 's':
      return "\\p{White_Space}";
    case 'S':
      return "\\P{White_Space}";
    case 'w':
      return in_class ? "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}"
                      : "[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}]";
    case 'W':
      return "[^\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}]";
    default:
      return {};
  }
}

Result<std::string> translate(std::string_view pattern) {
  std::string out;
  bool in_class = false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '\\' && i + 1 < pattern.size()) {
      const char escape = pattern[++i];
      if (escape == 'W' && in_class) {
        return Error{Errc::kUnimplemented, "regex: \\W inside a character class is not supported"};
      }
      const std::string_view rewritten = rewritten_escape(escape, in_class);
      out.append(rewritten.empty() ? pattern.substr(i - 1, 2) : rewritten);
      continue;
    }
    if (c == '[') in_class = true;
    if (c == ']') in_class = false;
    out.push_back(c);
  }
  return out;
}

}  // namespace

struct Regex::Code {
  explicit Code(pcre2_code* handle) : compiled(handle) {}
  Code(const Code&) = delete;
  Code& operator=(const Code&) = delete;
  ~Code() { pcre2_code_free(compiled); }
  pcre2_code* compiled;
};

Regex::Regex(std::shared_ptr<const Code> code) : code_(std::move(code)) {}

Result<Regex> Regex::compile(std::string_view pattern) {
  if (pattern.size() > kPatternBytesMax) {
    return Error{Errc::kTooLarge, fmt::format("regex: longer than {} bytes", kPatternBytesMax)};
  }
  LLMD_ASSIGN_OR_RETURN(const std::string translated, translate(pattern));
  int code = 0;
  PCRE2_SIZE offset = 0;
  pcre2_code* compiled =
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(),
                    PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &code, &offset, nullptr);
  if (compiled == nullptr) {
    PCRE2_UCHAR text[128];
    pcre2_get_error_message(code, text, sizeof text);
    return invalid_argument(fmt::format("regex {}: {} at byte {}", pattern,
                                        reinterpret_cast<const char*>(text), offset));
  }
  pcre2_jit_compile(compiled, PCRE2_JIT_COMPLETE);  // without JIT it is slower, not wrong
  return Regex(std::make_shared<const Code>(compiled));
}

std::optional<Match> Regex::find(std::string_view subject, size_t from) const {
  thread_local MatchScratch scratch;
  const int found =
      pcre2_match(code_->compiled, reinterpret_cast<PCRE2_SPTR>(subject.data()), subject.size(),
                  from, PCRE2_NO_UTF_CHECK | PCRE2_NOTEMPTY, scratch.data, scratch.context);
  if (found < 0) return std::nullopt;
  const PCRE2_SIZE* ends = pcre2_get_ovector_pointer(scratch.data);
  // \K can move the begin past the end; such a match is none.
  if (ends[0] >= ends[1]) return std::nullopt;
  return Match{ends[0], ends[1]};
}

}  // namespace llmd::tokenize
