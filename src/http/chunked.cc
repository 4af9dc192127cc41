// SPDX-License-Identifier: Apache-2.0
// The chunked coding, RFC 9112 §7.1. Extensions are refused: nobody needs them, and parsers that
// skip them differently have been attacked. Trailers are skipped, within a bound.
#include <algorithm>
#include <cstring>

#include "http/parser.h"

namespace llmd::http {

namespace {

constexpr size_t kTrailerBytesMax = 8 * 1024;
constexpr int kSizeDigitsMax = 15;  // below 2^60

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

ChunkedDecoder::Step ChunkedDecoder::decode(char* data, size_t size) {
  Step step;
  char* payload = nullptr;
  size_t payload_size = 0;
  while (step.consumed < size && state_ != State::kDone) {
    char* at = data + step.consumed;
    if (state_ != State::kData) {
      step.fault = framing_byte(*at);
      if (step.fault) break;
      ++step.consumed;
      continue;
    }
    const size_t run = static_cast<size_t>(std::min<uint64_t>(left_, size - step.consumed));
    if (payload == nullptr) payload = at;
    if (payload + payload_size != at) std::memmove(payload + payload_size, at, run);
    payload_size += run;
    step.consumed += run;
    left_ -= run;
    if (left_ == 0) state_ = State::kDataCr;
  }
  step.payload = {payload, payload_size};
  return step;
}

Fault ChunkedDecoder::size_digit(char c) {
  const int digit = hex_value(c);
  if (digit < 0) return {400, "invalid chunk size"};
  if (++size_digits_ > kSizeDigitsMax) return {400, "chunk size out of range"};
  left_ = left_ * 16 + static_cast<uint64_t>(digit);
  state_ = State::kSize;
  return {};
}

Fault ChunkedDecoder::framing_byte(char c) {
  const auto expect = [&](char wanted, State next) -> Fault {
    if (c != wanted) return {400, "invalid chunk framing"};
    state_ = next;
    return {};
  };
  switch (state_) {
    case State::kSize:
      if (c == '\r') return expect('\r', State::kSizeLf);
      return size_digit(c);
    case State::kSizeFirst:
      left_ = 0;
      size_digits_ = 0;
      return size_digit(c);
    case State::kSizeLf:
      return expect('\n', left_ == 0 ? State::kTrailerStart : State::kData);
    case State::kDataCr:
      return expect('\r', State::kDataLf);
    case State::kDataLf:
      return expect('\n', State::kSizeFirst);
    case State::kTrailerStart:
      if (c == '\r') return expect('\r', State::kEndLf);
      [[fallthrough]];
    case State::kTrailerLine:
      if (++trailer_bytes_ > kTrailerBytesMax) return {431, "trailers too large"};
      if (c == '\n' || c == '\0') return {400, "invalid trailer"};
      state_ = c == '\r' ? State::kTrailerLf : State::kTrailerLine;
      return {};
    case State::kTrailerLf:
      return expect('\n', State::kTrailerStart);
    case State::kEndLf:
      return expect('\n', State::kDone);
    case State::kData:
    case State::kDone:
      break;
  }
  return {};
}

}  // namespace llmd::http
