// Memory, control flow, calls and limits of the interpreter, on small functions in text.
#include "interpreter/interpreter.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "compiler/ir/parser.h"

namespace assay::interpreter {
namespace {

using ir::DataValue;

// The functions of `text`, run from the first.
struct Fixture {
  Program program;
  Interpreter interpreter;
  Config config;

  explicit Fixture(const std::string& text) {
    auto file = ir::parse_file(text, "test.clif");
    if (!file.has_value()) {
      ADD_FAILURE() << render(file.error().front(), text);
      return;
    }
    for (const ir::ParsedFunction& f : file->functions) program.add(f.function);
    program.link();
  }
  Outcome run(const std::vector<DataValue>& args, std::span<const Region> regions = {}) {
    return interpreter.run(program, 0, args, regions, config);
  }
  uint64_t value(const std::vector<DataValue>& args, std::span<const Region> regions = {}) {
    const Outcome outcome = run(args, regions);
    EXPECT_EQ(outcome.kind, OutcomeKind::Returned) << describe(outcome);
    return outcome.results.empty() ? 0 : outcome.results[0].as_u64();
  }
};

DataValue i8(uint64_t v) { return DataValue(ir::kI8, v); }
DataValue i32(uint64_t v) { return DataValue(ir::kI32, v); }
DataValue i64(uint64_t v) { return DataValue(ir::kI64, v); }

TEST(Interpreter, LoopWithBlockArguments) {
  Fixture f(R"(function %sum(i64) -> i64 {
block0(v0: i64):
    v1 = iconst.i64 0
    jump block1(v0, v1)
block1(v2: i64, v3: i64):
    brif v2, block2, block3(v3)
block2:
    v4 = iadd v3, v2
    v5 = iconst.i64 -1
    v6 = iadd v2, v5
    jump block1(v6, v4)
block3(v7: i64):
    return v7
})");
  EXPECT_EQ(f.value({i64(10)}), 55u);
  EXPECT_EQ(f.value({i64(0)}), 0u);
  f.config.fuel = 20;
  EXPECT_EQ(f.run({i64(10)}).kind, OutcomeKind::OutOfFuel);
  EXPECT_EQ(f.interpreter.executed(), 20u);
}

TEST(Interpreter, BlockArgumentsMoveAtOnce) {
  Fixture f(R"(function %swap(i8, i8) -> i8, i8, i8 {
block0(v0: i8, v1: i8):
    v2 = iconst.i8 3
    v8 = iconst.i8 1
    jump block1(v0, v1, v2, v8)
block1(v3: i8, v4: i8, v5: i8, v6: i8):
    v7 = iconst.i8 0
    brif v6, block1(v4, v5, v3, v7), block2
block2:
    return v3, v4, v5
})");
  const Outcome outcome = f.run({i8(1), i8(2)});
  ASSERT_EQ(outcome.results.size(), 3u);
  EXPECT_EQ(outcome.results[0], i8(2));
  EXPECT_EQ(outcome.results[1], i8(3));
  EXPECT_EQ(outcome.results[2], i8(1));
}

