// Each invariant of VCode, broken once.
#include "compiler/regalloc/verify_vcode.h"

#include <gtest/gtest.h>

#include "compiler/regalloc/test_builder.h"

namespace assay::regalloc {
namespace {

using machine::Block;
using machine::Operand;
using machine::Reg;

// A diamond with a parameter at the join; `change` breaks it.
template <class Change>
Diagnostics verify_changed(Change change) {
  TestFunction f(4);
  const Reg a = f.gpr(), b = f.gpr(), p = f.gpr(), flags = f.code().new_vreg(RegClass::Flags);
  f.block();
  f.inst(kTestOp, {Operand::def(a)});
  f.inst(kTestOp, {Operand::def(flags)});
  f.branch({1, 2}, {Operand::use(flags)});
  f.block();
  f.inst(kTestOp, {Operand::def(b), Operand::use(a)});
  f.jump(3, {b});
  f.block();
  f.jump(3, {a});
  f.block({p});
  f.inst(kTestReturn, {Operand::use(p), Operand::use(a)});
  f.finish();
  change(f.code());
  return verify_vcode(f.code(), f.clobbers());
}

template <class Change>
void expect_violation(const std::string& part, Change change) {
  const Diagnostics found = verify_changed(change);
  ASSERT_FALSE(found.empty()) << "nothing found; expected: " << part;
  EXPECT_NE(render(found[0]).find(part), std::string::npos) << render(found[0]);
}

TEST(VerifyVCode, EachInvariant) {
  using machine::VCode;
  EXPECT_TRUE(verify_changed([](VCode&) {}).empty());
  expect_violation("V1: v0 is defined twice", [](VCode& c) { c.operands[5].reg = Reg::virtual_reg(0); });
  expect_violation("V1: v1 is used where its definition does not dominate",
                   [](VCode& c) { c.branch_args[1] = Reg::virtual_reg(1); });
  expect_violation("V1: v2 is used", [](VCode& c) { c.operands[6].reg = Reg::virtual_reg(2); });
  expect_violation("passes 0 arguments for 1 parameters", [](VCode& c) { c.blocks[2].arg_count = 0; });
  expect_violation("V2", [](VCode& c) { c.blocks[0].arg_count = 1; });
  expect_violation("V3: successors and predecessors do not agree", [](VCode& c) { c.preds[0] = Block(2); });
  expect_violation("V3: a branch to a block that is not listed", [](VCode& c) { c.operands[3].imm = 3; });
  expect_violation("V3: an instruction after a branch", [](VCode& c) { std::swap(c.insts[3], c.insts[4]); });
  expect_violation("V4: v3 is not in the flags any more", [](VCode& c) {
    std::swap(c.insts[0], c.insts[1]);
    c.insts[1].opcode = kTestFlagsOp;
  });
  expect_violation("V5", [](VCode& c) { c.blocks[0].param_count = 1; });
  expect_violation("is empty", [](VCode& c) { c.blocks[2].end_inst = c.blocks[2].first_inst; });
  expect_violation("operands out of bounds", [](VCode& c) { c.insts[0].operand_count = 100; });
  expect_violation("no such clobber set", [](VCode& c) { c.insts[0].clobbers = 9; });
}

}  // namespace
}  // namespace assay::regalloc
