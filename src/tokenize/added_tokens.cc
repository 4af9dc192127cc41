// SPDX-License-Identifier: Apache-2.0
#include "tokenize/added_tokens.h"

#include <algorithm>
#include <utility>

#include "tokenize/utf8.h"

namespace llmd::tokenize {
namespace {

constexpr uint32_t kNoToken = ~uint32_t{0};

bool touches_word(std::string_view text, size_t begin, size_t end) {
  const std::string_view before = text.substr(0, begin);
  const std::string_view after = text.substr(end);
  return (!before.empty() && is_word_character(utf8_first(text.substr(utf8_last_start(before))))) ||
         (!after.empty() && is_word_character(utf8_first(after)));
}

size_t begin_of_space_before(std::string_view text, size_t begin) {
  while (begin > 0) {
    const size_t last = utf8_last_start(text.substr(0, begin));
    if (!is_white_space(utf8_first(text.substr(last)))) break;
    begin = last;
  }
  return begin;
}

size_t end_of_space_after(std::string_view text, size_t end) {
  while (end < text.size() && is_white_space(utf8_first(text.substr(end)))) {
    end += utf8_length(text[end]);
  }
  return end;
}

}  // namespace

AddedTokenFinder::AddedTokenFinder(std::vector<AddedToken> tokens)
    : tokens_(std::move(tokens)), token_at_(1, kNoToken) {
  std::erase_if(tokens_, [](const AddedToken& token) { return token.content.empty(); });
  for (uint32_t i = 0; i < tokens_.size(); ++i) {
    uint32_t node = 0;
    bool& begins = begins_[static_cast<uint8_t>(tokens_[i].content[0])];
    if (!std::exchange(begins, true)) begin_bytes_.push_back(tokens_[i].content[0]);
    for (char c : tokens_[i].content) {
      const uint64_t edge = uint64_t{node} << 8 | static_cast<uint8_t>(c);
      const uint32_t* next = edges_.find(edge);
      if (next != nullptr) {
        node = *next;
        continue;
      }
      node = static_cast<uint32_t>(token_at_.size());
      edges_.insert(edge, node);
      token_at_.push_back(kNoToken);
    }
    if (token_at_[node] == kNoToken) token_at_[node] = i;
  }
}

const AddedToken* AddedTokenFinder::longest_at(std::string_view text) const {
  uint32_t node = 0;
  uint32_t longest = kNoToken;
  for (char c : text) {
    const uint32_t* next = edges_.find(uint64_t{node} << 8 | static_cast<uint8_t>(c));
    if (next == nullptr) break;
    node = *next;
    if (token_at_[node] != kNoToken) longest = token_at_[node];
  }
  return longest == kNoToken ? nullptr : &tokens_[longest];
}

/// The next place where a token may begin; the text's end where there is none.
size_t AddedTokenFinder::find_begin(std::string_view text, size_t at) const {
  if (tokens_.empty()) return text.size();
  if (begin_bytes_.size() == 1) return std::min(text.find(begin_bytes_[0], at), text.size());
  while (at < text.size() && !begins_[static_cast<uint8_t>(text[at])]) ++at;
  return at;
}

std::vector<TextSegment> AddedTokenFinder::split(std::string_view text) const {
  std::vector<TextSegment> segments;
  size_t done = 0;
  for (size_t at = find_begin(text, 0); at < text.size(); at = find_begin(text, at)) {
    const AddedToken* token = longest_at(text.substr(at));
    if (token == nullptr) {
      ++at;
      continue;
    }
    size_t begin = at;
    size_t end = at + token->content.size();
    at = end;
    if (token->single_word && touches_word(text, begin, end)) continue;
    // White space that the token before took in already stays with it.
    if (token->lstrip) begin = std::max(begin_of_space_before(text, begin), done);
    if (token->rstrip) end = end_of_space_after(text, end);
    if (done < begin) segments.push_back({done, begin, std::nullopt});
    segments.push_back({begin, end, token->id});
    done = std::max(done, end);
  }
  if (done < text.size()) segments.push_back({done, text.size(), std::nullopt});
  return segments;
}

}  // namespace llmd::tokenize
