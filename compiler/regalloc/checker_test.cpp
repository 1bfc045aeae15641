// The checker against damaged allocations: whatever it accepts must compute the same as the virtual code. Then
// each rule on its own, on small functions.
#include "compiler/regalloc/checker.h"

#include <gtest/gtest.h>

#include "compiler/regalloc/allocator.h"
#include "compiler/regalloc/random_vcode.h"
#include "compiler/regalloc/simulate.h"
#include "compiler/regalloc/test_builder.h"

namespace assay::regalloc {
namespace {

using machine::Operand;
using machine::Reg;
using machine::Role;

// Damages one thing; false if there was nothing to damage.
bool damage(RandomSource& random, const RandomCase& test, Allocation& allocation) {
  const uint32_t registers = static_cast<uint32_t>(test.env.allocatable[0].size());
  const auto other_register = [&](PReg reg) { return PReg(reg.reg_class(), random.below(registers)); };
  const uint32_t kind = random.below(7);
  if (kind < 2) {
    if (allocation.operands.empty()) return false;
    PReg& reg = allocation.operands[random.below(static_cast<uint32_t>(allocation.operands.size()))];
    if (!reg || reg.reg_class() == RegClass::Flags) return false;
    const PReg changed = other_register(reg);
    if (changed == reg) return false;
    reg = changed;
    return true;
  }
  if (allocation.moves.empty()) return false;
  const uint32_t n = random.below(static_cast<uint32_t>(allocation.moves.size()));
  Move& move = allocation.moves[n];
  const auto other_location = [&](Location location) {
    if (location.is_reg()) return Location::reg(other_register(location.preg()));
    const uint32_t step = move.reg_class == RegClass::Vec ? 2 : 1;
    return Location::slot((location.slot_index() + step) % std::max(step, allocation.spill_slot_count / step * step));
  };
  switch (kind) {
    case 2:
      allocation.moves.erase(allocation.moves.begin() + n);
      return true;
    case 3: {
      const Location changed = other_location(move.from);
      if (changed == move.from) return false;
      move.from = changed;
      return true;
    }
    case 4: {
      const Location changed = other_location(move.to);
      if (changed == move.to) return false;
      move.to = changed;
      return true;
    }
    case 5: {
      if (n + 1 >= allocation.moves.size()) return false;
      Move& next = allocation.moves[n + 1];
      if (next.inst != move.inst || next.point != move.point) return false;
      std::swap(move, next);
      return true;
    }
    default: {
      // Shift the slot space of one move, or move it to the other side of its instruction.
      if (move.point == Point::Before &&
          (n + 1 == allocation.moves.size() || allocation.moves[n + 1].inst > move.inst)) {
        move.point = Point::After;
        return true;
      }
      return false;
    }
  }
}

TEST(Checker, AcceptsOnlyDamageThatChangesNothing) {
  Allocator allocator;
  uint32_t damaged = 0, rejected = 0, changed_results = 0;
  for (uint64_t seed = 0; seed < 12000; ++seed) {
    RandomSource random(seed);
    const RandomCase test = random_vcode(random, {.max_blocks = 8, .max_insts = 8});
    Allocation allocation;
    ASSERT_TRUE(allocator.run(test.code, test.env, test.clobbers(), {}, allocation).has_value());
    if (!damage(random, test, allocation)) continue;
    ++damaged;
    const Diagnostics findings = check(test.code, allocation, test.env, test.clobbers());
    rejected += !findings.empty();
    bool same = true;
    for (uint64_t path = 0; path < 6 && same; ++path) {
      const SimulationLog expected = simulate_virtual(test.code, path, 200);
      const SimulationLog actual = simulate_allocated(test.code, allocation, test.env, test.clobbers(), path, 200);
      same = actual.error.empty() && actual.values == expected.values;
    }
    changed_results += !same;
    ASSERT_TRUE(same || !findings.empty()) << "seed " << seed << ": an error was not noticed\n"
                                           << dump(test.code, &allocation);
  }
  EXPECT_GT(damaged, 5000u);
  EXPECT_GT(changed_results, damaged / 3);
  // Damage on a path that is not taken, or of a store nobody reads: rejected or not, but not most of it.
  EXPECT_GE(rejected, changed_results);
  EXPECT_LT(rejected, changed_results + damaged / 4);
}

class CheckerRules : public testing::Test {
 protected:
  void expect(const TestFunction& f, const Allocation& allocation, const std::string& part) {
    const Diagnostics findings = check(f.code(), allocation, f.env(), f.clobbers());
    if (part.empty()) {
      EXPECT_TRUE(findings.empty()) << render(findings[0]);
      return;
    }
    ASSERT_FALSE(findings.empty()) << "nothing found; expected: " << part;
    EXPECT_NE(render(findings[0]).find(part), std::string::npos) << render(findings[0]);
  }
};

TEST_F(CheckerRules, OperandRules) {
  TestFunction f(4);
  const Reg a = f.gpr(), b = f.gpr();
  f.block();
  f.inst(kTestOp, {Operand::def(a)});
  Operand tied = Operand::def(b);
  tied.constraint = machine::Constraint::Reuse;
  tied.detail = 0;
  f.inst(kTestOp, {Operand::use(a), tied});
  f.inst(kTestReturn, {Operand::fixed_use(b, PReg(RegClass::Gpr, 1))});
  f.finish();
  const PReg r0(RegClass::Gpr, 0), r1(RegClass::Gpr, 1), scratch(RegClass::Gpr, 40), v0(RegClass::Vec, 0);
  Allocation good;
  good.operands = {r1, r1, r1, r1};
  expect(f, good, "");
  Allocation bad = good;
  bad.operands[0] = r0;
  expect(f, bad, "operand 0 must read v0 in gpr1, but gpr1: it is not written before the function's entry");
  bad = good;
  bad.operands[2] = r0;
  expect(f, bad, "must be in the register of operand 0, gpr1, but is in gpr0");
  bad = good;
  bad.operands[3] = r0;
  expect(f, bad, "must be in gpr1 but is in gpr0");
  bad = good;
  bad.operands[0] = bad.operands[1] = bad.operands[2] = scratch;
  expect(f, bad, "is in the reserved register gpr40");
  bad = good;
  bad.operands[0] = v0;
  expect(f, bad, "which is not of its class");
  bad = good;
  bad.operands[0] = PReg();
  expect(f, bad, "got no register");
  bad = good;
  bad.operands.pop_back();
  expect(f, bad, "the allocation is of another function");
}

TEST_F(CheckerRules, ValuesMustSurvive) {
  TestFunction f(4);
  const Reg a = f.gpr(), b = f.gpr();
  f.block();
  f.inst(kTestOp, {Operand::def(a)});
  f.inst(kTestCall, {});
  f.inst(kTestOp, {Operand::def(b)});
  f.inst(kTestReturn, {Operand::use(a), Operand::use(b)});
  f.finish();
  const PReg r0(RegClass::Gpr, 0), r2(RegClass::Gpr, 2), r3(RegClass::Gpr, 3), scratch(RegClass::Gpr, 40);
  Allocation good;
  good.operands = {r2, r3, r2, r3};
  expect(f, good, "");
  Allocation bad = good;
  bad.operands = {r0, r3, r0, r3};
  expect(f, bad, "gpr0 is clobbered by instruction 1");
  bad.operands = {r2, r2, r2, r2};
  expect(f, bad, "gpr2 holds v1, defined by instruction 2");

  // Through a slot.
  Allocation spilled;
  spilled.operands = {r0, r3, r2, r3};
  spilled.spill_slot_count = 1;
  spilled.moves = {{1, Point::Before, RegClass::Gpr, Location::reg(r0), Location::slot(0)},
                   {3, Point::Before, RegClass::Gpr, Location::slot(0), Location::reg(r2)}};
  expect(f, spilled, "");
  bad = spilled;
  bad.moves[1].inst = 1;
  expect(f, bad, "");  // gpr2 is callee-saved: an early reload does no harm
  bad.moves[1].to = Location::reg(r3);
  expect(f, bad, "operand 0 must read v0 in gpr2");
  bad = spilled;
  bad.moves.pop_back();
  expect(f, bad, "gpr2: it is not written before the function's entry");
  bad = spilled;
  bad.spill_slot_count = 0;
  expect(f, bad, "slot 0 is out of range");
  bad = spilled;
  std::swap(bad.moves[0], bad.moves[1]);
  expect(f, bad, "moves are not in order");
  // The scratch register must not carry it over the call.
  bad = spilled;
  bad.moves[0].to = bad.moves[1].from = Location::reg(scratch);
  expect(f, bad, "a reserved register carries it across an instruction");
  bad = spilled;
  bad.moves[0].to = Location::reg(kTestStackPointer);
  expect(f, bad, "a move writes the reserved register gpr31");
}

TEST_F(CheckerRules, EarlyDefinitionsAndClobbers) {
  TestFunction f(4);
  const Reg a = f.gpr(), b = f.gpr(), c = f.gpr();
  Operand early = Operand::def(b);
  early.role = Role::EarlyDef;
  f.block();
  f.inst(kTestOp, {Operand::def(a)});
  f.inst(kTestOp, {Operand::use(a), early});
  f.inst(kTestCall, {Operand::def(c)});
  f.inst(kTestReturn, {Operand::use(c)});
  f.finish();
  const PReg r0(RegClass::Gpr, 0), r1(RegClass::Gpr, 1), r2(RegClass::Gpr, 2);
  Allocation good;
  good.operands = {r0, r0, r1, r2, r2};
  expect(f, good, "");
  Allocation bad = good;
  bad.operands[2] = r0;
  expect(f, bad, "is defined early in gpr0, which operand 0 is still to be read from");
  bad = good;
  bad.operands[3] = bad.operands[4] = r0;
  expect(f, bad, "is defined in gpr0, which the instruction clobbers");
}

TEST_F(CheckerRules, AnEarlyTiedDefinitionSparesOnlyItsOwnUse) {
  TestFunction f(4);
  const Reg a = f.gpr(), b = f.gpr();
  Operand early = Operand::def(b);
  early.role = Role::EarlyDef;
  early.constraint = machine::Constraint::Reuse;
  early.detail = 0;
  f.block();
  f.inst(kTestOp, {Operand::def(a)});
  f.inst(kTestOp, {Operand::use(a), Operand::use(a), early});
  f.inst(kTestReturn, {Operand::use(b)});
  f.finish();
  const PReg r0(RegClass::Gpr, 0), r1(RegClass::Gpr, 1);
  Allocation bad;
  bad.operands = {r0, r0, r0, r0, r0};
  expect(f, bad, "is defined early in gpr0, which operand 1 is still to be read from");
  Allocation good = bad;
  good.operands = {r1, r0, r1, r0, r0};
  good.moves = {{1, Point::Before, RegClass::Gpr, Location::reg(r1), Location::reg(r0)}};
  expect(f, good, "");
}

TEST_F(CheckerRules, EdgesAndParameters) {
  // A loop that swaps its two parameters.
  TestFunction f(4);
  const Reg a = f.gpr(), b = f.gpr(), p = f.gpr(), q = f.gpr();
  f.block();
  f.inst(kTestOp, {Operand::def(a), Operand::def(b)});
  f.jump(1, {a, b});
  f.block({p, q});
  f.inst(kTestOp, {Operand::use(p)});
  f.branch({2, 3});
  f.block();
  f.jump(1, {q, p});
  f.block();
  f.inst(kTestReturn, {Operand::use(q)});
  f.finish();
  const PReg r0(RegClass::Gpr, 0), r1(RegClass::Gpr, 1), scratch(RegClass::Gpr, 40);
  const uint32_t jump = f.code().blocks[2].first_inst;
  Allocation good;
  good.operands.assign(f.code().operands.size(), PReg());
  good.operands[0] = r0;
  good.operands[1] = r1;
  good.operands[f.code().insts[2].first_operand] = r0;
  good.operands[f.code().insts[f.code().blocks[3].first_inst].first_operand] = r1;
  good.moves = {{jump, Point::Before, RegClass::Gpr, Location::reg(r0), Location::reg(scratch)},
                {jump, Point::Before, RegClass::Gpr, Location::reg(r1), Location::reg(r0)},
                {jump, Point::Before, RegClass::Gpr, Location::reg(scratch), Location::reg(r1)}};
  expect(f, good, "");
  Allocation bad = good;
  bad.moves.clear();
  expect(f, bad, "must read v");
  bad = good;
  bad.moves.pop_back();
  expect(f, bad, "must read v3 in gpr1");
  bad = good;
  std::swap(bad.moves[0], bad.moves[1]);
  expect(f, bad, "must read");
  bad = good;
  for (Move& move : bad.moves) move.point = Point::After;
  expect(f, bad, "a move after a branch");
}

TEST_F(CheckerRules, SlotsOfDifferentSizesDoNotMix) {
  TestFunction f(4);
  const Reg v = f.vec(), g = f.gpr();
  f.block();
  f.inst(kTestOp, {Operand::def(v), Operand::def(g)});
  f.inst(kTestCall, {});
  f.inst(kTestReturn, {Operand::use(v), Operand::use(g)});
  f.finish();
  const PReg x0(RegClass::Vec, 0), r2(RegClass::Gpr, 2);
  Allocation good;
  good.operands = {x0, r2, x0, r2};
  good.spill_slot_count = 3;
  good.moves = {{1, Point::Before, RegClass::Vec, Location::reg(x0), Location::slot(0)},
                {1, Point::Before, RegClass::Gpr, Location::reg(r2), Location::slot(2)},
                {2, Point::Before, RegClass::Vec, Location::slot(0), Location::reg(x0)}};
  expect(f, good, "");
  Allocation bad = good;
  bad.moves[1].to = Location::slot(1);  // the upper half of the vector's
  expect(f, bad, "part of it was overwritten");
  bad = good;
  bad.moves[0].to = bad.moves[2].from = Location::slot(1);
  expect(f, bad, "a slot is not aligned");
}

TEST_F(CheckerRules, FlagsStayInTheirBlock) {
  TestFunction f(4);
  const Reg flags = f.code().new_vreg(RegClass::Flags);
  f.block();
  f.inst(kTestOp, {Operand::def(flags)});
  f.inst(kTestOp, {});
  f.inst(kTestReturn, {Operand::use(flags)});
  f.finish();
  Allocation allocation;
  allocation.operands = {machine::kFlagsReg, machine::kFlagsReg};
  expect(f, allocation, "");
  f.code().insts[1].opcode = kTestFlagsOp;
  expect(f, allocation, "flags0 is clobbered by instruction 1");
  f.code().insts[1].opcode = kTestOp;
  allocation.moves = {{1, Point::Before, RegClass::Flags, Location::reg(machine::kFlagsReg), Location::slot(0)}};
  allocation.spill_slot_count = 1;
  expect(f, allocation, "a move of flags");
}

}  // namespace
}  // namespace assay::regalloc
