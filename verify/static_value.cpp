// See static_value.h. Recursion is bounded by the nesting limit of expressions.
#include "verify/static_value.h"

#include <algorithm>
#include <string>

namespace assay::verify {

namespace {

using machine::OperandKind;
using notation::ExprId;
using notation::ExprKind;
using notation::ExprNode;
using notation::ExprOp;
using notation::OperandDefKind;

int64_t wrapped(uint64_t value) { return static_cast<int64_t>(value); }

// Shifts by 64 and more shift everything out; so do negative amounts, which are as large ones.
int64_t shifted(ExprOp op, int64_t value, int64_t amount) {
  const bool all = amount < 0 || amount > 63;
  switch (op) {
    case ExprOp::Shl:
      return all ? 0 : wrapped(static_cast<uint64_t>(value) << amount);
    case ExprOp::LShr:
      return all ? 0 : wrapped(static_cast<uint64_t>(value) >> amount);
    default:
      return value >> (all ? 63 : amount);
  }
}

class Computer {
 public:
  explicit Computer(const StaticValues& scope) : scope_(scope), ast_(scope.definitions.library.ast) {}

  int64_t value(ExprId expr) const {
    const ExprNode& node = ast_.nodes[expr];
    switch (node.kind) {
      case ExprKind::Number:
        return static_cast<int64_t>(node.number);
      case ExprKind::True:
        return 1;
      case ExprKind::False:
        return 0;
      case ExprKind::Name:
        return name(ast_.name(node.name));
      case ExprKind::Attribute:
        return attribute(ast_.name(node.name), ast_.name(node.name2));
      case ExprKind::Unary: {
        const int64_t operand = value(ast_.child(node, 0));
        if (node.op == ExprOp::LogicalNot) return operand == 0;
        return node.op == ExprOp::Neg ? wrapped(0 - static_cast<uint64_t>(operand)) : ~operand;
      }
      case ExprKind::Binary:
        return binary(node);
      case ExprKind::If:
        return value(ast_.child(node, value(ast_.child(node, 0)) != 0 ? 1 : 2));
      case ExprKind::Match:
        return match(node);
      case ExprKind::In: {
        notation::ImmKind range;
        return notation::parse_imm_kind(ast_.name(node.name), range) && range.contains(value(ast_.child(node, 0)));
      }
      case ExprKind::Call:  // number(x), has(x)
        return ast_.name(node.name) == "has" ? has(ast_.nodes[ast_.child(node, 0)]) : value(ast_.child(node, 0));
      case ExprKind::Let:
      case ExprKind::Slice:
        break;
    }
    return 0;
  }

 private:
  const notation::EnumDef* enum_of(std::string_view param) const {
    const int index = scope_.inst == nullptr ? -1 : scope_.inst->find_param(param);
    if (index < 0) return nullptr;
    const int enumeration = scope_.inst->params[static_cast<size_t>(index)].enumeration;
    return &scope_.definitions.library.enums[static_cast<size_t>(enumeration)];
  }
  // The index of a parameter's enumerator.
  size_t enumerator(std::string_view param) const {
    return static_cast<size_t>(scope_.operands[static_cast<size_t>(scope_.inst->find_param(param))].imm);
  }

  static bool is_there(const machine::Operand& operand) { return operand.kind != OperandKind::None; }

  int64_t number_of(size_t slot) const { return scope_.operands[slot].reg.preg().number(); }

  // A part of the memory operand that begins with this slot.
  int64_t part(size_t slot, std::string_view part) const {
    if (scope_.registers && part == "base") return number_of(slot);
    if (scope_.registers && part == "index") return number_of(slot + 1);
    if (part == "base") return is_there(scope_.operands[slot]);
    if (part == "index") return is_there(scope_.operands[slot + 1]);
    return scope_.operands[slot + (part == "shift" ? 2 : 3)].imm;
  }

  int64_t name(const std::string& name) const {
    if (scope_.inst == nullptr) return part(0, name);
    if (const notation::EnumDef* def = enum_of(name)) return def->enumerators[enumerator(name)].number;
    const int index = scope_.inst->find_operand(name);
    if (index < 0) return 0;
    const notation::OperandDef& operand = scope_.inst->operands[static_cast<size_t>(index)];
    if (operand.kind == OperandDefKind::Imm) return scope_.operands[operand.slot].imm;
    if (operand.kind == OperandDefKind::Reg && scope_.registers) return number_of(operand.slot);
    return static_cast<size_t>(index) < scope_.distances.size() ? scope_.distances[static_cast<size_t>(index)] : 0;
  }

