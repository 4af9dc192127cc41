// SPDX-License-Identifier: Apache-2.0
// Keeps the end of a server-sent event stream whole: what a client gets always ends with a complete
// event, so that an error event can follow at any time.
#pragma once

#include <string>
#include <string_view>

namespace llmd::gateway {

/// Complete events in `bytes`, which begin at one.
size_t count_events(std::string_view bytes);

class EventBoundary {
 public:
  /// The bytes that may go on now: everything up to the last complete event. The rest is kept for
  /// the next call. What is returned is valid until the next call and as long as `bytes`.
  std::string_view take(std::string_view bytes);
  /// What is left when the stream ends well; appended to `bytes` first.
  std::string_view take_all(std::string_view bytes);
  /// False while an event larger than kEventBytesMax is passing in pieces.
  bool at_boundary() const { return at_boundary_; }
  void reset();

 private:
  std::string held_;
  size_t given_ = 0;  // of held_, by the last call
  bool at_boundary_ = true;
};

/// Larger events are passed on before they are complete, so that memory stays bounded.
inline constexpr size_t kEventBytesMax = 64 * 1024;

}  // namespace llmd::gateway
