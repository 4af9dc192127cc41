// SPDX-License-Identifier: Apache-2.0
#include "tokenize/normal_form.h"

#include <utf8proc.h>

#include <algorithm>
#include <vector>

#include "tokenize/utf8.h"

namespace llmd::tokenize {
namespace {

constexpr utf8proc_int32_t kCodePoints = 0x110000;
constexpr int kDecompositionMax = 32;  ///< the longest in Unicode has 18 characters

utf8proc_option_t options_of(bool compatibility) {
  return static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE |
                                        (compatibility ? UTF8PROC_COMPAT : 0));
}

bool is_jamo_that_composes(char32_t c) {
  return (c >= 0x1161 && c <= 0x1175) || (c >= 0x11A8 && c <= 0x11C2);
}

/// Which characters stand in NFC text wherever they are: starters that neither change alone nor
/// compose with what comes before them.
std::vector<bool> find_stable_characters() {
  std::vector<bool> stable(kCodePoints, true);
  utf8proc_int32_t parts[kDecompositionMax];
  for (utf8proc_int32_t c = 0; c < kCodePoints; ++c) {
    const auto* property = utf8proc_get_property(c);
    const bool is_hangul_syllable = c >= 0xAC00 && c <= 0xD7A3;
    if (property->combining_class != 0 || is_jamo_that_composes(static_cast<char32_t>(c))) {
      stable[static_cast<size_t>(c)] = false;
    }
    if (property->decomp_seqindex == UINT16_MAX || property->decomp_type != 0 ||
        is_hangul_syllable) {
      continue;
    }
    int boundary = 0;
    const auto count =
        utf8proc_decompose_char(c, parts, kDecompositionMax, options_of(false), &boundary);
    for (auto i = 1; i < count; ++i) stable[static_cast<size_t>(parts[i])] = false;
    // Singletons and composition exclusions change; the others only cost a look.
    stable[static_cast<size_t>(c)] =
        property->comp_exclusion == 0 && count > 1 && stable[static_cast<size_t>(c)];
  }
  return stable;
}

bool is_stable(std::string_view text) {
  static const std::vector<bool> stable = find_stable_characters();
  size_t at = 0;
  while (at < text.size()) {
    if (static_cast<uint8_t>(text[at]) < 0x80) {
      ++at;
      continue;
    }
    const Utf8Step step = utf8_step(text.substr(at));
    if (!stable[step.code_point]) return false;
    at += step.length;
  }
  return true;
}

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<uint8_t>(c) < 0x80; });
}

/// Runs of marks are put in order by a stable sort; utf8proc's own bubbles.
void order_marks(std::vector<utf8proc_int32_t>& characters) {
  const auto rank = [](utf8proc_int32_t c) { return utf8proc_get_property(c)->combining_class; };
  auto begin = characters.begin();
  while (begin != characters.end()) {
    const auto end = std::find_if(begin, characters.end(), [&](auto c) { return rank(c) == 0; });
    if (end - begin > 1) {
      std::stable_sort(begin, end, [&](auto a, auto b) { return rank(a) < rank(b); });
    }
    begin = end == characters.end() ? end : end + 1;
  }
}

std::vector<utf8proc_int32_t> decompose(std::string_view text, bool compatibility) {
  std::vector<utf8proc_int32_t> characters;
  characters.reserve(text.size());
  utf8proc_int32_t parts[kDecompositionMax];
  int boundary = 0;
  while (!text.empty()) {
    const Utf8Step step = utf8_step(text);
    const auto count =
        utf8proc_decompose_char(static_cast<utf8proc_int32_t>(step.code_point), parts,
                                kDecompositionMax, options_of(compatibility), &boundary);
    characters.insert(characters.end(), parts, parts + std::max<utf8proc_ssize_t>(count, 0));
    text.remove_prefix(step.length);
  }
  return characters;
}

}  // namespace

bool append_normalized(std::string_view text, NormalForm form, std::string& out) {
  if (is_ascii(text) || (form.compose && !form.compatibility && is_stable(text))) return false;
  std::vector<utf8proc_int32_t> characters = decompose(text, form.compatibility);
  order_marks(characters);
  auto count = static_cast<utf8proc_ssize_t>(characters.size());
  if (form.compose) {
    count = utf8proc_normalize_utf32(
        characters.data(), count,
        static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  }
  out.reserve(out.size() + text.size());
  for (utf8proc_ssize_t i = 0; i < count; ++i) {
    append_utf8(out, static_cast<char32_t>(characters[static_cast<size_t>(i)]));
  }
  return true;
}

}  // namespace llmd::tokenize
