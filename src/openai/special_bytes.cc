// SPDX-License-Identifier: Apache-2.0
#include "openai/special_bytes.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "openai/special_bytes.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <cstring>

HWY_BEFORE_NAMESPACE();
namespace llmd::openai {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

void special_masks(const char* bytes, size_t count, uint64_t* masks) {
  const hn::CappedTag<uint8_t, kMaskBytes> tag;
  const size_t lanes = hn::Lanes(tag);
  const auto quote = hn::Set(tag, '"');
  const auto backslash = hn::Set(tag, '\\');
  const auto space = hn::Set(tag, 0x20);
  for (size_t block = 0; block < count; ++block) {
    const auto* from = reinterpret_cast<const uint8_t*>(bytes) + block * kMaskBytes;
    uint8_t bits[kMaskBytes / 8 + 8];  // StoreMaskBits may write whole words
    for (size_t i = 0; i < kMaskBytes; i += lanes) {
      const auto part = hn::LoadU(tag, from + i);
      const auto mark = hn::Or(hn::Eq(part, quote), hn::Eq(part, backslash));
      hn::StoreMaskBits(tag, hn::Or(mark, hn::Lt(part, space)), bits + i / 8);
    }
    std::memcpy(&masks[block], bits, sizeof masks[block]);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace llmd::openai
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace llmd::openai {

HWY_EXPORT(special_masks);

void special_masks(const char* bytes, size_t count, uint64_t* masks) {
  HWY_DYNAMIC_DISPATCH(special_masks)(bytes, count, masks);
}

}  // namespace llmd::openai
#endif
