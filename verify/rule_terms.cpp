// See rule_terms.h. Depth of the trees is bounded by the rule reader, so recursion is safe.
#include "verify/rule_terms.h"

#include <algorithm>
#include <map>
#include <utility>

#include "compiler/ir/operations.h"
#include "compiler/support/text.h"

namespace assay::verify {

namespace {

using isle::Expr;
using isle::Pattern;
using isle::Program;
using isle::Rule;
using isle::Term;

using Kind = RuleTerm::Kind;
using Width = RuleTerm::Width;

bool is_value(const Program& program, isle::TypeId type) { return program.types[type].name == "Value"; }
// A condition code: an enum whose variants have no fields.
bool is_code(const Program& program, isle::TypeId type) {
  const isle::Type& t = program.types[type];
  return t.kind == isle::Type::Kind::Enum &&
         std::ranges::all_of(t.variants, [](const isle::Variant& variant) { return variant.fields.empty(); });
}

// What a code that cannot be computed ends the reading with; one that a condition excludes.
struct Unreadable {
  std::string reason;
};
struct Excluded {};

// What is chosen for the variables that are condition codes and types: a variant's name; "" for a narrow type, "wide".
using Choice = std::map<uint32_t, std::string>;

// Has the operation's value operand of that number the type of its result, whatever that is?
bool has_result_type(const std::string& operation, size_t operand) {
  const std::optional<ir::Opcode> opcode = ir::parse_opcode(operation);
  if (!opcode) return false;
  const ir::OperationInfo& info = ir::operation_info(*opcode);
  const auto is_controlling = [](const ir::TypeConstraint& type) {
    return type.kind == ir::TypeConstraint::Kind::kControlling && type.function == ir::TypeFunction::kSame;
  };
  if (info.results.empty() || !is_controlling(info.results[0].type)) return false;
  for (const ir::OperandInfo& input : info.inputs) {
    if (input.kind == ir::OperandKind::kValue && operand-- == 0) return is_controlling(input.type);
  }
  return false;
}

// One choice.
class Reader {
 public:
  Reader(const Program& program, const Rule& rule, Choice choice)
      : program_(program), codes_(std::move(choice)), next_(static_cast<uint32_t>(rule.variables.size())) {}

  RuleSides read(const Rule& rule) {
    RuleSides sides{.left = pattern(rule.arguments[0]), .right = {}};
    check_widths(sides.left);
    for (const isle::IfLet& condition : rule.if_lets) take(condition);
    settle(sides.left);
    sides.right = expr(rule.result);
    return sides;
  }

 private:
  RuleTerm fresh() { return {.kind = Kind::Variable, .variable = next_++}; }

  RuleTerm pattern(const Pattern& p) {
    switch (p.kind) {
      case Pattern::Kind::Bind: {
        RuleTerm inner = pattern(p.children[0]);
        if (inner.kind == Kind::Variable) inner.variable = p.variable.index;
        inner.names.push_back(p.variable.index);
        return values_[p.variable.index] = inner;
      }
      case Pattern::Kind::Variable:
        return values_.contains(p.variable.index) ? values_.at(p.variable.index)
                                                  : RuleTerm{.kind = Kind::Variable, .variable = p.variable.index};
      case Pattern::Kind::And: {
        RuleTerm out = fresh();
        for (const Pattern& child : p.children) {
          RuleTerm one = pattern(child);
          if (one.width == Width::Any) one.width = out.width;
          if (out.kind == Kind::Variable) out = std::move(one);
        }
        return out;
      }
      case Pattern::Kind::Term:
        if (program_.terms[p.term].name == "node") {
          RuleTerm out = node(p.children[1]);
          out.width = width(p.children[0]);
          return out;
        }
        if (program_.terms[p.term].name == "second_node") {
          RuleTerm out = node(p.children[1]);
          out.width = Width::Narrow;
          const Width first = width(p.children[0]);
          for (RuleTerm& arg : out.args) {
            if (arg.width == Width::Any) arg.width = first;
          }
          out.code = "of";
          return out;
        }
        if (program_.terms[p.term].name == "value_type") {
          RuleTerm out = fresh();
          out.width = width(p.children[0]);
          return out;
        }
        return fresh();
      default:
        return fresh();
    }
  }

  Width chosen(uint32_t type) const { return codes_.at(type).empty() ? Width::Narrow : Width::Wide; }
  Width width(const Pattern& type) {
    switch (type.kind) {
      case Pattern::Kind::Bind:
        if (const Width inner = width(type.children[0]), outer = chosen(type.variable.index);
            inner != Width::Any && inner != outer) {
          throw Excluded{};
        }
        return chosen(type.variable.index);
      case Pattern::Kind::Variable:
        return chosen(type.variable.index);
      case Pattern::Kind::Term: {
        const Width inner = width(type.children[0]);
        const std::string& name = program_.terms[type.term].name;
        if (name != "fits_in_64" && name != "wide") return inner;
        const Width asked = name == "wide" ? Width::Wide : Width::Narrow;
        if (inner != Width::Any && inner != asked) throw Excluded{};
        return asked;
      }
      default:
        return Width::Any;
    }
  }

