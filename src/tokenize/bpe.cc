// SPDX-License-Identifier: Apache-2.0
#include "tokenize/bpe.h"

#include <fmt/core.h>

#include <algorithm>
#include <functional>

#include "tokenize/byte_level.h"
#include "tokenize/utf8.h"

namespace llmd::tokenize {
namespace {

constexpr uint32_t kNoMerge = ~uint32_t{0};
constexpr uint32_t kNone = ~uint32_t{0};
constexpr size_t kShortWordSymbols = 32;  ///< up to here a scan for the best merge beats a heap
constexpr std::string_view kMetaspace = "\xE2\x96\x81";

std::vector<std::string> raw_texts(const std::vector<std::string_view>& vocab) {
  std::vector<std::string> raw;
  raw.reserve(vocab.size());
  for (std::string_view token : vocab) raw.push_back(byte_level_decode(token).value_or(""));
  return raw;
}

}  // namespace

Result<Bpe> Bpe::build(const BpeSource& source) {
  Bpe bpe;
  bpe.raw_bytes_ = source.raw_bytes;
  bpe.fuse_unk_ = source.fuse_unk;
  bpe.byte_fallback_ = source.byte_fallback;
  bpe.vocab_ = TokenArena(source.vocab);
  bpe.ids_ = WordTable(source.vocab.size());
  for (TokenId id = 0; id < bpe.vocab_.size(); ++id) {
    const std::string_view token = bpe.vocab_.at(id);
    if (!token.empty()) bpe.ids_.insert(token, id);
  }
  if (source.unk_token) {
    bpe.unk_ = bpe.ids_.find(*source.unk_token);
    if (!bpe.unk_) {
      return invalid_argument(
          fmt::format("unk_token {} is not in the vocabulary", *source.unk_token));
    }
  }
  LLMD_RETURN_IF_ERROR(bpe.add_merges(source));
  bpe.fill_byte_ids(source);
  if (!source.ignore_merges) bpe.find_cut();
  bpe.find_whole_words(source);
  return bpe;
}

Result<void> Bpe::add_merges(const BpeSource& source) {
  merges_ = FlatMap<Merge>(source.merges.size());
  std::string merged;
  uint32_t rank = 0;
  for (const auto& [left, right] : source.merges) {
    merged.assign(left).append(right);
    const auto left_id = ids_.find(left);
    const auto right_id = ids_.find(right);
    const auto merged_id = ids_.find(merged);
    if (!left_id || !right_id || !merged_id) {
      return invalid_argument(fmt::format(
          "merge {}: {} {} needs a token that is not in the vocabulary", rank, left, right));
    }
    merges_.insert(uint64_t{*left_id} << 32 | *right_id, {rank++, *merged_id});
  }
  return {};
}

void Bpe::fill_byte_ids(const BpeSource& source) {
  for (size_t byte = 0; byte < byte_ids_.size(); ++byte) {
    std::string token;
    if (source.raw_bytes) {
      append_utf8(token, byte_level_character(static_cast<uint8_t>(byte)));
    } else {
      token = fmt::format("<0x{:02X}>", byte);
    }
    byte_ids_[byte] = ids_.find(token);
  }
}

/// Words of the vocabulary that come out as themselves are looked up instead of merged.
void Bpe::find_whole_words(const BpeSource& source) {
  if (raw_bytes_) {
    const std::vector<std::string> raw = raw_texts(source.vocab);
    raw_vocab_ = TokenArena({raw.begin(), raw.end()});
  }
  const TokenArena& words = raw_bytes_ ? raw_vocab_ : vocab_;
  WordTable found(words.size());
  Scratch scratch;
  std::vector<TokenId> tokens;
  for (TokenId id = 0; id < words.size(); ++id) {
    const std::string_view word = words.at(id);
    if (word.empty()) continue;
    tokens.clear();
    if (!source.ignore_merges) encode(word, scratch, tokens);
    if (source.ignore_merges || (tokens.size() == 1 && tokens[0] == id)) found.insert(word, id);
  }
  whole_words_ = std::move(found);
}

/// Without a pre-tokenizer a whole text is one word. If no token reaches over the begin of a word,
/// which metaspace vocabularies keep to, it can be cut there and nothing changes.
void Bpe::find_cut() {
  if (raw_bytes_ || !ids_.find(kMetaspace)) return;
  for (TokenId id = 0; id < vocab_.size(); ++id) {
    const std::string_view token = vocab_.at(id);
    const size_t head = token.find_first_not_of(kMetaspace);
    if (head != std::string_view::npos && token.find(kMetaspace, head) != std::string_view::npos) {
      return;
    }
  }
  cut_ = kMetaspace;
}

void Bpe::encode(std::string_view word, Scratch& scratch, std::vector<TokenId>& out) const {
  if (cut_.empty()) return encode_part(word, scratch, out);
  size_t begin = 0;
  while (begin < word.size()) {
    size_t end = begin;
    while (word.substr(end).starts_with(cut_)) end += cut_.size();
    end = std::min(word.find(cut_, end), word.size());
    encode_part(word.substr(begin, end - begin), scratch, out);
    begin = end;
  }
}

void Bpe::encode_part(std::string_view part, Scratch& scratch, std::vector<TokenId>& out) const {
  if (const auto whole = whole_words_.find(part)) {
    out.push_back(*whole);
    return;
  }
  scratch.symbols.clear();
  if (raw_bytes_) {
    split_bytes(part, scratch.symbols);
  } else {
    split_characters(part, scratch.symbols);
  }
  if (scratch.symbols.size() <= kShortWordSymbols) {
    merge_short(scratch);
    for (const Scratch::Symbol& symbol : scratch.symbols) out.push_back(symbol.id);
    return;
  }
  merge_long(scratch);
  for (uint32_t at = 0; at != kNone; at = scratch.symbols[at].next) {
    out.push_back(scratch.symbols[at].id);
  }
}

void Bpe::split_bytes(std::string_view word, std::vector<Scratch::Symbol>& symbols) const {
  bool after_unk = false;
  for (char c : word) {
    const auto id = byte_ids_[static_cast<uint8_t>(c)];
    if (id) {
      symbols.push_back({*id, kNoMerge, kNone, kNone});
    } else if (unk_ && !(fuse_unk_ && after_unk)) {
      symbols.push_back({*unk_, kNoMerge, kNone, kNone});
    }
    after_unk = !id;
  }
}

void Bpe::split_characters(std::string_view word, std::vector<Scratch::Symbol>& symbols) const {
  bool after_unk = false;
  while (!word.empty()) {
    const std::string_view character = word.substr(0, utf8_length(word[0]));
    word.remove_prefix(character.size());
    if (const auto id = ids_.find(character)) {
      symbols.push_back({*id, kNoMerge, kNone, kNone});
      after_unk = false;
    } else if (byte_fallback_ && fall_back_to_bytes(character, symbols)) {
      after_unk = false;
    } else if (unk_) {
      if (!(fuse_unk_ && after_unk)) symbols.push_back({*unk_, kNoMerge, kNone, kNone});
      after_unk = true;
    }
  }
}

bool Bpe::fall_back_to_bytes(std::string_view character,
                             std::vector<Scratch::Symbol>& symbols) const {
  for (char c : character) {
    if (!byte_ids_[static_cast<uint8_t>(c)]) return false;
  }
  for (char c : character) {
    symbols.push_back({*byte_ids_[static_cast<uint8_t>(c)], kNoMerge, kNone, kNone});
  }
  return true;
}

void Bpe::merge_short(Scratch& scratch) const {
  auto& symbols = scratch.symbols;
  const auto rank_of = [&](size_t i) {
    if (i + 1 >= symbols.size()) return kNoMerge;
    const Merge* merge = merge_of(symbols[i].id, symbols[i + 1].id);
    return merge == nullptr ? kNoMerge : merge->rank;
  };
  for (size_t i = 0; i < symbols.size(); ++i) symbols[i].rank = rank_of(i);
  while (symbols.size() > 1) {
    const auto best = std::min_element(symbols.begin(), symbols.end(),
                                       [](auto& a, auto& b) { return a.rank < b.rank; });
    if (best->rank == kNoMerge) return;
    const auto at = static_cast<size_t>(best - symbols.begin());
    best->id = merge_of(best->id, best[1].id)->id;
    symbols.erase(best + 1);
    symbols[at].rank = rank_of(at);
    if (at > 0) symbols[at - 1].rank = rank_of(at - 1);
  }
}

uint32_t Bpe::rank_after(const Scratch& scratch, uint32_t place) const {
  const Scratch::Symbol& symbol = scratch.symbols[place];
  if (symbol.next == kNone) return kNoMerge;
  const Merge* merge = merge_of(symbol.id, scratch.symbols[symbol.next].id);
  return merge == nullptr ? kNoMerge : merge->rank;
}

void Bpe::link(Scratch& scratch) const {
  auto& symbols = scratch.symbols;
  const auto count = static_cast<uint32_t>(symbols.size());
  scratch.heap.clear();
  for (uint32_t i = 0; i < count; ++i) {
    symbols[i].previous = i == 0 ? kNone : i - 1;
    symbols[i].next = i + 1 == count ? kNone : i + 1;
  }
  for (uint32_t i = 0; i < count; ++i) {
    symbols[i].rank = rank_after(scratch, i);
    if (symbols[i].rank != kNoMerge) scratch.heap.push_back(uint64_t{symbols[i].rank} << 32 | i);
  }
  std::ranges::make_heap(scratch.heap, std::greater{});
}

/// A symbol's `rank` is always that of its present pair, so an entry of the heap that says
/// otherwise is out of date and skipped. A symbol that was merged into its left neighbour has
/// kNoMerge.
void Bpe::merge_long(Scratch& scratch) const {
  auto& symbols = scratch.symbols;
  auto& heap = scratch.heap;
  link(scratch);
  const auto refresh = [&](uint32_t place) {
    symbols[place].rank = rank_after(scratch, place);
    if (symbols[place].rank == kNoMerge) return;
    heap.push_back(uint64_t{symbols[place].rank} << 32 | place);
    std::ranges::push_heap(heap, std::greater{});
  };
  while (!heap.empty()) {
    std::ranges::pop_heap(heap, std::greater{});
    const uint64_t top = heap.back();
    heap.pop_back();
    const auto place = static_cast<uint32_t>(top);
    Scratch::Symbol& left = symbols[place];
    if (left.rank != static_cast<uint32_t>(top >> 32)) continue;
    Scratch::Symbol& right = symbols[left.next];
    left.id = merge_of(left.id, right.id)->id;
    right.rank = kNoMerge;
    left.next = right.next;
    if (left.next != kNone) symbols[left.next].previous = place;
    refresh(place);
    if (left.previous != kNone) refresh(left.previous);
  }
}

}  // namespace llmd::tokenize
