// Tables and printing (interpreted_insts.h).
#include "verify/interpreted_insts.h"

#include <algorithm>
#include <cassert>

#include "verify/interpreted_encoder.h"
#include "verify/static_value.h"

namespace assay::verify {

namespace {

using machine::Constraint;
using machine::Operand;
using machine::OperandDesc;
using machine::OperandKind;
using machine::PReg;
using machine::RegClass;
using machine::Role;
using machine::SlotKind;
using notation::AsmPiece;
using notation::AsmText;
using notation::OperandDef;
using notation::OperandDefKind;

thread_local const InterpretedInsts* t_insts = nullptr;

// One instruction's text.
class Printer {
 public:
  Printer(const notation::Definitions& definitions, const notation::InstDef& inst, std::span<const Operand> operands)
      : definitions_(definitions), inst_(inst), operands_(operands) {}

  std::string print() {
    const StaticValues values{definitions_, &inst_, operands_};
    for (const AsmText& text : inst_.texts) {
      if (!values.holds(text.condition)) continue;
      for (const AsmPiece& piece : text.pieces) print(piece);
      break;
    }
    return std::move(out_);
  }

 private:
  void print(const AsmPiece& piece) {
    if (piece.name.empty()) {
      out_ += piece.literal;
      return;
    }
    if (const int param = inst_.find_param(piece.name); param >= 0) return parameter(piece, static_cast<size_t>(param));
    const OperandDef& operand = inst_.operands[static_cast<size_t>(inst_.find_operand(piece.name))];
    if (operand.kind != OperandDefKind::Mem) {
      const bool is_imm = operand.kind == OperandDefKind::Imm;
      return value(operands_[operand.slot], &piece, is_imm ? definitions_.isa.imm_prefix : "");
    }
    if (!piece.part.empty()) return part(piece.part, operand.slot);
    const notation::AmodeDef& amode = definitions_.amodes[static_cast<size_t>(operand.amode)];
    const StaticValues values{definitions_, nullptr, operands_.subspan(operand.slot, machine::kAmodeOperands)};
    for (const AsmText& text : amode.texts) {
      if (!values.holds(text.condition)) continue;
      for (const AsmPiece& inner : text.pieces) {
        if (inner.name.empty()) {
          out_ += inner.literal;
        } else {
          part(inner.name, operand.slot);
        }
      }
      return;
    }
  }

  void parameter(const AsmPiece& piece, size_t param) {
    const notation::EnumDef& def = definitions_.library.enums[static_cast<size_t>(inst_.params[param].enumeration)];
    const int64_t index = operands_[param].imm;
    if (index < 0 || index >= static_cast<int64_t>(def.enumerators.size())) {
      out_ += "?";
      return;
    }
    const notation::Enumerator& chosen = def.enumerators[static_cast<size_t>(index)];
    out_ += piece.inverse ? def.enumerators[static_cast<size_t>(chosen.inverse)].text : chosen.text;
  }

  // Of the memory operand that begins with the slot.
  void part(const std::string& name, unsigned slot) {
    if (name == "scale") {
      out_ += std::to_string(1u << (operands_[slot + 2].imm & 31));
      return;
    }
    const unsigned offset = name == "base" ? 0 : name == "index" ? 1 : name == "shift" ? 2 : 3;
    value(operands_[slot + offset], nullptr, "");
  }

  void value(const Operand& operand, const AsmPiece* piece, const std::string& prefix) {
    constexpr const char* kAreas[] = {"outgoing", "slots", "spills", "incoming"};
    switch (operand.kind) {
      case OperandKind::None:
        return;
      case OperandKind::Reg:
        return reg(operand.reg, piece);
      case OperandKind::Imm:
        return immediate(operand.imm, piece, prefix);
      case OperandKind::Label:
      case OperandKind::Place:
        out_ += "block" + std::to_string(operand.imm);
        return;
      case OperandKind::Frame:
        out_ += std::string(kAreas[operand.detail & 3]) + (operand.imm < 0 ? "" : "+") + std::to_string(operand.imm);
        return;
      case OperandKind::Symbol:
        out_ += "symbol" + std::to_string(operand.imm);
        return;
      case OperandKind::Constant:
        out_ += "constant" + std::to_string(operand.imm);
        return;
    }
  }

