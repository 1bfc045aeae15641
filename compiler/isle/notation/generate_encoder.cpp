// encode.cpp: a function for each instruction that checks its operands and writes its bytes (generate.h).
#include <algorithm>
#include <set>

#include "compiler/isle/notation/generate.h"
#include "compiler/isle/notation/static_expr.h"

namespace assay::notation {

namespace {

using Step = X64Step::Kind;

class EncoderWriter {
 public:
  EncoderWriter(const Definitions& definitions, const InstDef& inst, std::string& out)
      : definitions_(definitions), inst_(inst), out_(out) {}

  void write() {
    out_ += "\n// " + inst_.name + "\nEncodeError encode_" + inst_.name +
            "(std::span<const Operand> operands, const EncodeContext& context, EncodedInst& out) {\n";
    if (inst_.bits.empty() && inst_.forms.empty()) {
      // An instruction without bytes of its own (a marker), or one that a function of the ISA encodes.
      out_ += "  return EncodeError::" + std::string(inst_.hatch.empty() ? "None" : "NeedsHatch") + ";\n}\n";
      return;
    }
    line("OperandReader in(operands, context, " + std::to_string(inst_.slot_count) + ");");
    line("if (in.bad()) return EncodeError::BadOperand;");
    line("[[maybe_unused]] const Operand* o = operands.data();");
    if (inst_.trap_at != 0) line("out.trap_offset = " + std::to_string(inst_.trap_at) + ";");
    read_operands();
    line("if (in.bad()) return EncodeError::BadOperand;");
    for (ExprId when : inst_.when) line("in.require(" + cpp(when, StaticType::Boolean) + ");");
    if (!inst_.bits.empty())
      write_bits();
    else
      write_forms();
    line("}", 0);
  }

 private:
  void line(const std::string& text, unsigned indent = 2) { out_ += std::string(indent, ' ') + text + "\n"; }

  std::string cpp(ExprId expr, StaticType wanted, bool registers = false) const {
    Diagnostics ignored;  // checked when the definitions were read
    return static_cpp(definitions_, {&inst_, nullptr, true, registers}, expr, wanted, ignored).value_or("0");
  }

  const EnumDef& enum_of(int param) const {
    return definitions_.library.enums[static_cast<size_t>(inst_.params[static_cast<size_t>(param)].enumeration)];
  }
  static std::string local(const OperandDef& operand) { return "v_" + operand.name; }
  static std::string number(uint64_t value) { return std::to_string(value); }

  void read_range(const ImmKind& kind, const std::string& name, unsigned slot) {
    const std::string at = std::to_string(slot);
    const std::string range = at + ", " + std::to_string(kind.bits) + ", " + std::to_string(kind.scale);
    std::string value;
    switch (kind.kind) {
      case ImmKind::Kind::Signed:
        value = "in.imm_signed(" + range + ")";
        break;
      case ImmKind::Kind::Unsigned:
        value = "in.imm_unsigned(" + range + ")";
        break;
      case ImmKind::Kind::Any:
      case ImmKind::Kind::Hatch:
        value = "in.imm(" + at + ")";
        break;
    }
    line("[[maybe_unused]] const int64_t " + name + " = " + value + ";");
    if (kind.kind == ImmKind::Kind::Hatch) {
      line("uint32_t bits_" + name + " = 0;");
      line("in.require(" + kind.hatch + "(" + name + ", bits_" + name + "));");
    }
  }

