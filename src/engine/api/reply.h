// SPDX-License-Identifier: Apache-2.0
// One generating HTTP request while the engine works on it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/api/api_context.h"
#include "http/server.h"
#include "openai/error.h"
#include "openai/reply_format.h"
#include "openai/request_types.h"

namespace llmd::engine {

/// Gathers the choices into one answer, or streams them; aborts them when the client goes away or
/// takes no bytes. Kept alive by the engine's callbacks. Loop thread only.
class Reply : public std::enable_shared_from_this<Reply> {
 public:
  Reply(ApiContext& context, std::shared_ptr<http::Exchange> exchange,
        std::unique_ptr<openai::ReplyFormat> format, const openai::StreamFields& streaming);

  /// Submits one engine request per choice, `per_prompt` neighbours having the same prompt. When
  /// one is refused all are, with an error response.
  void run(std::vector<EngineRequest> requests, size_t per_prompt);

 private:
  struct Choice {
    SequenceId id = 0;
    std::vector<TokenId> prompt;  ///< only if token ids are to be shown
    std::string text;             ///< whole answers only, like the two below
    std::vector<TokenId> token_ids;
    std::string stop_string;
    openai::ChoicePart part;
    uint32_t generated = 0;
    bool opened = false;
  };

  void on_progress(Choice& choice, const Progress& progress);
  void stream(Choice& choice, const Progress& progress);
  void gather(Choice& choice, const Progress& progress);
  void begin_stream();
  void flush();
  void complete();
  void give_up();
  void count(Choice& choice, const Progress& progress);

  ApiContext& context_;
  std::shared_ptr<http::Exchange> exchange_;
  std::unique_ptr<openai::ReplyFormat> format_;
  openai::StreamFields streaming_;
  std::vector<Choice> choices_;
  size_t per_prompt_ = 1;
  size_t open_ = 0;  ///< choices that have not ended
  bool started_ = false;
  bool closed_ = false;
  openai::Usage usage_;
  std::string buffer_;  ///< reused for every chunk
};

}  // namespace llmd::engine
