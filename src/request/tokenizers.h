// SPDX-License-Identifier: Apache-2.0
// The tokenizers that routes use, each read once, and the prompts that become token keys with them.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/off_loop.h"
#include "base/result.h"
#include "observe/metrics.h"
#include "schedule/token_keys.h"
#include "tokenize/prompt_tokenizer.h"

namespace llmd::request {

using TokenizerPtr = std::shared_ptr<const tokenize::PromptTokenizer>;

/// A prompt to tokenize.
struct PromptText {
  std::string_view body;     ///< the whole request
  std::string_view adapter;  ///< LoRA that it asks for; empty: none
};

/// Loop thread only.
class Tokenizers {
 public:
  /// `post` runs something on the loop's thread, from any thread; empty: everything is done at
  /// once. `registry` must outlive this object. `seed`: see EncodeCache.
  Tokenizers(observe::Registry& registry, std::function<void(std::function<void()>)> post,
             uint64_t seed);

  /// Of a directory, or tokenize::kWords4. Read again only when tokenizer.json is newer.
  Result<TokenizerPtr> load(const std::string& path);

  /// Fills the empty `keys`, or leaves them so where the ids cannot be known. Null when that is
  /// done, as it is for a short body; else `done` is called when it is, unless the job is
  /// cancelled, and `keys` must stay in place until then.
  OffLoop::JobPtr read(const TokenizerPtr& tokenizer, const PromptText& prompt,
                       schedule::TokenKeys& keys, std::function<void()> done);

  /// Runs `work` beside the loop if it is about many bytes, then `done` on it. False, doing
  /// nothing, when too much waits.
  bool run(size_t bytes, std::function<void()> work, std::function<void()> done);

 private:
  struct Loaded {
    std::filesystem::file_time_type changed;
    std::weak_ptr<const tokenize::PromptTokenizer> tokenizer;
  };
  void count(const schedule::TokenKeys& found);

  const uint64_t seed_;
  std::map<std::string, Loaded> loaded_;
  observe::Counter tokens_;
  observe::Counter on_loop_;
  observe::Counter beside_loop_;
  observe::Counter queue_full_;
  observe::Counter failed_;
  const bool has_threads_;
  OffLoop off_loop_;  ///< last: its threads end first
};

}  // namespace llmd::request