  void read_operands() {
    for (size_t i = 0; i < inst_.params.size(); ++i) {
      line("[[maybe_unused]] const int64_t p_" + inst_.params[i].name + " = in.param(" + std::to_string(i) + ", " +
           std::to_string(enum_of(static_cast<int>(i)).enumerators.size()) + ");");
    }
    for (const OperandDef& operand : inst_.operands) {
      const std::string slot = std::to_string(operand.slot);
      switch (operand.kind) {
        case OperandDefKind::Reg:
          line("[[maybe_unused]] const uint64_t " + local(operand) + " = in." +
               (operand.optional ? "optional_reg(" : "reg(") + slot + ", " + cpp_class(operand.reg_class) + ");");
          if (operand.fixed >= 0) {
            line("in.fixed(" + slot + ", machine::PReg(" + cpp_class(operand.reg_class) + ", " +
                 std::to_string(operand.fixed) + "));");
          }
          if (operand.reuse_operand >= 0) {
            line("in.tied(" + slot + ", " +
                 std::to_string(inst_.operands[static_cast<size_t>(operand.reuse_operand)].slot) + ");");
          }
          break;
        case OperandDefKind::Imm:
          read_range(operand.imm, local(operand), operand.slot);
          break;
        case OperandDefKind::Mem:
          read_memory(operand);
          break;
        case OperandDefKind::Label:
        case OperandDefKind::Constant: {
          const char* kind = operand.kind == OperandDefKind::Constant ? "Constant"
                             : operand.is_place                       ? "Place"
                                                                      : "Label";
          line("[[maybe_unused]] const int64_t distance_" + operand.name + " = in.distance(" + slot +
               ", OperandKind::" + kind + ");");
          break;
        }
        case OperandDefKind::Symbol:
          line("in.symbol(" + slot + ");");
          break;
      }
    }
  }

  void read_memory(const OperandDef& operand) {
    const AmodeDef& amode = definitions_.amodes[static_cast<size_t>(operand.amode)];
    const std::string name = local(operand);
    const unsigned slot = operand.slot;
    auto reg = [&](bool present, bool optional, const char* part, unsigned at) {
      if (!present) return line("in.absent(" + std::to_string(at) + ");");
      line("[[maybe_unused]] const uint64_t " + name + part + " = in." + (optional ? "optional_reg(" : "reg(") +
           std::to_string(at) + ", RegClass::Gpr);");
    };
    const bool forms = inst_.bits.empty();  // ModRM can do without either
    reg(amode.has_base, forms || amode.base_optional, "_base", slot);
    reg(amode.has_index, forms || amode.index_optional, "_index", slot + 1);
    if (amode.has_shift)
      line("[[maybe_unused]] const int64_t " + name + "_shift = in.imm_unsigned(" + std::to_string(slot + 2) +
           ", 6, 1);");
    else
      line("in.require(o[" + std::to_string(slot + 2) + "].imm == 0);");
    if (amode.has_disp)
      read_range(amode.disp, name + "_disp", slot + 3);
    else
      line("in.require(o[" + std::to_string(slot + 3) + "].imm == 0);");
  }

  // ---- fixed-width machines ----

  // Labels and constants whose distances the line's fields take.
  std::set<int> distances_in(const BitsLine& bits) const {
    std::set<int> distances;
    for (const BitField& field : bits.fields) {
      if (field.kind != BitField::Kind::Operand) continue;
      const OperandDef& operand = inst_.operands[static_cast<size_t>(field.index)];
      if (operand.kind == OperandDefKind::Label || operand.kind == OperandDefKind::Constant)
        distances.insert(field.index);
    }
    return distances;
  }

  void write_shorts() {
    machine::FeatureSet all = 0;
    for (const ShortForm& form : inst_.shorts) all |= form.features;
    line("if (in.bad()) return EncodeError::BadOperand;");
    line("if ((context.features & " + hex(all) + ") != 0) {");
    for (const ShortForm& form : inst_.shorts) {
      const std::string condition =
          form.condition == kNoExpr ? "" : " && " + cpp(form.condition, StaticType::Boolean, true);
      line("if ((context.features & " + hex(form.features) + ") == " + hex(form.features) + condition + ") {", 4);
      for (int index : distances_in(form.bits)) {
        const OperandDef& operand = inst_.operands[static_cast<size_t>(index)];
        line("const int64_t " + distance(operand, 0) + " = distance_" + operand.name + ";", 6);
      }
      write_word(form.bits, 0, 6);
      line("out.features = " + hex(form.features) + ";", 6);
      line("return EncodeError::None;", 6);
      line("}", 4);
    }
    line("}");
  }

