// Programs in text for the parts of the language beside integer arithmetic: 128 bits, atomics, tail calls, exceptions,
// library calls, special registers, and bits that CLIF leaves open.
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "compiler/ir/parser.h"
#include "interpreter/interpreter.h"

namespace assay::interpreter {
namespace {

using ir::DataValue;
using Bits = unsigned __int128;

// The functions of `text`, run from the first, with 64 bytes of memory at kMemory.
constexpr uint64_t kMemory = 0x2000'0000;
struct Fixture {
  Program program;
  Interpreter interpreter;
  Config config;
  std::array<uint8_t, 64> bytes{};

  explicit Fixture(const std::string& text) {
    auto file = ir::parse_file(text, "test.clif");
    if (!file.has_value()) {
      ADD_FAILURE() << render(file.error().front(), text);
      return;
    }
    for (const ir::ParsedFunction& f : file->functions) program.add(f.function);
    program.link();
  }
  Outcome run(const std::vector<DataValue>& args) {
    const Region region{kMemory, bytes, true};
    return interpreter.run(program, 0, args, {&region, 1}, config);
  }
  Bits value(const std::vector<DataValue>& args) {
    const Outcome outcome = run(args);
    EXPECT_EQ(outcome.kind, OutcomeKind::Returned) << describe(outcome);
    return outcome.results.empty() ? 0 : outcome.results[0].bits();
  }
};

DataValue i8(uint64_t v) { return {ir::kI8, v}; }
DataValue i32(uint64_t v) { return {ir::kI32, v}; }
DataValue i64(uint64_t v) { return {ir::kI64, v}; }
DataValue i128(uint64_t high, uint64_t low) { return {ir::kI128, Bits{high} << 64 | low}; }
DataValue f32(float v) { return DataValue::f32(v); }

TEST(Language, WideValuesThroughCallsBranchesAndMemory) {
  Fixture f(R"(function %f(i128, i64) -> i128, i64 {
    fn0 = %g(i128, i64, i128) -> i128
block0(v0: i128, v1: i64):
    brif v0, block1(v0), block2
block1(v2: i128):
    store.i128 little v2, v1
    store.i128 big v2, v1+16
    v3 = load.i128 little v1
    v4 = call fn0(v3, v1, v2)
    v5 = load.i64 little v1+24
    return v4, v5
block2:
    trap user1
}
function %g(i128, i64, i128) -> i128 {
block0(v0: i128, v1: i64, v2: i128):
    v3 = iadd v0, v2
    return v3
})");
  const Outcome outcome = f.run({i128(1, 0x0102), i64(kMemory)});
  ASSERT_EQ(outcome.results.size(), 2u) << describe(outcome);
  EXPECT_EQ(outcome.results[0], i128(2, 0x0204));
  EXPECT_EQ(outcome.results[1], i64(0x0201'0000'0000'0000));  // the low half's bytes, the other way round
  EXPECT_EQ(f.bytes[8], 1);
  EXPECT_EQ(f.run({i128(1ull << 63, 0), i64(kMemory)}).kind, OutcomeKind::Returned);  // true for its high half
  EXPECT_EQ(f.run({i128(0, 0), i64(kMemory)}).trap, ir::TrapCode::user(1));
}

TEST(Language, ReadModifyWrite) {
  struct Case {
    const char* name;
    uint8_t after;
  };
  // 0x90 and 0x21
  const Case cases[] = {{"add", 0xb1},  {"sub", 0x6f},  {"and", 0x00},  {"nand", 0xff}, {"or", 0xb1},  {"xor", 0xb1},
                        {"xchg", 0x21}, {"umin", 0x21}, {"umax", 0x90}, {"smin", 0x90}, {"smax", 0x21}};
  ASSERT_EQ(std::size(cases), ir::kAtomicRmwOpCount);
  for (const Case& c : cases) {
    Fixture f(std::string("function %f(i64, i8) -> i8 {\nblock0(v0: i64, v1: i8):\n    v2 = atomic_rmw.i8 ") + c.name +
              " v0, v1\n    return v2\n}");
    f.bytes[3] = 0x90;
    EXPECT_EQ(f.value({i64(kMemory + 3), i8(0x21)}), 0x90u) << c.name;
    EXPECT_EQ(f.bytes[3], c.after) << c.name;
    EXPECT_EQ(f.run({i64(kMemory + 64), i8(1)}).trap, ir::kHeapOutOfBounds);
  }
}

TEST(Language, AtomicsOfEveryWidth) {
  for (int bits : {8, 16, 32, 64, 128}) {
    const std::string type = "i" + std::to_string(bits);
    Fixture f("function %f(i64, " + type + ", " + type + ") -> " + type + " {\nblock0(v0: i64, v1: " + type + ", v2: " +
              type + "):\n    v3 = atomic_cas." + type + " big v0, v1, v2\n    fence\n    v4 = atomic_load." + type +
              " big v0\n    v5 = iadd v4, v4\n    atomic_store." + type + " big v5, v0\n    return v3\n}");
    const ir::Type t = *ir::Type::parse(type);
    const auto last = static_cast<size_t>(bits / 8 - 1);
    EXPECT_EQ(f.value({i64(kMemory), DataValue(t, 0), DataValue(t, 3)}), 0u);
    EXPECT_EQ(f.bytes[last], 6) << type;
    EXPECT_EQ(f.value({i64(kMemory), DataValue(t, 7), DataValue(t, 9)}), 6u);
    EXPECT_EQ(f.bytes[last], 12) << type;
    if (bits > 8) {
      EXPECT_EQ(f.run({i64(kMemory + 1), DataValue(t, 7), DataValue(t, 9)}).kind, OutcomeKind::UndefinedBehaviour);
    }
  }
}

TEST(Language, AMillionTailCallsInConstantSpace) {
  Fixture f(R"(function %even(i64, i128) -> i128 tail {
    ss0 = explicit_slot 64
    fn0 = %odd(i64, i128, i64) -> i128 tail
block0(v0: i64, v1: i128):
    v2 = iconst.i64 -1
    v3 = iadd v0, v2
    brif v0, block1, block2
block1:
    return_call fn0(v3, v1, v0)
block2:
    return v1
}
function %odd(i64, i128, i64) -> i128 tail {
    sig0 = (i64, i128) -> i128 tail
    fn0 = %even(i64, i128) -> i128 tail
block0(v0: i64, v1: i128, v2: i64):
    v3 = iadd v1, v1
    v4 = bxor v3, v1
    v5 = func_addr.i64 fn0
    return_call_indirect sig0, v5(v0, v4)
})");
  f.config.fuel = 10'000'000;
  EXPECT_EQ(f.run({i64(1'000'000), i128(1, 1)}).kind, OutcomeKind::Returned);
  EXPECT_EQ(f.interpreter.deepest(), 1u);
  EXPECT_TRUE(f.value({i64(0), i128(4, 5)}) == i128(4, 5).bits());
}

constexpr const char* kThrower = R"(
function %middle(i64, i32) -> i64 tail {
    fn0 = %throw(i64, i32) -> i64 tail
    ss0 = explicit_slot 8
block0(v0: i64, v1: i32):
    v2 = call fn0(v0, v1)
    return v2
}
function %throw(i64, i32) -> i64 tail {
    sig0 = (i64, i64, i64, i32, i64, i64)
    fn0 = %__cranelift_throw(i64, i64, i64, i32, i64, i64)
block0(v0: i64, v1: i32):
    v2 = get_frame_pointer.i64
    v3 = get_return_address.i64
    v4 = iconst.i64 10
    v5 = iconst.i64 20
    brif v1, block1, block2
block1:
    call fn0(v0, v2, v3, v1, v4, v5)
    trap user1
block2:
    return v4
}
)";

TEST(Language, ExceptionsLandInTheHandlerOfTheirTag) {
  Fixture f(std::string(R"(function %f(i32) -> i64 tail {
    fn0 = %try(i64, i32) -> i64 tail
block0(v0: i32):
    v1 = get_frame_pointer.i64
    v2 = call fn0(v1, v0)
    return v2
}
function %try(i64, i32) -> i64 tail {
    sig0 = (i64, i32) -> i64 tail
    fn0 = %middle(i64, i32) -> i64 tail
block0(v0: i64, v1: i32):
    v2 = iconst.i64 1000
    try_call fn0(v0, v1), sig0, block1(ret0, v2), [ tag1: block2(exn0, exn1, v2), tag3: block1(exn1, v2), default: block3(exn1) ]
block1(v3: i64, v4: i64):
    v5 = iadd v3, v4
    return v5
block2(v6: i64, v7: i64, v8: i64):
    v9 = imul v6, v7
    v10 = iadd v9, v8
    return v10
block3(v11: i64):
    return v11
})") + kThrower);
  EXPECT_EQ(f.value({i32(0)}), 1010u);  // returns
  EXPECT_EQ(f.value({i32(1)}), 1200u);
  EXPECT_EQ(f.value({i32(3)}), 1020u);
  EXPECT_EQ(f.value({i32(2)}), 20u);  // the default
}

TEST(Language, ExceptionsWithoutAHandlerHaveNoMeaning) {
  Fixture f(std::string(R"(function %f(i32) -> i64 tail {
    sig0 = (i64, i32) -> i64 tail
    fn0 = %middle(i64, i32) -> i64 tail
block0(v0: i32):
    v1 = get_frame_pointer.i64
    v2 = func_addr.i64 fn0
    try_call_indirect v2(v1, v0), sig0, block1(ret0), [ tag1: block1(exn0) ]
block1(v3: i64):
    return v3
})") + kThrower);
  EXPECT_EQ(f.value({i32(0)}), 10u);
  // The entry frame itself handles nothing.
  EXPECT_EQ(f.run({i32(1)}).kind, OutcomeKind::UndefinedBehaviour);
}

TEST(Language, HandlersUnderAContextTakeWhatIsThrownInIt) {
  Fixture f(R"(function %f(i64, i64, i8, f32) -> i64 tail {
    sig0 = (i64, i64, i64, i32, i64, i64, i64) system_v
    fn0 = %__assay_throw sig0
block0(v0: i64, v1: i64, v2: i8, v3: f32):
    v4 = iconst.i64 0
    v5 = iconst.i32 7
    v6 = ireduce.i32 v0
    v7 = fsub v3, v3
    try_call fn0(v4, v4, v4, v6, v0, v1, v1), sig0, block1, [ tag1: block2, context v2, tag7: block3(exn0), context v0, tag7: block3(exn1), context v7, tag8: block2, default: block4 ]
block1:
    trap user1
block2:
    return v4
block3(v8: i64):
    return v8
block4:
    v9 = iconst.i64 -1
    return v9
})");
  const auto i8 = [](uint64_t v) { return DataValue(ir::kI8, v); };
  const auto f32 = [](uint64_t v) { return DataValue(ir::kF32, v); };
  const uint64_t kOne = 0x3f80'0000, kInfinity = 0x7f80'0000;
  EXPECT_EQ(f.value({i64(1), i64(5), i8(0), f32(kOne)}), 0u);  // no context: any will do
  EXPECT_EQ(f.value({i64(7), i64(0xf3), i8(0xf3), f32(kOne)}), 7u);
  EXPECT_EQ(f.value({i64(0x1'0000'0007), i64(0x1'0000'0007), i8(7), f32(kOne)}), 0x1'0000'0007u);
  EXPECT_EQ(f.value({i64(7), i64(0x1f3), i8(0xf3), f32(kOne)}), ~uint64_t{0});
  EXPECT_EQ(f.value({i64(8), i64(0), i8(0), f32(kOne)}), 0u);
  // The bits of a NaN that arithmetic makes are open.
  EXPECT_EQ(f.run({i64(8), i64(0), i8(0), f32(kInfinity)}).kind, OutcomeKind::Undetermined);
}

