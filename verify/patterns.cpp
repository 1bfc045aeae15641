// Matching of patterns in a run: what makes a CLIF instruction known. See expand.h, run.h.
#include "verify/run.h"

namespace assay::verify {

using isle::Pattern;

void Run::assume(const z3::expr& condition) {
  const z3::expr simple = terms_.simplify(condition);
  if (simple.is_false()) throw Pruned{};
  if (!simple.is_true()) assumptions_.push_back(simple);
}

void Run::require_equal(const Symbol& a, const Symbol& b) {
  if (a.kind != b.kind) throw Unsupported{"two values of different kinds are compared"};
  switch (a.kind) {
    case Symbol::Kind::Type:
      if (a.number != b.number) throw Pruned{};
      return;
    case Symbol::Kind::Opaque:
    case Symbol::Kind::MemFlags:
    case Symbol::Kind::Label:
      // Different identities may turn out to be the same thing.
      if (a.number != b.number) throw Unsupported{"values without a model are compared"};
      return;
    case Symbol::Kind::Variant:
      if (a.number != b.number) throw Pruned{};
      for (size_t i = 0; i < a.fields.size(); ++i) require_equal(a.fields[i], b.fields[i]);
      return;
    case Symbol::Kind::Value:
      // The same CLIF value: its bits are equal. (Equal bits of different values do not match in the compiler, so this
      // assumes less than the rule does.)
      if (a.value != b.value) {
        if (type_of(a.value) != type_of(b.value)) throw Pruned{};
        assume(term_of(a.value) == term_of(b.value));
        clif_.same.emplace_back(a.value, b.value);
      }
      return;
    default:
      if (!a.term || !b.term) throw Unsupported{"values without a model are compared"};
      assume(*a.term == *b.term);
  }
}

void Run::match(const isle::Rule& rule, const Pattern& pattern, const Symbol& value, Bindings& bindings) {
  switch (pattern.kind) {
    case Pattern::Kind::Wildcard:
      return;
    case Pattern::Kind::Bind:
      match(rule, pattern.children[0], value, bindings);
      bindings[pattern.variable.index] = value;
      return;
    case Pattern::Kind::Variable:
      require_equal(bindings[pattern.variable.index], value);
      return;
    case Pattern::Kind::Bool:
      assume(*value.term == terms_.boolean(pattern.value != 0));
      return;
    case Pattern::Kind::Int: {
      const z3::expr term = bits_of(value);
      assume(term == terms_.context().bv_val(static_cast<int64_t>(pattern.value), term.get_sort().bv_size()));
      return;
    }
    case Pattern::Kind::Constant: {
      const std::string& name = program_.constants[pattern.constant].name;
      const unsigned type = type_constant(name);
      if (value.kind != Symbol::Kind::Type || type == 0) throw Unsupported{"constant $" + name + " has no model"};
      if (value.number != type) throw Pruned{};
      return;
    }
    case Pattern::Kind::And:
      for (const Pattern& child : pattern.children) match(rule, child, value, bindings);
      return;
    case Pattern::Kind::Term:
      match_term(rule, pattern, value, bindings);
      return;
  }
}

void Run::match_fields(const isle::Rule& rule, const Pattern& pattern, const std::vector<Symbol>& fields,
                       Bindings& bindings) {
  if (fields.size() != pattern.children.size()) throw Unsupported{"a pattern's fields do not fit its model"};
  for (size_t i = 0; i < fields.size(); ++i) match(rule, pattern.children[i], fields[i], bindings);
}

void Run::match_term(const isle::Rule& rule, const Pattern& pattern, const Symbol& value, Bindings& bindings) {
  const isle::Term& term = program_.terms[pattern.term];
  if (term.is_variant()) {
    const isle::Variant& variant = program_.variant_of(term);
    if (value.kind == Symbol::Kind::Inst) {
      const int operation = definitions_.find_operation_variant(variant.name);
      if (operation < 0) throw Unsupported{"no operation is called " + variant.name};
      set_operation(*value.inst, operation);
      std::vector<Symbol> fields;
      for (const Symbol& input : value.inst->inputs) {
        if (input.kind != Symbol::Kind::None) fields.push_back(input);
      }
      match_fields(rule, pattern, fields, bindings);
      return;
    }
    if (value.kind != Symbol::Kind::Variant) throw Unsupported{"a variant of " + variant.full_name + " has no model"};
    if (value.number != term.variant) throw Pruned{};
    match_fields(rule, pattern, value.fields, bindings);
    return;
  }

  const std::string& name = term.name;
  if (name == "inst_data") {
    match(rule, pattern.children[0], value, bindings);
  } else if (name == "def_inst") {
    ClifValue& v = *value.value;
    if (!v.def) {
      v.def = std::make_shared<ClifInst>();
      v.def->name = v.name;
      v.def->result_type = type_of(value.value);
      v.def->is_definition = true;
      if (v.term) looked_through_.push_back(value.value);
    }
    match(rule, pattern.children[0], {.kind = Symbol::Kind::Inst, .inst = v.def}, bindings);
  } else if (name == "node" || name == "second_node") {
    match_node(rule, pattern, value, bindings, name == "node" ? 0 : 1);
  } else if (name == "result_type") {
    ClifInst& inst = *value.inst;
    if (inst.result_type == 0) {
      // Of an operation without results it is the controlling type; any stands for it.
      inst.result_type = choose_type();
    }
    match(rule, pattern.children[0], Symbol::of_type(inst.result_type), bindings);
  } else if (name == "value_type") {
    match(rule, pattern.children[0], Symbol::of_type(type_of(value.value)), bindings);
  } else if (name == "one_target" || name == "two_targets") {
    std::vector<Symbol> labels;
    for (int64_t i = 0; i < (name == "one_target" ? 1 : 2); ++i)
      labels.push_back({.kind = Symbol::Kind::Label, .number = i});
    match_fields(rule, pattern, labels, bindings);
  } else if (name == "table_targets") {
    // The default, then the entries.
    match_fields(rule, pattern,
                 {{.kind = Symbol::Kind::Label, .number = 0}, {.kind = Symbol::Kind::Labels, .number = 1}}, bindings);
  } else if (!term.specs.empty()) {
    match_by_spec(rule, pattern, value, bindings);
  } else {
    throw Unsupported{"extractor " + name + " has no spec"};
  }
}

// An extractor with a spec: `result` is the matched value, the arguments are what it yields.
void Run::match_by_spec(const isle::Rule& rule, const Pattern& pattern, const Symbol& value, Bindings& bindings) {
  const isle::Term& term = program_.terms[pattern.term];
  const isle::ast::Spec& spec = *term.specs[0];
  if (spec.arguments.size() != term.arguments.size())
    throw Unsupported{"spec of " + term.name + ": number of arguments"};
  SpecEnvironment env = spec_environment();
  env.insert_or_assign("result", spec_value(value));
  if (term.name == "iconst_sext" || term.name == "iconst_zext" || term.name == "constant_bits") {
    clif_.constants.push_back(value.value);
  }
  try {
    for (const isle::ast::SpecExpr& e : spec.provides) bind_by_definition(terms_, e, env);
    std::vector<Symbol> outputs;
    for (size_t i = 0; i < spec.arguments.size(); ++i) {
      const std::string& argument = spec.arguments[i].text;
      const auto it = env.find(argument);
      if (it != env.end()) {
        outputs.push_back(from_spec_value(it->second, term.arguments[i]));
      } else {
        outputs.push_back(fresh(term.arguments[i], argument));
        env.insert_or_assign(argument, spec_value(outputs.back()));
      }
    }
    for (const isle::ast::SpecExpr& e : spec.provides) assume(evaluate_condition(terms_, e, env));
    for (const isle::ast::SpecExpr& e : spec.requirements) assume(evaluate_condition(terms_, e, env));
    match_fields(rule, pattern, outputs, bindings);
  } catch (const SpecError& error) {
    throw Unsupported{"spec of " + term.name + ": " + error.message};
  }
}

}  // namespace assay::verify