  void write_bits() {
    if (!inst_.shorts.empty()) write_shorts();
    unsigned start = 0;
    for (size_t i = 0; i < inst_.bits.size(); ++i) {
      const BitsLine& bits = inst_.bits[i];
      for (int index : distances_in(bits)) {
        const OperandDef& operand = inst_.operands[static_cast<size_t>(index)];
        const std::string name = distance(operand, i);
        line("const int64_t " + name + " = distance_" + operand.name +
             (start == 0 ? "" : " - " + std::to_string(start)) + ";");
        line("in.require_near(in_signed(" + name + ", " + std::to_string(operand.imm.bits) + ", " +
             std::to_string(operand.imm.scale) + "));");
      }
      write_word(bits, i);
      start += bits.width / 8;
    }
    // Distances that only expressions read are counted from the start of the whole instruction.
    for (const OperandDef& operand : inst_.operands) {
      const bool is_distance = operand.kind == OperandDefKind::Label || operand.kind == OperandDefKind::Constant;
      if (!is_distance || operand.imm.kind != ImmKind::Kind::Signed || in_field(operand)) continue;
      line("in.require_near(in_signed(distance_" + operand.name + ", " + std::to_string(operand.imm.bits) + ", " +
           std::to_string(operand.imm.scale) + "));");
    }
    line("if (in.bad()) return EncodeError::BadOperand;");
    line("if (in.far()) return EncodeError::OutOfRange;");
    if (inst_.reloc.present) {
      line("put_reloc(out, machine::RelocKind::" + inst_.reloc.kind + ", " + std::to_string(inst_.reloc.at) + ", " +
           std::to_string(inst_.reloc.addend) + ");");
    }
    line("return EncodeError::None;");
  }

  bool in_field(const OperandDef& operand) const {
    for (const BitsLine& bits : inst_.bits) {
      for (const BitField& field : bits.fields) {
        if (field.kind == BitField::Kind::Operand && &inst_.operands[static_cast<size_t>(field.index)] == &operand)
          return true;
      }
    }
    return false;
  }

  static std::string distance(const OperandDef& operand, size_t line) {
    return "near_" + operand.name + std::to_string(line);
  }

  static std::string hex(uint64_t value) {
    char text[32];
    std::snprintf(text, sizeof text, "0x%llxu", static_cast<unsigned long long>(value));
    return text;
  }

  void write_word(const BitsLine& bits, size_t index, unsigned indent = 2) {
    uint64_t literal = 0;
    std::string terms;
    unsigned position = bits.width;
    for (const BitField& field : bits.fields) {
      position -= field.width;
      if (field.kind == BitField::Kind::Literal) {
        literal |= field.value << position;
        continue;
      }
      terms += " |\n      field(" + value_of(field, index) + ", " + std::to_string(field.low) + ", " +
               std::to_string(field.width) + ", " + std::to_string(position) + ")";
    }
    const std::string word = "word" + std::to_string(index);
    line("const uint64_t " + word + " = " + hex(literal) + terms + ";", indent);
    line(std::string(definitions_.isa.big_endian ? "put_big(out, " : "put_little(out, ") + word + ", " +
             std::to_string(bits.width / 8) + ");",
         indent);
  }

