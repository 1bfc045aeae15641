// The multipliers of magic.h against division itself: all divisors and dividends of 8 bits, edges and samples of wider
// ones.
#include "compiler/opt/magic.h"

#include <gtest/gtest.h>

#include <vector>

#include "compiler/opt/constants.h"

namespace assay::opt {
namespace {

uint64_t next(uint64_t& state) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return state ^ state >> 29;
}

uint64_t low(ir::Type type, uint64_t a) { return static_cast<uint64_t>(low_bits(type, a)); }
uint64_t umulhi(ir::Type type, uint64_t a, uint64_t b) {
  return static_cast<uint64_t>(IntegerFolding::fold_umulhi(type, a, b));
}
int64_t smulhi(ir::Type type, uint64_t a, uint64_t b) {
  return static_cast<int64_t>(as_signed(type, IntegerFolding::fold_smulhi(type, a, b)));
}

// What the rules of rules/magic.isle compute.
void check(ir::Type type, uint64_t d, uint64_t x) {
  const auto s = magic_shift(type, d);
  if (!s) return;
  const uint64_t width = type.bits();
  const auto u_short = udiv_short_magic(type, d, *s), u_long = udiv_long_magic(type, d, *s);
  ASSERT_NE(u_short.has_value(), u_long.has_value()) << d;
  uint64_t quotient = 0;
  if (u_short) {
    quotient = umulhi(type, x, *u_short) >> *s;
  } else {
    const uint64_t q = umulhi(type, x, *u_long);
    quotient = low(type, (low(type, x - q) >> 1) + q) >> *s;
  }
  ASSERT_EQ(quotient, x / d) << x << " / " << d << ", " << width << " bits";

  const auto s_short = sdiv_short_magic(type, d, *s), s_long = sdiv_long_magic(type, d, *s);
  ASSERT_NE(s_short.has_value(), s_long.has_value()) << d;
  uint64_t shifted = 0;
  if (s_short) {
    shifted = static_cast<uint64_t>(smulhi(type, x, *s_short) >> (*s - 1));
  } else {
    shifted = static_cast<uint64_t>(
        static_cast<int64_t>(as_signed(type, static_cast<uint64_t>(smulhi(type, x, *s_long)) + x)) >> *s);
  }
  ASSERT_TRUE(low_bits(type, shifted + (x >> (width - 1))) == IntegerFolding::fold_sdiv(type, x, d))
      << x << " / " << d << ", signed";
}

TEST(Magic, EveryDivisionOf8Bits) {
  for (uint64_t d = 0; d < 256; ++d) {
    for (uint64_t x = 0; x < 256; ++x) check(ir::kI8, d, x);
  }
}

TEST(Magic, EdgesAndSamplesOfWiderDivisions) {
  uint64_t state = 1;
  for (const ir::Type type : {ir::kI16, ir::kI32, ir::kI64}) {
    for (int i = 0; i < 20'000; ++i) {
      const uint64_t d = i < 3000 ? static_cast<uint64_t>(i) : low(type, next(state) >> (next(state) % 64));
      if (d == 0) continue;
      const uint64_t multiple = low(type, next(state) / d * d), last = low(type, ~uint64_t{0}) / d * d;
      for (const uint64_t x : {uint64_t{0}, uint64_t{1}, d - 1, d, d + 1, multiple, multiple - 1, last, last - 1,
                               ~uint64_t{0}, ~uint64_t{0} >> 1, uint64_t{1} << (type.bits() - 1), next(state)}) {
        check(type, d, low(type, x));
      }
    }
  }
}

TEST(Magic, PowersOfTwoAndLargeDivisorsHaveNone) {
  for (const uint64_t d : {0u, 1u, 2u, 64u, 128u, 200u}) EXPECT_FALSE(magic_shift(ir::kI8, d)) << d;
  EXPECT_EQ(magic_shift(ir::kI8, 100), 6u);
}

}  // namespace
}  // namespace assay::opt
