// SPDX-License-Identifier: Apache-2.0
#include "kv/index/cache_stream.h"

namespace llmd::kv {

void CacheStream::on_batch(std::string_view payload) {
  if (const auto read = reader_.read(payload, blocks_)) {
    unread_ += read->unknown + read->broken;
  } else {
    ++unread_;
  }
  heard_ = true;
  index_.sweep();
  tell();
}

void CacheStream::on_reset() {
  blocks_.on_cleared({});
  heard_ = false;
  tell();
}

void CacheStream::on_partial(bool partial) {
  is_partial_ = partial;
  tell();
}

Knowledge CacheStream::knowledge() const {
  if (!heard_) return Knowledge::kNothing;
  return is_partial_ || blocks_.is_partial() ? Knowledge::kPartial : Knowledge::kWhole;
}

}  // namespace llmd::kv
