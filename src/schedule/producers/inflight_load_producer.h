// SPDX-License-Identifier: Apache-2.0
// How many tokens a request counts for at its endpoint while it is there.
#pragma once

#include "schedule/plugin.h"

namespace llmd::schedule {

/// Requests are counted by request/, which knows when they begin and end; this says how.
class InflightLoadProducer final : public Producer {
 public:
  struct Options {
    bool adds_output = false;   ///< count expected tokens of the answer too
    double output_ratio = 1.5;  ///< of the prompt's length, where the request sets no limit
    uint32_t output_max = UINT32_MAX;
  };

  InflightLoadProducer(const Options& options, PrefixProducer& prefixes)
      : options_(options), prefixes_(prefixes) {}

  void produce(const Query&) override {}

  /// Tokens of the prompt that the endpoint must compute.
  uint32_t prompt_tokens(const Query& query, const endpoints::Endpoint& endpoint) const;
  /// Expected tokens of the answer, as far as they are to be counted.
  uint32_t output_tokens(const Query& query) const;

 private:
  Options options_;
  PrefixProducer& prefixes_;
};

}  // namespace llmd::schedule
