// The mid-end's rules in a run: patterns over the nodes of a class, right sides that make nodes, and what has to
// follow. See expand.h, run.h.
//
// N1  A value may be several nodes at once, since a class has several members: each that a pattern asks for is a
//     definition of its own, and all are equal.
// N2  A node cannot trap. So what a pattern finds below its root does not trap, and of what a rule makes this must
//     follow.
// N3  The root may be an instruction that stands in its block because it may trap; the rule takes it away, so that it
//     cannot trap must follow, too.
// N4  Where it is open which NaN an operation gives (`free` in its sem), a node that a pattern has found, or that the
//     rule makes, is any of them. The right side may be whatever the root may be.
#include <algorithm>

#include "verify/run.h"

namespace assay::verify {

namespace {

// As the compiler keeps it: an iconst's immediate has the bits of its type only.
std::optional<z3::expr> fits_its_type(Terms& terms, const ops::Operation& op, const ClifInst& inst) {
  if (op.name != "iconst" || inst.result_type >= 64 || !inst.inputs[0].term) return {};
  return z3::ult(*inst.inputs[0].term, terms.bv(64, uint64_t{1} << inst.result_type));
}

}  // namespace

// `result`: which result of the operation the value is. A second one is an i8, and the type in the pattern that of the
// first.
void Run::match_node(const isle::Rule& rule, const isle::Pattern& pattern, const Symbol& value, Bindings& bindings,
                     unsigned result) {
  ClifValue& v = *value.value;
  auto inst = std::make_shared<ClifInst>();
  inst->name = v.name;
  inst->result = result;
  if (result == 0) {
    inst->result_type = type_of(value.value);
  } else {
    if (v.type == 0) v.type = 8;
    if (v.type != 8) throw Pruned{};
    inst->result_type = choose_type();
  }
  inst->is_definition = true;
  inst->is_node = true;
  if (!v.def) {
    v.def = inst;
    if (v.term) looked_through_.push_back(value.value);
  }
  nodes_.emplace_back(value.value, inst);
  match(rule, pattern.children[0], Symbol::of_type(inst->result_type), bindings);
  match(rule, pattern.children[1], {.kind = Symbol::Kind::Inst, .inst = inst}, bindings);
}

// Whether the operation has these types, as the IR's verifier sees it.
bool Run::types_fit(const ClifInst& inst) const {
  const ops::OpsFile& file = definitions_.operations();
  const ops::Operation& op = file.operations[inst.operation];
  std::vector<unsigned> variables(file.variables.size());
  const auto fits = [&](const ops::Kind& kind, unsigned type, bool binds) {
    if (kind.sort == ops::Kind::Sort::kType) return kind.name == type_name(type);
    const std::string& function = kind.function;
    if (function == "as_truthy") return type == 8;
    const bool is_relation = function == "wider" || function == "narrower";
    unsigned& variable = variables[kind.variable];
    if (binds) {
      if (is_relation) return true;
      unsigned of_variable = type;
      if (function == "half_width") of_variable = type * 2;
      if (function == "double_width") of_variable = type / 2;
      const ops::TypeVariable& set = file.variables[kind.variable];
      unsigned log2 = 0;
      while (1u << log2 < type_width(of_variable)) ++log2;
      const auto& widths = of_variable >= kFloatType ? set.set.floats : set.set.ints;
      const bool in_set =
          set.name == "iAddr" ? of_variable == 64 : (set.set.lanes & 1) != 0 && (widths >> log2 & 1) != 0;
      if (variable == 0) variable = of_variable;
      return in_set && variable == of_variable;
    }
    if (!is_relation) return true;
    return variable != 0 && (variable >= kFloatType) == (type >= kFloatType) &&
           (function == "wider" ? type > variable : type < variable);
  };
  for (const bool binds : {true, false}) {
    if (!fits(op.results[0].kind, inst.result_type, binds)) return false;
    for (size_t i = 0; i < op.inputs.size(); ++i) {
      if (op.inputs[i].kind.is_value() && !fits(op.inputs[i].kind, inst.inputs[i].value->type, binds)) return false;
    }
  }
  return true;
}

z3::expr Run::node_result(ClifInst& inst, std::vector<Effect>* effects) {
  std::optional<z3::expr> free_bits;
  const z3::expr result = operation_results(inst, effects, &free_bits)[inst.result];
  if (!free_bits) return result;
  return (result & ~*free_bits) | (terms_.fresh("nan", result.get_sort().bv_size()) & *free_bits);
}

Symbol Run::construct_node(unsigned type, const Symbol& data) {
  if (data.kind != Symbol::Kind::Variant) throw Unsupported{"a node of an operation that is not known"};
  const std::string& variant = data.type->variants[static_cast<size_t>(data.number)].name;
  auto inst = std::make_shared<ClifInst>();
  inst->operation = definitions_.find_operation_variant(variant);
  if (inst->operation < 0) throw Unsupported{"no operation is called " + variant};
  const ops::Operation& op = definitions_.operations().operations[inst->operation];
  inst->name = op.name;
  inst->result_type = type;
  inst->result_types = {type};
  inst->inputs = data.fields;
  inst->typed = true;
  auto value = fresh_value(op.name, type);
  for (const Symbol& input : inst->inputs) {
    if (input.kind == Symbol::Kind::Value) type_of(input.value);
  }
  if (!types_fit(*inst)) {
    obligations_.push_back({"the operands of " + op.name + " have types that it takes", terms_.boolean(false)});
    return {.kind = Symbol::Kind::Value, .value = value};
  }
  if (const auto fits = fits_its_type(terms_, op, *inst)) obligations_.push_back({"the constant fits its type", *fits});
  value->def = inst;
  value->term = terms_.simplify(node_result(*inst, &effects_));
  return {.kind = Symbol::Kind::Value, .value = value};
}

// N1, N2 of what the patterns have matched.
void Run::require_nodes(const ClifInst& root) {
  for (const auto& [value, inst] : nodes_) {
    if (inst->operation < 0) continue;
    if (const auto fits = fits_its_type(terms_, definitions_.operations().operations[inst->operation], *inst)) {
      assumptions_.push_back(*fits);
    }
    std::vector<Effect> effects;
    std::optional<z3::expr> free_bits;
    const z3::expr result = operation_results(*inst, &effects, &free_bits)[inst->result];
    if (value->def != inst) {
      assume(free_bits ? (term_of(value) | *free_bits) == (result | *free_bits) : term_of(value) == result);
    }
    if (inst.get() != &root) assume(trap_outcome(effects) == terms_.bv(8, 0));
  }
}

void Run::compare_rewrite(const Symbol& value, const Symbol& result, Instantiation& out) {
  if (value.value->def == nullptr || value.value->def->operation < 0) {
    throw Unsupported{"the rule matches no particular operation"};
  }
  ClifInst& root = *value.value->def;
  std::vector<Effect> left;
  std::optional<z3::expr> free_bits;
  const z3::expr expected = operation_results(root, &left, &free_bits)[root.result];
  const z3::expr trap = trap_outcome(left), right_trap = trap_outcome(effects_);
  clif_.results = {expected};
  clif_.trap_code = trap;
  if (!left.empty()) add_goal(out, "the left side cannot trap", trap == terms_.bv(8, 0));
  if (!effects_.empty()) add_goal(out, "the right side cannot trap", right_trap == terms_.bv(8, 0));
  const unsigned type = type_of(result.value), root_type = root.result_types[root.result];
  if (type != root_type) {
    add_goal(out, "the result is of type " + type_name(root_type) + ", not " + type_name(type), terms_.boolean(false));
  } else {
    const z3::expr actual = term_of(result.value);
    add_goal(out, "result", free_bits ? (expected | *free_bits) == (actual | *free_bits) : expected == actual);
    out.outcomes.push_back({"left side", expected});
    out.outcomes.push_back({"right side", actual});
  }
  if (free_bits) out.outcomes.push_back({"bits of the left side that may be anything", *free_bits});
  if (!left.empty() || !effects_.empty()) {
    out.outcomes.push_back({"trap code of the left side", trap});
    out.outcomes.push_back({"trap code of the right side", right_trap});
  }
}

}  // namespace assay::verify
