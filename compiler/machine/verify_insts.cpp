// See verify_insts.h.
#include "compiler/machine/verify_insts.h"

#include <algorithm>
#include <string>

namespace assay::machine {
namespace {

class Verifier {
 public:
  Verifier(const VCode& vcode, const InstSet& insts) : vcode_(vcode), insts_(insts) {}

  Expected<void> run() {
    if (vcode_.blocks.empty()) return fail("the code has no blocks");
    uint32_t next = 0;
    for (block_ = 0; block_ < vcode_.blocks.size() && error_.empty(); ++block_) {
      const VBlock& block = vcode_.blocks[block_];
      if (block.first_inst != next || block.end_inst < block.first_inst || block.end_inst > vcode_.insts.size()) {
        complain("its instructions do not follow those of the block before");
        break;
      }
      next = block.end_inst;
      check_insts(block);
    }
    if (error_.empty() && next != vcode_.insts.size()) return fail("instructions after the last block");
    if (!error_.empty()) return fail("malformed machine code: " + error_);
    return {};
  }

 private:
  void complain(const std::string& what) {
    if (error_.empty()) error_ = "block" + std::to_string(block_) + ": " + what;
  }
  void complain(uint32_t inst, const std::string& what) {
    const Inst& i = vcode_.insts[inst];
    const char* name = i.opcode < insts_.descs.size() ? insts_.descs[i.opcode].name : "?";
    complain("inst" + std::to_string(inst) + " (" + name + "): " + what);
  }

  void check_insts(const VBlock& block) {
    bool in_branches = false;
    bool ended = false;
    Reg live_flags;
    for (uint32_t i = block.first_inst; i < block.end_inst; ++i) {
      const Inst& inst = vcode_.insts[i];
      if (inst.opcode >= insts_.descs.size()) return complain(i, "no such opcode");
      const InstDesc& desc = insts_.descs[inst.opcode];
      if (inst.clobbers >= std::max<size_t>(1, vcode_.clobber_sets.size())) complain(i, "no such clobber set");
      if (size_t(inst.first_operand) + inst.operand_count > vcode_.operands.size())
        return complain(i, "operands out of range");
      if (ended) complain(i, "stands after the end of the block (V3)");
      if ((desc.features & ~vcode_.features) != 0) complain(i, "needs a feature that is off");
      const bool branches = desc.is(kIsBranch) || desc.is(kIsJump);
      if (in_branches && !branches) complain(i, "stands after a branch (V3)");
      in_branches = in_branches || branches;
      ended = ended || desc.is(kIsJump) || desc.is(kIsReturn);
      check_operands(i, inst, desc, block);

      // Flags: read before written; another writer ends their life.
      bool reads = false;
      for (const Operand& operand : vcode_.operands_of(inst)) {
        if (!operand.is_use() || !is_flags(operand.reg)) continue;
        reads = true;
        if (operand.reg != live_flags) complain(i, "reads flags that something has overwritten (V4)");
      }
      Reg written;
      for (const Operand& operand : vcode_.operands_of(inst)) {
        if (operand.is_def() && is_flags(operand.reg)) written = operand.reg;
      }
      if (desc.is(kReadsFlags) && !reads) complain(i, "reads flags but has no such operand");
      if (!written.is_none()) {
        live_flags = written;
      } else if (desc.is(kWritesFlags) || desc.clobbers.contains(kFlagsReg) || desc.is(kIsCall)) {
        live_flags = Reg();
      }
    }
    if (!ended) complain("does not end in a jump or return (V3)");
  }

  bool is_flags(Reg reg) const {
    if (reg.is_physical()) return reg.preg() == kFlagsReg;
    return reg.is_virtual() && reg.virtual_index() < vcode_.vreg_classes.size() &&
           vcode_.vreg_classes[reg.virtual_index()] == RegClass::Flags;
  }

  void check_operands(uint32_t index, const Inst& inst, const InstDesc& desc, const VBlock& block) {
    const std::span<const Operand> operands = vcode_.operands_of(inst);
    if (operands.size() < desc.operands.size() || (operands.size() > desc.operands.size() && !desc.is(kIsVariadic))) {
      return complain(index,
                      std::to_string(operands.size()) + " operands instead of " + std::to_string(desc.operands.size()));
    }
    for (size_t slot = 0; slot < operands.size(); ++slot) {
      const Operand& operand = operands[slot];
      if (operand.kind == OperandKind::Label) {
        const std::span<const Block> succs = vcode_.succs_of(block);
        if (succs.size() < 64 && std::ranges::find(succs, Block(uint32_t(operand.imm))) == succs.end()) {
          complain(index, "branches to a block that is not a successor");
        }
      }
      if (operand.is_reg() && operand.constraint == Constraint::Reuse &&
          (operand.detail >= operands.size() || !operands[operand.detail].is_use())) {
        complain(index, "reuses an operand that is no use");
      }
      if (slot >= desc.operands.size()) continue;
      if (!kind_matches(operand, desc.operands[slot])) {
        complain(index, "operand " + std::to_string(slot) + " (" + desc.operands[slot].name + ") is of the wrong kind");
      }
    }
  }

  bool kind_matches(const Operand& operand, const OperandDesc& desc) const {
    switch (desc.kind) {
      case SlotKind::Reg:
      case SlotKind::MemBase:
      case SlotKind::MemIndex:
        if (operand.kind == OperandKind::None) return desc.optional || desc.kind != SlotKind::Reg;
        if (!operand.is_reg() || operand.is_use() != (desc.role == Role::Use)) return false;
        if (operand.reg.is_none()) return false;
        return operand.reg.is_physical() ? operand.reg.preg().reg_class() == desc.reg_class
                                         : operand.reg.virtual_index() < vcode_.vreg_classes.size() &&
                                               vcode_.vreg_classes[operand.reg.virtual_index()] == desc.reg_class;
      case SlotKind::Param:
      case SlotKind::MemShift:
        return operand.kind == OperandKind::Imm;
      case SlotKind::Imm:
      case SlotKind::MemDisp:
        return operand.kind == OperandKind::Imm || operand.kind == OperandKind::Frame;
      case SlotKind::Label:
        return operand.kind == OperandKind::Label;
      case SlotKind::Place:
        return operand.kind == OperandKind::Place && uint64_t(operand.imm) < vcode_.blocks.size();
      case SlotKind::Symbol:
        return operand.kind == OperandKind::Symbol;
      case SlotKind::Constant:
        return operand.kind == OperandKind::Constant;
    }
    return false;
  }

  const VCode& vcode_;
  const InstSet& insts_;
  uint32_t block_ = 0;
  std::string error_;
};

}  // namespace

Expected<void> verify_insts(const VCode& vcode, const InstSet& insts) { return Verifier(vcode, insts).run(); }

}  // namespace assay::machine
