// The lowering driver with rules written in C++: a machine whose one instruction defines one register from any number
// of registers. What matters here is order, registers and what is left out.
#include "compiler/machine/lower.h"

#include <gtest/gtest.h>

#include <functional>

#include "compiler/ir/parser.h"
#include "compiler/machine/print_vcode.h"
#include "compiler/regalloc/verify_vcode.h"

namespace assay::machine {
namespace {

enum Opcode : uint16_t { kArgs, kRet, kCall, kCallIndirect, kJump, kBranch, kOp, kMove, kMem, kExtend };

InstDesc desc(const char* name, uint16_t attributes) {
  return {name, name, {}, {}, uint16_t(attributes | kIsVariadic), 0, -1, "", 0};
}
const InstDesc kDescs[] = {
    desc("args", 0),       desc("ret", kIsReturn),    desc("call", kIsCall), desc("call_indirect", kIsCall),
    desc("jump", kIsJump), desc("branch", kIsBranch), desc("op", 0),         desc("move", 0),
    desc("mem", 0),        desc("extend", 0)};
const InstSet kInsts{
    "toy",   kDescs,
    nullptr, [](uint16_t opcode, std::span<const Operand>) { return std::string(kDescs[opcode].name); },
    nullptr, {},
    {}};

constexpr PReg gpr(unsigned n) { return PReg(RegClass::Gpr, n); }
constexpr PReg kArguments[] = {gpr(1), gpr(2)};
constexpr PReg kResults[] = {gpr(1)};

using Lower = std::function<std::optional<InstOutput>(LowerContext&, ir::Inst)>;
std::vector<std::pair<unsigned, bool>> extensions;  // that were asked for: bits, signed
Lower rule;                                         // what the test at hand lowers with; nothing: the default below

std::optional<InstOutput> by_default(LowerContext& c, ir::Inst inst) {
  const ir::Function& f = c.function();
  const ir::InstData& data = f.inst(inst);
  if (data.opcode == ir::Opcode::kReturn) return c.gen_return(f.args(inst));
  if (data.opcode == ir::Opcode::kCall) return c.gen_call(data.func_ref(), f.args(inst));
  std::vector<Operand> operands;
  for (ir::Value v : f.args(inst)) operands.push_back(Operand::use(c.put_in_reg(v)));
  if (data.opcode == ir::Opcode::kIconst) operands.push_back(Operand::immediate(int64_t(data.imm)));
  if (!f.has_results(inst)) {
    c.emit(kOp, operands);
    return c.output_none({});
  }
  const Reg result = c.new_reg(RegClass::Gpr);
  operands.push_back(Operand::def(result));
  c.emit(kOp, operands);
  return c.output1(result);
}

TargetIsa make_isa() {
  TargetIsa isa;
  isa.kind = IsaKind::riscv64;
  isa.name = "toy";
  isa.insts = &kInsts;
  isa.opcodes = {kArgs, kRet, kCall, kCallIndirect, kJump};
  isa.abi.argument_registers = kArguments;
  isa.abi.result_registers = kResults;
  isa.abi.stack_pointer = gpr(15);
  for (unsigned n = 1; n < 8; ++n) isa.registers.allocatable[0].push_back(gpr(n));
  isa.lower = [](LowerContext& c, ir::Inst inst) { return rule ? rule(c, inst) : by_default(c, inst); };
  isa.lower_branch = [](LowerContext& c, ir::Inst inst, std::span<const Block> labels) {
    std::vector<Operand> operands;
    for (ir::Value v : c.function().args(inst)) operands.push_back(Operand::use(c.put_in_reg(v)));
    if (labels.size() > 1) {
      operands.push_back(Operand::label(labels[0]));
      c.emit(kBranch, operands);
    }
    c.emit_jump(labels.back());
    return true;
  };
  isa.extend = [](LowerContext& c, Reg value, unsigned bits, bool is_signed) {
    extensions.emplace_back(bits, is_signed);
    const Reg result = c.new_reg(RegClass::Gpr);
    c.emit(kExtend, {Operand::use(value), Operand::def(result)});
    return result;
  };
  isa.move = [](RegClass, Reg to, Reg from) { return SimpleInst(kMove, {Operand::use(from), Operand::def(to)}); };
  isa.load = [](ir::Type, Reg to, const Amode&) { return SimpleInst(kMem, {Operand::def(to)}); };
  isa.store = [](ir::Type, Reg from, const Amode&) { return SimpleInst(kMem, {Operand::use(from)}); };
  isa.address = [](Reg to, const Amode&) { return SimpleInst(kMem, {Operand::def(to)}); };
  return isa;
}

class LowerTest : public testing::Test {
 protected:
  ~LowerTest() override { rule = nullptr; }

