// SPDX-License-Identifier: Apache-2.0
// The "normalizer" of a tokenizer file: how text changes before it is cut into words.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tokenize/json_field.h"

namespace llmd::tokenize {

/// A chain of steps. Immutable; any thread.
class Normalizer {
 public:
  class Step {
   public:
    virtual ~Step() = default;
    /// Writes the changed text to `out` (empty before) and returns true, or returns false if the
    /// text stays as it is.
    virtual bool apply(std::string_view text, std::string& out) const = 0;
  };

  /// NFC NFD NFKC NFKD Lowercase Strip Prepend Replace and Sequence of these.
  static Result<Normalizer> parse(std::optional<Json> json);

  /// The text after all steps: `text` itself, or a view of `storage`.
  std::string_view apply(std::string_view text, std::string& storage) const;

 private:
  std::vector<std::unique_ptr<const Step>> steps_;
};

}  // namespace llmd::tokenize
