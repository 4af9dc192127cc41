// SPDX-License-Identifier: Apache-2.0
#include "inspect/text.h"

#include "base/text.h"
#include "bench/report/text_table.h"

namespace llmd::inspect {

std::string wrap(std::string_view head, size_t indent, const std::vector<std::string>& words,
                 std::string_view separator) {
  std::string out;
  std::string line(head);
  bool is_first_of_line = true;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string word =
        bench::printable(words[i], SIZE_MAX) + (i + 1 < words.size() ? std::string(separator) : "");
    const size_t width = trim(word).size();
    if (!is_first_of_line && line.size() + width > kColumns) {
      out += std::string(line, 0, line.find_last_not_of(' ') + 1) + "\n";
      line.assign(indent, ' ');
    }
    line += word;
    is_first_of_line = false;
  }
  return out + line + "\n";
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  for (const std::string_view word : split(text, ' ')) words.emplace_back(word);
  return words;
}

std::string indented(std::string_view text, size_t indent) {
  std::string out;
  for (const std::string_view line : split(text, '\n')) {
    if (!line.empty()) out += std::string(indent, ' ') + std::string(line) + "\n";
  }
  return out;
}

}  // namespace llmd::inspect
