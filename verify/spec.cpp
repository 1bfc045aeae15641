// See spec.h. Depth of the expressions is bounded by the rule reader (isle/reader.h), so recursion is safe.
#include "verify/spec.h"

#include <functional>
#include <unordered_map>

namespace assay::verify {

using isle::ast::SpecExpr;
using Kind = SpecExpr::Kind;

namespace {

z3::expr term_of(Terms& terms, const SpecValue& v, const SpecExpr& at) {
  if (v.is_integer()) throw SpecError{"an integer stands where a bit vector is needed: " + at.name.text};
  if (!v.term) throw SpecError{"a variant stands where a bit vector is needed: " + at.name.text};
  return *v.term;
}

// Both as terms of one sort: an integer beside a bit vector is that number.
std::pair<z3::expr, z3::expr> pair_of(Terms& terms, const SpecValue& a, const SpecValue& b, const SpecExpr& at) {
  if (a.is_integer() && !b.is_integer() && b.term->is_bv()) {
    return {terms.context().bv_val(a.integer, b.term->get_sort().bv_size()), *b.term};
  }
  if (b.is_integer() && !a.is_integer() && a.term->is_bv()) {
    return {*a.term, terms.context().bv_val(b.integer, a.term->get_sort().bv_size())};
  }
  const z3::expr x = term_of(terms, a, at), y = term_of(terms, b, at);
  if (x.is_bv() != y.is_bv() || (x.is_bv() && x.get_sort().bv_size() != y.get_sort().bv_size())) {
    throw SpecError{"operands of different widths: " + at.name.text};
  }
  return {x, y};
}

using Binary = std::function<z3::expr(Terms&, const z3::expr&, const z3::expr&)>;
const std::unordered_map<std::string, Binary>& binaries() {
  static const std::unordered_map<std::string, Binary> table = {
      {"bvadd", [](Terms&, const z3::expr& a, const z3::expr& b) { return a + b; }},
      {"bvsub", [](Terms&, const z3::expr& a, const z3::expr& b) { return a - b; }},
      {"bvmul", [](Terms& t, const z3::expr& a, const z3::expr& b) { return t.mul(a, b); }},
      {"bvudiv", [](Terms& t, const z3::expr& a, const z3::expr& b) { return t.udiv(a, b); }},
      {"bvsdiv", [](Terms& t, const z3::expr& a, const z3::expr& b) { return t.sdiv(a, b); }},
      {"bvurem", [](Terms& t, const z3::expr& a, const z3::expr& b) { return t.urem(a, b); }},
      {"bvsrem", [](Terms& t, const z3::expr& a, const z3::expr& b) { return t.srem(a, b); }},
      {"bvand", [](Terms&, const z3::expr& a, const z3::expr& b) { return a & b; }},
      {"bvor", [](Terms&, const z3::expr& a, const z3::expr& b) { return a | b; }},
      {"bvxor", [](Terms&, const z3::expr& a, const z3::expr& b) { return a ^ b; }},
      {"bvshl", [](Terms&, const z3::expr& a, const z3::expr& b) { return z3::shl(a, b); }},
      {"bvlshr", [](Terms&, const z3::expr& a, const z3::expr& b) { return z3::lshr(a, b); }},
      {"bvashr", [](Terms&, const z3::expr& a, const z3::expr& b) { return z3::ashr(a, b); }},
      {"bvult", [](Terms&, const z3::expr& a, const z3::expr& b) { return z3::ult(a, b); }},
      {"bvule", [](Terms&, const z3::expr& a, const z3::expr& b) { return z3::ule(a, b); }},
      {"bvugt", [](Terms&, const z3::expr& a, const z3::expr& b) { return z3::ugt(a, b); }},
      {"bvuge", [](Terms&, const z3::expr& a, const z3::expr& b) { return z3::uge(a, b); }},
      {"bvslt", [](Terms&, const z3::expr& a, const z3::expr& b) { return z3::slt(a, b); }},
      {"bvsle", [](Terms&, const z3::expr& a, const z3::expr& b) { return z3::sle(a, b); }},
      {"bvsgt", [](Terms&, const z3::expr& a, const z3::expr& b) { return z3::sgt(a, b); }},
      {"bvsge", [](Terms&, const z3::expr& a, const z3::expr& b) { return z3::sge(a, b); }},
      {"rotl", [](Terms& t, const z3::expr& a, const z3::expr& b) { return t.rotl(a, b); }},
      {"rotr", [](Terms& t, const z3::expr& a, const z3::expr& b) { return t.rotr(a, b); }},
  };
  return table;
}

using Unary = std::function<z3::expr(Terms&, const z3::expr&)>;
const std::unordered_map<std::string, Unary>& unaries() {
  static const std::unordered_map<std::string, Unary> table = {
      {"bvnot", [](Terms&, const z3::expr& a) { return ~a; }},
      {"bvneg", [](Terms&, const z3::expr& a) { return -a; }},
      {"clz", [](Terms& t, const z3::expr& a) { return t.clz(a); }},
      {"ctz", [](Terms& t, const z3::expr& a) { return t.ctz(a); }},
      {"cls", [](Terms& t, const z3::expr& a) { return t.cls(a); }},
      {"popcnt", [](Terms& t, const z3::expr& a) { return t.popcnt(a); }},
      {"rev", [](Terms& t, const z3::expr& a) { return t.bitrev(a); }},
      {"bswap", [](Terms& t, const z3::expr& a) { return t.bswap(a); }},
  };
  return table;
}

bool both_integers(const SpecValue& a, const SpecValue& b) { return a.is_integer() && b.is_integer(); }

SpecValue operation(Terms& terms, const SpecExpr& e, const SpecEnvironment& env) {
  const std::string& op = e.name.text;
  const auto arg = [&](size_t i) -> SpecValue {
    if (i >= e.children.size()) throw SpecError{"too few arguments: " + op};
    return evaluate_spec(terms, e.children[i], env);
  };
  const auto boolean = [&](size_t i) -> z3::expr {
    if (i >= e.children.size()) throw SpecError{"too few arguments: " + op};
    return evaluate_condition(terms, e.children[i], env);
  };
  if (op == "=" || op == "!=") {
    const SpecValue a = arg(0), b = arg(1);
    const bool equal = op == "=";
    if (both_integers(a, b)) return SpecValue::of(terms.boolean((a.integer == b.integer) == equal));
    const auto [x, y] = pair_of(terms, a, b, e);
    return SpecValue::of(equal ? x == y : x != y);
  }
  if (op == "and" || op == "or") {
    z3::expr all = terms.boolean(op == "and");
    for (size_t i = 0; i < e.children.size(); ++i) all = op == "and" ? all && boolean(i) : all || boolean(i);
    return SpecValue::of(all);
  }
  if (op == "not") return SpecValue::of(!boolean(0));
  if (op == "=>") return SpecValue::of(z3::implies(boolean(0), boolean(1)));
  if (op == "if" || op == "ite") {
    const z3::expr c = terms.simplify(boolean(0));
    if (c.is_true() || c.is_false()) {
      // Where types decide, only the arm that is taken needs to make sense; a number takes its width from the other.
      const SpecValue taken = arg(c.is_true() ? 1 : 2);
      if (!taken.is_integer()) return taken;
    }
    const auto [x, y] = pair_of(terms, arg(1), arg(2), e);
    return SpecValue::of(z3::ite(c, x, y));
  }
  if (op == "<=" || op == "<" || op == ">=" || op == ">") {
    const SpecValue a = arg(0), b = arg(1);
    if (!both_integers(a, b)) throw SpecError{"'" + op + "' compares integers"};
    const bool holds = op == "<="   ? a.integer <= b.integer
                       : op == "<"  ? a.integer < b.integer
                       : op == ">=" ? a.integer >= b.integer
                                    : a.integer > b.integer;
    return SpecValue::of(terms.boolean(holds));
  }
  if (op == "+" || op == "-" || op == "*") {
    const SpecValue a = arg(0), b = arg(1);
    if (!both_integers(a, b)) throw SpecError{"'" + op + "' works on integers"};
    return SpecValue::of(op == "+" ? a.integer + b.integer : op == "-" ? a.integer - b.integer : a.integer * b.integer);
  }
  if (op == "widthof") return SpecValue::of(int64_t(term_of(terms, arg(0), e).get_sort().bv_size()));
  if (op == "typeof") {
    const SpecValue v = arg(0);
    if (v.value_type == 0) throw SpecError{"typeof asks about a CLIF value"};
    return SpecValue::of(int64_t(v.value_type));
  }
  if (op == "zero_ext" || op == "sign_ext" || op == "int2bv") {
    const SpecValue width = arg(0), v = arg(1);
    if (!width.is_integer() || width.integer < 1 || width.integer > 256) throw SpecError{"bad width: " + op};
    const unsigned w = static_cast<unsigned>(width.integer);
    if (v.is_integer()) return SpecValue::of(terms.context().bv_val(v.integer, w));
    if (!v.term) throw SpecError{"a variant has no bits: " + op};
    return SpecValue::of(op == "sign_ext" ? terms.sext(*v.term, w) : terms.zext(*v.term, w));
  }
  if (op == "extract") {
    const SpecValue hi = arg(0), lo = arg(1);
    const z3::expr x = term_of(terms, arg(2), e);
    if (!both_integers(hi, lo) || lo.integer < 0 || hi.integer < lo.integer || hi.integer >= x.get_sort().bv_size()) {
      throw SpecError{"bad bounds: extract"};
    }
    return SpecValue::of(x.extract(static_cast<unsigned>(hi.integer), static_cast<unsigned>(lo.integer)));
  }
  if (op == "concat") {
    z3::expr all = term_of(terms, arg(0), e);
    for (size_t i = 1; i < e.children.size(); ++i) all = z3::concat(all, term_of(terms, arg(i), e));
    return SpecValue::of(all);
  }
  if (auto it = binaries().find(op); it != binaries().end()) {
    const auto [x, y] = pair_of(terms, arg(0), arg(1), e);
    return SpecValue::of(it->second(terms, x, y));
  }
  if (auto it = unaries().find(op); it != unaries().end())
    return SpecValue::of(it->second(terms, term_of(terms, arg(0), e)));
  throw SpecError{"not in the spec language: " + op};
}

SpecValue call(Terms& terms, const SpecExpr& e, const SpecEnvironment& env) {
  std::vector<SpecValue> arguments;
  for (const SpecExpr& child : e.children) arguments.push_back(evaluate_spec(terms, child, env));
  if (env.functions == nullptr) throw SpecError{"no function can be called here: " + e.name.text};
  return (*env.functions)(e.name.text, arguments);
}

// (match E ((Variant name…) body)…)
SpecValue match(Terms& terms, const SpecExpr& e, const SpecEnvironment& env) {
  const SpecValue value = evaluate_spec(terms, e.children.at(0), env);
  if (value.type == nullptr) throw SpecError{"match needs a variant"};
  const isle::Variant& variant = value.type->variants[static_cast<size_t>(value.integer)];
  for (const isle::ast::SpecArm& arm : e.arms) {
    if (arm.variant.text != variant.name) continue;
    if (arm.arguments.size() != value.fields.size()) throw SpecError{"number of fields: " + variant.name};
    SpecEnvironment inner = env;
    for (size_t i = 0; i < arm.arguments.size(); ++i) inner.insert_or_assign(arm.arguments[i].text, value.fields[i]);
    return evaluate_spec(terms, arm.body, inner);
  }
  throw SpecError{"no arm for " + variant.name};
}

}  // namespace

SpecValue evaluate_spec(Terms& terms, const SpecExpr& e, const SpecEnvironment& env) {
  switch (e.kind) {
    case Kind::Int:
      return SpecValue::of(static_cast<int64_t>(e.value));
    case Kind::Bool:
      return SpecValue::of(terms.boolean(e.value != 0));
    case Kind::BitVector: {
      if (e.width == 0 || e.width > 64) throw SpecError{"a bit vector literal of that width is not supported"};
      return SpecValue::of(terms.bv(e.width, static_cast<uint64_t>(e.value)));
    }
    case Kind::Variable: {
      const auto it = env.find(e.name.text);
      if (it == env.end()) throw SpecError{"not bound: " + e.name.text};
      return it->second;
    }
    case Kind::Let: {
      SpecEnvironment inner = env;
      for (const auto& binding : e.bindings) {
        inner.insert_or_assign(binding.name.text, evaluate_spec(terms, binding.value, inner));
      }
      return evaluate_spec(terms, e.children.at(0), inner);
    }
    case Kind::Op:
      return operation(terms, e, env);
    case Kind::Call:
      return call(terms, e, env);
    case Kind::Match:
      return match(terms, e, env);
    default:
      throw SpecError{"this form of the spec language is not supported"};
  }
}

z3::expr evaluate_condition(Terms& terms, const SpecExpr& e, const SpecEnvironment& env) {
  const SpecValue v = evaluate_spec(terms, e, env);
  if (!v.term || !v.term->is_bool()) throw SpecError{"a condition is expected"};
  return *v.term;
}

// (= (extract N 0 name) E): a register whose other bits are new. What is built so keeps its shape for the rewrites of
// smt.h.
static bool bind_low_bits(Terms& terms, const SpecExpr& low, const SpecExpr& value, SpecEnvironment& env) {
  if (low.kind != Kind::Op || low.name.text != "extract" || low.children.size() != 3) return false;
  const SpecExpr& name = low.children[2];
  if (name.kind != Kind::Variable || env.contains(name.name.text)) return false;
  try {
    const SpecValue hi = evaluate_spec(terms, low.children[0], env), lo = evaluate_spec(terms, low.children[1], env);
    const z3::expr bits = term_of(terms, evaluate_spec(terms, value, env), value);
    if (!both_integers(hi, lo) || lo.integer != 0 || hi.integer < 0 || hi.integer >= 64 ||
        bits.get_sort().bv_size() != hi.integer + 1) {
      return false;
    }
    const unsigned above = 63 - static_cast<unsigned>(hi.integer);
    env.insert_or_assign(
        name.name.text,
        SpecValue::of(above == 0 ? bits : z3::concat(terms.fresh(name.name.text + "_above", above), bits)));
    return true;
  } catch (const SpecError&) {
    return false;  // something else is not bound yet
  }
}

bool bind_by_definition(Terms& terms, const SpecExpr& e, SpecEnvironment& env) {
  if (e.kind != Kind::Op) return false;
  if (e.name.text == "if" && e.children.size() == 3) {
    const z3::expr c = terms.simplify(evaluate_condition(terms, e.children[0], env));
    return (c.is_true() || c.is_false()) && bind_by_definition(terms, e.children[c.is_true() ? 1 : 2], env);
  }
  if (e.name.text != "=" || e.children.size() != 2) return false;
  if (bind_low_bits(terms, e.children[0], e.children[1], env)) return true;
  for (int side = 0; side < 2; ++side) {
    const SpecExpr& name = e.children[side];
    if (name.kind != Kind::Variable || env.contains(name.name.text)) continue;
    try {
      env.insert_or_assign(name.name.text, evaluate_spec(terms, e.children[1 - side], env));
      return true;
    } catch (const SpecError&) {
      continue;  // the other side needs something that is not bound yet
    }
  }
  return false;
}

}  // namespace assay::verify
