#include "compiler/ir/types.h"

#include <gtest/gtest.h>

#include "compiler/ir/immediates.h"
#include "compiler/ir/operations.h"

namespace assay::ir {
namespace {

std::vector<Type> all_fixed_types() {
  std::vector<Type> types;
  for (Type lane : {kI8, kI16, kI32, kI64, kI128, kF16, kF32, kF64, kF128}) {
    for (unsigned lanes = 1; lanes <= 256; lanes *= 2) types.push_back(lane.by(lanes));
  }
  return types;
}

TEST(Type, NumbersAreCranelifts) {
  EXPECT_EQ(kI8.number(), 0x74);
  EXPECT_EQ(kF128.number(), 0x7c);
  EXPECT_EQ(kI8x16.number(), 0xb4);
  EXPECT_EQ(kI8x16.to_dynamic().number(), 0x134);
}

TEST(Type, TextGoesBothWays) {
  for (Type type : all_fixed_types()) EXPECT_EQ(Type::parse(type.to_string()), type) << type.to_string();
  EXPECT_EQ(kI32x4.to_dynamic().to_string(), "i32x4xN");
  for (const char* text :
       {"", "i", "i7", "i08", "i32x", "i32x1", "i32x3", "i32x512", "i32x4xN", "f8", "b8", "i256", "i32 "}) {
    EXPECT_FALSE(Type::parse(text).has_value()) << text;
  }
}

TEST(Type, SizesAndShapes) {
  for (Type type : all_fixed_types()) {
    EXPECT_EQ(type.bits(), type.lane_bits() * type.lanes());
    EXPECT_EQ(type.lane_type().by(type.lanes()), type);
    EXPECT_EQ(type.is_vector(), type.lanes() > 1);
    if (type.half_width().is_valid()) EXPECT_EQ(type.half_width().double_width(), type);
    if (type.merge_lanes().is_valid()) {
      EXPECT_EQ(type.merge_lanes().bits(), type.bits());
      EXPECT_EQ(type.merge_lanes().split_lanes(), type);
    }
    const Type dynamic = type.to_dynamic();
    EXPECT_EQ(dynamic.is_valid(), type.is_vector());
    if (dynamic.is_valid()) {
      EXPECT_EQ(dynamic.dynamic_to_vector(), type);
      EXPECT_EQ(dynamic.lane_type(), type.lane_type());
      EXPECT_EQ(dynamic.lanes(), type.lanes());
      EXPECT_FALSE(dynamic.is_vector());
    }
  }
  EXPECT_EQ(kF64.as_truthy(), kI8);
  EXPECT_EQ(kF64x2.as_truthy(), kI64x2);
  EXPECT_EQ(kI8.half_width(), kInvalid);
  EXPECT_EQ(kF16.half_width(), kInvalid);
  EXPECT_EQ(kI128.double_width(), kInvalid);
  EXPECT_EQ(kInvalid.bits(), 0u);
}

TEST(Immediates, EnumerationsGoBothWays) {
  for (unsigned n = 0; n < kIntCCCount; ++n) {
    const IntCC cc = static_cast<IntCC>(n);
    EXPECT_EQ(parse_int_cc(to_string(cc)), cc);
    EXPECT_EQ(complement(complement(cc)), cc);
    EXPECT_EQ(swap_operands(swap_operands(cc)), cc);
  }
  for (unsigned n = 0; n < kFloatCCCount; ++n) {
    const FloatCC cc = static_cast<FloatCC>(n);
    EXPECT_EQ(parse_float_cc(to_string(cc)), cc);
    EXPECT_EQ(complement(complement(cc)), cc);
    EXPECT_EQ(swap_operands(swap_operands(cc)), cc);
  }
  for (unsigned n = 0; n < kAtomicRmwOpCount; ++n) {
    const AtomicRmwOp op = static_cast<AtomicRmwOp>(n);
    EXPECT_EQ(parse_atomic_rmw_op(to_string(op)), op);
  }
  for (unsigned n = 1; n < 256; ++n) {
    const TrapCode code{static_cast<uint8_t>(n)};
    EXPECT_EQ(parse_trap_code(to_string(code)), code);
  }
  for (const char* text : {"user0", "user251", "user01", "user", "heap", ""}) {
    EXPECT_FALSE(parse_trap_code(text).has_value()) << text;
  }
}

// Conditions against what they mean on small numbers.
TEST(Immediates, IntConditionsMeanWhatTheySay) {
  const auto holds = [](IntCC cc, int8_t x, int8_t y) {
    const uint8_t ux = static_cast<uint8_t>(x), uy = static_cast<uint8_t>(y);
    const bool table[] = {x == y, x != y, x<y, x >= y, x> y, x <= y, ux<uy, ux >= uy, ux> uy, ux <= uy};
    return table[static_cast<unsigned>(cc)];
  };
  for (unsigned n = 0; n < kIntCCCount; ++n) {
    const IntCC cc = static_cast<IntCC>(n);
    for (int x : {-128, -1, 0, 1, 127}) {
      for (int y : {-128, -1, 0, 1, 127}) {
        EXPECT_NE(holds(cc, x, y), holds(complement(cc), x, y));
        EXPECT_EQ(holds(cc, x, y), holds(swap_operands(cc), y, x));
      }
    }
  }
}

TEST(Immediates, FloatsGoBothWays) {
  for (uint32_t n = 0; n < 0x10000; ++n)
    ASSERT_EQ(parse_float(float_to_string(n, 16), 16), n) << float_to_string(n, 16);
  uint64_t seed = 1;
  for (int n = 0; n < 20000; ++n) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    const uint64_t high = seed;
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    const unsigned __int128 bits = static_cast<unsigned __int128>(high) << 64 | seed;
    for (unsigned width : {32u, 64u, 128u}) {
      const unsigned __int128 value = width == 128 ? bits : bits & ((static_cast<unsigned __int128>(1) << width) - 1);
      ASSERT_EQ(parse_float(float_to_string(value, width), width), value) << float_to_string(value, width);
    }
  }
  EXPECT_EQ(float_to_string(0x3f800000, 32), "0x1.000000p0");
  EXPECT_EQ(float_to_string(0x00000001, 32), "0x0.000002p-126");
  EXPECT_EQ(float_to_string(0x7fc00000, 32), "+NaN");
  EXPECT_EQ(parse_float("0x0.5", 32), 0x3ea00000u);
  EXPECT_EQ(parse_float("0x10.0", 64), 0x4030000000000000u);
  EXPECT_EQ(parse_float("-0x1.p0", 32), 0xbf800000u);
  EXPECT_EQ(parse_float("0x0.00859ep-126", 32), 0x000042cfu);
  for (const char* text : {"", "1.0", "0x", "0x1.0000001p0", "0x1p128", "0x1p-150", "0x1.8.0p0", "0x1p",
                           "NaN:0x0400000", "sNaN:0x0", "nan", "0x1p99999999999"}) {
    EXPECT_FALSE(parse_float(text, 32).has_value()) << text;
  }
}

TEST(Immediates, Integers) {
  EXPECT_EQ(parse_integer("0xdead_beef")->magnitude, 0xdeadbeefu);
  EXPECT_EQ(parse_integer("-1")->to_bits(8), 0xffu);
  EXPECT_EQ(parse_integer("255")->to_bits(8), 255u);
  EXPECT_FALSE(parse_integer("256")->to_bits(8).has_value());
  EXPECT_FALSE(parse_integer("-129")->to_bits(8).has_value());
  EXPECT_EQ(parse_integer("-170141183460469231731687303715884105728")->to_bits(128), static_cast<unsigned __int128>(1)
                                                                                         << 127);
  EXPECT_FALSE(parse_integer("340282366920938463463374607431768211456").has_value());
  for (const char* text : {"", "-", "0x", "12a", "1.0", "_"}) EXPECT_FALSE(parse_integer(text).has_value()) << text;
  EXPECT_EQ(imm64_to_string(9999), "9999");
  EXPECT_EQ(imm64_to_string(10000), "0x2710");
  EXPECT_EQ(imm64_to_string(0x123456), "0x0012_3456");
  EXPECT_EQ(imm64_to_string(-10000), "0xffff_ffff_ffff_d8f0");
}

TEST(MemFlags, WordHoldsEverything) {
  const MemFlags flags = MemFlags()
                             .with_trap(TrapCode::user(3))
                             .with_aligned()
                             .with_readonly()
                             .with_can_move()
                             .with_endianness(Endianness::kBig)
                             .with_region(AliasRegion(65534));
  EXPECT_EQ(MemFlags::from_word(flags.word()), flags);
  EXPECT_EQ(flags.region(), AliasRegion(65534));
  EXPECT_EQ(to_string(flags), " user3 aligned readonly can_move big region65534");
  EXPECT_EQ(to_string(MemFlags()), "");
  EXPECT_EQ(MemFlags().trap_code(), kHeapOutOfBounds);
  EXPECT_TRUE(MemFlags::trusted().notrap());
  EXPECT_EQ(flags.with_endianness(Endianness::kLittle).endianness(), Endianness::kLittle);
}

TEST(Operations, TablesAreComplete) {
  EXPECT_EQ(kOpcodeCount, 163u);
  unsigned with_sem = 0;
  for (unsigned n = 0; n < kOpcodeCount; ++n) {
    const Opcode opcode = static_cast<Opcode>(n);
    const OperationInfo& op = operation_info(opcode);
    EXPECT_EQ(parse_opcode(op.name), opcode);
    EXPECT_FALSE(op.doc.empty()) << op.name;
    with_sem += !op.sem.empty();
    // Whatever the controlling type, every operand and result has a type or a set to choose from.
    for (Type type : all_fixed_types()) {
      if (!op.polymorphic || !op.controlling.contains(type)) continue;
      for (const OperandInfo& result : op.results) {
        if (result.kind == OperandKind::kValue) {
          EXPECT_TRUE(result.type.resolve(type).is_valid()) << op.name << " " << type.to_string();
        }
      }
    }
  }
  EXPECT_EQ(with_sem, 80u);
  EXPECT_FALSE(parse_opcode("iadd_imm").has_value());
}

TEST(Operations, ControllingTypes) {
  const auto op = [](const char* name) -> const OperationInfo& { return operation_info(*parse_opcode(name)); };
  // The suffix comes from the result …
  for (const char* name : {"iconst", "load", "uextend", "ireduce", "splat", "bitcast", "atomic_rmw", "func_addr",
                           "vconst", "fcvt_to_sint", "stack_addr", "vhigh_bits", "uload8"}) {
    EXPECT_TRUE(op(name).polymorphic && !op(name).infers_type) << name;
  }
  // … or from an operand …
  for (const char* name : {"iadd", "icmp", "store", "select", "brif", "trapz", "atomic_cas", "extractlane", "isplit",
                           "call_indirect", "uload32", "uload8x8", "istore32", "ishl"}) {
    EXPECT_TRUE(op(name).polymorphic && op(name).infers_type) << name;
  }
  // … or there is none.
  for (const char* name : {"jump", "br_table", "call", "return", "f32const", "swizzle", "fvdemote", "nop", "shuffle"}) {
    EXPECT_FALSE(op(name).polymorphic) << name;
  }
  EXPECT_EQ(op("select").type_operand, 1);
  EXPECT_EQ(op("atomic_cas").type_operand, 2);
}

}  // namespace
}  // namespace assay::ir
