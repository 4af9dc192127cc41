// SPDX-License-Identifier: Apache-2.0
#include "gateway/model_restorer.h"

#include <algorithm>

#include "openai/json_writer.h"

namespace llmd::gateway {
namespace {

constexpr std::string_view kKey = "\"model\"";
constexpr std::string_view kSpace = " \t\r\n";
/// More space than this between a key and its value is nobody's JSON.
constexpr size_t kSpaceMax = 64;
constexpr size_t kNoMatch = 0;

/// How many bytes at the end of `text` may be the beginning of the key.
size_t begun_key_size(std::string_view text) {
  for (size_t size = std::min(text.size(), kKey.size() - 1); size > 0; --size) {
    if (text.ends_with(kKey.substr(0, size))) return size;
  }
  return 0;
}

size_t skip_space(std::string_view text, size_t at) {
  return std::min({text.find_first_not_of(kSpace, at), text.size(), at + kSpaceMax});
}

}  // namespace

void ModelRestorer::start(std::string_view served, std::string_view asked) {
  served_.clear();
  asked_.clear();
  openai::append_json_string(served_, served);
  openai::append_json_string(asked_, asked);
  in_.clear();
}

/// Where the member that begins with the key at `at` ends; kNoMatch when its value is another;
/// npos when that cannot be told yet.
size_t ModelRestorer::match_end(size_t at) const {
  const std::string_view text = in_;
  at = skip_space(text, at + kKey.size());
  if (at == text.size()) return std::string_view::npos;
  if (text[at] != ':') return kNoMatch;
  at = skip_space(text, at + 1);
  const std::string_view value = text.substr(at, served_.size());
  if (!served_.starts_with(value)) return kNoMatch;
  return value.size() == served_.size() ? at + value.size() : std::string_view::npos;
}

std::string_view ModelRestorer::restore(std::string_view bytes, bool last) {
  in_.append(bytes);
  out_.clear();
  size_t done = 0;
  for (size_t key = in_.find(kKey); key != std::string::npos; key = in_.find(kKey, done)) {
    const size_t end = match_end(key);
    if (end == std::string::npos) {
      if (last) break;
      out_.append(in_, done, key - done);
      in_.erase(0, key);
      return out_;
    }
    const size_t plain_end = end == kNoMatch ? key + kKey.size() : in_.find(served_, key);
    out_.append(in_, done, plain_end - done);
    if (end != kNoMatch) out_ += asked_;
    done = std::max(end, plain_end);
  }
  const size_t held = last ? 0 : begun_key_size(std::string_view(in_).substr(done));
  out_.append(in_, done, in_.size() - held - done);
  in_.erase(0, in_.size() - held);
  return out_;
}

}  // namespace llmd::gateway
