// See static_expr.h. Recursion is bounded by the nesting limit of expressions.
#include "compiler/isle/notation/static_expr.h"

#include <algorithm>

namespace assay::notation {

namespace {

// A value's C++ text and what it is. Enumerators stay indices until a number is wanted.
struct Value {
  enum class Kind : uint8_t { Error, Integer, Boolean, Parameter } kind = Kind::Error;
  std::string text;
  int enumeration = -1;
};

class Emitter {
 public:
  Emitter(const Definitions& definitions, const StaticScope& scope, Diagnostics& errors)
      : definitions_(definitions), ast_(definitions.library.ast), scope_(scope), errors_(errors) {}

  std::optional<std::string> emit(ExprId expr, StaticType wanted) {
    if (wanted == StaticType::Boolean) {
      const Value value = emit(expr);
      if (value.kind == Value::Kind::Error) return std::nullopt;
      if (value.kind == Value::Kind::Boolean) return value.text;
      return "(" + integer(value) + " != 0)";
    }
    const Value value = emit(expr);
    if (value.kind == Value::Kind::Error) return std::nullopt;
    return integer(value);
  }

 private:
  Value error(ExprId expr, std::string message, std::string hint = {}) {
    errors_.push_back({ast_.place(expr), std::move(message), std::move(hint)});
    return {};
  }
  static Value of_int(std::string text) { return {Value::Kind::Integer, std::move(text), -1}; }
  static Value of_bool(std::string text) { return {Value::Kind::Boolean, std::move(text), -1}; }

  std::string integer(const Value& value) const {
    if (value.kind == Value::Kind::Boolean) return "int64_t(" + value.text + ")";
    if (value.kind != Value::Kind::Parameter) return value.text;
    return "kNumber_" + definitions_.library.enums[static_cast<size_t>(value.enumeration)].name + "[" + value.text +
           "]";
  }

  static std::string slot(unsigned index) { return "o[" + std::to_string(index) + "]"; }
  static Value number_of(unsigned index) { return of_int("number_of(" + slot(index) + ")"); }

  Value emit(ExprId expr) {
    const ExprNode& node = ast_.nodes[expr];
    switch (node.kind) {
      case ExprKind::Number:
        if (node.number > INT64_MAX) return error(expr, "the number is too large here");
        return of_int("INT64_C(" + std::to_string(static_cast<int64_t>(node.number)) + ")");
      case ExprKind::True:
        return of_bool("true");
      case ExprKind::False:
        return of_bool("false");
      case ExprKind::Name:
        return name(expr, ast_.name(node.name));
      case ExprKind::Attribute:
        return attribute(expr, ast_.name(node.name), ast_.name(node.name2));
      case ExprKind::Unary:
        return unary(expr, node);
      case ExprKind::Binary:
        return binary(expr, node);
      case ExprKind::If: {
        const auto condition = emit(ast_.child(node, 0), StaticType::Boolean);
        const Value then = emit(ast_.child(node, 1));
        const Value otherwise = emit(ast_.child(node, 2));
        if (!condition || then.kind == Value::Kind::Error || otherwise.kind == Value::Kind::Error) return {};
        if (then.kind == Value::Kind::Boolean && otherwise.kind == Value::Kind::Boolean) {
          return of_bool("(" + *condition + " ? " + then.text + " : " + otherwise.text + ")");
        }
        return of_int("(" + *condition + " ? " + integer(then) + " : " + integer(otherwise) + ")");
      }
      case ExprKind::Match:
        return match(expr, node);
      case ExprKind::In:
        return in(expr, node);
      case ExprKind::Call:
        return call(expr, node);
      case ExprKind::Let:
      case ExprKind::Slice:
        break;
    }
    return error(expr, "this cannot be computed by the encoder",
                 "parameters, immediates, numbers and their arithmetic can");
  }

