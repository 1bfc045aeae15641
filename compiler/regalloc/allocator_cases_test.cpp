// Single situations: constraints that meet in one instruction, errors, where spills and moves end up, and growth in
// time.
#include <gtest/gtest.h>

#include <ctime>

#include "compiler/regalloc/allocator.h"
#include "compiler/regalloc/checker.h"
#include "compiler/regalloc/shapes.h"
#include "compiler/regalloc/test_builder.h"

namespace assay::regalloc {
namespace {

using machine::Constraint;
using machine::Operand;
using machine::Reg;
using machine::Role;

PReg r(unsigned number) { return PReg(RegClass::Gpr, number); }

Operand tied(Reg reg, unsigned use, Role role = Role::Def) {
  Operand operand = Operand::def(reg);
  operand.role = role;
  operand.constraint = Constraint::Reuse;
  operand.detail = static_cast<uint8_t>(use);
  return operand;
}

Operand early(Reg reg) {
  Operand operand = Operand::def(reg);
  operand.role = Role::EarlyDef;
  return operand;
}

class AllocatorCases : public testing::Test {
 protected:
  Allocation run(const TestFunction& f, const AllocateOptions& options = {}) {
    const auto result = allocate(f.code(), f.env(), f.clobbers(), options);
    if (!result) {
      ADD_FAILURE() << render(result.error());
      return {};
    }
    const Diagnostics findings = check(f.code(), *result, f.env(), f.clobbers());
    EXPECT_TRUE(findings.empty()) << render(findings[0]) << dump(f.code(), &*result);
    return *result;
  }
  void expect_error(const TestFunction& f, const std::string& part) {
    const auto result = allocate(f.code(), f.env(), f.clobbers());
    ASSERT_FALSE(result.has_value()) << dump(f.code(), &*result);
    EXPECT_NE(render(result.error()).find(part), std::string::npos) << render(result.error());
  }
  PReg register_of(const TestFunction& f, const Allocation& allocation, uint32_t inst, uint32_t operand) {
    return allocation.operands[f.code().insts[inst].first_operand + operand];
  }
};

TEST_F(AllocatorCases, AValueInTwoFixedRegistersAndAPlainOneAtOnce) {
  TestFunction f(4);
  const Reg a = f.gpr(), b = f.gpr();
  f.block();
  f.inst(kTestOp, {Operand::def(a)});
  const uint32_t op = f.inst(kTestOp, {Operand::fixed_use(a, r(2)), Operand::fixed_use(a, r(3)), Operand::use(a),
                                       tied(b, 2), Operand::use(a)});
  f.inst(kTestReturn, {Operand::use(a), Operand::use(b)});
  f.finish();
  const Allocation allocation = run(f);
  EXPECT_EQ(register_of(f, allocation, op, 0), r(2));
  EXPECT_EQ(register_of(f, allocation, op, 1), r(3));
}

TEST_F(AllocatorCases, ConstraintsMayTakeAllRegisters) {
  for (const uint32_t registers : {2u, 4u, 8u, 16u}) {
    TestFunction f(registers);
    f.block();
    std::vector<Reg> in, out;
    std::vector<Operand> args, call, ret;
    for (uint32_t k = 0; k < registers; ++k) {
      in.push_back(f.gpr());
      out.push_back(f.gpr());
      args.push_back(Operand::fixed_def(in[k], r(k)));
    }
    // Every argument in the next one's register, every result in the register before; and the arguments live on.
    for (uint32_t k = 0; k < registers; ++k) call.push_back(Operand::fixed_use(in[k], r((k + 1) % registers)));
    for (uint32_t k = 0; k < registers; ++k) call.push_back(Operand::fixed_def(out[k], r((k + 2) % registers)));
    for (uint32_t k = 0; k < registers; ++k) ret.push_back(Operand::fixed_use(k % 2 ? in[k] : out[k], r(k)));
    f.inst(kTestArgs, args);
    f.inst(kTestCall, call);
    f.inst(kTestReturn, ret);
    f.finish();
    run(f);
  }
}

TEST_F(AllocatorCases, AllRegistersMayBeTiedOrEarly) {
  TestFunction f(4);
  const Reg a = f.gpr(), b = f.gpr(), c = f.gpr(), d = f.gpr(), e = f.gpr();
  f.block();
  f.inst(kTestOp, {Operand::def(a), Operand::def(b)});
  f.inst(kTestOp,
         {Operand::use(a), Operand::use(b), tied(c, 0, Role::EarlyDef), tied(d, 1), early(e), Operand::use(a)});
  f.inst(kTestReturn, {Operand::use(a), Operand::use(b), Operand::use(c), Operand::use(d)});
  f.finish();
  run(f);
}

TEST_F(AllocatorCases, UnusedDefinitionsGetARegister) {
  TestFunction f(3);
  const Reg a = f.gpr(), b = f.gpr(), c = f.gpr();
  f.block();
  f.inst(kTestOp, {Operand::def(a)});
  const uint32_t op = f.inst(kTestOp, {Operand::use(a), early(b), Operand::def(c)});
  f.inst(kTestReturn, {Operand::use(a)});
  f.finish();
  const Allocation allocation = run(f);
  EXPECT_TRUE(register_of(f, allocation, op, 1));
  EXPECT_TRUE(register_of(f, allocation, op, 2));
}

TEST_F(AllocatorCases, ReservedRegistersPassThrough) {
  TestFunction f(4);
  const Reg a = f.gpr();
  f.block();
  f.inst(kTestOp, {Operand::def(a), Operand::use(Reg(kTestStackPointer))});
  f.inst(kTestReturn, {Operand::use(a)});
  f.finish();
  EXPECT_EQ(register_of(f, run(f), 0, 1), kTestStackPointer);
}

TEST_F(AllocatorCases, ValuesLiveAcrossCallsGoToCalleeSavedRegisters) {
  TestFunction f(8);
  const Reg a = f.gpr(), b = f.gpr();
  f.block();
  f.inst(kTestOp, {Operand::def(a), Operand::def(b)});
  f.inst(kTestCall, {});
  f.inst(kTestCall, {});
  f.inst(kTestReturn, {Operand::use(a), Operand::use(b)});
  f.finish();
  const Allocation allocation = run(f);
  EXPECT_TRUE(allocation.moves.empty());
  EXPECT_TRUE(f.env().callee_saved.contains(register_of(f, allocation, 0, 0)));
}

TEST_F(AllocatorCases, SpillsWhatTheLoopDoesNotUse) {
  // Six values; four registers; the loop uses three of them.
  TestFunction f(4);
  std::vector<Reg> values;
  f.block();
  for (int k = 0; k < 6; ++k) {
    values.push_back(f.gpr());
    f.inst(kTestOp, {Operand::def(values.back())});
  }
  f.jump(1);
  f.block();
  f.inst(kTestOp, {Operand::use(values[0]), Operand::use(values[1])});
  f.inst(kTestOp, {Operand::use(values[2]), Operand::use(values[0])});
  f.branch({2, 3}, {Operand::use(values[1])});
  f.block();
  f.jump(1);
  f.block();
  for (Reg value : values) f.inst(kTestOp, {Operand::use(value)});
  f.inst(kTestReturn, {});
  f.finish();
  const Allocation allocation = run(f);
  EXPECT_GT(allocation.spilled_ranges, 0u);
  EXPECT_LE(allocation.spill_slot_count, 3u);
  for (const Move& move : allocation.moves) {
    EXPECT_FALSE(move.inst >= f.code().blocks[1].first_inst && move.inst < f.code().blocks[2].end_inst)
        << dump(f.code(), &allocation);
  }
}

TEST_F(AllocatorCases, AValueIsStoredOnce) {
  const RandomCase test = make_shape(Shape::Calls, 200);
  const Allocation allocation = *allocate(test.code, test.env, test.clobbers());
  std::vector<uint32_t> stores(allocation.spill_slot_count, 0);
  for (const Move& move : allocation.moves) {
    if (move.to.is_slot()) ++stores[move.to.slot_index()];
  }
  for (uint32_t count : stores) EXPECT_EQ(count, 1u);
}

TEST_F(AllocatorCases, SlotsAreShared) {
  // 300 groups of five values that live across a call that clobbers everything.
  TestFunction f(8);
  f.block();
  for (int group = 0; group < 300; ++group) {
    std::vector<Operand> uses;
    for (int k = 0; k < 5; ++k) {
      const Reg reg = f.gpr();
      f.inst(kTestOp, {Operand::def(reg)});
      uses.push_back(Operand::use(reg));
    }
    const uint32_t call = f.inst(kTestOp, {});
    f.code().insts[call].clobbers = 2;
    f.inst(kTestOp, uses);
  }
  f.inst(kTestReturn, {});
  f.finish();
  const Allocation allocation = run(f);
  EXPECT_EQ(allocation.spilled_ranges, 1500u);
  EXPECT_EQ(allocation.spill_slot_count, 5u);
}

TEST_F(AllocatorCases, JoinsNeedNoMoves) {
  const RandomCase test = make_shape(Shape::Diamonds, 50);
  const Allocation allocation = *allocate(test.code, test.env, test.clobbers());
  EXPECT_LE(allocation.moves.size(), 12u) << dump(test.code, &allocation);
}

TEST_F(AllocatorCases, AnArtificialLimitYieldsToWhatAnInstructionNeeds) {
  TestFunction f(8);
  f.block();
  std::vector<Operand> defs, uses;
  for (int k = 0; k < 6; ++k) {
    defs.push_back(Operand::def(f.gpr()));
    uses.push_back(Operand::use(defs.back().reg));
  }
  f.inst(kTestOp, defs);
  f.inst(kTestReturn, uses);
  f.finish();
  run(f, {.max_registers = 1});
}

TEST_F(AllocatorCases, TooManyRegistersAreAnError) {
  TestFunction f(4);
  f.block();
  std::vector<Operand> uses;
  for (int k = 0; k < 5; ++k) {
    uses.push_back(Operand::use(f.gpr()));
    f.inst(kTestOp, {Operand::def(uses.back().reg)});
  }
  f.inst(kTestReturn, uses);
  f.finish();
  expect_error(f, "the instruction needs more registers than there are (at instruction 5)");
}

TEST_F(AllocatorCases, ContradictionsAreErrors) {
  const auto with = [](auto fill) {
    TestFunction f(4);
    const Reg a = f.gpr(), b = f.gpr();
    f.block();
    f.inst(kTestOp, {Operand::def(a), Operand::def(b)});
    fill(f, a, b);
    f.inst(kTestReturn, {});
    f.finish();
    return f;
  };
  expect_error(with([](TestFunction& f, Reg a, Reg b) {
                 f.inst(kTestOp, {Operand::fixed_use(a, r(1)), Operand::fixed_use(b, r(1))});
               }),
               "two operands want the same fixed register");
  expect_error(with([](TestFunction& f, Reg a, Reg b) { f.inst(kTestOp, {Operand::fixed_use(a, r(40))}); }),
               "fixed to the scratch register");
  expect_error(
      with([](TestFunction& f, Reg a, Reg b) { f.inst(kTestOp, {Operand::fixed_use(a, PReg(RegClass::Vec, 1))}); }),
      "not of the operand's class");
  expect_error(with([](TestFunction& f, Reg a, Reg b) {
                 f.inst(kTestOp, {Operand::use(a), tied(f.gpr(), 0), tied(f.gpr(), 0)});
               }),
               "names no use of its class that it can be tied to");
  expect_error(with([](TestFunction& f, Reg a, Reg b) { f.inst(kTestOp, {Operand::use(f.gpr())}); }),
               "used but never defined");
  expect_error(with([](TestFunction& f, Reg a, Reg b) { f.inst(kTestOp, {Operand::def(a)}); }), "defined twice");
}

TEST_F(AllocatorCases, BranchLimitsAreErrors) {
  TestFunction f(4);
  const Reg a = f.gpr();
  f.block();
  f.inst(kTestOp, {Operand::def(a)});
  f.branch({1}, {Operand::use(a)});
  f.block();
  f.inst(kTestReturn, {});
  f.finish();
  expect_error(f, "a branch of a block with one successor has a virtual operand");
}

double seconds_of(Shape shape, uint32_t size, bool checking) {
  const RandomCase test = make_shape(shape, size);
  Allocator allocator;
  Allocation allocation;
  double best = 1e9;
  for (int attempt = 0; attempt < 3; ++attempt) {
    const clock_t begin = clock();
    EXPECT_TRUE(allocator.run(test.code, test.env, test.clobbers(), {}, allocation).has_value());
    if (checking) {
      EXPECT_TRUE(check(test.code, allocation, test.env, test.clobbers()).empty());
    }
    best = std::min(best, double(clock() - begin) / CLOCKS_PER_SEC);
  }
  return best;
}

// Processor time of n and 8n. A quadratic pass takes 64 times as long; caches account for some growth beyond 8.
TEST(AllocatorGrowth, IsNearLinearForEveryShape) {
  for (Shape shape : kShapes) {
    if (shape == Shape::Small) continue;
    for (const bool checking : {false, true}) {
      const double small = seconds_of(shape, 1000, checking), large = seconds_of(shape, 8000, checking);
      EXPECT_LT(large, std::max(small, 1e-3) * 30) << name_of(shape) << (checking ? " with the checker" : "");
    }
  }
}

}  // namespace
}  // namespace assay::regalloc
