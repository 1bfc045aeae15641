// Operations on 128 bits: by hand at their edges, and by laws on random operands. operation_check runs each against its
// definition's meaning, too.
#include "interpreter/wide.h"

#include <gtest/gtest.h>

#include <random>

namespace assay::interpreter {
namespace {

using ir::IntCC;
using ir::Opcode;

constexpr Word128 kMax = ~Word128{0}, kMin = Word128{1} << 127;

WideResult run(Opcode opcode, Word128 x, Word128 y = 0, Word128 z = 0, unsigned bits = 128, unsigned result_bits = 128,
               uint8_t code = 0) {
  return evaluate_wide({opcode, static_cast<uint8_t>(bits), static_cast<uint8_t>(result_bits), code}, x, y, z);
}
bool is(Word128 a, Word128 b) { return a == b; }

TEST(Wide, DivisionAndItsTraps) {
  EXPECT_EQ(run(Opcode::kUdiv, 1, 0).trap, ir::kIntegerDivisionByZero);
  EXPECT_EQ(run(Opcode::kSrem, 1, 0).trap, ir::kIntegerDivisionByZero);
  EXPECT_EQ(run(Opcode::kSdiv, kMin, kMax).trap, ir::kIntegerOverflow);
  EXPECT_TRUE(is(run(Opcode::kSrem, kMin, kMax).value, 0));
  EXPECT_TRUE(is(run(Opcode::kSdiv, -Word128{7}, 2).value, -Word128{3}));
  EXPECT_TRUE(is(run(Opcode::kSrem, -Word128{7}, 2).value, -Word128{1}));
  EXPECT_TRUE(is(run(Opcode::kSrem, 7, -Word128{2}).value, 1));
  EXPECT_TRUE(is(run(Opcode::kSdiv, kMin, 1).value, kMin));
}

TEST(Wide, OverflowFlags) {
  const auto flag = [](Opcode opcode, Word128 x, Word128 y, Word128 z = 0) {
    return static_cast<unsigned>(run(opcode, x, y, z).second);
  };
  EXPECT_EQ(flag(Opcode::kUaddOverflow, kMax, 1), 1u);
  EXPECT_EQ(flag(Opcode::kUaddOverflow, kMax, 0), 0u);
  EXPECT_EQ(flag(Opcode::kUaddOverflowCin, kMax, 0, 1), 1u);
  EXPECT_EQ(flag(Opcode::kUaddOverflowCin, kMax, kMax, 2), 1u);
  EXPECT_EQ(flag(Opcode::kSaddOverflow, kMin - 1, 1), 1u);
  EXPECT_EQ(flag(Opcode::kSaddOverflowCin, kMin - 1, 0, 1), 1u);
  EXPECT_EQ(flag(Opcode::kSaddOverflowCin, kMin, kMax, 1), 0u);  // min - 1 + 1
  EXPECT_EQ(flag(Opcode::kUsubOverflow, 0, 1), 1u);
  EXPECT_EQ(flag(Opcode::kUsubOverflowBin, 1, 1, 1), 1u);
  EXPECT_EQ(flag(Opcode::kUsubOverflowBin, 1, 0, 1), 0u);
  EXPECT_EQ(flag(Opcode::kSsubOverflow, kMin, 1), 1u);
  EXPECT_EQ(flag(Opcode::kSsubOverflow, 0, kMin), 1u);
  EXPECT_EQ(flag(Opcode::kSsubOverflowBin, 0, kMin, 1), 0u);  // max
}

TEST(Wide, CountingAndReversing) {
  EXPECT_TRUE(is(run(Opcode::kClz, 0).value, 128));
  EXPECT_TRUE(is(run(Opcode::kClz, 1).value, 127));
  EXPECT_TRUE(is(run(Opcode::kCtz, 0).value, 128));
  EXPECT_TRUE(is(run(Opcode::kCtz, kMin).value, 127));
  EXPECT_TRUE(is(run(Opcode::kCls, 0).value, 127));
  EXPECT_TRUE(is(run(Opcode::kCls, kMax).value, 127));
  EXPECT_TRUE(is(run(Opcode::kCls, kMin).value, 0));
  EXPECT_TRUE(is(run(Opcode::kPopcnt, kMax).value, 128));
  EXPECT_TRUE(is(run(Opcode::kBitrev, 1).value, kMin));
  EXPECT_TRUE(is(run(Opcode::kBswap, 0x0102).value, Word128{0x0201} << 112));
}

TEST(Wide, MixedWidths) {
  EXPECT_TRUE(is(run(Opcode::kSextend, 0x80, 0, 0, 8).value, -Word128{0x80}));
  EXPECT_TRUE(is(run(Opcode::kUextend, 0x80, 0, 0, 8).value, 0x80));
  EXPECT_TRUE(is(run(Opcode::kIreduce, kMax, 0, 0, 128, 16).value, 0xffff));
  EXPECT_TRUE(is(run(Opcode::kIconcat, 1, 2, 0, 64, 128).value, Word128{2} << 64 | 1));
  const WideResult halves = run(Opcode::kIsplit, Word128{2} << 64 | 1, 0, 0, 128, 64);
  EXPECT_TRUE(is(halves.value, 1) && is(halves.second, 2));
  EXPECT_TRUE(is(run(Opcode::kIshl, 1, 129).value, 2));  // modulo the width
  EXPECT_TRUE(is(run(Opcode::kSshr, kMin, 127).value, kMax));
  EXPECT_TRUE(is(run(Opcode::kRotr, 1, 1).value, kMin));
  EXPECT_TRUE(is(run(Opcode::kRotl, kMin, 0).value, kMin));
  EXPECT_TRUE(is(run(Opcode::kBmask, kMin, 0, 0, 128, 8).value, 0xff));
  EXPECT_TRUE(is(run(Opcode::kSelect, kMin, 1, 2, 128, 32).value, 1));
  EXPECT_TRUE(is(run(Opcode::kIcmp, kMin, 1, 0, 128, 8, static_cast<uint8_t>(IntCC::kSlt)).value, 1));
  EXPECT_TRUE(is(run(Opcode::kIcmp, kMin, 1, 0, 128, 8, static_cast<uint8_t>(IntCC::kUlt)).value, 0));
}

TEST(Wide, Laws) {
  std::mt19937_64 random(128);
  const auto any = [&] { return (Word128{random()} << 64 | random()) >> random() % 128; };
  for (int n = 0; n < 100'000; ++n) {
    const Word128 x = any(), y = any(), z = any();
    // (x * y) as high and low halves, by columns of 32 bits.
    uint64_t columns[9] = {};
    for (int i = 0; i < 4; ++i) {
      for (int j = 0; j < 4; ++j) {
        uint64_t product =
            static_cast<uint64_t>(static_cast<uint32_t>(x >> 32 * i)) * static_cast<uint32_t>(y >> 32 * j);
        for (int k = i + j; product != 0; ++k) {
          columns[k] += product & 0xffff'ffff;
          product = (product >> 32) + (columns[k] >> 32);
          columns[k] &= 0xffff'ffff;
        }
      }
    }
    Word128 low = 0, high = 0;
    for (int k = 3; k >= 0; --k) {
      low = low << 32 | columns[k];
      high = high << 32 | columns[k + 4];
    }
    ASSERT_TRUE(is(run(Opcode::kImul, x, y).value, low));
    ASSERT_TRUE(is(run(Opcode::kUmulhi, x, y).value, high));
    // The signed high half of (-x) * y is that of -(x * y), if x and y are not negative.
    if (x < kMin && y < kMin) {
      ASSERT_TRUE(is(run(Opcode::kSmulhi, -x, y).value, low == 0 ? -high : ~high));
    }
    if (y != 0) {
      const Word128 quotient = run(Opcode::kUdiv, x, y).value, remainder = run(Opcode::kUrem, x, y).value;
      ASSERT_TRUE(remainder < y && is(quotient * y + remainder, x));
    }
    const WideResult sum = run(Opcode::kUaddOverflow, x, y);
    ASSERT_TRUE(is(run(Opcode::kIsub, sum.value, y).value, x));
    ASSERT_EQ(sum.second != 0, x > kMax - y);
    ASSERT_TRUE(is(run(Opcode::kRotr, run(Opcode::kRotl, x, z).value, z).value, x));
    ASSERT_TRUE(is(run(Opcode::kBitrev, run(Opcode::kBitrev, x).value).value, x));
    ASSERT_TRUE(is(run(Opcode::kBitselect, z, x, y).value, ((x ^ y) & z) ^ y));
  }
}

}  // namespace
}  // namespace assay::interpreter
