// SPDX-License-Identifier: Apache-2.0
// MessagePack (https://github.com/msgpack/msgpack/blob/master/spec.md) read where it lies: pulled
// value by value, without a tree and without memory of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace llmd::kv {

/// What stands at the front of a value.
struct MsgpackHead {
  enum class Kind : uint8_t {
    kNever,  ///< the one byte that the format does not use
    kNil,
    kBool,
    kUint,
    kInt,  ///< written in a signed form; may be positive
    kFloat,
    kString,
    kBinary,
    kArray,
    kMap,
    kExtension,
  };
  Kind kind = Kind::kNever;
  uint8_t bytes = 0;  ///< of the head itself
  /// The number (kInt in two's complement, kFloat as the bits of a double), or how many bytes,
  /// array elements or map pairs follow. What follows a head is known to be possible in what is
  /// left.
  uint64_t value = 0;
};

/// A cursor over one message, which must outlive it; so must what string and binary reads give.
/// Every read says false, and consumes nothing, when the next value is of another kind or cut off.
class MsgpackReader {
 public:
  explicit MsgpackReader(std::string_view bytes)
      : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  size_t bytes_left() const { return static_cast<size_t>(end_ - at_); }
  /// Looks at the next value's head.
  bool peek(MsgpackHead& head) const;

  bool read_nil() {
    if (at_ == end_ || *at_ != '\xc0') return false;
    ++at_;
    return true;
  }
  /// Not negative, in any integer form.
  bool read_uint(uint64_t& value);
  /// Any integer; those of 2^63 and more wrap, as two's complement does.
  bool read_int(int64_t& value);
  /// Integers too.
  bool read_double(double& value);
  bool read_string(std::string_view& value);
  bool read_binary(std::string_view& value);
  /// The elements are the next values; there are not more of them than bytes left.
  bool read_array(size_t& elements);
  /// Likewise of keys and values in turn.
  bool read_map(size_t& pairs);
  /// The next `count` values, which are integers from 0 to 2^32 - 1. May have consumed some of them
  /// when it says false.
  bool read_uint32s(uint32_t* out, size_t count);
  /// Any one value with all that is in it. Deep nesting costs neither memory nor stack.
  bool skip();
  /// Likewise, giving its bytes.
  bool skip(std::string_view& value);

 private:
  bool take(MsgpackHead::Kind kind, MsgpackHead& head);
  bool take_bytes(MsgpackHead::Kind kind, std::string_view& value);
  bool read_uint32(uint32_t& value);

  const char* at_;
  const char* end_;
};

}  // namespace llmd::kv