TEST(Interpreter, BrTable) {
  Fixture f(R"(function %f(i32) -> i8 {
block0(v0: i32):
    v1 = iconst.i8 10
    v2 = iconst.i8 20
    v3 = iconst.i8 30
    br_table v0, block1(v3), [block1(v1), block1(v2)]
block1(v4: i8):
    return v4
})");
  EXPECT_EQ(f.value({i32(0)}), 10u);
  EXPECT_EQ(f.value({i32(1)}), 20u);
  EXPECT_EQ(f.value({i32(2)}), 30u);
  EXPECT_EQ(f.value({i32(0xffff'ffff)}), 30u);
}

TEST(Interpreter, TrapsSayWhere) {
  Fixture f(R"(function %f(i32, i32) -> i32 {
    fn0 = %g(i32, i32) -> i32
block0(v0: i32, v1: i32):
    trapz v0, user3
    v2 = call fn0(v0, v1)
    return v2
}
function %g(i32, i32) -> i32 {
block0(v0: i32, v1: i32):
    v2 = iconst.i32 1
    v3 = sdiv v0, v1
    return v3
})");
  const Outcome first = f.run({i32(0), i32(1)});
  EXPECT_EQ(first.kind, OutcomeKind::Trapped);
  EXPECT_EQ(first.trap, ir::TrapCode::user(3));
  EXPECT_EQ(first.function, 0u);
  EXPECT_EQ(first.inst, ir::Inst(0));
  const Outcome second = f.run({i32(1), i32(0)});
  EXPECT_EQ(second.trap, ir::kIntegerDivisionByZero);
  EXPECT_EQ(second.function, 1u);
  EXPECT_EQ(second.inst, ir::Inst(1));
  EXPECT_EQ(describe(second), "trapped int_divz at function 1, inst1");
  EXPECT_EQ(f.run({i32(0x8000'0000), i32(0xffff'ffff)}).trap, ir::kIntegerOverflow);
  EXPECT_EQ(f.value({i32(7), i32(0xffff'fffe)}), 0xffff'fffdu);
}

TEST(Interpreter, LoadsAndStoresInBothOrders) {
  Fixture f(R"(function %f(i64) -> i64, i32, i32, i64, i64 {
block0(v0: i64):
    v1 = load.i64 little v0
    v2 = load.i32 big v0+4
    v3 = load.i32 v0
    v4 = sload16.i64 big v0+6
    v5 = uload8.i64 v0+7
    v6 = iconst.i64 0x1122334455667788
    istore32 big v6, v0+8
    istore16 little v6, v0+12
    istore8 v6, v0+14
    return v1, v2, v3, v4, v5
})");
  std::array<uint8_t, 16> bytes{0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x87, 0xf8};
  const Region region{0x2000'0000, bytes, true};
  Outcome outcome = f.run({i64(0x2000'0000)}, {&region, 1});
  ASSERT_EQ(outcome.results.size(), 5u) << describe(outcome);
  EXPECT_EQ(outcome.results[0], i64(0xf887'0605'0403'0201));
  EXPECT_EQ(outcome.results[1], i32(0x0506'87f8));
  EXPECT_EQ(outcome.results[2], i32(0x0403'0201));
  EXPECT_EQ(outcome.results[3], i64(0xffff'ffff'ffff'87f8));
  EXPECT_EQ(outcome.results[4], i64(0xf8));
  const std::array<uint8_t, 8> stored{0x55, 0x66, 0x77, 0x88, 0x88, 0x77, 0x88, 0};
  EXPECT_TRUE(std::equal(stored.begin(), stored.end(), bytes.begin() + 8));
  EXPECT_TRUE(f.program.depends_on_byte_order());
  f.config.byte_order = ir::Endianness::kBig;
  outcome = f.run({i64(0x2000'0000)}, {&region, 1});
  EXPECT_EQ(outcome.results[2], i32(0x0102'0304));
}

TEST(Interpreter, OutOfBounds) {
  const std::string body = R"( v0+4
    return v1
})";
  std::array<uint8_t, 16> bytes{};
  const Region region{0x2000'0000, bytes, true};
  const auto run = [&](const std::string& flags, uint64_t address, std::span<const AddressRange> reserved = {}) {
    Fixture f("function %f(i64) -> i64 {\nblock0(v0: i64):\n    v1 = load.i64" + flags + body);
    f.config.reserved = reserved;
    return f.run({i64(address)}, {&region, 1});
  };
  EXPECT_EQ(run("", 0x2000'0004).kind, OutcomeKind::Returned);
  EXPECT_EQ(run("", 0x2000'0005).trap, ir::kHeapOutOfBounds);
  EXPECT_EQ(run("", 0x1fff'fffb).trap, ir::kHeapOutOfBounds);
  EXPECT_EQ(run("", 0x1fff'fffc).kind, OutcomeKind::Returned);
  EXPECT_EQ(run(" user9", 0).trap, ir::TrapCode::user(9));
  EXPECT_EQ(run(" notrap", 0).kind, OutcomeKind::UndefinedBehaviour);
  EXPECT_EQ(run(" aligned", 0x2000'0001).kind, OutcomeKind::UndefinedBehaviour);
  EXPECT_EQ(run("", ~uint64_t{0}).trap, ir::kHeapOutOfBounds);
  const AddressRange code{0x1000'0000, 0x1000'1000};
  EXPECT_EQ(run("", 0x1000'0000, {&code, 1}).kind, OutcomeKind::UndefinedBehaviour);
  EXPECT_EQ(run("", 0x1000'0000 - 8, {&code, 1}).kind, OutcomeKind::UndefinedBehaviour);
  EXPECT_EQ(run("", 0x1000'0000 - 12, {&code, 1}).trap, ir::kHeapOutOfBounds);
}

TEST(Interpreter, WhetherAComparisonThatFailsTrapsIsNotSaid) {
  std::array<uint8_t, 16> bytes{1};
  const Region region{0x2000'0000, bytes, false};
  Fixture f(
      "function %f(i64, i32) -> i32 {\nblock0(v0: i64, v1: i32):\n    v2 = atomic_cas little v0, v1, v1\n    return "
      "v2\n}");
  const auto run = [&](uint64_t address, int32_t expected) {
    return f.run({i64(address), i32(expected)}, {&region, 1});
  };
  EXPECT_EQ(run(0x2000'0000, 1).trap, ir::kHeapOutOfBounds);
  EXPECT_EQ(run(0x2000'0000, 0).kind, OutcomeKind::UndefinedBehaviour);
  EXPECT_EQ(run(0x1fff'0000, 0).trap, ir::kHeapOutOfBounds);
}

TEST(Interpreter, AliasRegions) {
  std::array<uint8_t, 16> bytes{};
  const Region region{0x2000'0000, bytes, true};
  const auto run = [&](const std::string& body) {
    Fixture f("function %f(i64) -> i64 {\n  region0 = 0 \"a\"\n  region1 = 1 \"b\"\n  fn0 = %f(i64) -> i64\n" +
              ("block0(v0: i64):\n" + body) + "    return v0\n}");
    return f.run({i64(0x2000'0000)}, {&region, 1}).kind;
  };
  EXPECT_EQ(run("    store region0 v0, v0\n    v1 = load.i64 region1 v0+8\n"), OutcomeKind::Returned);
  EXPECT_EQ(run("    v1 = load.i64 region0 v0\n    v2 = load.i64 region1 v0\n"), OutcomeKind::Returned);
  EXPECT_EQ(run("    store region0 v0, v0\n    v1 = load.i32 v0+4\n"), OutcomeKind::Returned);
  EXPECT_EQ(run("    store region0 v0, v0\n    v1 = load.i32 region1 v0+4\n"), OutcomeKind::UndefinedBehaviour);
  EXPECT_EQ(run("    v1 = load.i32 region1 v0+6\n    store region0 v0, v0\n"), OutcomeKind::UndefinedBehaviour);
}

TEST(Interpreter, ReadOnlyRegions) {
  Fixture f(R"(function %f(i64) -> i8 {
block0(v0: i64):
    v1 = load.i8 v0
    store.i8 user1 v1, v0
    return v1
})");
  std::array<uint8_t, 4> bytes{};
  const Region region{0x2000'0000, bytes, false};
  EXPECT_EQ(f.run({i64(0x2000'0000)}, {&region, 1}).trap, ir::TrapCode::user(1));
}

TEST(Interpreter, StackSlots) {
  Fixture f(R"(function %f(i64, i64) -> i64, i64 {
    ss0 = explicit_slot 8
    ss1 = explicit_slot 16, align = 64
    fn0 = %g(i64)
block0(v0: i64, v1: i64):
    v2 = stack_addr.i64 ss0
    v3 = stack_addr.i64 ss1+8
    store.i64 v0, v2
    store.i64 v1, v3
    call fn0(v2)
    v4 = load.i64 v2
    v5 = load.i64 v3
    return v4, v5
}
function %g(i64) {
    ss0 = explicit_slot 8
block0(v0: i64):
    v1 = stack_addr.i64 ss0
    v2 = load.i64 v0
    v3 = iadd v2, v2
    store.i64 v3, v1
    store.i64 v3, v0
    return
})");
  const Outcome outcome = f.run({i64(21), i64(7)});
  ASSERT_EQ(outcome.results.size(), 2u) << describe(outcome);
  EXPECT_EQ(outcome.results[0], i64(42));
  EXPECT_EQ(outcome.results[1], i64(7));
  EXPECT_TRUE(f.program.sees_addresses());
}

TEST(Interpreter, OutsideSlotsTheStackMeansNothing) {
  Fixture f(R"(function %f(i64) -> i64 {
    ss0 = explicit_slot 8
    ss1 = explicit_slot 8
block0(v0: i64):
    v1 = stack_addr.i64 ss0
    v2 = iadd v1, v0
    v3 = load.i64 v2
    return v3
})");
  EXPECT_EQ(f.run({i64(0)}).kind, OutcomeKind::Returned);
  EXPECT_EQ(f.run({i64(1)}).kind, OutcomeKind::UndefinedBehaviour);
  EXPECT_EQ(f.run({i64(8)}).kind, OutcomeKind::UndefinedBehaviour);
  EXPECT_EQ(f.run({i64(~uint64_t{0})}).kind, OutcomeKind::UndefinedBehaviour);
  f.config.stack_fill = 0xa5;
  EXPECT_EQ(f.value({i64(0)}), 0xa5a5'a5a5'a5a5'a5a5u);
  f.config.strict_stack = false;
  EXPECT_EQ(f.run({i64(8)}).kind, OutcomeKind::Returned);
  EXPECT_EQ(f.run({i64(0x1000)}).kind, OutcomeKind::UndefinedBehaviour);
}

TEST(Interpreter, ShiftsByAnAmountOfAnyType) {
  Fixture f(R"(function %f(i64, i64, i128) -> i8 {
block0(v0: i64, v1: i64, v2: i128):
    v3 = ireduce.i8 v0
    v4 = ishl v3, v2
    return v4
})");
  EXPECT_EQ(f.value({i64(1), i64(0), DataValue(ir::kI128, 3)}), 8u);
  EXPECT_EQ(f.value({i64(1), i64(0), DataValue(ir::kI128, static_cast<unsigned __int128>(5) << 64)}), 1u);
}

TEST(Interpreter, IndirectCalls) {
  Fixture f(R"(function %f(i8, i64) -> i64 {
    sig0 = (i64) -> i64
    fn0 = %double(i64) -> i64
    fn1 = %square(i64) -> i64
block0(v0: i8, v1: i64):
    v2 = func_addr.i64 fn0
    v3 = func_addr.i64 fn1
    v4 = select v0, v2, v3
    v5 = call_indirect sig0, v4(v1)
    return v5
}
function %double(i64) -> i64 {
block0(v0: i64):
    v1 = iadd v0, v0
    return v1
}
function %square(i64) -> i64 {
block0(v0: i64):
    v1 = imul v0, v0
    return v1
})");
  EXPECT_EQ(f.value({i8(1), i64(9)}), 18u);
  EXPECT_EQ(f.value({i8(0), i64(9)}), 81u);
}

TEST(Interpreter, BadIndirectCalls) {
  Fixture f(R"(function %f(i64) {
    sig0 = (i64)
    fn0 = %f(i64)
block0(v0: i64):
    v1 = func_addr.i64 fn0
    v2 = iadd v1, v0
    call_indirect sig0, v2(v0)
    return
}
function %g(i32) {
block0(v0: i32):
    return
})");
  EXPECT_EQ(f.run({i64(1)}).kind, OutcomeKind::UndefinedBehaviour);
  EXPECT_EQ(f.run({i64(16)}).kind, OutcomeKind::UndefinedBehaviour);  // %g has another signature
  EXPECT_EQ(f.run({i64(32)}).kind, OutcomeKind::UndefinedBehaviour);
}

TEST(Interpreter, EndlessRecursionOverflowsTheStack) {
  Fixture f(R"(function %f(i64) -> i64 {
    fn0 = %f(i64) -> i64
block0(v0: i64):
    v1 = call fn0(v0)
    return v1
})");
  const Outcome outcome = f.run({i64(1)});
  EXPECT_EQ(outcome.kind, OutcomeKind::Trapped);
  EXPECT_EQ(outcome.trap, ir::kStackOverflow);
  EXPECT_EQ(f.interpreter.deepest(), f.config.max_depth);
}

TEST(Interpreter, LargeFramesOverflowTheStack) {
  Fixture f(R"(function %f(i64) -> i64 {
    ss0 = explicit_slot 0x10000000
block0(v0: i64):
    return v0
})");
  EXPECT_EQ(f.run({i64(1)}).trap, ir::kStackOverflow);
}

TEST(Interpreter, SaysWhatItDoesNotKnow) {
  Fixture f(R"(function %f(i8, i32x4) -> i32x4 {
    fn0 = %elsewhere()
block0(v0: i8, v1: i32x4):
    brif v0, block1, block2
block1:
    v2 = iadd v1, v1
    return v2
block2:
    call fn0()
    return v1
})");
  const DataValue vector(ir::Type::parse("i32x4").value(), 0);
  const Outcome add = f.run({i8(1), vector});
  EXPECT_EQ(add.kind, OutcomeKind::Unsupported);
  EXPECT_EQ(add.text, "iadd.i32x4");
  EXPECT_EQ(f.run({i8(0), vector}).text, "call of %elsewhere");
}

TEST(Interpreter, ProgramsCanBeReused) {
  Fixture f("function %f(i64) -> i64 {\nblock0(v0: i64):\n    return v0\n}");
  EXPECT_EQ(f.value({i64(3)}), 3u);
  const auto other =
      ir::parse_function("function %g(i64) -> i64 {\nblock0(v0: i64):\n    v1 = bnot v0\n    return v1\n}");
  ASSERT_TRUE(other.has_value());
  f.program.clear();
  f.program.add(*other);
  f.program.link();
  EXPECT_EQ(f.value({i64(0)}), ~uint64_t{0});
  EXPECT_EQ(f.program.find("%g"), 0u);
  EXPECT_EQ(f.program.find("%f"), kNoFunction);
}

}  // namespace
}  // namespace assay::interpreter
