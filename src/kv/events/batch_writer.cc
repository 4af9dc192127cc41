// SPDX-License-Identifier: Apache-2.0
#include "kv/events/batch_writer.h"

#include "kv/events/event_fields.h"
#include "kv/events/msgpack_writer.h"

namespace llmd::kv {
namespace {

void write_text(MsgpackWriter& out, std::string_view text) {
  if (text.empty()) return out.nil();
  out.string(text);
}

template <typename T>
void write_optional(MsgpackWriter& out, const std::optional<T>& number) {
  if (!number) return out.nil();
  out.uint(*number);
}

template <typename T>
void write_numbers(MsgpackWriter& out, std::span<const T> numbers) {
  out.array(numbers.size());
  for (const T number : numbers) out.uint(number);
}

void write_extra_keys(MsgpackWriter& out, const StoredEvent& event, std::string_view salt) {
  out.array(event.hashes.size());
  for (size_t i = 0; i < event.hashes.size(); ++i) {
    const bool salted = i == 0 && !salt.empty();
    const size_t items = (event.lora_name.empty() ? 0 : 1) + (salted ? 1 : 0);
    if (items == 0) {
      out.nil();
      continue;
    }
    out.array(items);
    if (!event.lora_name.empty()) out.string(event.lora_name);
    if (salted) out.string(salt);
  }
}

void write_field(MsgpackWriter& out, Field field, const StoredEvent& event, std::string_view salt) {
  switch (field) {
    case Field::kHashes:
      return write_numbers(out, event.hashes);
    case Field::kParent:
      return write_optional(out, event.parent);
    case Field::kTokens:
      return write_numbers(out, event.tokens);
    case Field::kBlockSize:
      return out.uint(event.block_size);
    case Field::kLoraId:
      return write_optional(out, event.lora_id);
    case Field::kMedium:
      return write_text(out, event.medium);
    case Field::kLoraName:
      return write_text(out, event.lora_name);
    case Field::kExtraKeys:
      return write_extra_keys(out, event, salt);
    case Field::kGroup:
      return out.uint(event.group);
    case Field::kSpecKind:
      return write_text(out, name_of(event.spec_kind));
    case Field::kSlidingWindow:
      return write_optional(out, event.sliding_window);
    case Field::kOther:
      return;
  }
}

/// Without those at the end that say nothing.
std::span<const Field> fields_said(const StoredEvent& event) {
  const std::span<const Field> all = kStoredOrder;
  if (event.sliding_window) return all;
  return all.first(all.size() - (event.spec_kind == SpecKind::kUnspecified ? 2 : 1));
}

}  // namespace

void BatchWriter::begin(std::string_view tag, size_t fields) {
  MsgpackWriter out(body_);
  ++events_;
  if (form_ == EventForm::kMap) {
    out.map(1 + fields);
    out.string(kTypeKey);
  } else {
    out.array(1 + fields);
  }
  out.string(tag);
}

void BatchWriter::stored(const StoredEvent& event, std::string_view salt) {
  const std::span<const Field> fields = fields_said(event);
  begin(kStoredTag, fields.size());
  MsgpackWriter out(body_);
  for (const Field field : fields) {
    if (form_ == EventForm::kMap) out.string(name_of(field));
    write_field(out, field, event, salt);
  }
}

void BatchWriter::removed(const RemovedEvent& event) {
  const StoredEvent fields{.hashes = event.hashes, .medium = event.medium, .group = event.group};
  begin(kRemovedTag, kRemovedOrder.size());
  MsgpackWriter out(body_);
  for (const Field field : kRemovedOrder) {
    if (form_ == EventForm::kMap) out.string(name_of(field));
    write_field(out, field, fields, {});
  }
}

void BatchWriter::cleared() { begin(kClearedTag, 0); }

std::string BatchWriter::finish(double timestamp_s) {
  std::string payload;
  payload.reserve(body_.size() + 32);
  MsgpackWriter out(payload);
  out.array(rank_ ? 3 : 2);
  out.float64(timestamp_s);
  out.array(events_);
  payload += body_;
  if (rank_) out.uint(*rank_);
  body_.clear();
  events_ = 0;
  return payload;
}

}  // namespace llmd::kv