  void immediate(int64_t value, const AsmPiece* piece, const std::string& prefix) {
    out_ += prefix;
    if (piece != nullptr && piece->low_bits != 0) value &= (int64_t(1) << piece->low_bits) - 1;
    if (piece == nullptr || piece->set != "x") {
      out_ += std::to_string(value);
      return;
    }
    char text[24];
    std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
    out_ += text;
  }

  void reg(machine::Reg reg, const AsmPiece* piece) {
    if (reg.is_none()) {
      out_ += "none";
      return;
    }
    if (reg.is_virtual()) {
      out_ += "v" + std::to_string(reg.virtual_index());
      return;
    }
    constexpr const char* kClasses[] = {"gpr", "vec", "flags"};
    const std::string class_set = kClasses[static_cast<unsigned>(reg.preg().reg_class())];
    const unsigned number = reg.preg().number();
    const std::string* name = piece == nullptr ? nullptr : find_name(set_of(*piece), number);
    if (name == nullptr) name = find_name(class_set, number);
    out_ += name != nullptr ? *name : class_set + std::to_string(number);
  }
  std::string set_of(const AsmPiece& piece) const {
    if (piece.set_param.empty()) return piece.set;
    const auto param = static_cast<size_t>(inst_.find_param(piece.set_param));
    const notation::EnumDef& def = definitions_.library.enums[static_cast<size_t>(inst_.params[param].enumeration)];
    const auto index = static_cast<size_t>(operands_[param].imm);
    if (index >= def.enumerators.size()) return "";
    return def.enumerators[index].name + (piece.set.empty() ? "" : "." + piece.set);
  }
  const std::string* find_name(const std::string& set, unsigned number) const {
    const int index = set.empty() ? -1 : definitions_.isa.find_regnames(set);
    if (index < 0) return nullptr;
    const auto& names = definitions_.isa.regnames[static_cast<size_t>(index)].names;
    return number < names.size() && !names[number].empty() ? &names[number] : nullptr;
  }

