// SPDX-License-Identifier: Apache-2.0
// Whatever comes in, events keep their promises, and an independent reader finds as many of them.
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>

#include "base/check.h"
#include "kv/events/batch_reader.h"

namespace {

using llmd::kv::BatchInfo;
using nlohmann::json;

bool lies_within(std::string_view part, std::string_view whole) {
  const std::less_equal<const char*> before;
  return part.empty() || (before(whole.data(), part.data()) &&
                          before(part.data() + part.size(), whole.data() + whole.size()));
}

class CheckingSink final : public llmd::kv::EventSink {
 public:
  explicit CheckingSink(std::string_view payload) : payload_(payload) {}
  void on_stored(const llmd::kv::StoredEvent& event) override {
    ++events;
    LLMD_CHECK(!event.hashes.empty());
    LLMD_CHECK(event.tokens.empty() ||
               event.tokens.size() == event.hashes.size() * event.block_size);
    LLMD_CHECK(event.extra.empty() || event.extra.size() == event.hashes.size());
    LLMD_CHECK(lies_within(event.medium, payload_) && lies_within(event.lora_name, payload_));
  }
  void on_removed(const llmd::kv::RemovedEvent& event) override {
    ++events;
    LLMD_CHECK(!event.hashes.empty() && lies_within(event.medium, payload_));
  }
  void on_cleared(const llmd::kv::ClearedEvent& /*event*/) override { ++events; }

  uint32_t events = 0;

 private:
  std::string_view payload_;
};

/// nlohmann reads nested values by recursion and wants text as keys, so only what it takes counts.
void compare(std::string_view payload, const llmd::Result<BatchInfo>& info) {
  const json batch = json::from_msgpack(payload.begin(), payload.end(), false, false);
  if (batch.is_discarded()) return;
  const bool is_batch =
      batch.is_array() && batch.size() >= 2 && batch[0].is_number() && batch[1].is_array();
  LLMD_CHECK(info.ok() == is_batch);
  if (!is_batch) return;
  LLMD_CHECK(!info->truncated);
  LLMD_CHECK(info->read + info->unknown + info->broken == batch[1].size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view payload(reinterpret_cast<const char*>(data), size);
  CheckingSink sink(payload);
  llmd::kv::BatchReader reader;
  const auto info = reader.read(payload, sink);
  LLMD_CHECK(sink.events == (info ? info->read : 0));
  LLMD_CHECK(!info || !info->rank || llmd::kv::read_rank(payload) == info->rank);
  compare(payload, info);
  return 0;
}