TEST(Language, AHandlerIsFoundByItsAddressInTheFrameThatStandsThere) {
  Fixture f(R"(function %f(i64, i64) -> i64 tail {
    sig0 = (i64, i64, i64, i64) system_v
    fn0 = %__assay_resume sig0
block0(v0: i64, v1: i64):
    v2 = get_exception_handler_address.i64 block1, 0
    v3 = get_exception_handler_address.i64 block1, 1
    v4 = get_exception_handler_address.i64 block2, 0
    v5 = select v0, v3, v2
    v6 = icmp_imm eq v0, 2
    v7 = select v6, v4, v5
    v8 = get_frame_pointer.i64
    v9 = iadd v8, v1
    jump block1
block1:
    try_call fn0(v9, v7, v0, v8), sig0, block4, [ tag1: block5(exn0), default: block3 ]
block2:
    try_call fn0(v9, v7, v0, v8), sig0, block4, [ default: block3 ]
block3:
    v10 = iconst.i64 -1
    return v10
block4:
    trap user1
block5(v11: i64):
    v12 = iadd_imm v11, 50
    return v12
})");
  EXPECT_EQ(f.value({i64(0), i64(0)}), 50u);
  EXPECT_EQ(f.value({i64(1), i64(0)}), ~uint64_t{0});
  EXPECT_EQ(f.run({i64(2), i64(0)}).kind, OutcomeKind::UndefinedBehaviour);  // of a try_call that is not under way
  EXPECT_EQ(f.run({i64(0), i64(1)}).kind, OutcomeKind::UndefinedBehaviour);  // in a frame that is none
}