  // Leaves out choices that no instructions have: operations of one type, and what is narrower than another value.
  void check_widths(RuleTerm& term) {
    const bool of_narrow = term.operation == "iconcat" || term.operation == "uextend" || term.operation == "sextend";
    for (size_t i = 0; i < term.args.size(); ++i) {
      RuleTerm& arg = term.args[i];
      const bool alike = has_result_type(term.operation, i);
      if (alike && arg.width == Width::Any) arg.width = term.width;
      if (alike && term.width == Width::Any) term.width = arg.width;
      if ((alike && arg.width != term.width) || (of_narrow && arg.width == Width::Wide)) throw Excluded{};
      check_widths(arg);
    }
    const bool is_narrow = term.kind == Kind::Constant || term.operation == "ireduce" || term.operation == "icmp" ||
                           term.operation == "fcmp";
    if (is_narrow && term.width == Width::Wide) throw Excluded{};
  }

  RuleTerm node(const Pattern& data) {
    if (data.kind != Pattern::Kind::Term || !program_.terms[data.term].is_variant()) return fresh();
    const isle::Variant& variant = program_.variant_of(program_.terms[data.term]);
    if (variant.name == "Iconst") {
      RuleTerm out{.kind = Kind::Constant};
      const Pattern& imm = data.children[0];
      if (imm.kind == Pattern::Kind::Term && imm.children.size() == 1 && imm.children[0].kind == Pattern::Kind::Int) {
        out.number = static_cast<uint64_t>(imm.children[0].value);
      }
      return out;
    }
    RuleTerm out{.kind = Kind::Operation, .operation = snake_case(variant.name)};
    for (const Pattern& field : data.children) {
      if (is_value(program_, field.type)) out.args.push_back(pattern(field));
      if (is_code(program_, field.type)) out.code = code(field);
    }
    return out;
  }

  // A pattern of a condition code: what it is in this choice.
  std::string code(const Pattern& p) {
    switch (p.kind) {
      case Pattern::Kind::Bind:
        return codes_.at(p.variable.index);
      case Pattern::Kind::Variable:
        return codes_.at(p.variable.index);
      case Pattern::Kind::Term:
        return program_.variant_of(program_.terms[p.term]).name;
      default:
        return "";
    }
  }

  void take(const isle::IfLet& condition) {
    const Expr& value = condition.value;
    if (value.kind == Expr::Kind::Term && program_.terms[value.term].name == "not_constant" &&
        value.children[0].kind == Expr::Kind::Variable) {
      never_constant_.push_back(value.children[0].variable.index);
      return;
    }
    const Pattern& p = condition.pattern;
    if (!is_code(program_, value.type)) return;
    const std::string found = code(value);
    if (p.kind == Pattern::Kind::Bind) codes_[p.variable.index] = found;
    if (p.kind == Pattern::Kind::Term && program_.variant_of(program_.terms[p.term]).name != found) throw Excluded{};
  }

  // A condition code, or a number that follows from condition codes.
  std::string code(const Expr& e) {
    if (e.kind == Expr::Kind::Int) return std::to_string(static_cast<uint64_t>(e.value));
    if (e.kind == Expr::Kind::Variable && codes_.contains(e.variable.index)) return codes_.at(e.variable.index);
    if (e.kind != Expr::Kind::Term) throw Unreadable{"a condition code that is not spelled"};
    const Term& term = program_.terms[e.term];
    if (term.is_variant()) return program_.variant_of(term).name;
    std::vector<std::string> arguments;
    for (const Expr& child : e.children) arguments.push_back(code(child));
    const auto number = [&](size_t i) { return std::stoull(arguments[i]); };
    if (term.name == "u64_and") return std::to_string(number(0) & number(1));
    if (term.name == "u64_or") return std::to_string(number(0) | number(1));
    if (term.name == "u64_xor") return std::to_string(number(0) ^ number(1));
    if (term.rules.empty()) throw Unreadable{"a condition code from " + term.name};
    for (const isle::RuleId id : term.rules) {
      const Rule& rule = program_.rules[id];
      bool matches = rule.if_lets.empty();
      for (size_t i = 0; i < arguments.size(); ++i) matches = matches && arguments[i] == spelled(rule.arguments[i]);
      if (matches) return code(rule.result);
    }
    throw Excluded{};
  }
  std::string spelled(const Pattern& p) const {
    if (p.kind == Pattern::Kind::Int) return std::to_string(static_cast<uint64_t>(p.value));
    if (p.kind == Pattern::Kind::Term) return program_.variant_of(program_.terms[p.term]).name;
    throw Unreadable{"a helper term of condition codes that is no table"};
  }

