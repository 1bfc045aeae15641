// What has to follow from a run: both sides trap alike, give equal results, touch memory alike, branch alike.
#include <algorithm>

#include "verify/ordering.h"
#include "verify/run.h"

namespace assay::verify {

void Run::add_goal(Instantiation& out, const std::string& name, const z3::expr& goal) {
  out.goals.push_back(goal);
  out.goal_names.push_back(name);
}

// The code of the first trap that strikes, 0 if none does.
z3::expr Run::trap_outcome(const std::vector<Effect>& effects) {
  z3::expr outcome = terms_.bv(8, 0);
  for (size_t i = effects.size(); i-- > 0;) {
    if (effects[i].kind == Effect::Kind::Trap) outcome = z3::ite(*effects[i].condition, *effects[i].code, outcome);
  }
  return outcome;
}

// Where a branch goes: one of the labels, an entry of the table, or nowhere (kFallsOff).
z3::expr Run::target_of(int64_t label) {
  return z3::concat(terms_.bv(8, 0), terms_.bv(64, static_cast<uint64_t>(label)));
}
z3::expr Run::table_entry(const z3::expr& index) { return z3::concat(terms_.bv(8, 1), index); }

const z3::expr& Run::table_size() {
  if (!table_size_) {
    // The compiler refuses instructions with more operands (LowerContext::emit).
    table_size_ = terms_.fresh("table_size", 32);
    assumptions_.push_back(z3::ult(*table_size_, terms_.bv(32, 0xffff)));
    given_.push_back(assumptions_.back());
  }
  return *table_size_;
}

void Run::expect_no_effects(std::initializer_list<Effect::Kind> kinds, Instantiation& out) {
  for (const Effect& e : effects_) {
    if (std::find(kinds.begin(), kinds.end(), e.kind) == kinds.end()) continue;
    switch (e.kind) {
      case Effect::Kind::Trap:
        add_goal(out, "does not trap", !*e.condition);
        break;
      case Effect::Kind::Branch:
        add_goal(out, "does not branch", !*e.condition);
        break;
      case Effect::Kind::Load:
      case Effect::Kind::Store:
        add_goal(out, "does not touch memory", terms_.boolean(false));
        break;
      case Effect::Kind::Breakpoint:
        add_goal(out, "does not stop", terms_.boolean(false));
        break;
      case Effect::Kind::Fence:
        break;
    }
  }
}

// What a machine does for an access of 128 bits: two of 64, that of the lower address first.
void Run::split_access(const Effect& access, std::vector<Effect>& out) {
  if (access.bits <= 64) return out.push_back(access);
  for (unsigned half = 0; half < 2; ++half) {
    out.push_back(access);
    out.back().bits = 64;
    out.back().address = *access.address + terms_.bv(64, 8 * half);
    out.back().value = access.value->extract(64 * half + 63, 64 * half);
  }
}

void Run::compare_memory(const std::vector<Effect>& left, bool is_atomic, const z3::expr& no_trap, Instantiation& out) {
  std::vector<Effect> l, r;
  const auto is_access = [](const Effect& e) { return e.kind == Effect::Kind::Load || e.kind == Effect::Kind::Store; };
  for (const Effect& e : left) {
    if (!is_access(e)) continue;
    if (is_atomic) {
      l.push_back(e);
    } else {
      split_access(e, l);
    }
  }
  for (const Effect& e : effects_) {
    if (is_access(e)) r.push_back(e);
  }
  if (l.size() != r.size()) {
    add_goal(out, "both sides make " + std::to_string(l.size()) + " memory accesses, not " + std::to_string(r.size()),
             terms_.boolean(false));
    return;
  }
  for (size_t i = 0; i < l.size(); ++i) {
    const std::string which = "memory access " + std::to_string(i + 1);
    if (l[i].kind != r[i].kind || l[i].bits != r[i].bits || l[i].memflags != r[i].memflags) {
      add_goal(out, which + " is of the same kind, size and trap code", terms_.boolean(false));
      continue;
    }
    add_goal(out, which + ": the address", z3::implies(no_trap, *l[i].address == *r[i].address));
    if (l[i].kind == Effect::Kind::Store) {
      add_goal(out, which + ": the stored bytes", z3::implies(no_trap, *l[i].value == *r[i].value));
    }
  }
}

void Run::compare_lowering(ClifInst& root, const Symbol& output, Instantiation& out) {
  if (root.operation < 0) throw Unsupported{"the rule matches no particular operation"};
  std::vector<Effect> left;
  std::optional<z3::expr> free_bits;
  z3::expr_vector results = operation_results(root, &left, &free_bits);
  if (result_unused_ && output.kind == Symbol::Kind::Output && output.fields.empty()) {
    results.resize(0);
    free_bits.reset();
    out.discards_results = true;
  }
  const z3::expr left_trap = trap_outcome(left), right_trap = trap_outcome(effects_);
  clif_.trap_code = left_trap;
  for (const z3::expr& result : results) clif_.results.push_back(result);
  for (const Effect& e : left) {
    if (!e.address) continue;
    clif_.addresses.push_back(*e.address);
    clif_.contents.push_back(*e.value);
  }
  add_goal(out, "traps", left_trap == right_trap);
  const z3::expr no_trap = left_trap == terms_.bv(8, 0);
  if (output.kind != Symbol::Kind::Output) throw Unsupported{"the rule gives no output"};
  if (output.fields.size() != results.size()) {
    add_goal(out, "number of results", terms_.boolean(results.size() == 0 && output.fields.empty()));
  }
  for (unsigned i = 0; i < results.size() && i < output.fields.size(); ++i) {
    const z3::expr expected = results[i];
    const unsigned width = expected.get_sort().bv_size();
    const z3::expr place = bits_of(output.fields[i]);
    if ((width > 64) != (place.get_sort().bv_size() > 64)) {
      add_goal(out, "result " + std::to_string(i) + (width > 64 ? " fits in a register" : " is in one register"),
               terms_.boolean(false));
    }
    require_class(output.fields[i], class_of(root.result_types[i]), "result " + std::to_string(i));
    const notation::FloatPlace where = float_place(root.result_types[i]);
    const z3::expr actual =
        where == notation::FloatPlace::High ? place.extract(63, 64 - width) : terms_.zext(place, width);
    if (where == notation::FloatPlace::Boxed) {
      add_goal(out, "result " + std::to_string(i) + " has ones above it",
               z3::implies(no_trap, place.extract(63, width) == terms_.bv(64 - width, ~uint64_t{0} >> width)));
    }
    z3::expr equal = expected == actual;
    if (free_bits && i == 0) equal = (expected | *free_bits) == (actual | *free_bits);
    add_goal(out, "result " + std::to_string(i), z3::implies(no_trap, equal));
    out.outcomes.push_back({"CLIF result " + std::to_string(i), expected});
    out.outcomes.push_back({"machine result " + std::to_string(i), actual});
  }
  if (free_bits) out.outcomes.push_back({"bits of CLIF result 0 that may be anything", *free_bits});
  out.outcomes.push_back({"CLIF trap code", left_trap});
  out.outcomes.push_back({"machine trap code", right_trap});
  const bool is_atomic = definitions_.operations().operations[root.operation].name.starts_with("atomic_");
  compare_memory(left, is_atomic, no_trap, out);
  const auto breakpoints = [](const std::vector<Effect>& effects) {
    return std::count_if(effects.begin(), effects.end(),
                         [](const Effect& e) { return e.kind == Effect::Kind::Breakpoint; });
  };
  if (breakpoints(left) != breakpoints(effects_)) add_goal(out, "stops in a debugger", terms_.boolean(false));
  expect_no_effects({Effect::Kind::Branch}, out);
  const std::string& operation = definitions_.operations().operations[root.operation].name;
  if (std::string lack = missing_order(operation, definitions_.instructions().isa.name, effects_); !lack.empty()) {
    obligations_.push_back({std::move(lack), terms_.boolean(false)});
  }
}

void Run::compare_branch(ClifInst& root, Instantiation& out) {
  if (root.operation < 0) throw Unsupported{"the rule matches no particular operation"};
  const std::string& name = definitions_.operations().operations[root.operation].name;
  std::optional<z3::expr> expected;
  if (name == "jump") {
    expected = target_of(0);
  } else if (name == "brif") {
    const z3::expr c = term_of(root.inputs[0].value);
    expected = z3::ite(c != terms_.context().bv_val(0, c.get_sort().bv_size()), target_of(0), target_of(1));
  } else if (name == "br_table") {
    const z3::expr x = term_of(root.inputs[0].value);
    expected = z3::ite(z3::ult(x, table_size()), table_entry(terms_.zext(x, 64)), target_of(0));
    out.outcomes.push_back({"size of the table", table_size()});
  } else {
    throw Unsupported{name + " has no model of its targets"};
  }
  clif_.target = expected;
  z3::expr actual = z3::concat(terms_.bv(8, 255), terms_.bv(64, 0));  // falls off the block's end
  for (size_t i = effects_.size(); i-- > 0;) {
    if (effects_[i].kind != Effect::Kind::Branch) continue;
    actual = z3::ite(*effects_[i].condition, *effects_[i].target, actual);
  }
  add_goal(out, "target", *expected == actual);
  out.outcomes.push_back({"CLIF target", *expected});
  out.outcomes.push_back({"machine target", actual});
  expect_no_effects({Effect::Kind::Trap, Effect::Kind::Load, Effect::Kind::Store, Effect::Kind::Breakpoint}, out);
}

// A term with a spec of its own: its rules are held against the spec, others rely on it.
void Run::compare_spec(const isle::Rule& rule, const std::vector<Symbol>& arguments, const Symbol& result,
                       Instantiation& out) {
  const isle::Term& term = program_.terms[rule.term];
  const isle::ast::Spec& spec = *term.specs[0];
  if (spec.arguments.size() != arguments.size()) throw Unsupported{"spec of " + term.name + ": number of arguments"};
  try {
    SpecEnvironment env = spec_environment();
    for (size_t i = 0; i < arguments.size(); ++i) {
      env.insert_or_assign(spec.arguments.at(i).text, spec_value(arguments[i]));
    }
    env.insert_or_assign("result", spec_value(result));
    for (const isle::ast::SpecExpr& e : spec.requirements) {
      const z3::expr condition = evaluate_condition(terms_, e, env);
      if (term.flags.is_partial) {
        add_goal(out, "the spec's requirement", condition);
      } else {
        assume(condition);
        given_.push_back(terms_.simplify(condition));
      }
    }
    for (const isle::ast::SpecExpr& e : spec.provides) add_goal(out, "the spec", evaluate_condition(terms_, e, env));
    if (result.term) out.outcomes.push_back({"result", *result.term});
    // Whoever relies on the spec knows of no effects, and takes flags for those of the last instruction.
    expect_no_effects(
        {Effect::Kind::Trap, Effect::Kind::Branch, Effect::Kind::Load, Effect::Kind::Store, Effect::Kind::Breakpoint},
        out);
    require_fresh_flags(result, "the user of " + term.name);
  } catch (const SpecError& error) {
    throw Unsupported{"spec of " + term.name + ": " + error.message};
  }
}

void Run::execute(isle::RuleId id, Instantiation& out) {
  const isle::Rule& rule = program_.rules[id];
  const isle::Term& term = program_.terms[rule.term];
  std::vector<Symbol> arguments;
  std::shared_ptr<ClifInst>& root = clif_.root;
  terms_.begin();
  terms_.take_functions_seen();
  terms_.take_floats_seen();
  for (size_t i = 0; i < term.arguments.size(); ++i) {
    if (program_.types[term.arguments[i]].name == "MachLabelSlice") {
      arguments.push_back({.kind = Symbol::Kind::Labels});
    } else {
      arguments.push_back(fresh(term.arguments[i], "argument" + std::to_string(i)));
      if (arguments.back().kind == Symbol::Kind::Inst) root = arguments.back().inst;
      if (arguments.back().kind == Symbol::Kind::Reg && has_tag(term, kTakesZeroRegister)) {
        arguments.back().number = Symbol::kZeroRegister;
      }
    }
  }
  out.arguments = arguments;
  const Symbol result = apply_rule(rule, arguments);
  out.result = result;
  if (term.name == "simplify") {
    root = arguments[0].value->def;
    compare_rewrite(arguments[0], result, out);
  } else if (term.name == "lower") {
    compare_lowering(*root, result, out);
  } else if (term.name == "lower_branch") {
    compare_branch(*root, out);
  } else {
    compare_spec(rule, arguments, result, out);
  }
  if (!nodes_.empty()) require_nodes(*root);
  // Values that had a term before a pattern looked through them.
  for (const auto& value : looked_through_) {
    if (value->def && value->def->operation >= 0) {
      std::optional<z3::expr> free_bits;
      ClifInst& def = *value->def;
      const z3::expr result = operation_results(def, nullptr, def.is_node ? &free_bits : nullptr)[def.result];
      assume(free_bits ? (*value->term | *free_bits) == (result | *free_bits) : *value->term == result);
    }
  }
  out.observable = out.goals.size();
  for (const auto& [name, condition] : obligations_) add_goal(out, name, condition);
  describe(out);
  out.uses_functions = terms_.take_functions_seen();
  out.facts = terms_.facts();
  out.uses_floats = terms_.take_floats_seen();
  for (const auto& [bound_rule, bindings] : root_bindings_) {
    for (size_t i = 0; i < bindings.size(); ++i) {
      const Symbol& symbol = bindings[i];
      std::optional<z3::expr> bits = symbol.term;
      if (symbol.kind == Symbol::Kind::Value && symbol.value->term) bits = symbol.value->term;
      if (bits) out.variables.push_back({bound_rule->variables[i].name, *bits});
    }
  }
}

void Run::describe(Instantiation& out) {
  out.assumptions = assumptions_;
  out.description = description_;
  out.rules = rules_used_;
  out.lemmas = lemmas_;
  out.features = features_;
  out.given = given_;
  out.may_decline = may_decline_;
  out.effects = effects_;
  clif_.big_endian = big_endian_;
  clif_.opaque = opaque_terms_;
  clif_.table_size = table_size_;
  out.clif = clif_;
}

void expand_rule(Definitions& definitions, Terms& terms, isle::RuleId rule,
                 const std::function<bool(Instantiation&)>& visit,
                 const std::function<void(const std::string&, bool, const std::set<uint32_t>&)>& unsupported,
                 const CallObserver& observe) {
  Choices choices;
  terms.forget();
  do {
    Run run(definitions, terms, choices, observe);
    try {
      Instantiation instantiation;
      run.execute(rule, instantiation);
      if (!visit(instantiation)) return;
    } catch (const Pruned&) {
      // This combination cannot match.
    } catch (const Unsupported& what) {
      unsupported(what.reason, what.is_contract, run.rules_used());
    }
  } while (choices.advance());
}

bool sample_rule(Definitions& definitions, Terms& terms, isle::RuleId rule, uint64_t seed,
                 const std::vector<bool>& preferred, Instantiation& out) {
  Choices choices(seed, preferred);
  Run run(definitions, terms, choices);
  try {
    run.execute(rule, out);
  } catch (const Pruned&) {
    return false;
  } catch (const Unsupported&) {
    run.describe(out);
  }
  return true;
}

}  // namespace assay::verify
