// Every scalar operation at its edges. The expected values were worked out by hand from the documentation of the
// operations, at 8 bits for the most part, where they can be checked by eye, and at the other widths where widths
// matter.
#include "interpreter/scalar.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace assay::interpreter {
namespace {

using ir::IntCC;
using ir::Opcode;

struct Case {
  Opcode opcode;
  int bits;
  uint64_t x, y, expected;
};

uint64_t run(Opcode opcode, int bits, uint64_t x, uint64_t y = 0, uint64_t z = 0, int result_bits = 0) {
  const ScalarOperation operation{opcode, static_cast<uint8_t>(bits),
                                  static_cast<uint8_t>(result_bits == 0 ? bits : result_bits), 0};
  const ScalarResult result = evaluate(operation, x, y, z);
  EXPECT_FALSE(result.trap.is_valid()) << ir::to_string(opcode);
  return result.value;
}

void check(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    EXPECT_TRUE(is_scalar_operation(c.opcode));
    EXPECT_EQ(run(c.opcode, c.bits, c.x, c.y), c.expected)
        << ir::to_string(c.opcode) << ".i" << c.bits << " " << c.x << ", " << c.y;
  }
}

constexpr uint64_t kMax64 = 0xffff'ffff'ffff'ffff;
constexpr uint64_t kMin64 = 0x8000'0000'0000'0000;