TEST(Language, SpecialRegistersAndSymbols) {
  Fixture f(R"(function %f(i64) -> i8, i8, i64 {
    gv0 = symbol %here
    gv1 = symbol %there
    gv2 = symbol %here+8
    fn0 = %g(i64) -> i8
block0(v0: i64):
    v1 = get_frame_pointer.i64
    v2 = call fn0(v1)
    v3 = symbol_value.i64 gv0
    v4 = symbol_value.i64 gv1
    v5 = icmp ne v3, v4
    v6 = symbol_value.i64 gv2
    v7 = isub v6, v3
    set_pinned_reg v0
    nop
    sequence_point
    return v2, v5, v7
}
function %g(i64) -> i8 {
block0(v0: i64):
    v1 = get_stack_pointer.i64
    v2 = icmp ult v1, v0
    return v2
})");
  EXPECT_TRUE(f.program.sees_addresses());
  const Outcome outcome = f.run({i64(1)});
  ASSERT_EQ(outcome.results.size(), 3u) << describe(outcome);
  EXPECT_EQ(outcome.results[0], i8(1));
  EXPECT_EQ(outcome.results[1], i8(1));
  EXPECT_EQ(outcome.results[2], i64(8));
}

TEST(Language, StackLimit) {
  Fixture f(R"(function %f(i64 vmctx) -> i64 {
    gv0 = vmctx
    gv1 = load.i64 notrap aligned little gv0+8
    gv2 = iadd_imm.i64 gv1, 1
    stack_limit = gv2
block0(v0: i64):
    return v0
})");
  EXPECT_EQ(f.value({i64(kMemory)}), kMemory);
  for (size_t i = 8; i < 15; ++i) f.bytes[i] = 0xff;
  EXPECT_EQ(f.run({i64(kMemory)}).trap, ir::kStackOverflow);
}

