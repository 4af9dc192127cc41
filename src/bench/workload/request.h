// SPDX-License-Identifier: Apache-2.0
// One request of a workload before it is text: small, so that many can wait.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"

namespace llmd::bench {

/// The first `tokens` tokens of an endless sequence that `stream` alone decides: of two pieces of
/// one stream, one is the begin of the other. TokenText turns it into text.
struct Piece {
  uint64_t stream = 0;
  uint32_t tokens = 0;
  bool operator==(const Piece&) const = default;
};

enum class Role : uint8_t { kSystem, kUser, kAssistant };

/// What one side said: pieces, or the text of an answer that came.
struct Message {
  Role role = Role::kUser;
  std::vector<Piece> pieces;
  std::string text;
};

struct Request {
  uint64_t number = 0;
  std::vector<Message> messages;  ///< the last one is the user's
  uint32_t output_tokens = 0;     ///< wanted, at least 1
  uint64_t session = 0;           ///< 0: none
  uint32_t turn = 0;              ///< from 0, in its session
  /// How long the session pauses after this answer (a tool at work) before its next turn.
  Duration pause{};
};

/// A number that every one of its parts changes, for seeds and streams.
template <typename... Parts>
constexpr uint64_t mix_all(uint64_t first, Parts... rest) {
  uint64_t mixed = mix64(first);
  ((mixed = mix64(mixed ^ static_cast<uint64_t>(rest))), ...);
  return mixed;
}

}  // namespace llmd::bench
