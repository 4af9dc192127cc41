// SPDX-License-Identifier: Apache-2.0
#include "schedule/token_keys.h"

namespace llmd::schedule {

void TokenKeys::clear() {
  keys.clear();
  ends.clear();
  tokens = 0;
}

void TokenKeys::add(std::span<const uint32_t> ids, const kv::KeyScope& scope,
                    std::string_view salt) {
  tokens += static_cast<uint32_t>(ids.size());
  kv::BlockKey key = kv::root_key(scope);
  uint64_t extra = salt.empty() ? 0 : kv::add_extra(0, salt);
  for (; ids.size() >= kv::kBlockTokens; ids = ids.subspan(kv::kBlockTokens), extra = 0) {
    keys.push_back(key = kv::chain_key(key, ids.first(kv::kBlockTokens), extra));
  }
  ends.push_back(static_cast<uint32_t>(keys.size()));
}

}  // namespace llmd::schedule