TEST(Language, StructArgumentsAreCopies) {
  Fixture f(R"(function %f(i64) -> i32 {
    fn0 = %g(i64 sarg(8))
block0(v0: i64):
    call fn0(v0)
    v1 = load.i32 little v0
    return v1
}
function %g(i64 sarg(8)) {
block0(v0: i64):
    v1 = load.i32 little v0+4
    store.i32 little v1, v0
    trapz v1, user1
    return
})");
  f.bytes[0] = 1;
  f.bytes[4] = 2;
  EXPECT_EQ(f.value({i64(kMemory)}), 1u);
  f.bytes[4] = 0;
  EXPECT_EQ(f.run({i64(kMemory)}).trap, ir::TrapCode::user(1));
  EXPECT_EQ(f.run({i64(kMemory + 60)}).kind, OutcomeKind::UndefinedBehaviour);
}

TEST(Language, LibraryCalls) {
  Fixture f(R"(function %f(i64, f32) -> f32, i32 {
    fn0 = %CeilF32(f32) -> f32
    fn1 = %Memset(i64, i32, i64) -> i64
    fn2 = %Memmove(i64, i64, i64) -> i64
    fn3 = %Memcmp(i64, i64, i64) -> i32
    sig0 = (f32) -> f32
block0(v0: i64, v1: f32):
    v2 = func_addr.i64 fn0
    v3 = call_indirect sig0, v2(v1)
    v4 = iconst.i32 7
    v5 = iconst.i64 4
    v6 = call fn1(v0, v4, v5)
    v7 = iconst.i64 2
    v8 = iadd v0, v7
    v9 = call fn2(v8, v0, v5)
    v10 = call fn3(v0, v8, v5)
    return v3, v10
})");
  f.bytes = {1, 2, 3, 4, 5, 6, 9};
  const Outcome outcome = f.run({i64(kMemory), f32(0.25f)});
  ASSERT_EQ(outcome.results.size(), 2u) << describe(outcome);
  EXPECT_EQ(outcome.results[0], f32(1));
  EXPECT_EQ(outcome.results[1], i32(0));
  EXPECT_EQ(f.bytes[5], 7);
  EXPECT_EQ(f.bytes[6], 9);
  EXPECT_EQ(f.run({i64(kMemory + 62), f32(0)}).kind, OutcomeKind::UndefinedBehaviour);
}

