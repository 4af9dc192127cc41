// SPDX-License-Identifier: Apache-2.0
#include "gateway/event_boundary.h"

#include <algorithm>

namespace llmd::gateway {

namespace {

constexpr std::string_view kEnds[] = {"\n\n", "\r\n\r\n"};

/// The size of `bytes` up to and with the last empty line; 0 if there is none.
size_t complete_size(std::string_view bytes) {
  size_t size = 0;
  for (const std::string_view end : kEnds) {
    if (bytes.ends_with(end)) return bytes.size();
    const size_t at = bytes.rfind(end);
    if (at != std::string_view::npos) size = std::max(size, at + end.size());
  }
  return size;
}

}  // namespace

size_t count_events(std::string_view bytes) {
  size_t count = 0;
  for (size_t at = bytes.find("\ndata:"); at != std::string_view::npos;
       at = bytes.find("\ndata:", at + 1)) {
    ++count;
  }
  return count + (bytes.starts_with("data:") ? 1 : 0);
}

void EventBoundary::reset() {
  held_.clear();
  given_ = 0;
  at_boundary_ = true;
}

std::string_view EventBoundary::take(std::string_view bytes) {
  held_.erase(0, given_);
  given_ = 0;
  if (held_.empty() && at_boundary_) {
    const size_t size = complete_size(bytes);
    held_.assign(bytes.substr(size));
    if (held_.size() <= kEventBytesMax) return bytes.substr(0, size);
    held_.clear();
    at_boundary_ = false;
    return bytes;
  }
  held_.append(bytes);
  given_ = complete_size(held_);
  if (given_ > 0) {
    at_boundary_ = true;
  } else if (!at_boundary_ || held_.size() > kEventBytesMax) {
    given_ = held_.size();
    at_boundary_ = false;
  }
  return std::string_view(held_).substr(0, given_);
}

std::string_view EventBoundary::take_all(std::string_view bytes) {
  held_.erase(0, given_);
  given_ = 0;
  if (held_.empty()) return bytes;
  held_.append(bytes);
  given_ = held_.size();
  return held_;
}

}  // namespace llmd::gateway
