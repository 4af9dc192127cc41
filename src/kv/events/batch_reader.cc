// SPDX-License-Identifier: Apache-2.0
#include "kv/events/batch_reader.h"

#include <algorithm>
#include <limits>
#include <span>

#include "kv/hash/block_key.h"

namespace llmd::kv {
namespace {

constexpr size_t kTagAndUp = 1;  ///< elements of the smallest event in array form

/// Grows only, so that what was grown once is not filled with zeros again.
template <typename T>
T* room_for(std::vector<T>& scratch, size_t count) {
  if (scratch.size() < count) scratch.resize(count);
  return scratch.data();
}

EngineHash last_bytes(std::string_view bytes) {
  EngineHash hash = 0;
  for (const char byte : bytes.substr(bytes.size() - std::min(bytes.size(), sizeof hash))) {
    hash = hash << 8 | static_cast<uint8_t>(byte);
  }
  return hash;
}

/// SGLang's hashes are signed: their bits count.
bool read_hash(MsgpackReader& reader, EngineHash& hash) {
  int64_t number = 0;
  if (reader.read_int(number)) {
    hash = static_cast<EngineHash>(number);
    return true;
  }
  std::string_view bytes;
  if (!reader.read_binary(bytes)) return false;
  hash = last_bytes(bytes);
  return true;
}

bool read_optional_hash(MsgpackReader& reader, std::optional<EngineHash>& hash) {
  if (reader.read_nil()) return true;
  return read_hash(reader, hash.emplace());
}

bool read_text(MsgpackReader& reader, std::string_view& text) {
  return reader.read_nil() || reader.read_string(text);
}

template <typename T>
bool read_number(MsgpackReader& reader, T& number) {
  uint64_t wide = 0;
  if (reader.read_nil()) return true;
  if (!reader.read_uint(wide) || wide > std::numeric_limits<T>::max()) return false;
  number = static_cast<T>(wide);
  return true;
}

template <typename T>
bool read_optional_number(MsgpackReader& reader, std::optional<T>& number) {
  return reader.read_nil() || read_number(reader, number.emplace());
}

bool read_spec_kind(MsgpackReader& reader, SpecKind& kind) {
  std::string_view name;
  if (!read_text(reader, name)) return false;
  if (!name.empty()) kind = spec_kind_named(name);
  return true;
}

uint64_t add_offset(uint64_t extra, int64_t offset) {
  char bytes[sizeof offset];
  for (size_t i = 0; i < sizeof bytes; ++i) {
    bytes[i] = static_cast<char>(static_cast<uint64_t>(offset) >> (8 * i));
  }
  return add_extra(extra, {bytes, sizeof bytes});
}

/// What is not understood still tells blocks apart, by its bytes.
bool fold_item(MsgpackReader& reader, uint64_t& extra) {
  std::string_view bytes;
  int64_t offset = 0;
  if (reader.read_int(offset)) {
    extra = add_offset(extra, offset);
    return true;
  }
  if (!reader.read_string(bytes) && !reader.read_binary(bytes) && !reader.skip(bytes)) return false;
  extra = add_extra(extra, bytes);
  return true;
}

/// A multimodal item is an identifier, or that and an offset.
bool fold_item_or_pair(MsgpackReader& reader, uint64_t& extra) {
  size_t parts = 0;
  if (!reader.read_array(parts)) return fold_item(reader, extra);
  for (size_t i = 0; i < parts; ++i) {
    if (!fold_item(reader, extra)) return false;
  }
  return true;
}

/// vLLM puts the adapter's name in front, which is part of the scope already.
void pass_over_name(MsgpackReader& reader, std::string_view name, size_t& items) {
  MsgpackReader ahead = reader;
  std::string_view first;
  if (name.empty() || items == 0 || !ahead.read_string(first) || first != name) return;
  reader = ahead;
  --items;
}

bool fold_block(MsgpackReader& reader, std::string_view lora_name, uint64_t& extra) {
  size_t items = 0;
  extra = 0;
  if (reader.read_nil()) return true;
  if (!reader.read_array(items)) return false;
  pass_over_name(reader, lora_name, items);
  for (size_t i = 0; i < items; ++i) {
    if (!fold_item_or_pair(reader, extra)) return false;
  }
  return true;
}

bool find_tag(MsgpackReader reader, size_t pairs, std::string_view& tag) {
  for (size_t i = 0; i < pairs; ++i) {
    std::string_view key;
    if (!reader.read_string(key)) {
      if (!reader.skip()) return false;
    } else if (key == kTypeKey) {
      return reader.read_string(tag);
    }
    if (!reader.skip()) return false;
  }
  return false;
}

bool is_known(std::string_view tag) {
  return tag == kStoredTag || tag == kRemovedTag || tag == kClearedTag;
}

std::span<const Field> fields_of(std::string_view tag) {
  if (tag == kStoredTag) return kStoredOrder;
  if (tag == kRemovedTag) return kRemovedOrder;
  return {};
}

}  // namespace

/// The fields of all types, as they came so far.
struct BatchReader::Draft {
  StoredEvent stored;
  std::optional<MsgpackReader> extra_keys;  ///< read last: what they mean hangs on lora_name
};

bool BatchReader::read_hashes(MsgpackReader& reader, Draft& draft) {
  size_t count = 0;
  if (!reader.read_array(count)) return false;
  EngineHash* const hashes = room_for(hashes_, count);
  for (size_t i = 0; i < count; ++i) {
    if (!read_hash(reader, hashes[i])) return false;
  }
  draft.stored.hashes = {hashes, count};
  return true;
}

bool BatchReader::read_tokens(MsgpackReader& reader, Draft& draft) {
  size_t count = 0;
  if (!reader.read_array(count)) return false;
  uint32_t* const tokens = room_for(tokens_, count);
  draft.stored.tokens = {tokens, count};
  return reader.read_uint32s(tokens, count);
}

bool BatchReader::read_field(Field field, MsgpackReader& reader, Draft& draft) {
  StoredEvent& event = draft.stored;
  switch (field) {
    case Field::kHashes:
      return read_hashes(reader, draft);
    case Field::kParent:
      return read_optional_hash(reader, event.parent);
    case Field::kTokens:
      return read_tokens(reader, draft);
    case Field::kBlockSize:
      return read_number(reader, event.block_size);
    case Field::kLoraId:
      return read_optional_number(reader, event.lora_id);
    case Field::kMedium:
      return read_text(reader, event.medium);
    case Field::kLoraName:
      return read_text(reader, event.lora_name);
    case Field::kExtraKeys:
      draft.extra_keys = reader;
      return reader.skip();
    case Field::kGroup:
      return read_number(reader, event.group);
    case Field::kSpecKind:
      return read_spec_kind(reader, event.spec_kind);
    case Field::kSlidingWindow:
      return read_optional_number(reader, event.sliding_window);
    case Field::kOther:
      return reader.skip();
  }
  return false;
}

bool BatchReader::fold_extra_keys(Draft& draft) {
  StoredEvent& event = draft.stored;
  size_t blocks = 0;
  if (!draft.extra_keys || draft.extra_keys->read_nil()) return true;
  if (!draft.extra_keys->read_array(blocks)) return false;
  if (blocks == 0) return true;
  if (blocks != event.hashes.size()) return false;
  uint64_t* const extra = room_for(extra_, blocks);
  bool any = false;
  for (size_t i = 0; i < blocks; ++i) {
    if (!fold_block(*draft.extra_keys, event.lora_name, extra[i])) return false;
    any |= extra[i] != 0;
  }
  if (any) event.extra = {extra, blocks};
  return true;
}

BatchReader::Outcome BatchReader::finish(std::string_view tag, Draft& draft, EventSink& sink) {
  const StoredEvent& event = draft.stored;
  if (tag == kClearedTag) {
    sink.on_cleared({});
    return Outcome::kRead;
  }
  if (event.hashes.empty()) return Outcome::kBroken;
  if (tag == kRemovedTag) {
    sink.on_removed({event.hashes, event.medium, event.group});
    return Outcome::kRead;
  }
  const bool fits =
      event.tokens.empty() || event.tokens.size() == event.hashes.size() * event.block_size;
  if (!fits || !fold_extra_keys(draft)) return Outcome::kBroken;
  sink.on_stored(event);
  return Outcome::kRead;
}

BatchReader::Outcome BatchReader::read_array_event(MsgpackReader& reader, size_t elements,
                                                   EventSink& sink) {
  std::string_view tag;
  if (elements < kTagAndUp || !reader.read_string(tag)) return Outcome::kBroken;
  if (!is_known(tag)) return Outcome::kUnknown;
  const std::span<const Field> fields = fields_of(tag);
  Draft draft;
  for (size_t i = 0; i + kTagAndUp < elements; ++i) {
    if (!read_field(i < fields.size() ? fields[i] : Field::kOther, reader, draft)) {
      return Outcome::kBroken;
    }
  }
  return finish(tag, draft, sink);
}

BatchReader::Outcome BatchReader::read_map_event(MsgpackReader& reader, size_t pairs,
                                                 EventSink& sink) {
  std::string_view tag;
  if (!find_tag(reader, pairs, tag)) return Outcome::kBroken;
  if (!is_known(tag)) return Outcome::kUnknown;
  const std::span<const Field> fields = fields_of(tag);
  Draft draft;
  for (size_t i = 0; i < pairs; ++i) {
    std::string_view key;
    if (!reader.read_string(key) && !reader.skip()) return Outcome::kBroken;
    const Field field = field_named(key);
    const bool wanted = std::find(fields.begin(), fields.end(), field) != fields.end();
    if (!read_field(wanted ? field : Field::kOther, reader, draft)) return Outcome::kBroken;
  }
  return finish(tag, draft, sink);
}

BatchReader::Outcome BatchReader::read_event(MsgpackReader& reader, EventSink& sink) {
  size_t count = 0;
  if (reader.read_map(count)) return read_map_event(reader, count, sink);
  if (reader.read_array(count)) return read_array_event(reader, count, sink);
  return Outcome::kBroken;
}

/// False when the end of an event cannot be found.
bool BatchReader::read_events(MsgpackReader& reader, EventSink& sink, BatchInfo& info) {
  size_t count = 0;
  if (!reader.read_array(count)) return false;
  for (size_t i = 0; i < count; ++i) {
    const MsgpackReader start = reader;
    const Outcome outcome = read_event(reader, sink);
    if (outcome == Outcome::kRead) {
      ++info.read;
      continue;
    }
    ++(outcome == Outcome::kUnknown ? info.unknown : info.broken);
    reader = start;
    if (!reader.skip()) return false;
  }
  return true;
}

Result<BatchInfo> BatchReader::read(std::string_view payload, EventSink& sink) {
  MsgpackReader reader(payload);
  size_t elements = 0;
  BatchInfo info;
  if (!reader.read_array(elements) || elements < 2) {
    return invalid_argument("a batch of KV events is an array of a time, events and a rank");
  }
  MsgpackHead events;
  if (!reader.read_double(info.timestamp_s) || !reader.peek(events) ||
      events.kind != MsgpackHead::Kind::kArray) {
    return invalid_argument("a batch of KV events has a number and an array first");
  }
  info.truncated = !read_events(reader, sink, info);
  if (elements > 2 && !info.truncated) {
    MsgpackReader rank = reader;
    info.truncated = !reader.skip();
    if (info.truncated || !read_optional_number(rank, info.rank)) info.rank.reset();
  }
  return info;
}

std::optional<uint32_t> read_rank(std::string_view payload) {
  MsgpackReader reader(payload);
  size_t elements = 0;
  std::optional<uint32_t> rank;
  if (!reader.read_array(elements) || elements < 3 || !reader.skip() || !reader.skip() ||
      !read_optional_number(reader, rank)) {
    return std::nullopt;
  }
  return rank;
}

}  // namespace llmd::kv
