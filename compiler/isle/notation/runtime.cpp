// Printing of instructions from the generated tables (runtime.h).
#include "compiler/isle/notation/runtime.h"

namespace assay::notation::runtime {

namespace {

class Printer {
 public:
  Printer(const PrintTables& tables, std::span<const Operand> operands) : tables_(tables), operands_(operands) {}

  void print(std::span<const PrintText> texts, unsigned first) {
    for (const PrintText& text : texts) {
      if (text.condition != nullptr && !text.condition(operands_.data() + first)) continue;
      for (const PrintPiece& piece : text.pieces) print(piece, first);
      return;
    }
  }

  std::string take() { return std::move(out_); }

 private:
  void print(const PrintPiece& piece, unsigned first) {
    if (piece.kind == PrintPiece::Kind::Literal) {
      out_ += piece.literal;
      return;
    }
    const unsigned slot = first + piece.slot;
    if (slot >= operands_.size()) {
      out_ += "<missing>";
      return;
    }
    const Operand& operand = operands_[slot];
    if (piece.kind == PrintPiece::Kind::Memory) return print({piece.memory, piece.count}, slot);
    if (piece.part == 4) {  // a scale is printed as a factor
      out_ += std::to_string(1u << (operand.imm & 31));
      return;
    }
    switch (operand.kind) {
      case OperandKind::None:
        break;
      case OperandKind::Reg:
        reg(piece, operand);
        break;
      case OperandKind::Imm:
        if (piece.kind == PrintPiece::Kind::Param)
          out_ += operand.imm >= 0 && operand.imm < piece.count ? piece.texts[operand.imm] : "?";
        else
          immediate(piece, operand.imm);
        break;
      case OperandKind::Label:
      case OperandKind::Place:
        out_ += "block" + std::to_string(operand.imm);
        break;
      case OperandKind::Frame: {
        constexpr const char* kAreas[] = {"outgoing", "slots", "spills", "incoming"};
        out_ += std::string(kAreas[operand.detail & 3]) + (operand.imm < 0 ? "" : "+") + std::to_string(operand.imm);
        break;
      }
      case OperandKind::Symbol:
        out_ += "symbol" + std::to_string(operand.imm);
        break;
      case OperandKind::Constant:
        out_ += "constant" + std::to_string(operand.imm);
        break;
    }
  }

  void immediate(const PrintPiece& piece, int64_t value) {
    out_ += piece.literal;
    if (piece.low_bits != 0)
      value = static_cast<int64_t>(static_cast<uint64_t>(value) & ((uint64_t(1) << piece.low_bits) - 1));
    if (!piece.hexadecimal) {
      out_ += std::to_string(value);
      return;
    }
    uint64_t bits = static_cast<uint64_t>(value);
    std::string digits;
    do {
      digits.insert(digits.begin(), "0123456789abcdef"[bits & 15]);
      bits >>= 4;
    } while (bits != 0);
    out_ += "0x" + digits;
  }

  void reg(const PrintPiece& piece, const Operand& operand) {
    if (operand.reg.is_none()) {
      out_ += "none";
    } else if (operand.reg.is_virtual()) {
      out_ += "v" + std::to_string(operand.reg.virtual_index());
    } else {
      const machine::PReg preg = operand.reg.preg();
      const RegNames* set = nullptr;
      if (piece.sets != nullptr)
        set = piece.sets[piece.set_slot < 0 ? 0 : operands_[static_cast<unsigned>(piece.set_slot)].imm];
      if (set == nullptr || set->names[preg.number()] == nullptr) set = tables_.class_names[unsigned(preg.reg_class())];
      if (set != nullptr && set->names[preg.number()] != nullptr) {
        out_ += set->names[preg.number()];
      } else {
        constexpr const char* kClasses[] = {"gpr", "vec", "flags"};
        out_ += kClasses[unsigned(preg.reg_class())] + std::to_string(preg.number());
      }
    }
  }

  const PrintTables& tables_;
  std::span<const Operand> operands_;
  std::string out_;
};

}  // namespace

std::string print(const PrintTables& tables, uint16_t opcode, std::span<const Operand> operands) {
  if (opcode >= tables.descs.size()) return "<opcode " + std::to_string(opcode) + ">";
  const machine::InstDesc& desc = tables.descs[opcode];
  // Conditions and parameter texts index the operands: an incomplete or malformed list is shown by name only.
  if (operands.size() < desc.operands.size()) return std::string(desc.name) + " <operands missing>";
  Printer printer(tables, operands);
  printer.print(tables.texts[opcode], 0);
  return printer.take();
}

}  // namespace assay::notation::runtime
