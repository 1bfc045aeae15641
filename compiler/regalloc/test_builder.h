// Small functions by hand, for the tests of this folder, on the test machine of random_vcode.h.
#pragma once

#include <initializer_list>
#include <vector>

#include "compiler/regalloc/random_vcode.h"

namespace assay::regalloc {

class TestFunction {
 public:
  explicit TestFunction(uint32_t registers) : case_(test_machine(registers)) {}

  machine::VCode& code() { return case_.code; }
  const machine::VCode& code() const { return case_.code; }
  RegisterEnv& env() { return case_.env; }
  const RegisterEnv& env() const { return case_.env; }
  InstClobbers clobbers() const { return case_.clobbers(); }

  machine::Reg gpr() { return code().new_vreg(RegClass::Gpr); }
  machine::Reg vec() { return code().new_vreg(RegClass::Vec); }

  void block(std::initializer_list<machine::Reg> params = {}) {
    machine::VBlock block;
    block.first_inst = block.end_inst = static_cast<uint32_t>(code().insts.size());
    block.first_param = static_cast<uint32_t>(code().block_params.size());
    block.param_count = static_cast<uint32_t>(params.size());
    block.first_succ = static_cast<uint32_t>(code().succs.size());
    block.first_arg = static_cast<uint32_t>(code().branch_args.size());
    code().block_params.insert(code().block_params.end(), params.begin(), params.end());
    code().blocks.push_back(block);
  }
  uint32_t inst(uint16_t opcode, const std::vector<machine::Operand>& operands) {
    code().insts.push_back(
        {opcode, static_cast<uint16_t>(operands.size()), static_cast<uint32_t>(code().operands.size())});
    code().operands.insert(code().operands.end(), operands.begin(), operands.end());
    return code().blocks.back().end_inst++;
  }
  void jump(uint32_t target, const std::vector<machine::Reg>& args = {}) {
    inst(kTestJump, {machine::Operand::label(machine::Block(target))});
    code().succs.push_back(machine::Block(target));
    code().branch_args.insert(code().branch_args.end(), args.begin(), args.end());
    ++code().blocks.back().succ_count;
    code().blocks.back().arg_count = static_cast<uint32_t>(args.size());
  }
  void branch(std::initializer_list<uint32_t> targets, std::vector<machine::Operand> operands = {}) {
    for (uint32_t target : targets) {
      operands.push_back(machine::Operand::label(machine::Block(target)));
      code().succs.push_back(machine::Block(target));
      ++code().blocks.back().succ_count;
    }
    inst(kTestBranch, operands);
  }
  // Fills in predecessors.
  void finish() {
    std::vector<std::vector<machine::Block>> preds(code().blocks.size());
    for (uint32_t b = 0; b < code().blocks.size(); ++b) {
      for (machine::Block succ : code().succs_of(code().blocks[b])) preds[succ.index].push_back(machine::Block(b));
    }
    for (uint32_t b = 0; b < code().blocks.size(); ++b) {
      code().blocks[b].first_pred = static_cast<uint32_t>(code().preds.size());
      code().blocks[b].pred_count = static_cast<uint32_t>(preds[b].size());
      code().preds.insert(code().preds.end(), preds[b].begin(), preds[b].end());
    }
  }

 private:
  RandomCase case_;
};

}  // namespace assay::regalloc
