// See print_vcode.h.
#include "compiler/machine/print_vcode.h"

namespace assay::machine {
namespace {

std::string reg_text(Reg reg) {
  if (reg.is_none()) return "none";
  if (reg.is_virtual()) return "v" + std::to_string(reg.virtual_index());
  const PReg preg = reg.preg();
  const char* prefix = preg.reg_class() == RegClass::Gpr ? "r" : preg.reg_class() == RegClass::Vec ? "x" : "flags";
  return prefix + std::to_string(preg.number());
}

const char* area_text(FrameArea area) {
  switch (area) {
    case FrameArea::Outgoing:
      return "outgoing";
    case FrameArea::Slots:
      return "slots";
    case FrameArea::Spills:
      return "spills";
    case FrameArea::Incoming:
      return "incoming";
    case FrameArea::Linkage:
      return "linkage";
  }
  return "?";
}

void append_list(std::string& out, std::span<const Reg> regs) {
  if (regs.empty()) return;
  out += '(';
  for (size_t i = 0; i < regs.size(); ++i) {
    if (i != 0) out += ", ";
    out += reg_text(regs[i]);
  }
  out += ')';
}

void append_inst(std::string& out, const VCode& vcode, const Inst& inst, const InstSet& insts) {
  const std::span<const Operand> operands = vcode.operands_of(inst);
  const InstDesc& desc = insts.descs[inst.opcode];
  out += "  ";
  // The printer sees the operands of the definition; frame places are printed behind, as what they are.
  std::string text = insts.print(inst.opcode, operands);
  out += text.empty() ? desc.name : text;
  std::string notes;
  for (size_t i = 0; i < operands.size(); ++i) {
    const Operand& operand = operands[i];
    if (operand.kind == OperandKind::Frame) {
      notes += std::string(" ") + area_text(operand.area()) + "+" + std::to_string(operand.imm);
    } else if (i >= desc.operands.size() && operand.is_reg()) {
      notes += ' ';
      if (operand.is_def()) notes += "def ";
      notes += reg_text(operand.reg);
      if (operand.constraint == Constraint::Fixed && operand.reg.is_virtual()) {
        notes += '=' + reg_text(PReg::from_code(operand.detail));
      }
    } else if (operand.kind == OperandKind::Symbol && size_t(operand.imm) < vcode.symbols.size()) {
      notes += ' ' + vcode.symbols[size_t(operand.imm)].name;
    } else if (i >= desc.operands.size() && operand.kind == OperandKind::Label) {
      notes += " block" + std::to_string(operand.imm);
    }
  }
  if (inst.trap != kNoTrap) notes += " trap=" + std::to_string(inst.trap);
  if (inst.source != kNoSource) notes += " <inst" + std::to_string(inst.source) + ">";
  if (!notes.empty()) out += "  ;" + notes;
  out += '\n';
}

}  // namespace

std::string print_vcode(const VCode& vcode, const InstSet& insts) {
  std::string out;
  for (size_t b = 0; b < vcode.blocks.size(); ++b) {
    const VBlock& block = vcode.blocks[b];
    out += "block" + std::to_string(b);
    append_list(out, vcode.params_of(block));
    out += ':';
    if (block.cold) out += " cold";
    if (block.source_block == kNoSource) {
      out += "  ; edge";
    } else if (block.source_block != b) {
      out += "  ; clif block" + std::to_string(block.source_block);
    }
    out += '\n';
    for (uint32_t i = block.first_inst; i < block.end_inst; ++i) append_inst(out, vcode, vcode.insts[i], insts);
    if (block.arg_count != 0) {
      out += "  ; passes ";
      append_list(out, vcode.args_of(block));
      out += '\n';
    }
  }
  return out;
}

}  // namespace assay::machine