  RuleTerm expr(const Expr& e) {
    if (e.kind == Expr::Kind::Variable) {
      const auto known = values_.find(e.variable.index);
      return known != values_.end() ? known->second : RuleTerm{.kind = Kind::Variable, .variable = e.variable.index};
    }
    if (e.kind == Expr::Kind::Let) {
      for (const isle::Let& let : e.lets) {
        if (is_value(program_, let.value.type)) values_[let.variable.index] = expr(let.value);
      }
      return expr(e.children[0]);
    }
    if (e.kind != Expr::Kind::Term) throw Unreadable{"a value that is no term"};
    const Term& term = program_.terms[e.term];
    if (term.name == "subsume") return expr(e.children[0]);
    if (term.name == "k" || term.name == "iconst" || term.name == "constant") {
      RuleTerm out{.kind = Kind::Constant, .is_made = true};
      const Expr& number = e.children.back();
      if (number.kind == Expr::Kind::Int) out.number = static_cast<uint64_t>(number.value);
      return out;
    }
    const bool is_node = std::ranges::any_of(term.rules, [&](isle::RuleId id) {
      const Expr& made = program_.rules[id].result;
      return made.kind == Expr::Kind::Term && program_.terms[made.term].name == "make_node";
    });
    if (!is_node) throw Unreadable{"a value from " + term.name};
    RuleTerm out{.kind = Kind::Operation, .is_made = true, .operation = term.name};
    for (const Expr& child : e.children) {
      if (is_value(program_, child.type)) out.args.push_back(expr(child));
      if (is_code(program_, child.type)) out.code = code(child);
    }
    const Expr& type = e.children.front();
    if (type.kind == Expr::Kind::Term && program_.terms[type.term].name == "type_i8") {
      out.width = Width::Narrow;
      return out;
    }
    if (type.kind != Expr::Kind::Variable || program_.types[type.type].name != "Type") {
      throw Unreadable{"a type that is not one of the left side"};
    }
    out.width = chosen(type.variable.index);
    return out;
  }

  // What is known of the left side by now holds of the variables that stand for its parts.
  void settle(RuleTerm& term) {
    if (term.kind == Kind::Variable && std::ranges::find(never_constant_, term.variable) != never_constant_.end()) {
      term.never_constant = true;
    }
    for (RuleTerm& arg : term.args) settle(arg);
    for (const uint32_t name : term.names) values_[name] = term;
  }

  const Program& program_;
  std::map<uint32_t, std::string> codes_;  // by variable
  std::map<uint32_t, RuleTerm> values_;    // by variable
  std::vector<uint32_t> never_constant_;
  uint32_t next_;
};

// The condition codes and types that a rule's left side leaves open, each with what it may be.
void open_choices(const Program& program, const Pattern& p,
                  std::vector<std::pair<uint32_t, std::vector<std::string>>>& out) {
  if (p.kind == Pattern::Kind::Bind && is_code(program, p.type)) {
    out.push_back({p.variable.index, {}});
    for (const isle::Variant& variant : program.types[p.type].variants) out.back().second.push_back(variant.name);
  }
  if (p.kind == Pattern::Kind::Bind && program.types[p.type].name == "Type") {
    out.push_back({p.variable.index, {"", "wide"}});
  }
  for (const Pattern& child : p.children) open_choices(program, child, out);
}

constexpr size_t kMaxChoices = 4096;

}  // namespace

std::vector<RuleSides> read_sides(const Program& program, const Rule& rule, std::string& reason) {
  std::vector<std::pair<uint32_t, std::vector<std::string>>> open;
  open_choices(program, rule.arguments[0], open);
  std::vector<Choice> choices(1);
  for (const auto& [variable, values] : open) {
    std::vector<Choice> next;
    for (const Choice& choice : choices) {
      for (const std::string& value : values) {
        next.push_back(choice);
        next.back()[variable] = value;
      }
    }
    choices = std::move(next);
    if (choices.size() > kMaxChoices) {
      reason = "too many condition codes and types are open";
      return {};
    }
  }
  std::vector<RuleSides> out;
  for (auto& choice : choices) {
    try {
      out.push_back(Reader(program, rule, std::move(choice)).read(rule));
    } catch (const Excluded&) {
    } catch (const Unreadable& unreadable) {
      reason = unreadable.reason;
      return {};
    }
  }
  if (out.empty()) reason = "no choice of condition codes and types fits";
  return out;
}

}  // namespace assay::verify
