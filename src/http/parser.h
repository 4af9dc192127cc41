// SPDX-License-Identifier: Apache-2.0
// A strict HTTP/1.1 parser (RFC 9112). Where the RFC lets a recipient repair a message (bare LF,
// folded lines, spaces before the colon, repeated equal lengths, chunk extensions, absolute-form
// targets), this one refuses it: two parsers that repair differently are a smuggling hole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "http/message.h"

namespace llmd::http {

struct HeadLimits {
  size_t bytes_max = 64 * 1024;
  size_t headers_max = 128;
};

/// What is wrong with a message and the status that says so (for responses: any non-zero).
struct Fault {
  int status = 0;
  std::string_view message;
  explicit operator bool() const { return status != 0; }
};

/// Finds the end of a head while its bytes arrive, looking at each byte once.
class HeadScanner {
 public:
  /// `bytes` is everything since the head began. The head's size with its empty line once that is
  /// complete, else 0. A fault as soon as no continuation could be valid.
  size_t scan(std::string_view bytes, const HeadLimits& limits, Fault& fault);
  void reset() { *this = {}; }

 private:
  size_t line_begin_ = 0;
  size_t seen_ = 0;
};

/// How many body bytes follow a head and how one tells.
struct Framing {
  enum class Kind : uint8_t { kNone, kLength, kChunked, kUntilClose };
  Kind kind = Kind::kNone;
  uint64_t length = 0;  ///< of kLength
};

/// `bytes` is exactly one head as found by HeadScanner. Views in `head` point into it; what `head`
/// held before is replaced, its memory reused.
Fault parse_request_head(std::string_view bytes, const HeadLimits& limits, RequestHead& head,
                         Framing& framing);
/// `to_head_request`: the answer to a HEAD has no body, whatever its headers say.
Fault parse_response_head(std::string_view bytes, const HeadLimits& limits, bool to_head_request,
                          ResponseHead& head, Framing& framing);

/// Whether the connection stays open after this message (RFC 9112 §9.3).
bool wants_keep_alive(int version_minor, std::span<const Header> headers);
/// A comma-separated header value holds `token`, compared without case.
bool has_token(std::string_view list, std::string_view token);

/// Removes the chunked coding in place, however the bytes are cut.
class ChunkedDecoder {
 public:
  struct Step {
    std::string_view payload;  ///< the decoded bytes, within the bytes given
    size_t consumed = 0;       ///< less than given only when done() or on a fault
    Fault fault;
  };
  /// Decodes `size` bytes at `data`. The payload lies in one run: the parts behind the first are
  /// moved up to it, so that only pieces cut into several chunks are ever copied.
  Step decode(char* data, size_t size);
  bool done() const { return state_ == State::kDone; }
  void reset() { *this = {}; }

 private:
  enum class State : uint8_t {
    kSizeFirst,
    kSize,
    kSizeLf,
    kData,
    kDataCr,
    kDataLf,
    kTrailerStart,
    kTrailerLine,
    kTrailerLf,
    kEndLf,
    kDone,
  };
  Fault framing_byte(char c);
  Fault size_digit(char c);

  State state_ = State::kSizeFirst;
  uint64_t left_ = 0;  // of the current chunk
  int size_digits_ = 0;
  size_t trailer_bytes_ = 0;
};

}  // namespace llmd::http