  std::string value_of(const BitField& field, size_t line) const {
    std::string value;
    switch (field.kind) {
      case BitField::Kind::Literal:
        break;
      case BitField::Kind::Expr:
        value = "uint64_t(" + cpp(field.expr, StaticType::Integer) + ")";
        break;
      case BitField::Kind::Param: {
        const std::string name = "p_" + inst_.params[static_cast<size_t>(field.index)].name;
        const std::string& enumeration = enum_of(field.index).name;
        if (field.inverse && enum_of(field.index).has_inverses()) {
          return "uint64_t(kNumber_" + enumeration + "[kInverse_" + enumeration + "[" + name + "]])";
        }
        value = "uint64_t(kNumber_" + enumeration + "[" + name + "])";
        break;
      }
      case BitField::Kind::Operand: {
        const OperandDef& operand = inst_.operands[static_cast<size_t>(field.index)];
        if (operand.kind == OperandDefKind::Reg)
          value = local(operand);
        else if (operand.kind == OperandDefKind::Imm && operand.imm.kind == ImmKind::Kind::Hatch)
          value = "bits_" + local(operand);
        else if (operand.kind == OperandDefKind::Imm)
          value = "uint64_t(" + local(operand) + ")";
        else
          value = "uint64_t(" + distance(operand, line) + ")";
        break;
      }
      case BitField::Kind::Part: {
        constexpr const char* kParts[] = {"_base", "_index", "_shift", "_disp"};
        const OperandDef& operand = inst_.operands[static_cast<size_t>(field.index)];
        const AmodeDef& amode = definitions_.amodes[static_cast<size_t>(operand.amode)];
        value = local(operand) + kParts[field.part];
        if (field.part == 3 && amode.disp.kind == ImmKind::Kind::Hatch)
          value = "bits_" + value;
        else if (field.part >= 2)
          value = "uint64_t(" + value + ")";
        break;
      }
    }
    return field.inverse ? "~" + value : value;
  }

  // ---- x64 ----

  void write_forms() {
    bool complete = false;
    for (const X64Alternative& alternative : inst_.forms) {
      complete = alternative.condition == kNoExpr;
      if (!complete)
        line("if (" + form_condition(alternative) + ") {");
      else
        line("{");
      for (const X64Encoding& encoding : alternative.sequence) {
        line("{", 4);
        if (inst_.trap_at_last && &encoding == &alternative.sequence.back()) line("out.trap_offset = out.size;", 6);
        write_x64(encoding);
        line("}", 4);
      }
      line("if (in.bad()) return EncodeError::BadOperand;", 4);
      line("return in.far() ? EncodeError::OutOfRange : EncodeError::None;", 4);
      line("}");
      if (complete) break;
    }
    if (!complete) line("return EncodeError::BadOperand;");
  }

  // In a condition a label's distance counts from the end of the encoding it chooses.
  std::string form_condition(const X64Alternative& alternative) const {
    const std::string condition = cpp(alternative.condition, StaticType::Boolean);
    unsigned length = 0;
    const OperandDef* label = nullptr;
    for (const X64Encoding& encoding : alternative.sequence) {
      if (encoding.label >= 0) label = &inst_.operands[static_cast<size_t>(encoding.label)];
      for (const X64Step& step : encoding.steps)
        length += step.kind == Step::Imm || step.kind == Step::Rel ? step.value : 1;
    }
    if (label == nullptr || label->kind != OperandDefKind::Label) return condition;
    return "[&]([[maybe_unused]] int64_t distance_" + label->name + ") { return " + condition + "; }(distance_" +
           label->name + " - " + std::to_string(length) + ")";
  }

  const OperandDef& operand(int index) const { return inst_.operands[static_cast<size_t>(index)]; }

