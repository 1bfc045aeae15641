// Each invariant of VCode, broken once.
#include "compiler/regalloc/verify_vcode.h"

#include <gtest/gtest.h>

#include "compiler/regalloc/random_vcode.h"
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

// Can block `to` be reached from the entry block without going through `avoid`?
bool reaches(const machine::VCode& code, uint32_t to, uint32_t avoid) {
  std::vector<uint32_t> work;
  std::vector<bool> seen(code.blocks.size());
  if (avoid != 0) work.push_back(0);
  while (!work.empty()) {
    const uint32_t b = work.back();
    work.pop_back();
    if (b == to) return true;
    for (Block succ : code.succs_of(code.blocks[b])) {
      if (succ.index == avoid || seen[succ.index]) continue;
      seen[succ.index] = true;
      work.push_back(succ.index);
    }
  }
  return false;
}

// Dominance against its definition: random functions in which one use reads another value.
TEST(VerifyVCode, DominanceIsWhatItsDefinitionSays) {
  unsigned violations = 0, fine = 0;
  for (uint64_t seed = 0; seed < 3000; ++seed) {
    RandomSource random(seed);
    RandomVCodeOptions options;
    options.max_blocks = 20;
    RandomCase test = random_vcode(random, options);
    machine::VCode& code = test.code;
    // Where everything is defined, and a plain use to change.
    std::vector<uint32_t> def_block(code.vreg_classes.size(), ~0u);
    std::vector<std::pair<uint32_t, uint32_t>> uses;  // operand, block
    for (uint32_t b = 0; b < code.blocks.size(); ++b) {
      for (Reg param : code.params_of(code.blocks[b])) def_block[param.virtual_index()] = b;
      for (uint32_t i = code.blocks[b].first_inst; i < code.blocks[b].end_inst; ++i) {
        const machine::Inst& inst = code.insts[i];
        for (uint32_t o = inst.first_operand; o < inst.first_operand + inst.operand_count; ++o) {
          const Operand& operand = code.operands[o];
          if (!operand.is_reg() || !operand.reg.is_virtual()) continue;
          if (operand.is_def()) def_block[operand.reg.virtual_index()] = b;
          if (operand.is_use() && code.vreg_classes[operand.reg.virtual_index()] == RegClass::Gpr)
            uses.emplace_back(o, b);
        }
      }
    }
    if (uses.empty()) continue;
    const auto [operand, block] = uses[random.below(static_cast<uint32_t>(uses.size()))];
    const uint32_t value = random.below(static_cast<uint32_t>(code.vreg_classes.size()));
    const uint32_t def = def_block[value];
    if (code.vreg_classes[value] != RegClass::Gpr || def == ~0u || def == block) continue;
    if (!reaches(code, block, ~0u)) continue;
    code.operands[operand].reg = Reg::virtual_reg(value);
    bool found = false;
    for (const Diagnostic& d : verify_vcode(code, test.clobbers())) {
      found = found || d.message.find("does not dominate") != std::string::npos;
    }
    EXPECT_EQ(found, reaches(code, block, def)) << "seed " << seed;
    ++(found ? violations : fine);
  }
  EXPECT_GT(violations, 100u);
  EXPECT_GT(fine, 100u);
}

// A chain of blocks that may each leave to the last one: an iterative algorithm takes minutes for this.
TEST(VerifyVCode, ManyPredecessors) {
  TestFunction f(4);
  const uint32_t count = 100000;
  for (uint32_t b = 0; b < count; ++b) {
    const Reg value = f.gpr();
    f.block();
    f.inst(kTestOp, {Operand::def(value)});
    f.branch({2 * b + 2, 2 * b + 1}, {Operand::use(value)});
    f.block();
    f.jump(2 * count + 1);
  }
  f.block();
  f.jump(2 * count + 1);
  f.block();
  f.inst(kTestReturn, {});
  f.finish();
  const Diagnostics found = verify_vcode(f.code(), f.clobbers());
  EXPECT_TRUE(found.empty()) << render(found.front());
}

}  // namespace
}  // namespace assay::regalloc
