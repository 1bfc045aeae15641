// terms.h: the C++ behind every instruction term (generate.h).
//
// Terms<Base> is a mixin over the lowering context. It asks of Base: the types Reg, MultiReg, Flags, Unit, Amode,
// MachLabel, ExternalName, PoolConstant, TrapCode, MemFlags; `Reg new_reg(RegClass)`; `void emit(uint16_t,
// std::span<const Operand>, uint8_t trap)`; `void amode_operands(const Amode&, Operand*)`; `uint8_t trap_of(TrapCode)`
// and `trap_of(MemFlags)`; if the ISA has features, `std::optional<Unit> has_feature(unsigned)`.
#include "compiler/isle/notation/generate.h"

namespace assay::notation {

namespace {

class TermWriter {
 public:
  TermWriter(const Definitions& definitions, const InstDef& inst) : definitions_(definitions), inst_(inst) {}

  void write(std::string& out, bool multi) {
    unsigned registers = 0;
    for (const OperandDef& operand : inst_.operands) registers += operand.is_def ? 1 : 0;
    const bool returns_multi = multi || registers >= 2;
    const char* result = returns_multi ? "MultiReg" : registers == 1 ? "Reg" : inst_.flags_def ? "Flags" : "Unit";
    out += "  " + std::string(result) + " " + inst_.term + (multi ? "_multi" : "") + "(" + parameters() + ") {\n";
    std::string defs;
    for (const OperandDef& operand : inst_.operands) {
      if (!operand.is_def) continue;
      out += "    const Reg " + local(operand) + " = this->new_reg(" + cpp_class(operand.reg_class) + ");\n";
      defs += (defs.empty() ? "" : ", ") + local(operand);
    }
    if (inst_.flags_def) out += "    const Reg new_flags = this->new_reg(RegClass::Flags);\n";
    out += "    Operand operands[" + std::to_string(inst_.slot_count == 0 ? 1 : inst_.slot_count) + "];\n";
    auto set = [&](unsigned slot, const std::string& value) {
      out += "    operands[" + std::to_string(slot) + "] = " + value + ";\n";
    };
    for (size_t i = 0; i < inst_.params.size(); ++i) {
      set(static_cast<unsigned>(i), "Operand::immediate(int64_t(p_" + inst_.params[i].name + "))");
    }
    if (inst_.flags_use) set(static_cast<unsigned>(inst_.flags_use_slot), "Operand::use(old_flags.reg)");
    for (const OperandDef& operand : inst_.operands) {
      if (operand.kind == OperandDefKind::Mem) {
        out += "    this->amode_operands(" + local(operand) + ", operands + " + std::to_string(operand.slot) + ");\n";
      } else {
        set(operand.slot, value_of(operand));
      }
    }
    if (inst_.flags_def) set(static_cast<unsigned>(inst_.flags_def_slot), "Operand::def(new_flags)");
    const char* trap = inst_.has_code       ? "this->trap_of(code)"
                       : inst_.has_memflags ? "this->trap_of(memflags)"
                                            : "machine::kNoTrap";
    out += "    this->emit(" + opcode_constant(inst_) + ", std::span<const Operand>(operands, " +
           std::to_string(inst_.slot_count) + "), " + trap + ");\n";
    if (returns_multi) {
      out += "    MultiReg result;\n";
      unsigned index = 0;
      for (const OperandDef& operand : inst_.operands) {
        if (operand.is_def && index < 2)
          out += "    result.regs[" + std::to_string(index++) + "] = " + local(operand) + ";\n";
      }
      if (inst_.flags_def) out += "    result.flags = Flags{new_flags};\n";
      out += "    return result;\n";
    } else if (registers == 1) {
      out += "    return " + defs + ";\n";
    } else {
      out += inst_.flags_def ? "    return Flags{new_flags};\n" : "    return Unit{};\n";
    }
    out += "  }\n";
  }

 private:
  static std::string local(const OperandDef& operand) { return "o_" + operand.name; }