// ---- bits that CLIF leaves open ----

constexpr Bits kSign32 = 0x8000'0000, kPayload32 = 0x003f'ffff;
const DataValue kInfinity{ir::kF32, 0x7f80'0000};
const DataValue kOddNan{ir::kF32, 0x7fc0'1234};

TEST(Language, NansCarryTheirFreeBits) {
  Fixture f(R"(function %f(f32, f32, i64) -> f32, i32, i32, i8, f32 {
block0(v0: f32, v1: f32, v2: i64):
    v3 = fsub v0, v1
    v4 = bitcast.i32 v3
    v5 = iconst.i32 0x7fffffff
    v6 = band v4, v5
    v7 = fcmp uno v3, v3
    v8 = fabs v3
    store.f32 little v3, v2
    v9 = load.i32 big v2
    return v3, v9, v6, v7, v8
})");
  const Outcome number = f.run({f32(3), f32(1), i64(kMemory)});
  EXPECT_TRUE(number.free_bits.empty());
  EXPECT_TRUE(f.interpreter.free_memory(0).empty());

  const Outcome nan = f.run({kInfinity, kInfinity, i64(kMemory)});
  ASSERT_EQ(nan.free_bits.size(), 5u) << describe(nan);
  EXPECT_TRUE(nan.free_bits[0] == kSign32);
  EXPECT_TRUE(nan.free_bits[1] == 0x80);  // the other byte order
  EXPECT_TRUE(nan.free_bits[2] == 0);     // masked away
  EXPECT_TRUE(nan.free_bits[3] == 0);     // a NaN for certain
  EXPECT_EQ(nan.results[3], i8(1));
  EXPECT_TRUE(nan.free_bits[4] == 0);
  EXPECT_TRUE(allows(nan, 0, DataValue(ir::kF32, 0xffc0'0000)));
  EXPECT_FALSE(allows(nan, 0, DataValue(ir::kF32, 0xffc0'0001)));
  EXPECT_FALSE(allows(nan, 2, i32(0)));
  const auto memory = f.interpreter.free_memory(0);
  ASSERT_EQ(memory.size(), 64u);
  EXPECT_EQ(memory[3], 0x80);
  EXPECT_EQ(memory[2], 0);
  EXPECT_EQ(memory[4], 0);

  const Outcome payload = f.run({kOddNan, f32(1), i64(kMemory)});
  EXPECT_TRUE(payload.free_bits[0] == (kSign32 | kPayload32));
  EXPECT_TRUE(allows(payload, 0, kOddNan));
  EXPECT_FALSE(allows(payload, 0, DataValue(ir::kF32, 0x7f80'0001)));  // not quiet

  f.config.canonical_nans = true;
  const Outcome canonical = f.run({kOddNan, f32(1), i64(kMemory)});
  EXPECT_TRUE(canonical.free_bits.empty());
  EXPECT_EQ(canonical.results[0].as_u64(), 0x7fc0'0000u);
}

TEST(Language, WhatDependsOnFreeBitsIsUndetermined) {
  const std::string head =
      "function %f(f32, i64) -> i32 {\nblock0(v0: f32, v1: i64):\n    v2 = fadd v0, v0\n"
      "    v3 = bitcast.i32 v2\n    v4 = iconst.i32 31\n    v5 = ushr v3, v4\n";
  const auto kind = [&](const std::string& rest, const DataValue& x) {
    Fixture f(head + rest);
    return f.run({x, i64(kMemory)}).kind;
  };
  const std::string branch = "    brif v5, block1, block2\nblock1:\n    return v5\nblock2:\n    return v3\n}";
  EXPECT_EQ(kind(branch, f32(1)), OutcomeKind::Returned);
  EXPECT_EQ(kind(branch, kOddNan), OutcomeKind::Undetermined);
  EXPECT_EQ(kind("    brif v3, block1, block2\nblock1:\n    return v5\nblock2:\n    return v3\n}", kOddNan),
            OutcomeKind::Returned);  // not 0, whatever the sign
  EXPECT_EQ(kind("    trapnz v5, user1\n    return v5\n}", kOddNan), OutcomeKind::Undetermined);
  EXPECT_EQ(kind("    v6 = udiv v3, v5\n    return v6\n}", kOddNan), OutcomeKind::Undetermined);
  EXPECT_EQ(kind("    v6 = udiv v5, v3\n    return v6\n}", kOddNan), OutcomeKind::Returned);
  EXPECT_EQ(kind("    v6 = uextend.i64 v5\n    v7 = iadd v1, v6\n    v8 = load.i32 v7\n    return v8\n}", kOddNan),
            OutcomeKind::Undetermined);
}

// Every operation's mask, held against the results for other choices of the free bits.
TEST(Language, MasksHoldWhateverTheFreeBitsAre) {
  const char* const operations[] = {
      "v9 = band v3, v4",
      "v9 = bor v3, v4",
      "v9 = bxor v3, v4",
      "v9 = bnot v3",
      "v9 = bitselect v3, v4, v5",
      "v9 = bitselect v4, v3, v5",
      "v9 = select v3, v4, v5",
      "v9 = select v4, v3, v5",
      "v9 = iadd v3, v4",
      "v9 = isub v4, v3",
      "v9 = imul v3, v4",
      "v9 = ineg v3",
      "v9 = ishl v3, v4",
      "v9 = ushr v3, v4",
      "v9 = sshr v3, v4",
      "v9 = rotl v3, v4",
      "v9 = rotr v3, v4",
      "v9 = ishl v4, v3",
      "v9 = bitrev v3",
      "v9 = bswap v3",
      "v9 = clz v3",
      "v9 = popcnt v3",
      "v9 = umin v3, v4",
      "v9 = iabs v3",
      "v8 = icmp eq v3, v4\n    v9 = uextend.i32 v8",
      "v8 = icmp slt v3, v4\n    v9 = uextend.i32 v8",
      "v8 = ireduce.i8 v3\n    v9 = sextend.i32 v8",
      "v9, v8 = uadd_overflow v3, v4",
      "v8, v7 = ssub_overflow v3, v4\n    v9 = uextend.i32 v7",
      "v8 = bitcast.f32 v3\n    v7 = fneg v8\n    v9 = bitcast.i32 v7",
      "v8 = bitcast.f32 v3\n    v7 = bitcast.f32 v4\n    v6 = fcopysign v7, v8\n    v9 = bitcast.i32 v6",
      "v8 = bitcast.f32 v3\n    v7 = fmin v8, v8\n    v9 = bitcast.i32 v7",
      "v8 = bitcast.f32 v3\n    v7 = bitcast.f32 v4\n    v6 = fadd v7, v8\n    v9 = bitcast.i32 v6",
      "v8 = bitcast.f32 v3\n    v9 = fcvt_to_sint_sat.i32 v8",
      "v8 = bitcast.f32 v3\n    v7 = fpromote.f64 v8\n    v6 = bitcast.i64 v7\n    v9 = ireduce.i32 v6",
      "v8 = iconcat v3, v4\n    v7, v9 = isplit v8",
      "v8 = uextend.i128 v3\n    v9 = ireduce.i32 v8",
      "v8 = bmask.i32 v3\n    v9 = band v8, v4"};
  for (const char* operation : operations) {
    // v3 is the bits of a NaN of which sign and payload are open: first made by arithmetic, then given.
    const std::string tail = std::string("    ") + operation + "\n    return v9\n}";
    Fixture made(
        "function %f(f32, i32, i32) -> i32 {\nblock0(v0: f32, v4: i32, v5: i32):\n    v1 = fadd v0, v0\n"
        "    v3 = bitcast.i32 v1\n" +
        tail);
    Fixture given("function %f(i32, i32, i32) -> i32 {\nblock0(v3: i32, v4: i32, v5: i32):\n" + tail);
    for (uint64_t y : {uint64_t{0}, uint64_t{1}, uint64_t{5}, uint64_t{0x7f80'0001}, uint64_t{0xffff'ffff}}) {
      for (uint64_t z : {uint64_t{0}, uint64_t{0x1234'5678}}) {
        const Outcome outcome = made.run({kOddNan, i32(y), i32(z)});
        ASSERT_EQ(outcome.kind, OutcomeKind::Returned) << operation;
        for (uint64_t choice : {0x7fc0'0000u, 0xffc0'0000u, 0x7fc0'0001u, 0xffff'ffffu, 0x7fd5'5555u}) {
          const Outcome other = given.run({i32(choice), i32(y), i32(z)});
          // Arithmetic on the given one leaves bits open itself.
          const Bits open = other.free_bits.empty() ? 0 : other.free_bits[0];
          const Bits known = outcome.free_bits.empty() ? ~Bits{0} : ~outcome.free_bits[0];
          EXPECT_TRUE((open & known) == 0 && ((other.results[0].bits() ^ outcome.results[0].bits()) & known) == 0)
              << operation << " " << choice << " " << y << " " << z;
        }
      }
    }
  }
}

TEST(Language, HostCallsNeedKnownArguments) {
  Fixture f(R"(function %f(f32) -> i32 {
    fn0 = %host_a(i32) -> i32
    sig0 = (i32) -> i32
block0(v0: f32):
    v1 = fadd v0, v0
    v2 = bitcast.i32 v1
    v3 = iconst.i32 0x7fffffff
    v4 = band v2, v3
    try_call fn0(v4), sig0, block1(ret0), []
block1(v5: i32):
    v6 = call fn0(v2)
    return v6
})");
  const Outcome number = f.run({f32(1)});
  EXPECT_EQ(number.kind, OutcomeKind::Returned) << describe(number);
  EXPECT_EQ(number.calls.size(), 2u);
  const Outcome nan = f.run({DataValue(ir::kF32, 0x7fc0'0000)});
  EXPECT_EQ(nan.kind, OutcomeKind::Undetermined);
  EXPECT_EQ(nan.calls.size(), 1u);  // only the sign was open
}

TEST(Language, CodeCanBeReadButNotKnown) {
  Fixture f(R"(function %f() -> i64 {
block0:
    v0 = get_return_address.i64
    v1 = load.i64 v0
    return v1
})");
  EXPECT_EQ(f.run({}).kind, OutcomeKind::Trapped);
  f.config.strict_stack = false;
  const Outcome outcome = f.run({});
  ASSERT_EQ(outcome.free_bits.size(), 1u) << describe(outcome);
  EXPECT_TRUE(outcome.free_bits[0] == ~uint64_t{0});
}

TEST(Language, AddressesHaveNoMoreThan64Bits) {
  for (const char* const operation : {"tls_value", "symbol_value"}) {
    Fixture f(std::string("function %f() -> i128 {\n    gv0 = symbol ") + (operation[0] == 't' ? "tls " : "") +
              "%x\nblock0:\n    v0 = " + operation + ".i128 gv0\n    return v0\n}\n");
    EXPECT_EQ(f.run({}).kind, OutcomeKind::Unsupported) << operation;
  }
}

}  // namespace
}  // namespace assay::interpreter
