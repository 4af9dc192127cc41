// SPDX-License-Identifier: Apache-2.0
// Regular expressions of tokenizer files, through PCRE2 with the Unicode classes of Oniguruma.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace llmd::tokenize {

struct Match {
  size_t begin = 0;
  size_t end = 0;
};

/// Compiled once, any thread. Subjects are valid UTF-8.
class Regex {
 public:
  /// `\s` and `\w` are rewritten to the properties that Oniguruma gives them; PCRE2's own differ in
  /// a few characters. Errors carry PCRE2's reason and the place.
  static Result<Regex> compile(std::string_view pattern);

  /// The first match at or after `from`. A match that runs into PCRE2's limits counts as none.
  std::optional<Match> find(std::string_view subject, size_t from) const;

 private:
  struct Code;
  explicit Regex(std::shared_ptr<const Code> code);
  std::shared_ptr<const Code> code_;
};

}  // namespace llmd::tokenize