  std::string parameters() const {
    std::string out;
    auto add = [&](const std::string& text) { out += (out.empty() ? "" : ", ") + text; };
    for (const ParamDef& param : inst_.params) {
      add(cpp_identifier(definitions_.library.enums[static_cast<size_t>(param.enumeration)].name) + " p_" + param.name);
    }
    for (const TermArgument& argument : inst_.arguments) {
      if (argument.kind == TermArgument::Kind::Flags)
        add("Flags old_flags");
      else if (argument.kind == TermArgument::Kind::Code)
        add("TrapCode code");
      else if (argument.kind == TermArgument::Kind::MemFlags)
        add("MemFlags memflags");
      else {
        const OperandDef& operand = inst_.operands[static_cast<size_t>(argument.operand)];
        constexpr const char* kTypes[] = {"Reg ",       "int64_t ",      "const Amode& ",
                                          "MachLabel ", "ExternalName ", "PoolConstant "};
        add(kTypes[static_cast<size_t>(operand.kind)] + local(operand));
      }
    }
    return out;
  }

  std::string value_of(const OperandDef& operand) const {
    const std::string name = local(operand);
    switch (operand.kind) {
      case OperandDefKind::Imm:
        return "Operand::immediate(" + name + ")";
      case OperandDefKind::Label:
        return (operand.is_place ? "Operand::place(" : "Operand::label(") + name + ")";
      case OperandDefKind::Symbol:
        return "Operand::symbol(" + name + ".index)";
      case OperandDefKind::Constant:
        return "Operand::constant(" + name + ".index)";
      case OperandDefKind::Mem:
        return "";
      case OperandDefKind::Reg:
        break;
    }
    std::string constraint = "Constraint::Reg, 0";
    if (operand.fixed >= 0) {
      constraint = "Constraint::Fixed, machine::PReg(" + std::string(cpp_class(operand.reg_class)) + ", " +
                   std::to_string(operand.fixed) + ").code";
    } else if (operand.reuse_operand >= 0) {
      constraint =
          "Constraint::Reuse, " + std::to_string(inst_.operands[static_cast<size_t>(operand.reuse_operand)].slot);
    }
    const std::string role = !operand.is_def ? "Role::Use" : operand.early ? "Role::EarlyDef" : "Role::Def";
    const std::string value = "Operand{OperandKind::Reg, " + role + ", " + constraint + ", " + name + ", 0}";
    return operand.optional ? "(" + name + ".is_none() ? Operand() : " + value + ")" : value;
  }

  const Definitions& definitions_;
  const InstDef& inst_;
};

}  // namespace

std::string generate_terms(const Definitions& definitions) {
  std::string out =
      "// The instruction terms of " + definitions.isa.name +
      ", as methods of the lowering context. Generated by instgen from *.inst.\n#pragma once\n\n"
      "#include <optional>\n#include <span>\n\n#include \"compiler/machine/inst.h\"\n\n"
      "namespace assay::isa::" +
      definitions.isa.name +
      " {\n\n"
      "template <class Base>\nclass Terms : public Base {\n public:\n"
      "  using Base::Base;\n"
      "  using typename Base::Amode;\n  using typename Base::ExternalName;\n  using typename Base::Flags;\n"
      "  using typename Base::MachLabel;\n  using typename Base::MemFlags;\n  using typename Base::MultiReg;\n"
      "  using typename Base::PoolConstant;\n  using typename Base::Reg;\n  using typename Base::TrapCode;\n"
      "  using typename Base::Unit;\n"
      "  using Constraint = machine::Constraint;\n  using Operand = machine::Operand;\n"
      "  using OperandKind = machine::OperandKind;\n  using RegClass = machine::RegClass;\n"
      "  using Role = machine::Role;\n\n";
  for (size_t i = 0; i < definitions.isa.features.size(); ++i) {
    out += "  std::optional<Unit> " + definitions.isa.features[i].name + "() const { return this->has_feature(" +
           std::to_string(i) + "); }\n";
  }
  for (const InstDef& inst : definitions.insts) {
    if (!has_term(inst)) continue;
    TermWriter writer(definitions, inst);
    writer.write(out, false);
    if (has_multi_term(inst)) writer.write(out, true);
  }
  out += "};\n\n}  // namespace assay::isa::" + definitions.isa.name + "\n";
  return out;
}

}  // namespace assay::notation