TEST(Scalar, Arithmetic) {
  check({
      {Opcode::kIadd, 8, 0xff, 0x01, 0x00},
      {Opcode::kIadd, 8, 0x7f, 0x01, 0x80},
      {Opcode::kIadd, 16, 0xffff, 0xffff, 0xfffe},
      {Opcode::kIadd, 32, 0xffff'ffff, 0x2, 0x1},
      {Opcode::kIadd, 64, kMax64, 1, 0},
      {Opcode::kIsub, 8, 0x00, 0x01, 0xff},
      {Opcode::kIsub, 8, 0x80, 0x01, 0x7f},
      {Opcode::kIsub, 32, 5, 7, 0xffff'fffe},
      {Opcode::kIsub, 64, 0, 1, kMax64},
      {Opcode::kIneg, 8, 0x80, 0, 0x80},
      {Opcode::kIneg, 8, 0x01, 0, 0xff},
      {Opcode::kIneg, 16, 0, 0, 0},
      {Opcode::kIneg, 64, kMin64, 0, kMin64},
      {Opcode::kIabs, 8, 0x80, 0, 0x80},
      {Opcode::kIabs, 8, 0xff, 0, 0x01},
      {Opcode::kIabs, 8, 0x7f, 0, 0x7f},
      {Opcode::kIabs, 32, 0x8000'0001, 0, 0x7fff'ffff},
      {Opcode::kImul, 8, 0x10, 0x10, 0x00},
      {Opcode::kImul, 8, 0xff, 0xff, 0x01},
      {Opcode::kImul, 16, 0x00ff, 0x0101, 0xffff},
      {Opcode::kImul, 64, 0x1'0000'0000, 0x1'0000'0000, 0},
  });
}

TEST(Scalar, MultiplyHigh) {
  check({
      {Opcode::kUmulhi, 8, 0xff, 0xff, 0xfe},  // 255 * 255 = 0xfe01
      {Opcode::kUmulhi, 8, 0x10, 0x0f, 0x00},
      {Opcode::kUmulhi, 16, 0xffff, 0x0002, 0x0001},
      {Opcode::kUmulhi, 32, 0xffff'ffff, 0xffff'ffff, 0xffff'fffe},
      {Opcode::kUmulhi, 64, kMax64, kMax64, 0xffff'ffff'ffff'fffe},
      {Opcode::kSmulhi, 8, 0xff, 0xff, 0x00},  // -1 * -1
      {Opcode::kSmulhi, 8, 0xff, 0x01, 0xff},  // -1
      {Opcode::kSmulhi, 8, 0x80, 0x80, 0x40},  // 128 * 128 = 0x4000
      {Opcode::kSmulhi, 8, 0x80, 0x7f, 0xc0},  // -128 * 127 = 0xc080
      {Opcode::kSmulhi, 64, kMin64, kMin64, 0x4000'0000'0000'0000},
      {Opcode::kSmulhi, 64, kMax64, 5, kMax64},
  });
}

TEST(Scalar, Division) {
  check({
      {Opcode::kUdiv, 8, 0xff, 0x02, 0x7f},
      {Opcode::kUdiv, 8, 0x80, 0xff, 0x00},  // not a signed division
      {Opcode::kUdiv, 64, kMax64, 10, 1844674407370955161u},
      {Opcode::kSdiv, 8, 0xf9, 0x02, 0xfd},  // -7 / 2 = -3: towards zero
      {Opcode::kSdiv, 8, 0x07, 0xfe, 0xfd},  // 7 / -2 = -3
      {Opcode::kSdiv, 8, 0x80, 0x01, 0x80},
      {Opcode::kSdiv, 8, 0x81, 0xff, 0x7f},
      {Opcode::kSdiv, 16, 0xff80, 0xffff, 0x0080},  // the least i8, but not the least i16
      {Opcode::kUrem, 8, 0xff, 0x10, 0x0f},
      {Opcode::kUrem, 8, 0xf9, 0x02, 0x01},
      {Opcode::kSrem, 8, 0xf9, 0x02, 0xff},  // -7 % 2 = -1: the sign of the dividend
      {Opcode::kSrem, 8, 0x07, 0xfe, 0x01},
      {Opcode::kSrem, 8, 0x80, 0xff, 0x00},  // no trap
      {Opcode::kSrem, 64, kMin64, kMax64, 0},
  });
}

TEST(Scalar, DivisionTraps) {
  for (int bits : {8, 16, 32, 64}) {
    const auto trap = [&](Opcode opcode, uint64_t x, uint64_t y) {
      return evaluate({opcode, static_cast<uint8_t>(bits), static_cast<uint8_t>(bits), 0}, x, y).trap;
    };
    const uint64_t least = uint64_t{1} << (bits - 1), minus_one = kMax64 >> (64 - bits);
    for (Opcode opcode : {Opcode::kUdiv, Opcode::kSdiv, Opcode::kUrem, Opcode::kSrem}) {
      EXPECT_EQ(trap(opcode, 1, 0), ir::kIntegerDivisionByZero);
      EXPECT_EQ(trap(opcode, least, 0), ir::kIntegerDivisionByZero);
      EXPECT_FALSE(trap(opcode, 0, 1).is_valid());
    }
    EXPECT_EQ(trap(Opcode::kSdiv, least, minus_one), ir::kIntegerOverflow);
    EXPECT_FALSE(trap(Opcode::kSdiv, least + 1, minus_one).is_valid());
    EXPECT_FALSE(trap(Opcode::kSdiv, least, minus_one - 1).is_valid());
    EXPECT_FALSE(trap(Opcode::kUdiv, least, minus_one).is_valid());
    EXPECT_FALSE(trap(Opcode::kSrem, least, minus_one).is_valid());
  }
}

TEST(Scalar, MinMax) {
  check({
      {Opcode::kUmin, 8, 0x80, 0x7f, 0x7f},
      {Opcode::kUmax, 8, 0x80, 0x7f, 0x80},
      {Opcode::kSmin, 8, 0x80, 0x7f, 0x80},
      {Opcode::kSmax, 8, 0x80, 0x7f, 0x7f},
      {Opcode::kSmin, 64, kMax64, 0, kMax64},
      {Opcode::kUmin, 64, kMax64, 0, 0},
      {Opcode::kSmax, 16, 0x8000, 0x8001, 0x8001},
  });
}

TEST(Scalar, Logic) {
  check({
      {Opcode::kBand, 8, 0xcc, 0xaa, 0x88},
      {Opcode::kBor, 8, 0xcc, 0xaa, 0xee},
      {Opcode::kBxor, 8, 0xcc, 0xaa, 0x66},
      {Opcode::kBnot, 8, 0xcc, 0, 0x33},
      {Opcode::kBnot, 16, 0, 0, 0xffff},
      {Opcode::kBnot, 64, 0, 0, kMax64},
  });
  EXPECT_EQ(run(Opcode::kBitselect, 8, 0xf0, 0xab, 0xcd), 0xadu);
  EXPECT_EQ(run(Opcode::kBitselect, 8, 0x00, 0xab, 0xcd), 0xcdu);
  EXPECT_EQ(run(Opcode::kBitselect, 64, kMax64, 7, 8), 7u);
}

// clang-format off
TEST(Scalar, ShiftsMaskTheirAmount) {
  check({
      {Opcode::kIshl, 8, 0x81, 1, 0x02},    {Opcode::kIshl, 8, 0x01, 7, 0x80},  {Opcode::kIshl, 8, 0x01, 8, 0x01},
      {Opcode::kIshl, 8, 0x01, 0xff, 0x80}, {Opcode::kIshl, 16, 1, 17, 2},      {Opcode::kIshl, 32, 1, 32, 1},
      {Opcode::kIshl, 64, 1, 64, 1},        {Opcode::kIshl, 64, 1, 63, kMin64}, {Opcode::kUshr, 8, 0x80, 7, 1},
      {Opcode::kUshr, 8, 0x80, 8, 0x80},    {Opcode::kUshr, 16, 0x8000, 15, 1},
      {Opcode::kUshr, 64, kMax64, 65, kMax64 >> 1},
      {Opcode::kSshr, 8, 0x80, 7, 0xff},    {Opcode::kSshr, 8, 0x80, 8, 0x80},  {Opcode::kSshr, 8, 0x40, 6, 1},
      {Opcode::kSshr, 16, 0x8000, 4, 0xf800}, {Opcode::kSshr, 32, 0x8000'0000, 31, 0xffff'ffff},
      {Opcode::kSshr, 64, kMin64, 63, kMax64},
      {Opcode::kRotl, 8, 0x81, 1, 0x03},    {Opcode::kRotl, 8, 0x81, 0, 0x81},  {Opcode::kRotl, 8, 0x81, 8, 0x81},
      {Opcode::kRotl, 16, 0x8001, 4, 0x0018}, {Opcode::kRotl, 64, kMin64, 1, 1}, {Opcode::kRotl, 8, 0x12, 12, 0x21},
      {Opcode::kRotr, 8, 0x81, 1, 0xc0},    {Opcode::kRotr, 8, 0x81, 8, 0x81},  {Opcode::kRotr, 32, 1, 1, 0x8000'0000},
      {Opcode::kRotr, 64, 1, 64, 1},        {Opcode::kRotr, 16, 0x0018, 4, 0x8001},
  });
}

TEST(Scalar, BitCounts) {
  check({
      {Opcode::kClz, 8, 0x00, 0, 8},   {Opcode::kClz, 8, 0x01, 0, 7},    {Opcode::kClz, 8, 0x80, 0, 0},
      {Opcode::kClz, 16, 0x00ff, 0, 8}, {Opcode::kClz, 32, 1, 0, 31},    {Opcode::kClz, 64, 0, 0, 64},
      {Opcode::kCtz, 8, 0x00, 0, 8},   {Opcode::kCtz, 8, 0x80, 0, 7},    {Opcode::kCtz, 16, 0, 0, 16},
      {Opcode::kCtz, 32, 0, 0, 32},    {Opcode::kCtz, 64, 0, 0, 64},     {Opcode::kCtz, 64, 0x100, 0, 8},
      {Opcode::kCls, 8, 0x00, 0, 7},   {Opcode::kCls, 8, 0xff, 0, 7},    {Opcode::kCls, 8, 0x40, 0, 0},
      {Opcode::kCls, 8, 0xc0, 0, 1},   {Opcode::kCls, 8, 0x80, 0, 0},    {Opcode::kCls, 64, 1, 0, 62},
      {Opcode::kPopcnt, 8, 0xff, 0, 8}, {Opcode::kPopcnt, 64, kMax64, 0, 64}, {Opcode::kPopcnt, 16, 0x0110, 0, 2},
  });
}

// clang-format on
TEST(Scalar, Reversal) {
  check({
      {Opcode::kBitrev, 8, 0x01, 0, 0x80},
      {Opcode::kBitrev, 8, 0xd0, 0, 0x0b},
      {Opcode::kBitrev, 16, 0x0001, 0, 0x8000},
      {Opcode::kBitrev, 64, 0x1, 0, kMin64},
      {Opcode::kBswap, 16, 0x1234, 0, 0x3412},
      {Opcode::kBswap, 32, 0x1234'5678, 0, 0x7856'3412},
      {Opcode::kBswap, 64, 0x0102'0304'0506'0708, 0, 0x0807'0605'0403'0201},
  });
}

TEST(Scalar, Comparison) {
  const auto holds = [](IntCC condition, int bits, uint64_t x, uint64_t y) {
    return evaluate({Opcode::kIcmp, static_cast<uint8_t>(bits), 8, static_cast<uint8_t>(condition)}, x, y).value;
  };
  struct Row {
    IntCC condition;
    bool less, equal, greater;  // as 8-bit numbers: 0x80 against 0x7f, the same, 0x7f against 0x80
  };
  const Row rows[] = {
      {IntCC::kEq, false, true, false},  {IntCC::kNe, true, false, true},   {IntCC::kSlt, true, false, false},
      {IntCC::kSle, true, true, false},  {IntCC::kSgt, false, false, true}, {IntCC::kSge, false, true, true},
      {IntCC::kUlt, false, false, true}, {IntCC::kUle, false, true, true},  {IntCC::kUgt, true, false, false},
      {IntCC::kUge, true, true, false},
  };
  for (const Row& row : rows) {
    for (int bits : {8, 16, 32, 64}) {
      const uint64_t least = uint64_t{1} << (bits - 1), most = least - 1;
      EXPECT_EQ(holds(row.condition, bits, least, most), row.less) << ir::to_string(row.condition) << bits;
      EXPECT_EQ(holds(row.condition, bits, least, least), row.equal) << ir::to_string(row.condition) << bits;
      EXPECT_EQ(holds(row.condition, bits, most, least), row.greater) << ir::to_string(row.condition) << bits;
    }
  }
  EXPECT_EQ(holds(IntCC::kSlt, 16, 0x0080, 0x0000), 0u);  // negative only as an 8-bit number
}

TEST(Scalar, SelectAndMask) {
  EXPECT_EQ(run(Opcode::kSelect, 8, 1, 10, 20), 10u);
  EXPECT_EQ(run(Opcode::kSelect, 8, 0, 10, 20), 20u);
  EXPECT_EQ(run(Opcode::kSelect, 8, 2, 10, 20), 10u);            // anything but 0
  EXPECT_EQ(run(Opcode::kSelect, 8, 1, kMax64, 0, 64), kMax64);  // a narrow condition, a wide value
  EXPECT_EQ(run(Opcode::kSelectSpectreGuard, 64, kMin64, 3, 4, 32), 3u);
  EXPECT_EQ(run(Opcode::kBmask, 8, 2, 0, 0, 64), kMax64);
  EXPECT_EQ(run(Opcode::kBmask, 64, 0x100, 0, 0, 8), 0xffu);
  EXPECT_EQ(run(Opcode::kBmask, 32, 0, 0, 0, 16), 0u);
}

TEST(Scalar, Conversion) {
  EXPECT_EQ(run(Opcode::kUextend, 8, 0x80, 0, 0, 64), 0x80u);
  EXPECT_EQ(run(Opcode::kSextend, 8, 0x80, 0, 0, 16), 0xff80u);
  EXPECT_EQ(run(Opcode::kSextend, 8, 0x7f, 0, 0, 64), 0x7fu);
  EXPECT_EQ(run(Opcode::kSextend, 32, 0x8000'0000, 0, 0, 64), 0xffff'ffff'8000'0000u);
  EXPECT_EQ(run(Opcode::kIreduce, 64, 0x1234'5678'9abc'def0, 0, 0, 16), 0xdef0u);
  EXPECT_EQ(run(Opcode::kIreduce, 16, 0x0180, 0, 0, 8), 0x80u);
  EXPECT_EQ(run(Opcode::kIconcat, 8, 0x34, 0x12, 0, 16), 0x1234u);
  EXPECT_EQ(run(Opcode::kIconcat, 32, 1, 0xffff'ffff, 0, 64), 0xffff'ffff'0000'0001u);
  const ScalarResult halves = evaluate({Opcode::kIsplit, 32, 16, 0}, 0x1234'5678);
  EXPECT_EQ(halves.value, 0x5678u);
  EXPECT_EQ(halves.second, 0x1234u);
}

struct OverflowCase {
  Opcode opcode;
  int bits;
  uint64_t x, y, z, expected;
  bool overflow;
};

TEST(Scalar, Overflow) {
  const OverflowCase cases[] = {
      {Opcode::kUaddOverflow, 8, 0xff, 0x01, 0, 0x00, true},
      {Opcode::kUaddOverflow, 8, 0x7f, 0x80, 0, 0xff, false},
      {Opcode::kUaddOverflow, 64, kMax64, kMax64, 0, kMax64 - 1, true},
      {Opcode::kSaddOverflow, 8, 0x7f, 0x01, 0, 0x80, true},
      {Opcode::kSaddOverflow, 8, 0xff, 0x01, 0, 0x00, false},
      {Opcode::kSaddOverflow, 8, 0x80, 0x80, 0, 0x00, true},
      {Opcode::kSaddOverflow, 64, kMin64, kMax64, 0, kMin64 - 1, true},
      {Opcode::kUsubOverflow, 8, 0x00, 0x01, 0, 0xff, true},
      {Opcode::kUsubOverflow, 8, 0x80, 0x01, 0, 0x7f, false},
      {Opcode::kUsubOverflow, 64, 1, kMax64, 0, 2, true},
      {Opcode::kSsubOverflow, 8, 0x80, 0x01, 0, 0x7f, true},
      {Opcode::kSsubOverflow, 8, 0x00, 0x01, 0, 0xff, false},
      {Opcode::kSsubOverflow, 8, 0x00, 0x80, 0, 0x80, true},  // 0 - -128 = 128
      {Opcode::kSsubOverflow, 64, 0, kMin64, 0, kMin64, true},
      {Opcode::kUmulOverflow, 8, 0x10, 0x10, 0, 0x00, true},
      {Opcode::kUmulOverflow, 8, 0x0f, 0x11, 0, 0xff, false},
      {Opcode::kUmulOverflow, 64, 0x1'0000'0000, 0x1'0000'0000, 0, 0, true},
      {Opcode::kUmulOverflow, 64, kMax64, kMax64, 0, 1, true},
      {Opcode::kSmulOverflow, 8, 0x80, 0xff, 0, 0x80, true},
      {Opcode::kSmulOverflow, 8, 0xff, 0xff, 0, 0x01, false},
      {Opcode::kSmulOverflow, 8, 0x40, 0x02, 0, 0x80, true},
      {Opcode::kSmulOverflow, 8, 0xc0, 0x02, 0, 0x80, false},  // -64 * 2 = -128
      {Opcode::kSmulOverflow, 64, kMin64, kMax64, 0, kMin64, true},
      {Opcode::kUaddOverflowCin, 8, 0xff, 0x00, 1, 0x00, true},
      {Opcode::kUaddOverflowCin, 8, 0xff, 0x00, 0, 0xff, false},
      {Opcode::kUaddOverflowCin, 8, 0xff, 0xff, 1, 0xff, true},
      {Opcode::kUaddOverflowCin, 8, 0x01, 0x01, 2, 0x03, false},  // a carry counts once
      {Opcode::kUaddOverflowCin, 64, kMax64, kMax64, 1, kMax64, true},
      {Opcode::kSaddOverflowCin, 8, 0x7f, 0x00, 1, 0x80, true},
      {Opcode::kSaddOverflowCin, 8, 0x7f, 0xff, 1, 0x7f, false},  // 127 - 1 + 1
      {Opcode::kSaddOverflowCin, 8, 0x80, 0xff, 1, 0x80, false},
      {Opcode::kUsubOverflowBin, 8, 0x00, 0x00, 1, 0xff, true},
      {Opcode::kUsubOverflowBin, 8, 0x05, 0x04, 1, 0x00, false},
      {Opcode::kUsubOverflowBin, 8, 0x00, 0xff, 1, 0x00, true},  // 0 - 255 - 1 = -256
      {Opcode::kSsubOverflowBin, 8, 0x80, 0x00, 1, 0x7f, true},
      {Opcode::kSsubOverflowBin, 8, 0x7f, 0xff, 1, 0x7f, false},  // 127 + 1 - 1
      {Opcode::kSsubOverflowBin, 8, 0x00, 0x80, 1, 0x7f, false},  // 128 - 1
  };
  for (const OverflowCase& c : cases) {
    const ScalarResult result =
        evaluate({c.opcode, static_cast<uint8_t>(c.bits), static_cast<uint8_t>(c.bits), 0}, c.x, c.y, c.z);
    EXPECT_EQ(result.value, c.expected) << ir::to_string(c.opcode) << ".i" << c.bits << " " << c.x << ", " << c.y;
    EXPECT_EQ(result.second, c.overflow) << ir::to_string(c.opcode) << ".i" << c.bits << " " << c.x << ", " << c.y;
  }
}

TEST(Scalar, AddOverflowTrap) {
  const uint8_t code = ir::TrapCode::user(7).code;
  EXPECT_EQ(evaluate({Opcode::kUaddOverflowTrap, 32, 32, code}, 0xffff'ffff, 1).trap, ir::TrapCode::user(7));
  const ScalarResult sum = evaluate({Opcode::kUaddOverflowTrap, 64, 64, code}, 0xffff'ffff, 1);
  EXPECT_FALSE(sum.trap.is_valid());
  EXPECT_EQ(sum.value, 0x1'0000'0000u);
}

}  // namespace
}  // namespace assay::interpreter