  Value name(ExprId expr, const std::string& name) {
    if (scope_.inst == nullptr) {
      if (name == "disp") return of_int(slot(3) + ".imm");
      if (name == "shift") return of_int(slot(2) + ".imm");
      if (name == "base" || name == "index") return of_bool("has(" + slot(name == "base" ? 0 : 1) + ")");
      return error(expr, "unknown name '" + name + "'", "base, index, shift, disp");
    }
    const InstDef& inst = *scope_.inst;
    if (const int param = inst.find_param(name); param >= 0) {
      return {Value::Kind::Parameter, slot(static_cast<unsigned>(param)) + ".imm",
              inst.params[static_cast<size_t>(param)].enumeration};
    }
    const int index = inst.find_operand(name);
    if (index < 0) return error(expr, "unknown name '" + name + "'");
    const OperandDef& operand = inst.operands[static_cast<size_t>(index)];
    if (operand.kind == OperandDefKind::Imm) return of_int(slot(operand.slot) + ".imm");
    const bool distance = operand.kind == OperandDefKind::Label || operand.kind == OperandDefKind::Constant;
    if (distance && scope_.distances) return of_int("distance_" + name);
    if (operand.kind == OperandDefKind::Reg && !operand.optional && scope_.registers) return number_of(operand.slot);
    return error(expr, "'" + name + "' is not known to the encoder here", "parameters and immediates are");
  }

  Value attribute(ExprId expr, const std::string& subject, const std::string& part) {
    if (scope_.inst != nullptr) {
      if (const int param = scope_.inst->find_param(subject); param >= 0) {
        const EnumDef& def = enum_of(param);
        for (const Enumerator& enumerator : def.enumerators) {
          if (!enumerator.attributes.contains(part)) {
            return error(expr, "enumerator '" + enumerator.name + "' has no attribute '" + part + "'");
          }
        }
        return of_int("kAttribute_" + def.name + "_" + part + "[" + slot(static_cast<unsigned>(param)) + ".imm]");
      }
      const int index = scope_.inst->find_operand(subject);
      if (index >= 0 && scope_.inst->operands[static_cast<size_t>(index)].kind == OperandDefKind::Mem) {
        const unsigned first = scope_.inst->operands[static_cast<size_t>(index)].slot;
        if (part == "shift") return of_int(slot(first + 2) + ".imm");
        if (part == "disp") return of_int(slot(first + 3) + ".imm");
        const bool is_index = part == "index";
        if (part == "base" || is_index) {
          return scope_.registers ? number_of(first + is_index) : of_bool("has(" + slot(first + is_index) + ")");
        }
      }
    }
    return error(expr, "unknown attribute '" + subject + "." + part + "'");
  }

  const EnumDef& enum_of(int param) const {
    return definitions_.library.enums[static_cast<size_t>(scope_.inst->params[static_cast<size_t>(param)].enumeration)];
  }

  Value unary(ExprId, const ExprNode& node) {
    if (node.op == ExprOp::LogicalNot) {
      const auto operand = emit(ast_.child(node, 0), StaticType::Boolean);
      return operand ? of_bool("!" + *operand) : Value();
    }
    const auto operand = emit(ast_.child(node, 0), StaticType::Integer);
    if (!operand) return {};
    return of_int(node.op == ExprOp::Neg ? "int64_t(0 - uint64_t(" + *operand + "))" : "(~" + *operand + ")");
  }

  // A comparison of a parameter with an enumerator's name; Error if it is none.
  Value enumerator_test(ExprId subject, ExprId other, bool equal) {
    const ExprNode& a = ast_.nodes[subject];
    const ExprNode& b = ast_.nodes[other];
    if (scope_.inst == nullptr || a.kind != ExprKind::Name || b.kind != ExprKind::Name) return {};
    const int param = scope_.inst->find_param(ast_.name(a.name));
    if (param < 0 || scope_.inst->find_param(ast_.name(b.name)) >= 0) return {};
    const int index = enum_of(param).find(ast_.name(b.name));
    if (index < 0) return {};
    return of_bool("(" + slot(static_cast<unsigned>(param)) + ".imm " + (equal ? "==" : "!=") + " " +
                   std::to_string(index) + ")");
  }

