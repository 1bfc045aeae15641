// VCode: a function as machine instructions, over virtual registers (after lowering) or physical ones (after
// allocation). Dense arrays; instructions are stored in emission order, blocks are ranges of them.
//
// V1  Virtual registers are in SSA form: one def (an instruction's Def/EarlyDef operand or a block parameter), which
//     dominates all uses.
// V2  Critical edges are split: a block with several successors passes no block arguments, so only a block with exactly
//     one successor has `args`. (An edge block is an ordinary block with one jump.)
// V3  The branches of a block are its last instructions. Successors are listed in `succs` in any order, without
//     duplicates per edge: two branches to one block are two edges, each through its own edge block where arguments
//     differ.
// V4  A virtual register of class Flags is defined by one instruction and used only in the same block, with no other
//     writer of flags in between; after allocation it is kFlagsReg.
// V5  The entry block is block 0, has no predecessors and no block parameters.
// V6  Behind a call's registers may come an immediate, by how many bytes the callee raises the stack pointer, and then
//     for each handler of exceptions its tag as an immediate (any: -1) and its label. The context of the handlers that
//     follow, if they have one, is a frame place and its size in bytes as an immediate. A call with handlers is the
//     first branch of its block, a jump to where it returns the other; what it leaves in registers is defined by an
//     `args` at the start of each successor.
// V7  The address of a block (a Place) is no way to it: it is no successor for that.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "compiler/ir/signature.h"
#include "compiler/isle/rule_table.h"
#include "compiler/machine/inst.h"

namespace assay::machine {

struct VBlock {
  uint32_t first_inst = 0;  // [first_inst, end_inst) in VCode::insts
  uint32_t end_inst = 0;
  uint32_t first_param = 0;  // [.., ..) in VCode::block_params: registers
  uint32_t param_count = 0;
  uint32_t first_succ = 0;  // in VCode::succs
  uint32_t succ_count = 0;
  uint32_t first_pred = 0;  // in VCode::preds
  uint32_t pred_count = 0;
  uint32_t first_arg = 0;  // in VCode::branch_args: the arguments passed to the single successor
  uint32_t arg_count = 0;
  uint32_t source_block = kNoSource;  // index of the CLIF block, kNoSource for an edge block
  bool cold = false;
};

// What a Symbol operand names: a function of the module (by CLIF external name) or a known library routine.
struct Symbol {
  std::string name;  // "%callee" or "u0:7", as printed in CLIF
  bool colocated = false;
  int64_t offset = 0;  // added to its address
};

struct StackSlot {
  uint32_t offset = 0;  // within FrameArea::Slots
  uint32_t size = 0;
};

// A rule that was being applied when an instruction was emitted, and the one whose result it was needed for.
struct RuleChain {
  isle::RuleId rule;
  uint16_t caller = kNoRuleChain;  // index into VCode::rule_chains; smaller than this one's own

  bool operator==(const RuleChain&) const = default;
};

struct VCode {
  std::vector<Inst> insts;
  std::vector<Operand> operands;
  std::vector<VBlock> blocks;  // in emission order
  std::vector<Reg> block_params;
  std::vector<Block> succs;
  std::vector<Block> preds;
  std::vector<Reg> branch_args;
  std::vector<RegClass> vreg_classes;  // by Reg::virtual_index()
  std::vector<PRegSet> clobber_sets;   // [0] is empty
  std::vector<Symbol> symbols;
  std::vector<std::vector<uint8_t>> constants;  // constant pool entries, in the machine's byte order
  std::vector<RuleChain> rule_chains;           // what Inst::rules refers to
  uint32_t slots_size = 0;                      // bytes of FrameArea::Slots
  uint32_t outgoing_size = 0;                   // bytes of FrameArea::Outgoing
  uint32_t incoming_size = 0;                   // bytes of stack arguments of this function
  uint32_t spills_size = 0;                     // bytes of FrameArea::Spills (set by allocation)
  uint64_t features = 0;                        // FeatureSet: what its instructions may need
  uint16_t frame_align = 16;
  bool has_calls = false;
  bool has_tail_calls = false;
  bool needs_linkage = false;    // FrameArea::Linkage is used
  uint32_t tail_size = 0;        // the most stack arguments of a tail call, in bytes
  bool pinned_register = false;  // LowerOptions'
  uint8_t probe_log2 = 0;        // LowerOptions'
  ir::CallConv call_conv = ir::CallConv::kSystemV;

  std::span<Operand> operands_of(const Inst& inst) {
    return {operands.data() + inst.first_operand, inst.operand_count};
  }
  std::span<const Operand> operands_of(const Inst& inst) const {
    return {operands.data() + inst.first_operand, inst.operand_count};
  }
  std::span<const Reg> params_of(const VBlock& b) const { return {block_params.data() + b.first_param, b.param_count}; }
  std::span<const Block> succs_of(const VBlock& b) const { return {succs.data() + b.first_succ, b.succ_count}; }
  std::span<const Block> preds_of(const VBlock& b) const { return {preds.data() + b.first_pred, b.pred_count}; }
  std::span<const Reg> args_of(const VBlock& b) const { return {branch_args.data() + b.first_arg, b.arg_count}; }

  // The innermost rule whose result emitted the instruction; none for what calls, arguments and the allocator need.
  isle::RuleId rule_of(const Inst& inst) const {
    return inst.rules == kNoRuleChain ? isle::RuleId() : rule_chains[inst.rules].rule;
  }

  Reg new_vreg(RegClass reg_class) {
    vreg_classes.push_back(reg_class);
    return Reg::virtual_reg(static_cast<uint32_t>(vreg_classes.size() - 1));
  }
  // Empties everything but keeps the memory, for the next function.
  void clear();
};

}  // namespace assay::machine