  void write_x64(const X64Encoding& encoding) {
    auto put = [&](const std::string& text) { line(text, 6); };
    put("X64Encoder x(out);");
    bool rex8 = false;
    for (const X64Step& step : encoding.steps) {
      const std::string condition = step.condition == kNoExpr ? "" : cpp(step.condition, StaticType::Boolean);
      if (step.kind == Step::Prefix) {
        put((condition.empty() ? "" : "if (" + condition + ") ") + "x.prefix(" + std::to_string(step.value) + ");");
      } else if (step.kind == Step::Rex) {
        put("x.set_w(" + (condition.empty() ? "true" : condition) + ");");
      } else if (step.kind == Step::Rex8) {
        rex8 = true;
        rex8_condition_ = condition;
      }
    }
    auto byte_register = [&](const OperandDef& reg) {
      if (rex8)
        put((rex8_condition_.empty() ? "" : "if (" + rex8_condition_ + ") ") + "x.byte_register(" + local(reg) + ");");
    };
    bool rip = false;
    for (const X64Step& step : encoding.steps) {
      if (step.kind == Step::ByteReg) {
        put("x.set_opreg(" + local(operand(encoding.opreg)) + ");");
        byte_register(operand(encoding.opreg));
      }
      if (step.kind == Step::ModRmReg) {
        put("x.set_reg(" + local(operand(encoding.reg)) + ");");
        byte_register(operand(encoding.reg));
      }
      if (step.kind == Step::ModRmDigit) put("x.set_digit(" + std::to_string(step.value) + ");");
      if (step.kind == Step::ModRmReg || step.kind == Step::ModRmDigit) {
        const OperandDef& rm = operand(encoding.rm);
        if (rm.kind == OperandDefKind::Reg) {
          put("x.set_rm(" + local(rm) + ");");
          byte_register(rm);
        } else if (rm.kind == OperandDefKind::Mem) {
          memory(rm, put);
        } else {
          put("x.set_rip();");
          rip = true;
        }
      }
    }
    const auto vex = std::ranges::find(encoding.steps, Step::Vex, &X64Step::kind);
    if (vex == encoding.steps.end()) {
      put("x.put_rex();");
    } else {
      put("x.put_vex(" + std::to_string(vex->value) + ", " + (encoding.vvvv < 0 ? "0" : local(operand(encoding.vvvv))) +
          ");");
    }
    for (const X64Step& step : encoding.steps) {
      switch (step.kind) {
        case Step::Prefix:
        case Step::Rex:
        case Step::Rex8:
        case Step::Vex:
          break;
        case Step::Byte:
          put("x.put_byte(" + std::to_string(step.value) + ");");
          break;
        case Step::ByteReg:
          put("x.put_byte_reg(" + std::to_string(step.value) + ");");
          break;
        case Step::ByteCond: {
          const std::string& enumeration = enum_of(encoding.cc).name;
          const std::string name = "p_" + inst_.params[static_cast<size_t>(encoding.cc)].name;
          put("x.put_byte(uint8_t(" + std::to_string(step.value) + " + kNumber_" + enumeration + "[" +
              (encoding.cc_inverse ? "kInverse_" + enumeration + "[" + name + "]" : name) + "]));");
          break;
        }
        case Step::ModRmReg:
        case Step::ModRmDigit:
          put("x.put_modrm();");
          break;
        case Step::Imm:
          immediate(operand(encoding.imm), step.value, put);
          break;
        case Step::Rel:
          relative(operand(encoding.label), step.value, put);
          break;
      }
    }
    if (rip) {
      const OperandDef& rm = operand(encoding.rm);
      if (rm.kind != OperandDefKind::Symbol) {
        put("in.require_near(x.finish_rip(distance_" + rm.name + "));");
      } else {
        put("put_reloc(out, machine::RelocKind::" + (inst_.reloc.present ? inst_.reloc.kind : "X86PcRel4") +
            ", x.rip_offset(), int(x.rip_offset()) - int(out.size));");
      }
    }
  }

