// SPDX-License-Identifier: Apache-2.0
#include "engine/api/kv_size.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace llmd::engine {
namespace {

constexpr uint64_t kGiB = uint64_t{1} << 30U;
const KvLayout kLayout{1, 4, 2, 16, 16, KvDtype::kF32};  // 16 KiB a block

KvSizeRequest request() { return {2048, 0, 0, 256, 16 * kGiB}; }

TEST(KvSize, DefaultHoldsSixteenFullSequences) {
  const KvSize size = size_kv(kLayout, request()).value();
  EXPECT_EQ(size.blocks, 16U * 2048 / 16);
  EXPECT_EQ(size.max_model_len, 2048U);
  EXPECT_FALSE(size.shortened);
}

TEST(KvSize, DefaultIsBoundedByMemory) {
  KvSizeRequest asked = request();
  asked.max_position = 1U << 20U;
  EXPECT_EQ(size_kv(kLayout, asked).value().blocks * kLayout.block_bytes(), kKvBytesMax);
  asked.memory_bytes = 160 * kLayout.block_bytes();
  const KvSize size = size_kv(kLayout, asked).value();
  EXPECT_EQ(size.blocks, 16U);
  EXPECT_EQ(size.max_model_len, 256U);
  EXPECT_TRUE(size.shortened);
}

TEST(KvSize, WhatWasAskedForIsKeptOrRefused) {
  KvSizeRequest asked = request();
  asked.blocks = 10;
  asked.max_model_len = 160;
  EXPECT_EQ(size_kv(kLayout, asked).value().max_model_len, 160U);
  asked.max_model_len = 161;
  EXPECT_THAT(size_kv(kLayout, asked).error().message, ::testing::HasSubstr("--max-model-len 161"));
  asked.max_model_len = 2049;
  EXPECT_THAT(size_kv(kLayout, asked).error().message, ::testing::HasSubstr("2048"));
}

}  // namespace
}  // namespace llmd::engine