  Value binary(ExprId expr, const ExprNode& node) {
    const ExprId left = ast_.child(node, 0);
    const ExprId right = ast_.child(node, 1);
    if (node.op == ExprOp::LogicalAnd || node.op == ExprOp::LogicalOr) {
      const auto a = emit(left, StaticType::Boolean);
      const auto b = emit(right, StaticType::Boolean);
      if (!a || !b) return {};
      return of_bool("(" + *a + (node.op == ExprOp::LogicalAnd ? " && " : " || ") + *b + ")");
    }
    if (node.op == ExprOp::Eq || node.op == ExprOp::Ne) {
      const bool equal = node.op == ExprOp::Eq;
      if (Value test = enumerator_test(left, right, equal); test.kind != Value::Kind::Error) return test;
      if (Value test = enumerator_test(right, left, equal); test.kind != Value::Kind::Error) return test;
    }
    const auto a = emit(left, StaticType::Integer);
    const auto b = emit(right, StaticType::Integer);
    if (!a || !b) return {};
    auto compare = [&](const char* op) { return of_bool("(" + *a + " " + op + " " + *b + ")"); };
    auto wrap = [&](const char* op) { return of_int("int64_t(uint64_t(" + *a + ") " + op + " uint64_t(" + *b + "))"); };
    auto compare_unsigned = [&](const char* op) {
      return of_bool("(uint64_t(" + *a + ") " + op + " uint64_t(" + *b + "))");
    };
    switch (node.op) {
      case ExprOp::Add:
        return wrap("+");
      case ExprOp::Sub:
        return wrap("-");
      case ExprOp::Mul:
        return wrap("*");
      case ExprOp::And:
        return wrap("&");
      case ExprOp::Or:
        return wrap("|");
      case ExprOp::Xor:
        return wrap("^");
      case ExprOp::Shl:
        return of_int("shift_left(" + *a + ", " + *b + ")");
      case ExprOp::LShr:
        return of_int("shift_right_unsigned(" + *a + ", " + *b + ")");
      case ExprOp::AShr:
        return of_int("shift_right_signed(" + *a + ", " + *b + ")");
      case ExprOp::Eq:
        return compare("==");
      case ExprOp::Ne:
        return compare("!=");
      case ExprOp::Lt:
      case ExprOp::Slt:
        return compare("<");
      case ExprOp::Le:
      case ExprOp::Sle:
        return compare("<=");
      case ExprOp::Gt:
      case ExprOp::Sgt:
        return compare(">");
      case ExprOp::Ge:
      case ExprOp::Sge:
        return compare(">=");
      case ExprOp::Ult:
        return compare_unsigned("<");
      case ExprOp::Ule:
        return compare_unsigned("<=");
      case ExprOp::Ugt:
        return compare_unsigned(">");
      case ExprOp::Uge:
        return compare_unsigned(">=");
      default:
        return error(expr, "the encoder cannot compute this operator");
    }
  }