  const notation::Definitions& definitions_;
  const notation::InstDef& inst_;
  std::span<const Operand> operands_;
  std::string out_;
};

SlotKind slot_kind(const OperandDef& operand) {
  switch (operand.kind) {
    case OperandDefKind::Reg:
      return SlotKind::Reg;
    case OperandDefKind::Imm:
      return SlotKind::Imm;
    case OperandDefKind::Label:
      return operand.is_place ? SlotKind::Place : SlotKind::Label;
    case OperandDefKind::Symbol:
      return SlotKind::Symbol;
    case OperandDefKind::Constant:
      return SlotKind::Constant;
    case OperandDefKind::Mem:
      break;
  }
  return SlotKind::MemBase;
}

}  // namespace

InterpretedInsts::InterpretedInsts(IsaKind isa, std::span<const notation::SourceFile> files) : isa_(isa) {
  for (const notation::SourceFile& file : files) {
    files_.push_back(file.name);
    texts_.emplace_back(file.text);
  }
  std::vector<notation::SourceFile> copies;
  for (size_t i = 0; i < files_.size(); ++i) copies.push_back({files_[i], texts_[i]});
  parsed_ = notation::parse_definitions(copies);
  if (!parsed_.errors.empty()) return;
  for (size_t i = 0; i < files_.size(); ++i) {
    file_pointers_.push_back(files_[i].c_str());
    text_pointers_.push_back(texts_[i].c_str());
  }
  describe();
  set_ = {.isa = parsed_.definitions.isa.name.c_str(),
          .descs = descs_,
          .encode = [](uint16_t opcode, std::span<const Operand> operands, const machine::EncodeContext& context,
                       machine::EncodedInst& out) { return t_insts->encode(opcode, operands, context, out); },
          .print = [](uint16_t opcode, std::span<const Operand> operands) { return t_insts->print(opcode, operands); },
          .invert = [](uint16_t opcode, std::span<Operand> operands) { t_insts->invert(opcode, operands); },
          .source_files = file_pointers_,
          .source_texts = text_pointers_,
          .features = features_};
}

InterpretedInsts::Scope::Scope(const InterpretedInsts& insts) : outer_(t_insts) { t_insts = &insts; }
InterpretedInsts::Scope::~Scope() { t_insts = outer_; }

std::vector<OperandDesc> InterpretedInsts::slots(const notation::InstDef& inst) {
  const OperandDesc plain{"", SlotKind::Param, Role::Use, Constraint::Reg, 0, RegClass::Gpr, false};
  std::vector<OperandDesc> out(inst.slot_count, plain);
  for (size_t i = 0; i < inst.params.size(); ++i) out[i].name = inst.params[i].name.c_str();
  const auto flags = [&](int slot, Role role) {
    if (slot >= 0) {
      out[static_cast<size_t>(slot)] = {"flags", SlotKind::Reg, role, Constraint::Reg, 0, RegClass::Flags, false};
    }
  };
  if (inst.flags_use) flags(inst.flags_use_slot, Role::Use);
  if (inst.flags_def) flags(inst.flags_def_slot, Role::Def);
  for (const OperandDef& operand : inst.operands) {
    OperandDesc& desc = out[operand.slot];
    if (operand.kind == OperandDefKind::Mem) {
      const notation::AmodeDef& amode = parsed_.definitions.amodes[static_cast<size_t>(operand.amode)];
      const bool is_modrm = inst.bits.empty();  // can do without a base and without an index
      const struct {
        const char* name;
        SlotKind kind;
        bool optional;
      } parts[] = {{".base", SlotKind::MemBase, !amode.has_base || amode.base_optional || is_modrm},
                   {".index", SlotKind::MemIndex, !amode.has_index || amode.index_optional || is_modrm},
                   {".shift", SlotKind::MemShift, !amode.has_shift},
                   {".disp", SlotKind::MemDisp, !amode.has_disp}};
      for (size_t i = 0; i < std::size(parts); ++i) {
        names_.push_back(std::make_unique<std::string>(operand.name + parts[i].name));
        out[operand.slot + i] = {names_.back()->c_str(), parts[i].kind,    Role::Use, Constraint::Reg, 0,
                                 RegClass::Gpr,          parts[i].optional};
      }
      continue;
    }
    desc = {operand.name.c_str(), slot_kind(operand), Role::Use, Constraint::Reg, 0,
            operand.reg_class,    operand.optional};
    if (operand.is_def) desc.role = operand.early ? Role::EarlyDef : Role::Def;
    if (operand.fixed >= 0) {
      desc.constraint = Constraint::Fixed;
      desc.detail = PReg(operand.reg_class, static_cast<unsigned>(operand.fixed)).code;
    } else if (operand.reuse_operand >= 0) {
      desc.constraint = Constraint::Reuse;
      desc.detail = static_cast<uint8_t>(inst.operands[static_cast<size_t>(operand.reuse_operand)].slot);
    }
  }
  return out;
}

void InterpretedInsts::describe() {
  for (const notation::InstDef& inst : parsed_.definitions.insts) operands_.push_back(slots(inst));
  for (size_t i = 0; i < operands_.size(); ++i) {
    const notation::InstDef& inst = parsed_.definitions.insts[i];
    descs_.push_back({.name = inst.name.c_str(),
                      .term = inst.term.c_str(),
                      .operands = operands_[i],
                      .clobbers = inst.clobbers,
                      .attributes = inst.attributes,
                      .trap_offset = static_cast<uint8_t>(inst.trap_at),
                      .invert_param = static_cast<int8_t>(inst.invert_param),
                      .file = inst.place.file.c_str(),
                      .line = inst.place.line,
                      .features = inst.features});
  }
  for (const notation::FeatureDef& feature : parsed_.definitions.isa.features) {
    features_.push_back({feature.name.c_str(), feature.text.c_str()});
  }
}

std::string InterpretedInsts::print(uint16_t opcode, std::span<const Operand> operands) const {
  const notation::InstDef& inst = parsed_.definitions.insts[opcode];
  if (operands.size() < inst.slot_count) return inst.name + " <operands missing>";
  return Printer(parsed_.definitions, inst, operands).print();
}

void InterpretedInsts::invert(uint16_t opcode, std::span<Operand> operands) const {
  const notation::InstDef& inst = parsed_.definitions.insts[opcode];
  if (inst.invert_param < 0) return;
  const auto param = static_cast<size_t>(inst.invert_param);
  const auto& def = parsed_.definitions.library.enums[static_cast<size_t>(inst.params[param].enumeration)];
  operands[param].imm = def.enumerators[static_cast<size_t>(operands[param].imm)].inverse;
}

machine::EncodeError InterpretedInsts::encode(uint16_t opcode, std::span<const Operand> operands,
                                              const machine::EncodeContext& context, machine::EncodedInst& out) const {
  if (opcode >= parsed_.definitions.insts.size()) return machine::EncodeError::BadOperand;
  return encode_as_defined(isa_, parsed_.definitions, parsed_.definitions.insts[opcode], operands, context, out);
}

}  // namespace assay::verify