  template <class Put>
  void memory(const OperandDef& rm, Put put) {
    const AmodeDef& amode = definitions_.amodes[static_cast<size_t>(rm.amode)];
    auto has_part = [&](bool present, unsigned offset) {
      return present ? "has(o[" + std::to_string(rm.slot + offset) + "])" : std::string("false");
    };
    const std::string name = local(rm);
    // rsp cannot be an index; a scale is 1, 2, 4 or 8.
    if (amode.has_index) put("in.require(!" + has_part(true, 1) + " || " + name + "_index != 4);");
    if (amode.has_shift) put("in.require(" + name + "_shift < 4);");
    put("x.set_memory(" + has_part(amode.has_base, 0) + ", " + (amode.has_base ? name + "_base" : "0") + ", " +
        has_part(amode.has_index, 1) + ", " + (amode.has_index ? name + "_index" : "0") + ", " +
        (amode.has_shift ? name + "_shift" : "0") + ", " + (amode.has_disp ? "int32_t(" + name + "_disp)" : "0") +
        ");");
  }

  template <class Put>
  void immediate(const OperandDef& imm, unsigned bytes, Put put) {
    if (imm.kind == OperandDefKind::Symbol) {
      put("put_reloc(out, machine::RelocKind::Abs8, out.size, 0);");
      put("put_little(out, 0, 8);");
      return;
    }
    const std::string bits = std::to_string(bytes * 8);
    if (imm.imm.kind == ImmKind::Kind::Unsigned)
      put("in.require(in_unsigned(" + local(imm) + ", " + bits + "));");
    else if (bytes < 8)
      put("in.require(in_signed(" + local(imm) + ", " + bits + "));");
    put("put_little(out, uint64_t(" + local(imm) + "), " + std::to_string(bytes) + ");");
  }

  template <class Put>
  void relative(const OperandDef& label, unsigned bytes, Put put) {
    if (label.kind == OperandDefKind::Symbol) {
      put("put_reloc(out, machine::RelocKind::" + (inst_.reloc.present ? inst_.reloc.kind : "X86PcRel4") +
          ", out.size, -" + std::to_string(bytes) + ");");
      put("put_little(out, 0, " + std::to_string(bytes) + ");");
      return;
    }
    put("const int64_t near = distance_" + label.name + " - (out.size + " + std::to_string(bytes) + ");");
    const unsigned bits = label.imm.kind == ImmKind::Kind::Signed ? std::min(label.imm.bits, bytes * 8) : bytes * 8;
    put("in.require_near(in_signed(near, " + std::to_string(bits) + "));");
    put("put_little(out, uint64_t(near), " + std::to_string(bytes) + ");");
  }

  const Definitions& definitions_;
  const InstDef& inst_;
  std::string& out_;
  std::string rex8_condition_;
};

}  // namespace

std::string generate_encoder(const Definitions& definitions) {
  const std::string& name = definitions.isa.name;
  std::string out = "// Encoding of the instructions of " + name + ". Generated by instgen from *.inst.\n";
  out += "#include \"compiler/isa/" + name + "/insts.h\"\n#include \"compiler/isle/notation/runtime.h\"\n\n";
  out += "namespace assay::isa::" + name +
         " {\n\nnamespace {\n\nusing namespace notation::runtime;\n"
         "using machine::EncodeContext, machine::EncodedInst, machine::EncodeError;\n\n" +
         enum_tables(definitions);
  for (const InstDef& inst : definitions.insts) EncoderWriter(definitions, inst, out).write();
  out +=
      "\nusing Encoder = EncodeError (*)(std::span<const Operand>, const EncodeContext&, EncodedInst&);\n"
      "constexpr Encoder kEncoders[] = {\n";
  for (const InstDef& inst : definitions.insts) out += "  encode_" + inst.name + ",\n";
  out +=
      "};\n\n}  // namespace\n\n"
      "machine::EncodeError encode(uint16_t opcode, std::span<const machine::Operand> operands,\n"
      "                            const machine::EncodeContext& context, machine::EncodedInst& out) {\n"
      "  out.size = 0;\n  out.trap_offset = 0;\n  out.has_symbol = false;\n"
      "  if (opcode >= kOpCount) return EncodeError::BadOperand;\n"
      "  return kEncoders[opcode](operands, context, out);\n}\n\n";
  out += "}  // namespace assay::isa::" + name + "\n";
  return out;
}

}  // namespace assay::notation
