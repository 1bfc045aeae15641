// See rule_conditions.h. Depth of patterns and expressions is bounded by the rule reader, that of calls here.
#include "fuzz/rule_conditions.h"

#include <algorithm>
#include <bit>
#include <map>
#include <string_view>
#include <utility>

namespace assay::fuzz {

using isle::Expr;
using isle::Pattern;
using isle::Rule;
using isle::Term;

namespace {

constexpr unsigned kMaxDepth = 6;

uint64_t type_mask(ir::Type type) { return ~uint64_t(0) >> (64 - std::clamp(type.bits(), 1u, 64u)); }
uint64_t sign_extend(unsigned bits, uint64_t n) {
  if (bits == 0 || bits >= 64) return n;
  return static_cast<uint64_t>(static_cast<int64_t>(n << (64 - bits)) >> (64 - bits));
}
uint64_t shift_left(uint64_t a, uint64_t b) { return b < 64 ? a << b : 0; }
uint64_t shift_right(uint64_t a, uint64_t b) { return b < 64 ? a >> b : 0; }
uint64_t shift_signed(uint64_t a, uint64_t b) {
  return static_cast<uint64_t>(static_cast<int64_t>(a) >> std::min<uint64_t>(b, 63));
}

using Function = uint64_t (*)(uint64_t, uint64_t);
// By the name without the type in front.
const std::map<std::string_view, Function>& functions_of_two() {
  static const std::map<std::string_view, Function> table = {
      {"add", [](uint64_t a, uint64_t b) { return a + b; }},
      {"sub", [](uint64_t a, uint64_t b) { return a - b; }},
      {"mul", [](uint64_t a, uint64_t b) { return a * b; }},
      {"and", [](uint64_t a, uint64_t b) { return a & b; }},
      {"or", [](uint64_t a, uint64_t b) { return a | b; }},
      {"xor", [](uint64_t a, uint64_t b) { return a ^ b; }},
      {"shl", shift_left},
      {"ushr", shift_right},
      {"sshr", shift_signed},
      {"eq", [](uint64_t a, uint64_t b) { return uint64_t(a == b); }},
  };
  return table;
}

}  // namespace

std::optional<ir::Type> type_of_constant(const isle::Constant& constant) {
  std::string name = constant.name;  // "I8"
  if (name.empty()) return {};
  name[0] = static_cast<char>(name[0] - 'A' + 'a');
  for (const ir::Type type :
       {ir::kI8, ir::kI16, ir::kI32, ir::kI64, ir::kI128, ir::kF16, ir::kF32, ir::kF64, ir::kF128}) {
    if (name == type.to_string()) return type;
  }
  return {};
}

bool admits(const std::string& extractor, ir::Type type) {
  const unsigned bits = type.bits();
  if (extractor == "fits_in_64") return type.is_int() && bits <= 64;
  if (extractor == "fits_in_32") return type.is_int() && bits <= 32;
  if (extractor == "fits_in_16" || extractor == "ty_8_or_16") return type.is_int() && bits <= 16;
  if (extractor == "ty_32_or_64") return type.is_int() && (bits == 32 || bits == 64);
  if (extractor == "wide") return type == ir::kI128;
  if (extractor == "ty_int") return type.is_int();
  if (extractor == "ty_float") return type == ir::kF32 || type == ir::kF64;
  if (extractor == "float_to_64") return type.is_float() && bits <= 64;
  return true;
}

// ---- evaluation ----

std::optional<Known> RuleConditions::evaluate(const Expr& expr, KnownVariables& variables) {
  switch (expr.kind) {
    case Expr::Kind::Variable:
      return variables[expr.variable.index];
    case Expr::Kind::Bool:
    case Expr::Kind::Int:
      return Known::of(static_cast<uint64_t>(expr.value));
    case Expr::Kind::Constant: {
      const auto type = type_of_constant(program_.constants[expr.constant]);
      return type ? Known::of(*type) : Known();
    }
    case Expr::Kind::Let:
      for (const isle::Let& let : expr.lets) {
        const auto value = evaluate(let.value, variables);
        if (!value) return {};
        variables[let.variable.index] = *value;
      }
      return evaluate(expr.children[0], variables);
    case Expr::Kind::Term:
      break;
  }
  const Term& term = program_.terms[expr.term];
  if (term.is_variant()) return expr.children.empty() ? Known::of_code(term.variant) : Known();
  std::vector<Known> arguments;
  for (const Expr& child : expr.children) {
    const auto value = evaluate(child, variables);
    if (!value) return {};
    if (value->kind == Known::Kind::Number) seen_.push_back(value->number);
    arguments.push_back(*value);
  }
  if (term.has_rules()) return apply(term, arguments);
  if (!term.is_external_constructor()) return Known();
  const auto result = external(term, arguments);
  const isle::Type& type = program_.types[term.result];
  if (!result || result->kind != Known::Kind::Number || !type.is_integer()) return result;
  seen_.push_back(static_cast<uint64_t>(isle::canonical_int(type, static_cast<isle::Int128>(result->number))));
  return Known::of(seen_.back());
}

// A call of a term that has rules.
std::optional<Known> RuleConditions::apply(const Term& term, const std::vector<Known>& arguments) {
  if (depth_ >= kMaxDepth ||
      std::ranges::all_of(arguments, [](const Known& known) { return known.kind == Known::Kind::Unknown; })) {
    return Known();
  }
  std::vector<const Rule*> rules;
  for (const isle::RuleId id : term.rules) rules.push_back(&program_.rules[id]);
  std::ranges::sort(rules, [](const Rule* a, const Rule* b) { return a->priority > b->priority; });
  ++depth_;
  std::optional<Known> result;
  for (const Rule* rule : rules) {
    KnownVariables variables(rule->variables.size());
    std::optional<bool> fires = true;
    for (size_t i = 0; fires == true && i < arguments.size(); ++i) {
      fires = matches(rule->arguments[i], arguments[i], variables);
    }
    for (size_t i = 0; fires == true && i < rule->if_lets.size(); ++i) {
      const auto value = evaluate(rule->if_lets[i].value, variables);
      fires = value ? matches(rule->if_lets[i].pattern, *value, variables) : false;
    }
    if (fires == false) continue;
    result = fires ? evaluate(rule->result, variables) : std::optional(Known());
    break;
  }
  --depth_;
  return result;
}

// What is not listed is unknown.
std::optional<Known> RuleConditions::external(const Term& term, const std::vector<Known>& arguments) const {
  using Kind = Known::Kind;
  const std::string_view name = term.name;
  if (std::ranges::any_of(arguments, [](const Known& known) { return known.kind == Kind::Unknown; })) return Known();
  if (arguments.size() == 1 && arguments[0].kind == Kind::Type) {
    const ir::Type type = arguments[0].type;
    if (name == "ty_bits") return Known::of(type.bits());
    if (name == "ty_mask") return Known::of(type_mask(type));
    if (name == "ty_shift_mask") return Known::of(type.bits() - 1);
    if (name == "ty_least") return Known::of(sign_extend(type.bits(), uint64_t(1) << (std::min(64u, type.bits()) - 1)));
    return Known();
  }
  if (arguments.size() == 2 && arguments[0].kind == Kind::Type && arguments[1].kind == Kind::Number) {
    const uint64_t n = arguments[1].number;
    if (name == "sign_extend") return Known::of(sign_extend(arguments[0].type.bits(), n));
    if (name == "imm_of") return Known::of(n & type_mask(arguments[0].type));
    return Known();
  }
  if (!std::ranges::all_of(arguments, [](const Known& known) { return known.kind == Kind::Number; })) return Known();
  if (arguments.size() == 1) {
    const uint64_t n = arguments[0].number;
    if (name == "i64_neg") return Known::of(-n);
    if (name == "i64_not" || name == "u64_not") return Known::of(~n);
    if (name == "u64_log2") return std::has_single_bit(n) ? Known::of(std::countr_zero(n)) : Known();
    if (name == "u64_is_power_of_2") return std::has_single_bit(n) ? std::optional(Known::of(n)) : std::nullopt;
    if (name.find("_as_") != name.npos) return Known::of(n);  // numbers are canonical
    return Known();
  }
  if (arguments.size() != 2) return Known();
  const uint64_t a = arguments[0].number, b = arguments[1].number;
  if (name == "signed_fits")
    return sign_extend(static_cast<unsigned>(a), b) == b ? std::optional(Known::of(b)) : std::nullopt;
  if (name == "unsigned_fits") return shift_right(b, a) == 0 ? std::optional(Known::of(b)) : std::nullopt;
  if (name == "u64_lt") return Known::of(a < b);
  if (name == "i64_lt") return Known::of(static_cast<int64_t>(a) < static_cast<int64_t>(b));
  if (!name.starts_with("u64_") && !name.starts_with("i64_")) return Known();
  const auto found = functions_of_two().find(name.substr(4));
  return found != functions_of_two().end() ? Known::of(found->second(a, b)) : Known();
}

std::optional<bool> RuleConditions::matches(const Pattern& p, const Known& value, KnownVariables& variables) {
  using Kind = Known::Kind;
  const bool is_unknown = value.kind == Kind::Unknown;
  switch (p.kind) {
    case Pattern::Kind::Wildcard:
      return true;
    case Pattern::Kind::Bind: {
      const auto inner = matches(p.children[0], value, variables);
      // A plan has bound it, perhaps.
      if (!is_unknown) variables[p.variable.index] = value;
      return inner;
    }
    case Pattern::Kind::Variable: {
      const Known& other = variables[p.variable.index];
      return is_unknown || other.kind == Kind::Unknown ? std::nullopt : std::optional(other == value);
    }
    case Pattern::Kind::Bool:
    case Pattern::Kind::Int: {
      if (value.kind != Kind::Number) return {};
      const isle::Type& type = program_.types[p.type];
      const uint64_t mask = type.bits != 0 && type.bits < 64 ? (uint64_t(1) << type.bits) - 1 : ~uint64_t(0);
      return ((static_cast<uint64_t>(p.value) ^ value.number) & mask) == 0;
    }
    case Pattern::Kind::Constant: {
      const auto type = type_of_constant(program_.constants[p.constant]);
      return type && value.kind == Kind::Type ? std::optional(*type == value.type) : std::nullopt;
    }
    case Pattern::Kind::Term: {
      const Term& term = program_.terms[p.term];
      if (value.kind == Kind::Code && term.is_variant()) return term.variant == value.variant;
      if (value.kind != Kind::Type) return {};
      if (!admits(term.name, value.type)) return false;
      return p.children.size() == 1 ? matches(p.children[0], value, variables) : std::nullopt;
    }
    case Pattern::Kind::And: {
      std::optional<bool> all = true;
      for (const Pattern& child : p.children) {
        const auto one = matches(child, value, variables);
        if (one == false) return false;
        if (!one) all = {};
      }
      return all;
    }
  }
  return {};
}

bool RuleConditions::hold(const Rule& rule, KnownVariables& variables) {
  return std::ranges::all_of(rule.if_lets, [&](const isle::IfLet& condition) {
    const auto value = evaluate(condition.value, variables);
    return value && matches(condition.pattern, *value, variables) != false;
  });
}

// ---- limits ----

std::vector<uint64_t> RuleConditions::limits(const Rule& rule) const {
  std::vector<uint64_t> out;
  for (const Pattern& p : rule.arguments) limits(p, out);
  for (const isle::IfLet& condition : rule.if_lets) {
    limits(condition.pattern, out);
    limits(condition.value, 0, out);
  }
  limits(rule.result, kMaxDepth, out);
  std::ranges::sort(out);
  const auto same = std::ranges::unique(out);
  out.erase(same.begin(), same.end());
  return out;
}

void RuleConditions::limits(const Pattern& p, std::vector<uint64_t>& out) const {
  if (p.kind == Pattern::Kind::Int && program_.types[p.type].is_integer())
    out.push_back(static_cast<uint64_t>(p.value));
  for (const Pattern& child : p.children) limits(child, out);
}

void RuleConditions::limits(const Expr& e, unsigned depth, std::vector<uint64_t>& out) const {
  for (const isle::Let& let : e.lets) limits(let.value, depth, out);
  if (e.kind == Expr::Kind::Int) out.push_back(static_cast<uint64_t>(e.value));
  if (e.kind != Expr::Kind::Term && e.kind != Expr::Kind::Let) return;
  if (e.kind == Expr::Kind::Term) {
    const Term& term = program_.terms[e.term];
    if ((term.name == "signed_fits" || term.name == "unsigned_fits") && e.children[0].kind == Expr::Kind::Int) {
      const auto bits = static_cast<uint64_t>(e.children[0].value);
      const uint64_t limit = shift_left(1, term.name == "signed_fits" ? bits - 1 : bits);
      out.insert(out.end(), {limit - 1, limit});
      if (term.name == "signed_fits") out.insert(out.end(), {-limit, -limit - 1});
    }
    if (term.has_rules() && depth < 3) {
      for (const isle::RuleId id : term.rules) {
        const Rule& rule = program_.rules[id];
        for (const Pattern& p : rule.arguments) limits(p, out);
        for (const isle::IfLet& condition : rule.if_lets) limits(condition.value, depth + 1, out);
      }
    }
  }
  for (const Expr& child : e.children) limits(child, depth, out);
}

}  // namespace assay::fuzz
