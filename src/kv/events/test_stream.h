// SPDX-License-Identifier: Apache-2.0
// For tests of streams: a consumer that writes down what it hears.
#pragma once

#include <string>
#include <vector>

#include "kv/events/stream_follower.h"

namespace llmd::kv {

class TestConsumer final : public StreamConsumer {
 public:
  void on_batch(std::string_view payload) override { batches.emplace_back(payload); }
  void on_reset() override {
    ++resets;
    batches.clear();
  }
  void on_partial(bool now) override { partial = now; }

  std::vector<std::string> batches;  ///< since the last reset
  int resets = 0;
  bool partial = false;
};

}  // namespace llmd::kv
