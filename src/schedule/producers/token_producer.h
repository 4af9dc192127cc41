// SPDX-License-Identifier: Apache-2.0
// Upstream's token-producer: where the prompts' token ids come from.
#pragma once

#include <string>

#include "schedule/plugin.h"

namespace llmd::schedule {

/// Says which tokenizer there is; request/ asks it before a request is let in, as that needs time.
class TokenProducer final : public Producer {
 public:
  struct Options {
    bool tokenizes = true;   ///< else prompts are estimated from their bytes
    std::string path;        ///< a model directory, or words4; empty: the ModelService's
    std::string model_name;  ///< that `path` is of; empty: any
  };
  explicit TokenProducer(Options options) : options_(std::move(options)) {}

  bool wants_token_keys() const override { return options_.tokenizes; }
  void produce(const Query&) override {}
  const Options& options() const { return options_; }

 private:
  const Options options_;
};

}  // namespace llmd::schedule