  // The instructions' names in order, blocks separated by '|'.
  std::string lowered(const std::string& body, LowerOptions options = {}) {
    auto parsed = ir::parse_function(body);
    EXPECT_TRUE(parsed.has_value()) << (parsed ? "" : render(parsed.error().front(), body));
    function_ = std::move(*parsed);
    const auto result = context_.lower_function(function_, isa_, options, rules_, code_);
    if (!result) return result.error().message;
    for (const Diagnostic& d : regalloc::verify_vcode(code_, {}))
      ADD_FAILURE() << d.message << "\n" << print_vcode(code_, kInsts);
    std::string text;
    for (const VBlock& block : code_.blocks) {
      if (!text.empty()) text += "| ";
      for (uint32_t i = block.first_inst; i < block.end_inst; ++i)
        text += std::string(kDescs[code_.insts[i].opcode].name) + " ";
    }
    return text;
  }

  TargetIsa isa_ = make_isa();
  LowerContext context_;
  isle::RuleState rules_{{}};
  VCode code_;
  ir::Function function_;
};

TEST_F(LowerTest, InOrder) {
  EXPECT_EQ(lowered("function %f(i32, i32) -> i32 {\nblock0(v0: i32, v1: i32):\n  v2 = iadd v0, v1\n  v3 = imul v2, "
                    "v2\n  return v3\n}\n"),
            "args op op ret ");
  // The use of v3 is the register that imul defines: no move.
  EXPECT_EQ(code_.operands_of(code_.insts[3])[0].reg, code_.operands_of(code_.insts[2])[2].reg);
}

TEST_F(LowerTest, UnusedPureInstructionsAndLoadsThatCannotTrapAreLeftOut) {
  EXPECT_EQ(lowered("function %f(i64) -> i64 {\nblock0(v0: i64):\n  v1 = iadd v0, v0\n  v2 = load.i64 notrap v0\n  "
                    "return v0\n}\n"),
            "args ret ");
  EXPECT_EQ(
      lowered("function %f(i64) -> i64 {\nblock0(v0: i64):\n  v1 = load.i64 v0\n  v2 = udiv v0, v0\n  return v0\n}\n"),
      "args op op ret ");
}

TEST_F(LowerTest, ConstantsAreMadeBeforeEachUser) {
  const std::string text =
      "function %f(i64) -> i64 {\nblock0(v0: i64):\n  v1 = iconst.i64 5\n  v2 = iadd v1, v1\n  v3 = imul v2, v1\n  "
      "return v3\n}\n";
  EXPECT_EQ(lowered(text), "op op op op ret ");
}

TEST_F(LowerTest, ConstantsDoNotComeBetweenWhatAnInstructionEmits) {
  rule = [](LowerContext& c, ir::Inst inst) -> std::optional<InstOutput> {
    const ir::Function& f = c.function();
    if (f.inst(inst).opcode != ir::Opcode::kIadd) return by_default(c, inst);
    c.emit(kMem, {Operand::use(c.put_in_reg(f.arg(inst, 0)))});
    const Reg result = c.new_reg(RegClass::Gpr);
    const Reg constant = c.put_in_reg(f.arg(inst, 1));
    c.emit(kMove, {Operand::use(constant), Operand::def(result)});
    return c.output1(result);
  };
  EXPECT_EQ(
      lowered("function %f(i64) -> i64 {\nblock0(v0: i64):\n  v1 = iconst.i64 5\n  v2 = iadd v0, v1\n  return v2\n}\n"),
      "args op mem move ret ");
}

TEST_F(LowerTest, AResultMayBeAnotherValuesRegisterOrAFixedOne) {
  rule = [](LowerContext& c, ir::Inst inst) -> std::optional<InstOutput> {
    const ir::Function& f = c.function();
    const ir::Opcode opcode = f.inst(inst).opcode;
    if (opcode == ir::Opcode::kIreduce) return c.output1(c.put_in_reg(f.arg(inst, 0)));
    if (opcode == ir::Opcode::kIneg) return c.output1(gpr(0));
    return by_default(c, inst);
  };
  EXPECT_EQ(lowered("function %f(i64) -> i8 {\nblock0(v0: i64):\n  v1 = ireduce.i32 v0\n  v2 = ireduce.i16 v1\n  v3 = "
                    "ireduce.i8 v2\n  return v3\n}\n"),
            "args ret ");
  EXPECT_EQ(lowered("function %f(i64) -> i64 {\nblock0(v0: i64):\n  v1 = ineg v0\n  return v1\n}\n"), "move ret ");
}

TEST_F(LowerTest, WhatARuleFoldsInIsNotLowered) {
  rule = [](LowerContext& c, ir::Inst inst) -> std::optional<InstOutput> {
    const ir::Function& f = c.function();
    if (f.inst(inst).opcode != ir::Opcode::kIadd) return by_default(c, inst);
    const auto inner = c.def_inst(f.arg(inst, 1));
    if (!inner) return by_default(c, inst);
    const Reg result = c.new_reg(RegClass::Gpr);
    const Reg a = c.put_in_reg(f.arg(inst, 0));
    const Reg b = c.put_in_reg(f.arg(*inner, 0));
    c.emit(kMove, {Operand::use(a), Operand::use(b), Operand::def(result)});
    return c.output1(result);
  };
  const std::string once =
      "function %f(i64) -> i64 {\nblock0(v0: i64):\n  v1 = ineg v0\n  v2 = iadd v0, v1\n  return v2\n}\n";
  const std::string twice =
      "function %f(i64) -> i64 {\nblock0(v0: i64):\n  v1 = ineg v0\n  v2 = iadd v0, v1\n  v3 = imul v2, v1\n  return "
      "v3\n}\n";
  const std::string load =
      "function %f(i64) -> i64 {\nblock0(v0: i64):\n  v1 = load.i64 v0\n  v2 = iadd v0, v1\n  return v2\n}\n";
  EXPECT_EQ(lowered(once), "args move ret ");
  EXPECT_EQ(lowered(once, {.look_through = false}), "args op op ret ");
  EXPECT_EQ(lowered(twice), "args op op op ret ");
  EXPECT_EQ(lowered(load), "args op op ret ");
}

TEST_F(LowerTest, ConstantsAreSeenWithTheirTypesExtension) {
  std::vector<std::pair<int64_t, uint64_t>> seen;
  rule = [&](LowerContext& c, ir::Inst inst) {
    for (ir::Value v : c.function().args(inst)) {
      if (c.iconst_sext(v)) seen.emplace_back(*c.iconst_sext(v), *c.iconst_zext(v));
    }
    return by_default(c, inst);
  };
  lowered(
      "function %f(i64) -> i64 {\nblock0(v0: i64):\n  v1 = iconst.i8 200\n  v2 = iconst.i16 -1\n  v3 = iconst.i32 "
      "0x8000_0000\n"
      "  v4 = iconst.i64 -2\n  v5 = ishl v0, v1\n  v6 = ishl v5, v2\n  v7 = ishl v6, v3\n  v8 = ishl v7, v4\n  return "
      "v8\n}\n");
  const std::vector<std::pair<int64_t, uint64_t>> expected = {
      {-2, ~uint64_t(1)}, {INT32_MIN, 0x80000000}, {-1, 0xffff}, {200 - 256, 200}};
  EXPECT_EQ(seen, expected);
}

TEST_F(LowerTest, ParametersOfBlocksWithOneWayInAreTheirArguments) {
  EXPECT_EQ(lowered("function %f(i64) -> i64 {\nblock0(v0: i64):\n  v1 = ineg v0\n  jump block1(v1)\nblock1(v2: "
                    "i64):\n  jump block2(v2)\n"
                    "block2(v3: i64):\n  return v3\n}\n"),
            "args op jump | jump | ret ");
  EXPECT_TRUE(code_.block_params.empty());
}

TEST_F(LowerTest, ParametersThatNobodyUsesAreDropped) {
  lowered(
      "function %f(i64) -> i64 {\nblock0(v0: i64):\n  brif v0, block1(v0, v0), block2\nblock1(v1: i64, v2: i64):\n  "
      "return v2\n"
      "block2:\n  jump block1(v0, v0)\n}\n");
  EXPECT_EQ(code_.block_params.size(), 1u);
  EXPECT_EQ(code_.branch_args.size(), 2u);
}

TEST_F(LowerTest, ConstantsAsBlockArgumentsAreMadeOnTheEdge) {
  EXPECT_EQ(
      lowered("function %f(i64) -> i64 {\nblock0(v0: i64):\n  v1 = iconst.i64 1\n  brif v0, block1(v1), block1(v0)\n"
              "block1(v2: i64):\n  return v2\n}\n"),
      "args branch jump | jump | op jump | ret ");
}

// A cold block that dominates others is emitted behind them, but its values are lowered after all their users.
TEST_F(LowerTest, ColdBlocksMayDominate) {
  EXPECT_EQ(lowered("function %f(i64) -> i64 {\nblock0(v0: i64):\n  brif v0, block1, block3\nblock1 cold:\n  v1 = ineg "
                    "v0\n  jump block2\n"
                    "block2:\n  v2 = iadd v1, v1\n  return v2\nblock3:\n  return v0\n}\n"),
            "args branch jump | op ret | ret | op jump ");
}

TEST_F(LowerTest, BothWaysToOneBlockIsAJump) {
  EXPECT_EQ(
      lowered("function %f(i64) -> i64 {\nblock0(v0: i64):\n  brif v0, block1, block1\nblock1:\n  return v0\n}\n"),
      "args jump | ret ");
}

TEST_F(LowerTest, StackArgumentsAndResultsInMemory) {
  EXPECT_EQ(
      lowered("function %f(i64, i64, i64) -> i64, i64, i64 {\n  fn0 = %g(i64, i64, i64) -> i64, i64\nblock0(v0: i64, "
              "v1: i64, v2: i64):\n"
              "  v3, v4 = call fn0(v0, v1, v2)\n  return v3, v4, v2\n}\n"),
      // arguments, v2 and the area; stored argument, area, stored area; call and its second result; results in memory
      "args mem mem mem mem mem call mem mem mem ret ");
  EXPECT_EQ(code_.outgoing_size, 16u);
}

// The callee here is compiled by the same code, which relies on no extension: only this test sees that callers extend.
TEST_F(LowerTest, ArgumentsAndResultsAreExtendedAsDeclared) {
  extensions.clear();
  EXPECT_EQ(lowered("function %f(i8, i16 uext) -> i16 uext {\n  fn0 = %g(i8 sext, i16 uext, i8 uext, i16) -> i16\n"
                    "block0(v0: i8, v1: i16):\n  v2 = call fn0(v0, v1, v0, v1)\n  return v2\n}\n"),
            // the third (extended) and fourth argument go to the stack, then the first two
            "args extend mem mem extend extend call extend ret ");
  const std::vector<std::pair<unsigned, bool>> expected = {{16, false}, {8, false}, {8, true}, {16, false}};
  EXPECT_EQ(extensions, expected);
  // The call takes what `extend` defined, and so does the return.
  for (size_t i = 0; i < code_.insts.size(); ++i) {
    const uint16_t opcode = code_.insts[i].opcode;
    if (opcode == kRet) {
      EXPECT_EQ(code_.operands_of(code_.insts[i])[0].reg, code_.operands_of(code_.insts[i - 1])[1].reg);
    }
    if (opcode == kCall) {
      EXPECT_EQ(code_.operands_of(code_.insts[i])[1].reg, code_.operands_of(code_.insts[i - 2])[1].reg);
      EXPECT_EQ(code_.operands_of(code_.insts[i])[2].reg, code_.operands_of(code_.insts[i - 1])[1].reg);
    }
  }
}

TEST_F(LowerTest, FullWidthNeedsNoExtension) {
  extensions.clear();
  lowered("function %f(i64 sext) -> i64 uext {\nblock0(v0: i64):\n  return v0\n}\n");
  EXPECT_TRUE(extensions.empty());
}

TEST_F(LowerTest, TheStructPointerIsAlsoReturnedWhereTheConventionSaysSo) {
  const std::string text = "function %f(i64, i64 sret) {\nblock0(v0: i64, v1: i64):\n  return\n}\n";
  EXPECT_EQ(lowered(text), "ret ");
  isa_.abi.sret_in_result = true;
  EXPECT_EQ(lowered(text), "args ret ");
  EXPECT_EQ(code_.operands_of(code_.insts[1])[0].detail, kResults[0].code);
  EXPECT_EQ(code_.operands_of(code_.insts[0])[0].detail, kArguments[1].code);
}

TEST_F(LowerTest, CallsClobberWhatTheCalleeMayChangeButNotResults) {
  isa_.registers.callee_saved.add(gpr(5));
  lowered("function %f() -> i64 {\n  fn0 = %g() -> i64\nblock0:\n  v0 = call fn0()\n  return v0\n}\n");
  const PRegSet& set = code_.clobber_sets[code_.insts[0].clobbers];
  EXPECT_TRUE(set.contains(gpr(2)));
  EXPECT_FALSE(set.contains(gpr(5)));
  EXPECT_FALSE(set.contains(kResults[0]));
}

TEST_F(LowerTest, UnsupportedThingsAreNamed) {
  rule = [](LowerContext& c, ir::Inst inst) -> std::optional<InstOutput> {
    if (c.function().inst(inst).opcode == ir::Opcode::kIadd) return std::nullopt;
    return by_default(c, inst);
  };
  EXPECT_EQ(lowered("function %f(i16) -> i16 {\nblock0(v0: i16):\n  v1 = iadd v0, v0\n  return v1\n}\n"),
            "not supported on toy: iadd.i16");
  EXPECT_EQ(lowered("function %f(i64) {\nblock0(v0: i64):\n  v1 = bitcast.f64 v0\n  jump block1(v1)\nblock1(v2: "
                    "f64):\n  v3 = fadd v2, v2\n"
                    "  v4 = bitcast.i64 v3\n  store v4, v0\n  return\n}\n"),
            "not supported on toy: a value of type f64");
}

TEST_F(LowerTest, ATermWithoutMatchingRuleRefusesTheFunction) {
  rule = [](LowerContext&, ir::Inst) -> std::optional<InstOutput> { throw isle::NoRuleMatched("helper"); };
  EXPECT_EQ(lowered("function %f(i16) -> i16 {\nblock0(v0: i16):\n  return v0\n}\n"),
            "not supported on toy: return, no rule of helper matches");
}

}  // namespace
}  // namespace assay::machine