  Value match(ExprId expr, const ExprNode& node) {
    const Value subject = emit(ast_.child(node, 0));
    if (subject.kind == Value::Kind::Error) return {};
    if (subject.kind != Value::Kind::Parameter) return error(expr, "match needs a static parameter");
    const EnumDef& def = definitions_.library.enums[static_cast<size_t>(subject.enumeration)];
    std::string text;
    std::string end;
    bool boolean = true;
    bool complete = false;
    std::vector<bool> covered(def.enumerators.size(), false);
    std::vector<std::pair<std::string, Value>> arms;
    for (unsigned i = 1; i < node.child_count && !complete; ++i) {
      const ArmLabels& labels = ast_.labels[node.name2 + i - 1];
      std::string test;
      for (uint32_t label : labels.names) {
        const int index = def.find(ast_.name(label));
        if (index < 0) return error(expr, "'" + ast_.name(label) + "' is no enumerator of " + def.name);
        covered[static_cast<size_t>(index)] = true;
        test += (test.empty() ? "" : " || ") + subject.text + " == " + std::to_string(index);
      }
      complete = labels.names.empty() || std::find(covered.begin(), covered.end(), false) == covered.end();
      Value arm = emit(ast_.child(node, i));
      if (arm.kind == Value::Kind::Error) return {};
      boolean = boolean && arm.kind == Value::Kind::Boolean;
      arms.emplace_back(std::move(test), std::move(arm));
    }
    if (!complete) return error(expr, "the match does not cover every enumerator of " + def.name);
    for (size_t i = 0; i < arms.size(); ++i) {
      const std::string value = boolean ? arms[i].second.text : integer(arms[i].second);
      if (i + 1 == arms.size()) {
        text += value;
      } else {
        text += "(" + arms[i].first + ") ? " + value + " : (";
        end += ")";
      }
    }
    return boolean ? of_bool("(" + text + end + ")") : of_int("(" + text + end + ")");
  }

  Value in(ExprId expr, const ExprNode& node) {
    const auto value = emit(ast_.child(node, 0), StaticType::Integer);
    ImmKind kind;
    const std::string& range = ast_.name(node.name);
    if (!value) return {};
    if (!parse_imm_kind(range, kind) || kind.kind == ImmKind::Kind::Hatch || kind.kind == ImmKind::Kind::Any) {
      return error(expr, "'" + range + "' is no range", "s8, u12, s13x2 …");
    }
    return of_bool(std::string(kind.kind == ImmKind::Kind::Signed ? "in_signed(" : "in_unsigned(") + *value + ", " +
                   std::to_string(kind.bits) + ", " + std::to_string(kind.scale) + ")");
  }

  Value call(ExprId expr, const ExprNode& node) {
    const std::string& function = ast_.name(node.name);
    if (function == "number" && node.child_count == 1) {
      const auto value = emit(ast_.child(node, 0), StaticType::Integer);
      return value ? of_int(*value) : Value();
    }
    if (function == "has" && node.child_count == 1) {
      const ExprNode& argument = ast_.nodes[ast_.child(node, 0)];
      if (argument.kind == ExprKind::Name && scope_.inst != nullptr) {
        const int index = scope_.inst->find_operand(ast_.name(argument.name));
        if (index >= 0) return of_bool("has(" + slot(scope_.inst->operands[static_cast<size_t>(index)].slot) + ")");
      }
      const Value value = emit(ast_.child(node, 0));
      if (value.kind == Value::Kind::Boolean) return value;
    }
    return error(expr, "the encoder cannot compute '" + function + "'", "has(x), number(x)");
  }

  const Definitions& definitions_;
  const Ast& ast_;
  const StaticScope& scope_;
  Diagnostics& errors_;
};

}  // namespace

std::optional<std::string> static_cpp(const Definitions& definitions, const StaticScope& scope, ExprId expr,
                                      StaticType wanted, Diagnostics& errors) {
  const size_t before = errors.size();
  std::optional<std::string> result = Emitter(definitions, scope, errors).emit(expr, wanted);
  if (errors.size() != before) return std::nullopt;
  return result;
}

void collect_names(const Ast& ast, ExprId expr, std::vector<std::string>& names) {
  std::vector<ExprId> work{expr};
  while (!work.empty()) {
    const ExprNode& node = ast.nodes[work.back()];
    work.pop_back();
    if (node.kind == ExprKind::Name || node.kind == ExprKind::Attribute) names.push_back(ast.name(node.name));
    for (unsigned i = 0; i < node.child_count; ++i) work.push_back(ast.child(node, i));
  }
}

}  // namespace assay::notation