  int64_t attribute(const std::string& subject, const std::string& attribute) const {
    if (const notation::EnumDef* def = enum_of(subject)) {
      const auto& attributes = def->enumerators[enumerator(subject)].attributes;
      const auto it = attributes.find(attribute);
      return it == attributes.end() ? 0 : it->second;
    }
    const int index = scope_.inst == nullptr ? -1 : scope_.inst->find_operand(subject);
    return index < 0 ? 0 : part(scope_.inst->operands[static_cast<size_t>(index)].slot, attribute);
  }

  int64_t has(const ExprNode& argument) const {
    const std::string& name = ast_.name(argument.name);
    if (argument.kind == ExprKind::Attribute) return attribute(name, ast_.name(argument.name2));
    if (scope_.inst == nullptr) return part(0, name);
    const int index = scope_.inst->find_operand(name);
    return index >= 0 && is_there(scope_.operands[scope_.inst->operands[static_cast<size_t>(index)].slot]);
  }

  // Whether `subject` is a parameter and `other` one of its enumerators; `is_equal` is then whether it has that one.
  bool is_test(ExprId subject, ExprId other, bool& is_equal) const {
    const ExprNode &a = ast_.nodes[subject], &b = ast_.nodes[other];
    if (a.kind != ExprKind::Name || b.kind != ExprKind::Name) return false;
    const notation::EnumDef* def = enum_of(ast_.name(a.name));
    if (def == nullptr || enum_of(ast_.name(b.name)) != nullptr) return false;
    const int index = def->find(ast_.name(b.name));
    is_equal = index >= 0 && enumerator(ast_.name(a.name)) == static_cast<size_t>(index);
    return index >= 0;
  }

  int64_t binary(const ExprNode& node) const {
    const ExprId left = ast_.child(node, 0), right = ast_.child(node, 1);
    if (node.op == ExprOp::LogicalAnd) return value(left) != 0 && value(right) != 0;
    if (node.op == ExprOp::LogicalOr) return value(left) != 0 || value(right) != 0;
    if (node.op == ExprOp::Eq || node.op == ExprOp::Ne) {
      bool is_equal = false;
      if (is_test(left, right, is_equal) || is_test(right, left, is_equal)) {
        return is_equal == (node.op == ExprOp::Eq);
      }
    }
    const int64_t a = value(left), b = value(right);
    const uint64_t ua = static_cast<uint64_t>(a), ub = static_cast<uint64_t>(b);
    switch (node.op) {
      case ExprOp::Add:
        return wrapped(ua + ub);
      case ExprOp::Sub:
        return wrapped(ua - ub);
      case ExprOp::Mul:
        return wrapped(ua * ub);
      case ExprOp::And:
        return a & b;
      case ExprOp::Or:
        return a | b;
      case ExprOp::Xor:
        return a ^ b;
      case ExprOp::Shl:
      case ExprOp::LShr:
      case ExprOp::AShr:
        return shifted(node.op, a, b);
      case ExprOp::Eq:
        return a == b;
      case ExprOp::Ne:
        return a != b;
      case ExprOp::Lt:
      case ExprOp::Slt:
        return a < b;
      case ExprOp::Le:
      case ExprOp::Sle:
        return a <= b;
      case ExprOp::Gt:
      case ExprOp::Sgt:
        return a > b;
      case ExprOp::Ge:
      case ExprOp::Sge:
        return a >= b;
      case ExprOp::Ult:
        return ua < ub;
      case ExprOp::Ule:
        return ua <= ub;
      case ExprOp::Ugt:
        return ua > ub;
      case ExprOp::Uge:
        return ua >= ub;
      default:
        return 0;
    }
  }

  int64_t match(const ExprNode& node) const {
    const std::string& subject = ast_.name(ast_.nodes[ast_.child(node, 0)].name);
    const notation::EnumDef* def = enum_of(subject);
    if (def == nullptr) return 0;
    const std::string& chosen = def->enumerators[enumerator(subject)].name;
    for (unsigned i = 1; i < node.child_count; ++i) {
      const std::vector<uint32_t>& names = ast_.labels[node.name2 + i - 1].names;
      const bool fits = names.empty() || std::any_of(names.begin(), names.end(),
                                                     [&](uint32_t label) { return ast_.name(label) == chosen; });
      if (fits) return value(ast_.child(node, i));
    }
    return 0;
  }

  const StaticValues& scope_;
  const notation::Ast& ast_;
};

}  // namespace

int64_t StaticValues::value(ExprId expr) const { return Computer(*this).value(expr); }

}  // namespace assay::verify
