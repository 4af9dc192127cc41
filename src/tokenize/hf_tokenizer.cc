// SPDX-License-Identifier: Apache-2.0
#include "tokenize/hf_tokenizer.h"

#include <algorithm>

#include "tokenize/decode_bytes.h"
#include "tokenize/encode_cache.h"
#include "tokenize/utf8.h"

namespace llmd::tokenize {
namespace {

constexpr size_t kBytesPerTokenGuess = 3;
/// Shorter pieces are encoded sooner than found.
constexpr size_t kCachedBytesMin = 32;

std::vector<AddedToken> looked_for(const std::vector<AddedToken>& added, bool normalized,
                                   const Normalizer& normalizer) {
  std::vector<AddedToken> chosen;
  for (const AddedToken& token : added) {
    if (token.normalized != normalized) continue;
    chosen.push_back(token);
    std::string storage;
    if (normalized) chosen.back().content = normalizer.apply(token.content, storage);
  }
  return chosen;
}

}  // namespace

/// One encode call's output and working memory.
struct HfTokenizer::Work {
  std::vector<TokenId> tokens;
  Bpe::Scratch scratch;
  Words words;
  std::string normalized;
};

HfTokenizer::HfTokenizer(Parts parts)
    : parts_(std::move(parts)),
      raw_finder_(looked_for(parts_.added, false, parts_.normalizer)),
      normalized_finder_(looked_for(parts_.added, true, parts_.normalizer)) {
  collect_texts();
  work_out_pieces();
}

void HfTokenizer::collect_texts() {
  size_t count = parts_.model.size();
  for (const AddedToken& token : parts_.added) count = std::max(count, size_t{token.id} + 1);
  std::vector<std::string_view> texts(count);
  special_.assign(count, false);
  for (TokenId id = 0; id < parts_.model.size(); ++id) texts[id] = parts_.model.id_to_token(id);
  for (const AddedToken& token : parts_.added) {
    texts[token.id] = token.content;
    special_[token.id] = token.special;
  }
  texts_ = TokenArena(texts);
}

void HfTokenizer::work_out_pieces() {
  std::vector<std::string> pieces(texts_.size());
  fallback_.assign(texts_.size(), false);
  for (TokenId id = 0; id < texts_.size(); ++id) {
    if (texts_.at(id).empty()) continue;
    Decoder::Piece piece = parts_.decoder.piece_of(texts_.at(id), false);
    fallback_[id] = piece.is_fallback;
    pieces[id] = std::move(piece.bytes);
  }
  pieces_ = TokenArena({pieces.begin(), pieces.end()});
}

std::vector<TokenId> HfTokenizer::encode(std::string_view text, bool add_special_tokens,
                                         EncodeCache* cache) const {
  std::string repaired;
  if (!is_utf8(text)) {
    append_lossy(repaired, text);
    text = repaired;
  }
  Work work;
  work.tokens.reserve(text.size() / kBytesPerTokenGuess + 8);
  const PostProcessor& around = parts_.post_processor;
  if (add_special_tokens) work.tokens = around.before;
  for (const TextSegment& segment : raw_finder_.split(text)) {
    if (segment.token) {
      work.tokens.push_back(*segment.token);
    } else {
      encode_piece(text.substr(segment.begin, segment.end - segment.begin), segment.begin == 0,
                   cache, work);
    }
  }
  if (add_special_tokens) {
    work.tokens.insert(work.tokens.end(), around.after.begin(), around.after.end());
  }
  return std::move(work.tokens);
}

void HfTokenizer::encode_piece(std::string_view text, bool at_start, EncodeCache* cache,
                               Work& work) const {
  if (cache == nullptr || text.size() < kCachedBytesMin) return encode_text(text, at_start, work);
  const EncodeCache::Key key = cache->key_of(text, at_start);
  if (cache->append(key, work.tokens)) return;
  const size_t before = work.tokens.size();
  encode_text(text, at_start, work);
  cache->store(key, std::span(work.tokens).subspan(before));
}

void HfTokenizer::encode_text(std::string_view text, bool at_start, Work& work) const {
  text = parts_.normalizer.apply(text, work.normalized);
  if (normalized_finder_.empty()) return encode_words(text, at_start, work);
  for (const TextSegment& segment : normalized_finder_.split(text)) {
    if (segment.token) {
      work.tokens.push_back(*segment.token);
    } else {
      encode_words(text.substr(segment.begin, segment.end - segment.begin),
                   at_start && segment.begin == 0, work);
    }
  }
}

void HfTokenizer::encode_words(std::string_view text, bool at_start, Work& work) const {
  work.words.reset(text, at_start);
  parts_.pre_tokenizer.apply(work.words);
  for (size_t i = 0; i < work.words.spans.size(); ++i) {
    parts_.model.encode(work.words.at(i), work.scratch, work.tokens);
  }
}

void HfTokenizer::decode_next(DecodeState& state, TokenId token, bool skip_special_tokens,
                              std::string& out) const {
  if (texts_.at(token).empty() || (skip_special_tokens && special_[token])) return;
  std::string_view bytes = pieces_.at(token);
  Decoder::Piece first;
  if (!state.started && parts_.decoder.first_differs()) {
    first = parts_.decoder.piece_of(texts_.at(token), true);
    bytes = first.bytes;
  }
  state.started = true;
  if (!parts_.decoder.strips_begin()) return decode_bytes(state, bytes, fallback_[token], out);
  std::string text;
  decode_bytes(state, bytes, fallback_[token], text);
  parts_.decoder.append_stripped(state, text, out);
}

std::optional<TokenId> HfTokenizer::token_to_id(std::string_view token) const {
  for (const AddedToken& added : parts_.added) {
    if (added.content == token) return added.id;
  }
  return parts_.model.token_to_id(token);
}

bool HfTokenizer::is_special(TokenId id) const { return id < special_.size() && special_[id]; }

}  // namespace llmd::tokenize
