// SPDX-License-Identifier: Apache-2.0
// Reads tokenizer.json, the format of the Hugging Face `tokenizers` library, version 1.0.
#include <fmt/core.h>

#include <algorithm>

#include "tokenize/hf_tokenizer.h"
#include "tokenize/json_field.h"

namespace llmd::tokenize {
namespace {

constexpr size_t kFileBytesMax = 64 * 1024 * 1024;
constexpr size_t kNestingMax = 64;
constexpr uint64_t kTokenIdMax = (uint64_t{1} << 22) - 1;
constexpr size_t kTokenBytesMax = 64 * 1024;
constexpr size_t kAddedTokenBytesMax = 1024;

Error bad(std::string message) { return invalid_argument("tokenizer.json: " + message); }

Result<void> read_vocab(Json model, BpeSource& source) {
  const auto json = field(model, "vocab");
  simdjson::dom::object vocab;
  if (!json || json->get(vocab) != simdjson::SUCCESS) return bad("model: no \"vocab\" object");
  for (const auto [token, value] : vocab) {
    uint64_t id = 0;
    if (value.get(id) != simdjson::SUCCESS || id > kTokenIdMax || token.size() > kTokenBytesMax) {
      return bad(fmt::format("model: vocab entry \"{}\" is not an id up to {}", token.substr(0, 64),
                             kTokenIdMax));
    }
    if (id >= source.vocab.size()) source.vocab.resize(id + 1);
    source.vocab[id] = token;
  }
  return {};
}

/// ["a", "b"], or "a b" as files before version 0.20 of the library have it.
bool read_merge(Json json, std::pair<std::string_view, std::string_view>& merge) {
  std::string_view text;
  if (json.get(text) == simdjson::SUCCESS) {
    const size_t space = text.find(' ');
    if (space == std::string_view::npos) return false;
    merge = {text.substr(0, space), text.substr(space + 1)};
    return merge.second.find(' ') == std::string_view::npos;
  }
  simdjson::dom::array pair;
  return json.get(pair) == simdjson::SUCCESS && pair.size() == 2 &&
         pair.at(0).get(merge.first) == simdjson::SUCCESS &&
         pair.at(1).get(merge.second) == simdjson::SUCCESS;
}

Result<void> read_merges(Json model, BpeSource& source) {
  LLMD_ASSIGN_OR_RETURN(const auto merges, array_field(model, "merges", "model"));
  for (Json json : merges) {
    if (!read_merge(json, source.merges.emplace_back())) {
      return bad(fmt::format("model: merge {} is no pair", source.merges.size() - 1));
    }
  }
  return {};
}

Result<void> refuse_other_bpe(Json model) {
  double dropout = 0;
  const auto field_of = [&](std::string_view key) { return field(model, key); };
  if (field_of("dropout") && (field_of("dropout")->get(dropout) != simdjson::SUCCESS || dropout)) {
    return Error{Errc::kUnimplemented, "tokenizer.json: model: dropout is not supported"};
  }
  for (std::string_view key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    std::string_view text;
    if (field_of(key) && (field_of(key)->get(text) != simdjson::SUCCESS || !text.empty())) {
      return Error{Errc::kUnimplemented,
                   fmt::format("tokenizer.json: model: {} is not supported", key)};
    }
  }
  return {};
}

Result<Bpe> read_model(Json root, bool raw_bytes) {
  const auto model = field(root, "model");
  if (!model) return bad("no \"model\"");
  // Files before version 0.13 of the library leave the type of BPE out.
  std::string_view type = "BPE";
  if (field(*model, "type")) {
    LLMD_ASSIGN_OR_RETURN(type, text_field(*model, "type", "model"));
  }
  if (type != "BPE") return unknown_type("model", type);
  LLMD_RETURN_IF_ERROR(refuse_other_bpe(*model));
  BpeSource source;
  source.raw_bytes = raw_bytes;
  LLMD_ASSIGN_OR_RETURN(source.fuse_unk, bool_field(*model, "fuse_unk", false, "model"));
  LLMD_ASSIGN_OR_RETURN(source.byte_fallback, bool_field(*model, "byte_fallback", false, "model"));
  LLMD_ASSIGN_OR_RETURN(source.ignore_merges, bool_field(*model, "ignore_merges", false, "model"));
  if (field(*model, "unk_token")) {
    LLMD_ASSIGN_OR_RETURN(const auto unk, text_field(*model, "unk_token", "model"));
    source.unk_token = std::string(unk);
  }
  LLMD_RETURN_IF_ERROR(read_vocab(*model, source));
  LLMD_RETURN_IF_ERROR(read_merges(*model, source));
  return Bpe::build(source);
}

Result<AddedToken> read_added(Json json) {
  constexpr std::string_view kWhere = "added token";
  AddedToken token;
  LLMD_ASSIGN_OR_RETURN(const auto content, text_field(json, "content", kWhere));
  LLMD_ASSIGN_OR_RETURN(const uint64_t id, uint_field(json, "id", kWhere));
  if (id > kTokenIdMax || content.size() > kAddedTokenBytesMax) {
    return bad(fmt::format("added token {}: id or content too large", content.substr(0, 64)));
  }
  token.content = std::string(content);
  token.id = static_cast<TokenId>(id);
  LLMD_ASSIGN_OR_RETURN(token.special, bool_field(json, "special", false, kWhere));
  LLMD_ASSIGN_OR_RETURN(token.normalized, bool_field(json, "normalized", !token.special, kWhere));
  LLMD_ASSIGN_OR_RETURN(token.lstrip, bool_field(json, "lstrip", false, kWhere));
  LLMD_ASSIGN_OR_RETURN(token.rstrip, bool_field(json, "rstrip", false, kWhere));
  LLMD_ASSIGN_OR_RETURN(token.single_word, bool_field(json, "single_word", false, kWhere));
  return token;
}

/// The model's id wins over the one that the list of added tokens gives, as in the library.
Result<std::vector<AddedToken>> read_all_added(Json root, const Bpe& model) {
  std::vector<AddedToken> added;
  if (!field(root, "added_tokens")) return added;
  LLMD_ASSIGN_OR_RETURN(const auto list, array_field(root, "added_tokens", "top level"));
  for (Json json : list) {
    LLMD_ASSIGN_OR_RETURN(AddedToken token, read_added(json));
    if (token.content.empty()) continue;
    token.id = model.token_to_id(token.content).value_or(token.id);
    added.push_back(std::move(token));
  }
  return added;
}

Result<std::unique_ptr<Tokenizer>> build(Json root) {
  LLMD_ASSIGN_OR_RETURN(Normalizer normalizer, Normalizer::parse(field(root, "normalizer")));
  LLMD_ASSIGN_OR_RETURN(PreTokenizer words, PreTokenizer::parse(field(root, "pre_tokenizer")));
  LLMD_ASSIGN_OR_RETURN(PostProcessor post, PostProcessor::parse(field(root, "post_processor")));
  LLMD_ASSIGN_OR_RETURN(Decoder decoder, Decoder::parse(field(root, "decoder")));
  LLMD_ASSIGN_OR_RETURN(Bpe model, read_model(root, words.ends_in_bytes()));
  LLMD_ASSIGN_OR_RETURN(auto added, read_all_added(root, model));
  HfTokenizer::Parts parts{std::move(normalizer), std::move(words), std::move(model),
                           std::move(added),      std::move(post),  std::move(decoder)};
  return std::unique_ptr<Tokenizer>(std::make_unique<HfTokenizer>(std::move(parts)));
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> parse_tokenizer(std::string_view tokenizer_json) {
  if (tokenizer_json.size() > kFileBytesMax) {
    return Error{Errc::kTooLarge,
                 fmt::format("tokenizer.json is larger than {} bytes", kFileBytesMax)};
  }
  simdjson::dom::parser parser(kFileBytesMax);
  Json root;
  auto error = parser.allocate(tokenizer_json.size(), kNestingMax);
  if (error == simdjson::SUCCESS) error = parser.parse(tokenizer_json).get(root);
  if (error != simdjson::SUCCESS) return bad(simdjson::error_message(error));
  return build(root);
}

}  // namespace llmd::tokenize
