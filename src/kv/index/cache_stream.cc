// SPDX-License-Identifier: Apache-2.0
#include "kv/index/cache_stream.h"

namespace llmd::kv {

void CacheStream::on_batch(std::string_view payload) {
  const auto read = reader_.read(payload, blocks_);
  unread_ += read ? read->unknown + read->broken : 1;
  lost_events_ = lost_events_ || !read || read->truncated || read->broken > 0;
  heard_ = true;
  index_.sweep();
  tell();
}

void CacheStream::on_reset() {
  blocks_.on_cleared({});
  heard_ = lost_events_ = false;
  tell();
}

void CacheStream::on_caught_up() {
  heard_ = true;
  tell();
}

void CacheStream::on_partial(bool partial) {
  is_partial_ = partial;
  tell();
}

Knowledge CacheStream::knowledge() const {
  if (!heard_) return Knowledge::kNothing;
  const bool is_whole = !is_partial_ && !lost_events_ && !blocks_.is_partial();
  return is_whole ? Knowledge::kWhole : Knowledge::kPartial;
}

}  // namespace llmd::kv
