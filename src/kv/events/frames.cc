// SPDX-License-Identifier: Apache-2.0
#include "kv/events/frames.h"

#include "base/text.h"

namespace llmd::kv {

std::optional<LiveMessage> parse_live(std::span<const std::string_view> frames) {
  if (frames.size() != 3) return std::nullopt;
  const auto seq = decode_seq(frames[1]);
  if (!seq || *seq == kReplayEnd) return std::nullopt;
  return LiveMessage{frames[0], *seq, frames[2]};
}

std::optional<ReplayMessage> parse_replay(std::span<const std::string_view> frames) {
  if ((frames.size() != 3 && frames.size() != 4) || !frames[0].empty()) return std::nullopt;
  const auto seq = decode_seq(frames[frames.size() - 2]);
  if (!seq) return std::nullopt;
  return ReplayMessage{*seq, frames.back()};
}

TopicSource parse_topic(std::string_view topic) {
  const std::vector<std::string_view> parts = split(topic, '@');
  if (parts.size() != 3) return {topic, {}};
  return {parts[1], parts[2]};
}

std::string encode_seq(uint64_t seq) {
  std::string bytes;
  for (int shift = 56; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(seq >> shift));
  return bytes;
}

std::optional<uint64_t> decode_seq(std::string_view bytes) {
  if (bytes.size() != sizeof(uint64_t)) return std::nullopt;
  uint64_t seq = 0;
  for (const char byte : bytes) seq = seq << 8 | static_cast<uint8_t>(byte);
  return seq;
}

}  // namespace llmd::kv
