// The program clif_gen: from operations.ops, the ISLE side of CLIF.
//
//   clif_gen operations.ops OUT_FOLDER
//     clif.isle         the external enum InstructionData with a variant for each operation, and for each operation the
//                       term that matches it: (iadd x y)
//     clif_inst_data.h  the C++ class behind InstructionData
//
// Branch targets are no fields (lower_branch gets labels). Names of fields are those of the operands, in lower case.
#include <string>
#include <string_view>

#include "compiler/isle/ops/generator.h"
#include "compiler/isle/ops/names.h"

namespace {

using namespace assay;

using ops::lower;
using ops::pascal;

// An operand as a field: its ISLE type and where InstructionData finds it. Empty type: no field.
struct FieldKind {
  std::string_view type;
  std::string_view expression;
};

FieldKind field_kind(const ops::Operand& operand) {
  if (operand.kind.is_value()) return {"Value", ""};
  if (operand.kind.sort == ops::Kind::Sort::kVarargs) return {"ValueSlice", ""};
  const std::string_view kind = operand.kind.name;
  if (kind == "imm64") return {"Imm64", "{int64_t(data_->imm)}"};
  if (kind == "uimm8") return {"u8", "data_->code"};
  if (kind == "uimm128") return {"Uimm128", "data_->immediate()"};
  if (kind == "offset32") return {"Offset32", "{data_->offset()}"};
  if (kind == "ieee16") return {"Ieee16", "{uint16_t(data_->imm)}"};
  if (kind == "ieee32") return {"Ieee32", "{uint32_t(data_->imm)}"};
  if (kind == "ieee64") return {"Ieee64", "{data_->imm}"};
  if (kind == "pool_constant") return {"ClifConstant", "data_->constant()"};
  if (kind == "intcc") return {"IntCC", "IntCC(data_->code)"};
  if (kind == "floatcc") return {"FloatCC", "FloatCC(data_->code)"};
  if (kind == "atomic_rmw_op") return {"AtomicRmwOp", "AtomicRmwOp(data_->code)"};
  if (kind == "trapcode") return {"TrapCode", "data_->trap_code()"};
  if (kind == "memflags") return {"MemFlags", "data_->flags"};
  if (kind == "func_ref") return {"FuncRef", "data_->func_ref()"};
  if (kind == "sig_ref") return {"SigRef", "data_->sig_ref()"};
  if (kind == "stack_slot") return {"StackSlot", "data_->stack_slot()"};
  if (kind == "dynamic_stack_slot") return {"DynamicStackSlot", "data_->dynamic_stack_slot()"};
  if (kind == "global_value") return {"GlobalValue", "data_->global_value()"};
  return {};
}

std::string isle_file(const ops::OpsFile& file) {
  std::string out =
      ";; The operations of CLIF as terms. Generated from operations.ops by clif_gen; not to be edited.\n\n"
      "(type Uimm128 (primitive Uimm128))\n(type ClifConstant (primitive ClifConstant))\n"
      "(type DynamicStackSlot (primitive DynamicStackSlot))\n(type GlobalValue (primitive GlobalValue))\n"
      "(type AtomicRmwOp extern (enum Add Sub And Nand Or Xor Xchg Umin Umax Smin Smax))\n\n"
      "(type InstructionData extern (enum\n";
  for (const ops::Operation& op : file.operations) {
    out += "  (" + pascal(op.name);
    for (const ops::Operand& operand : op.inputs) {
      const FieldKind kind = field_kind(operand);
      if (!kind.type.empty()) out += " (" + lower(operand.name) + " " + std::string(kind.type) + ")";
    }
    out += ")\n";
  }
  out += "))\n\n(decl inst_data (InstructionData) Inst)\n(extern extractor infallible inst_data inst_data)\n\n";
  for (const ops::Operation& op : file.operations) {
    std::string types;
    std::string names;
    for (const ops::Operand& operand : op.inputs) {
      const FieldKind kind = field_kind(operand);
      if (kind.type.empty()) continue;
      types += (types.empty() ? "" : " ") + std::string(kind.type);
      names += " " + lower(operand.name);
    }
    out += "(decl " + op.name + " (" + types + ") Inst)\n";
    out += "(extractor (" + op.name + names + ") (inst_data (InstructionData." + pascal(op.name) + names + ")))\n";
  }
  return out;
}

// A field that C++ would not take as a name.
std::string cpp_field(std::string_view name) {
  std::string result = lower(name);
  return result == "default" || result == "int" ? result + "_" : result;
}

std::string header_file(const ops::OpsFile& file) {
  std::string out =
      "// The operands of a CLIF instruction as rules see them: the class behind clif.isle's InstructionData. Values "
      "are\n"
      "// resolved. Generated from operations.ops by clif_gen; not to be edited. Included by clif_view.h.\n\n"
      "class InstructionData {\n public:\n  enum class Kind : uint8_t {\n";
  for (const ops::Operation& op : file.operations) {
    out += "    " + pascal(op.name) + " = uint8_t(ir::Opcode::k" + pascal(op.name) + "),\n";
  }
  out +=
      "  };\n\n  InstructionData(const ValueResolver& values, const ir::Function& function, ir::Inst inst)\n"
      "      : values_(&values), function_(&function), data_(&function.inst(inst)), inst_(inst) {}\n"
      "  Kind kind() const { return Kind(data_->opcode); }\n\n";
  for (const ops::Operation& op : file.operations) {
    const std::string name = pascal(op.name);
    std::string fields;
    std::string values;
    unsigned value_count = 0;
    for (const ops::Operand& operand : op.inputs) {
      const FieldKind kind = field_kind(operand);
      if (kind.type.empty()) continue;
      const std::string type = kind.type == "u8" ? "uint8_t" : std::string(kind.type);
      fields += " " + type + " " + cpp_field(operand.name) + ";";
      std::string expression(kind.expression);
      if (operand.kind.is_value()) expression = "value(" + std::to_string(value_count++) + ")";
      if (operand.kind.sort == ops::Kind::Sort::kVarargs) expression = "rest(" + std::to_string(value_count) + ")";
      values += (values.empty() ? "" : ", ") + expression;
    }
    out += "  struct " + name + "Fields {" + fields + (fields.empty() ? "" : " ") + "};\n";
    out += "  " + name + "Fields as_" + name + "() const { return {" + values + "}; }\n";
  }
  out +=
      "\n private:\n"
      "  Value value(unsigned n) const { return values_->resolve(function_->arg(inst_, n)); }\n"
      "  ValueSlice rest(unsigned from) const { return function_->args(inst_).subspan(from); }\n\n"
      "  const ValueResolver* values_;\n  const ir::Function* function_;\n  const ir::InstData* data_;\n"
      "  ir::Inst inst_;\n};\n";
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  return ops::run_generator(argc, argv, "clif_gen", [](const ops::OpsFile& file) -> std::vector<ops::GeneratedFile> {
    return {{"clif.isle", isle_file(file)}, {"clif_inst_data.h", header_file(file)}};
  });
}
