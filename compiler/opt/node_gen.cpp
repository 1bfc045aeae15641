// The program node_gen: from operations.ops, the operations that an e-graph node can be.
//
//   node_gen operations.ops OUT_FOLDER
//     nodes.isle   the external enum NodeData with a variant for each such operation, and for each the term that
//                  matches it in a class of equal values and that makes it: (iadd ty x y), where ty is the type of the
//                  result
//     node_data.h  the C++ class behind NodeData
//
// A node is an operation that has one result, a fixed number of operands and no effects, but that it may trap. One that
// may trap becomes a node of the e-graph only by a rule, whose proof is that it then cannot. One that has two results
// never does: rules match its results, (uadd_overflow ty x y) and (uadd_overflow_of ty x y), whose name ends with the
// result's and whose ty is the type of the first; they cannot make it. The rest of CLIF stays in its blocks and is no
// term of the mid-end's rules.
#include <string>
#include <string_view>
#include <vector>

#include "compiler/isle/ops/generator.h"
#include "compiler/isle/ops/names.h"

namespace {

using namespace assay;

using ops::lower;
using ops::pascal;

// An operand as a field: its ISLE and C++ type, how NodeData reads it and how it is set from `field`.
struct FieldKind {
  std::string_view type;
  std::string_view read;
  std::string_view write;
};

// No type: operations with such an operand are no nodes.
FieldKind field_kind(const ops::Operand& operand) {
  if (operand.kind.is_value()) return {"Value", "", ""};
  const std::string_view kind = operand.kind.name;
  if (kind == "imm64") return {"Imm64", "{int64_t(imm)}", "imm = uint64_t(field.value)"};
  if (kind == "offset32") return {"Offset32", "{int32_t(imm)}", "imm = uint64_t(int64_t(field.value))"};
  if (kind == "ieee16") return {"Ieee16", "{uint16_t(imm)}", "imm = field.bits"};
  if (kind == "ieee32") return {"Ieee32", "{uint32_t(imm)}", "imm = field.bits"};
  if (kind == "ieee64") return {"Ieee64", "{imm}", "imm = field.bits"};
  if (kind == "intcc") return {"IntCC", "IntCC(code)", "code = uint8_t(field)"};
  if (kind == "floatcc") return {"FloatCC", "FloatCC(code)", "code = uint8_t(field)"};
  if (kind == "memflags") return {"MemFlags", "flags", "flags = field"};
  if (kind == "stack_slot") return {"StackSlot", "StackSlot(entity)", "entity = field.index"};
  if (kind == "func_ref") return {"FuncRef", "FuncRef(entity)", "entity = field.index"};
  if (kind == "trapcode") return {"TrapCode", "{code}", "code = field.code"};
  if (kind == "global_value") return {"GlobalValue", "GlobalValue(entity)", "entity = field.index"};
  return {};
}

bool only_traps(const ops::Operation& op) {
  return op.effects == std::vector<std::string>{"can_trap", "side_effects_idempotent"};
}

bool has_two_results(const ops::Operation& op) { return op.results.size() == 2; }

std::vector<const ops::Operation*> node_operations(const ops::OpsFile& file) {
  std::vector<const ops::Operation*> result;
  for (const ops::Operation& op : file.operations) {
    bool fits =
        op.effects.empty() ? op.results.size() == 1 || has_two_results(op) : op.results.size() == 1 && only_traps(op);
    for (const ops::Operand& result : op.results) fits = fits && result.kind.is_value();
    // The second result is of one type, whatever that of the first is.
    if (has_two_results(op)) fits = fits && op.results[1].kind.sort == ops::Kind::Sort::kType;
    for (const ops::Operand& operand : op.inputs) fits = fits && !field_kind(operand).type.empty();
    if (fits) result.push_back(&op);
  }
  return result;
}

// Names as C++ and ISLE take them.
std::string field_name(const ops::Operand& operand) {
  std::string result = lower(operand.name);
  return result == "default" || result == "int" ? result + "_" : result;
}

std::string isle_file(const std::vector<const ops::Operation*>& operations) {
  std::string out =
      ";; The operations of CLIF that e-graph nodes can be, as terms. Generated from operations.ops by node_gen; not "
      "to be\n"
      ";; edited.\n\n(type NodeData extern (enum\n";
  for (const ops::Operation* op : operations) {
    out += "  (" + pascal(op->name);
    for (const ops::Operand& operand : op->inputs) {
      out += " (" + field_name(operand) + " " + std::string(field_kind(operand).type) + ")";
    }
    out += ")\n";
  }
  out +=
      "))\n\n;; The nodes of a class, with the type of their result.\n(decl multi node (Type NodeData) Value)\n"
      "(extern extractor node node)\n;; The operation whose second result it is, with the type of the first.\n"
      "(decl multi second_node (Type NodeData) Value)\n(extern extractor second_node second_node)\n"
      ";; The class of a node.\n(decl make_node (Type NodeData) Value)\n"
      "(extern constructor make_node make_node)\n\n";
  for (const ops::Operation* op : operations) {
    std::string types;
    std::string names;
    for (const ops::Operand& operand : op->inputs) {
      types += " " + std::string(field_kind(operand).type);
      names += " " + field_name(operand);
    }
    const std::string data = "(NodeData." + pascal(op->name) + names + ")";
    out += "(decl " + op->name + " (Type" + types + ") Value)\n(attr " + op->name + " (tag node))\n";
    out += "(extractor (" + op->name + " ty" + names + ") (node ty " + data + "))\n";
    if (has_two_results(*op)) {
      const std::string second = op->name + "_" + op->results[1].name;
      out += "(decl " + second + " (Type" + types + ") Value)\n(attr " + second + " (tag node))\n";
      out += "(extractor (" + second + " ty" + names + ") (second_node ty " + data + "))\n";
      continue;
    }
    out += "(rule (" + op->name + " ty" + names + ") (make_node ty " + data + "))\n";
  }
  return out;
}

std::string header_file(const std::vector<const ops::Operation*>& operations) {
  std::string out =
      "// The operands of an e-graph node: the class behind nodes.isle's NodeData. Generated from operations.ops by\n"
      "// node_gen; not to be edited. Included by node.h, into its namespace.\n\n"
      "class NodeData {\n public:\n  static constexpr unsigned kMaxArgs = 3;\n"
      "  Opcode opcode{};\n  uint8_t code = 0;\n  uint8_t arg_count = 0;\n  MemFlags flags;\n"
      "  uint32_t entity = 0xffffffffu;\n  uint64_t imm = 0;\n  Value args[kMaxArgs];\n\n  enum class Kind : uint8_t "
      "{\n";
  for (const ops::Operation* op : operations) {
    out += "    " + pascal(op->name) + " = uint8_t(Opcode::k" + pascal(op->name) + "),\n";
  }
  out += "  };\n  Kind kind() const { return Kind(opcode); }\n";
  const auto predicate = [&](std::string_view comment, std::string_view function, const auto& holds) {
    out += "  // " + std::string(comment) + "\n  static bool " + std::string(function) +
           "(Opcode opcode) {\n    switch (opcode) {\n";
    for (const ops::Operation* op : operations) {
      if (holds(*op)) out += "      case Opcode::k" + pascal(op->name) + ":\n";
    }
    out += "        return true;\n      default:\n        return false;\n    }\n  }\n\n";
  };
  predicate("Whether an operation is always a node.", "is_node",
            [](const ops::Operation& op) { return !only_traps(op) && !has_two_results(op); });
  predicate("Whether it is one where it cannot trap.", "may_trap", only_traps);
  predicate("Whether it is none, but rules match its two results.", "has_two_results", has_two_results);
  for (const ops::Operation* op : operations) {
    const std::string name = pascal(op->name);
    std::string fields, values, parameters, writes;
    unsigned value_count = 0;
    for (const ops::Operand& operand : op->inputs) {
      const FieldKind kind = field_kind(operand);
      const std::string field = field_name(operand);
      std::string read(kind.read), write(kind.write);
      if (operand.kind.is_value()) {
        read = "args[" + std::to_string(value_count) + "]";
        write = read + " = field";
        ++value_count;
      }
      fields += " " + std::string(kind.type) + " " + field + ";";
      values += (values.empty() ? "" : ", ") + read;
      parameters += (parameters.empty() ? "" : ", ") + std::string(kind.type) + " " + field;
      const size_t at = write.find("field");
      write.replace(at, 5, field);
      writes += "    node." + write + ";\n";
    }
    out += "  struct " + name + "Fields {" + fields + (fields.empty() ? "" : " ") + "};\n";
    out += "  " + name + "Fields as_" + name + "() const { return {" + values + "}; }\n";
    out += "  static NodeData make_" + name + "(" + parameters +
           ") {\n    NodeData node;\n    node.opcode = Opcode::k" + name +
           ";\n    node.arg_count = " + std::to_string(value_count) + ";\n" + writes + "    return node;\n  }\n";
  }
  return out + "};\n";
}

}  // namespace

int main(int argc, char** argv) {
  return ops::run_generator(argc, argv, "node_gen", [](const ops::OpsFile& file) -> std::vector<ops::GeneratedFile> {
    const auto operations = node_operations(file);
    return {{"nodes.isle", isle_file(operations)}, {"node_data.h", header_file(operations)}};
  });
}
