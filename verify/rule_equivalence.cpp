// See rule_equivalence.h.
#include "verify/rule_equivalence.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <set>

#include "verify/expand.h"
#include "verify/processor_limit.h"
#include "verify/spec.h"

namespace assay::verify {

namespace {

// The names of the constants that `e` speaks of; true if it applies functions without a meaning.
bool collect_constants(const z3::expr& e, std::map<std::string, z3::expr>& out) {
  bool has_functions = false;
  std::vector<z3::expr> work{e};
  std::set<unsigned> seen;
  while (!work.empty()) {
    const z3::expr at = work.back();
    work.pop_back();
    if (!seen.insert(at.id()).second) continue;
    if (at.is_app() && at.decl().decl_kind() == Z3_OP_UNINTERPRETED) {
      has_functions |= !at.is_const();
      if (at.is_const()) out.emplace(at.decl().name().str(), at);
    }
    for (unsigned i = 0; i < at.num_args(); ++i) work.push_back(at.arg(i));
  }
  return has_functions;
}

bool is_variable(const z3::expr& e) { return e.is_const() && e.decl().decl_kind() == Z3_OP_UNINTERPRETED; }

// What an instantiation is about, told by the place of each input and not by the order in which a run came to it.
struct Inputs {
  explicit Inputs(const Definitions& definitions, const Instantiation& run) : definitions(definitions), run(run) {
    key = "";
    for (size_t i = 0; i < run.arguments.size(); ++i) add(run.arguments[i], std::to_string(i));
    if (run.clif.table_size) terms.emplace_back("table_size", *run.clif.table_size);
    size_t access = 0;
    for (const Effect& effect : run.effects) {
      if (effect.kind != Effect::Kind::Load && effect.kind != Effect::Kind::Store) continue;
      if (effect.kind == Effect::Kind::Load && is_variable(*effect.value)) {
        terms.emplace_back("memory" + std::to_string(access) + "_" + std::to_string(effect.bits), *effect.value);
      }
      ++access;
    }
  }

  void add(const Symbol& symbol, const std::string& path) {
    switch (symbol.kind) {
      case Symbol::Kind::Type:
        key += " i" + std::to_string(symbol.number);
        return;
      case Symbol::Kind::Variant:
        key += " v" + std::to_string(symbol.number);
        for (size_t i = 0; i < symbol.fields.size(); ++i) add(symbol.fields[i], path + "." + std::to_string(i));
        return;
      case Symbol::Kind::Value: {
        const ClifValue& value = *symbol.value;
        key += " " + type_name(value.type);
        const auto [it, is_new] = numbers.try_emplace(&value, numbers.size());
        key += "#" + std::to_string(it->second);
        if (!is_new) return;
        if (value.term && is_variable(*value.term)) terms.emplace_back(path, *value.term);
        if (value.reg && value.reg->is_app() && value.reg->decl().decl_kind() == Z3_OP_CONCAT &&
            is_variable(value.reg->arg(0))) {
          terms.emplace_back(path + "_above", value.reg->arg(0));
        }
        if (value.def && value.def->operation >= 0) add(*value.def, path);
        return;
      }
      case Symbol::Kind::Inst:
        add(*symbol.inst, path);
        return;
      case Symbol::Kind::MemFlags:
      case Symbol::Kind::Opaque: {
        identities.emplace(symbol.number, path);
        if (const auto big = run.clif.big_endian.find(symbol.number); big != run.clif.big_endian.end()) {
          key += big->second ? " big" : " little";
        }
        if (const auto at = run.clif.opaque.find(symbol.number); at != run.clif.opaque.end()) {
          terms.emplace_back(path + "_address", at->second);
        }
        return;
      }
      default:
        if (symbol.term && is_variable(*symbol.term)) terms.emplace_back(path, *symbol.term);
    }
  }
  void add(const ClifInst& inst, const std::string& path) {
    key += " (" +
           (inst.operation < 0 ? "?" : definitions.operations().operations[static_cast<size_t>(inst.operation)].name);
    for (const unsigned type : inst.result_types) key += "." + type_name(type);
    for (size_t i = 0; i < inst.inputs.size(); ++i) add(inst.inputs[i], path + "." + std::to_string(i));
    key += ")";
  }

  std::string identity(int64_t number) const {
    const auto it = identities.find(number);
    return it == identities.end() ? std::to_string(number) : it->second;
  }

  const Definitions& definitions;
  const Instantiation& run;
  std::string key;
  std::vector<std::pair<std::string, z3::expr>> terms;  // by place; variables all
  std::map<const ClifValue*, size_t> numbers;
  std::map<int64_t, std::string> identities;
};

// What the machine does, over inputs that are named by their places.
struct Behaviour {
  std::string key;
  std::set<uint32_t> rules;
  std::vector<z3::expr> assumptions, given;  // `given` are among them
  std::vector<z3::expr> obligations;         // ranges of immediates and the like
  std::string shape;                         // what must be alike word for word: kinds and sizes of accesses, variants
  std::vector<z3::expr> results;
  std::optional<z3::expr> trap, target;
  std::vector<z3::expr> memory;  // addresses and stored values
};

class Behaviours {
 public:
  Behaviours(const Definitions& definitions, Terms& terms) : definitions_(definitions), terms_(terms) {}

  std::optional<Behaviour> of(const Instantiation& run) {
    const Inputs inputs(definitions_, run);
    z3::context& context = terms_.context();
    z3::expr_vector from(context), to(context);
    for (const auto& [place, term] : inputs.terms) {
      from.push_back(term);
      to.push_back(context.constant(("input " + place).c_str(), term.get_sort()));
    }
    const auto named = [&](const z3::expr& e) { return z3::expr(e).substitute(from, to); };
    Behaviour out{.key = inputs.key, .rules = run.rules};
    for (const z3::expr& e : run.assumptions) out.assumptions.push_back(named(e));
    for (const z3::expr& e : run.given) out.given.push_back(named(e));
    for (size_t i = run.observable; i < run.goals.size(); ++i) out.obligations.push_back(named(run.goals[i]));
    std::vector<z3::expr> results;
    if (!flatten(run.result, inputs, out.shape, results)) return {};
    for (size_t i = 0; i < results.size(); ++i) {
      z3::expr result = results[i];
      // Of a CLIF instruction's result the bits of its type count; of a float's register all, for it may be boxed.
      const bool is_float =
          run.clif.root && i < run.clif.root->result_types.size() && run.clif.root->result_types[i] >= kFloatType;
      if (i < run.clif.results.size() && result.is_bv() && !is_float) {
        result = terms_.zext(result, run.clif.results[i].get_sort().bv_size());
      }
      out.results.push_back(named(result));
    }
    z3::expr trap = terms_.bv(8, 0), target = terms_.bv(72, 0) - terms_.bv(72, 1);
    for (size_t i = run.effects.size(); i-- > 0;) {
      const Effect& effect = run.effects[i];
      if (effect.kind == Effect::Kind::Trap) trap = z3::ite(*effect.condition, *effect.code, trap);
      if (effect.kind == Effect::Kind::Branch) target = z3::ite(*effect.condition, *effect.target, target);
    }
    out.trap = named(trap);
    out.target = named(target);
    bool touches = false;
    for (const Effect& effect : run.effects) {
      switch (effect.kind) {
        case Effect::Kind::Branch:
          break;
        case Effect::Kind::Breakpoint:
          out.shape += " stops";
          break;
        case Effect::Kind::Fence:
          out.shape += " fence";
          break;
        case Effect::Kind::Trap:
          if (touches && !effect.condition->simplify().is_false()) out.shape += " traps";
          break;
        case Effect::Kind::Load:
        case Effect::Kind::Store: {
          touches = true;
          const bool stores = effect.kind == Effect::Kind::Store;
          if (effect.is_ordered) out.shape += " in order";
          out.shape += (stores ? " stores " : " loads ") + std::to_string(effect.bits) + " as " +
                       inputs.identity(effect.memflags);
          out.memory.push_back(named(*effect.address));
          if (stores) out.memory.push_back(named(*effect.value));
          break;
        }
      }
    }
    return out;
  }

 private:
  bool flatten(const Symbol& symbol, const Inputs& inputs, std::string& shape, std::vector<z3::expr>& out) {
    switch (symbol.kind) {
      case Symbol::Kind::Unit:
        return true;
      case Symbol::Kind::Type:
      case Symbol::Kind::Label:
      case Symbol::Kind::Labels:
        shape += " " + std::to_string(symbol.number);
        return true;
      case Symbol::Kind::MemFlags:
      case Symbol::Kind::Opaque:
        shape += " " + inputs.identity(symbol.number);
        return true;
      case Symbol::Kind::Variant:
      case Symbol::Kind::Multi:
      case Symbol::Kind::Output: {
        shape += " v" + std::to_string(symbol.kind == Symbol::Kind::Variant ? symbol.number : -1);
        return std::all_of(symbol.fields.begin(), symbol.fields.end(),
                           [&](const Symbol& field) { return flatten(field, inputs, shape, out); });
      }
      case Symbol::Kind::Value:
        if (!symbol.value->term) return false;
        out.push_back(*symbol.value->term);
        return true;
      default:
        if (!symbol.term) return false;
        out.push_back(*symbol.term);
        return true;
    }
  }

  const Definitions& definitions_;
  Terms& terms_;
};

// Both give the same; nothing if they are not of one shape.
std::optional<z3::expr> same(Terms& terms, const Behaviour& a, const Behaviour& b) {
  if (a.shape != b.shape || a.results.size() != b.results.size() || a.memory.size() != b.memory.size()) return {};
  z3::expr alike = *a.target == *b.target;
  const auto compare = [&](const std::vector<z3::expr>& x, const std::vector<z3::expr>& y) {
    for (size_t i = 0; i < x.size(); ++i) {
      if (!z3::eq(x[i].get_sort(), y[i].get_sort())) return false;
      alike = alike && x[i] == y[i];
    }
    return true;
  };
  if (!compare(a.results, b.results) || !compare(a.memory, b.memory)) return {};
  return *a.trap == *b.trap && z3::implies(*a.trap == terms.bv(8, 0), alike);
}

}  // namespace

struct RuleEquivalence::State {
  State(const RuleSources& sources, unsigned timeout_ms) : sources(sources), terms(context), timeout_ms(timeout_ms) {
    Diagnostics errors;
    original = load_definitions(sources, errors);
  }

  // The behaviours of a rule of these definitions; with `helper`, of those runs that it takes part in. Nothing if a run
  // could not be expressed.
  static std::optional<std::vector<Behaviour>> behaviours(Definitions& definitions, Terms& terms, isle::RuleId rule,
                                                          std::optional<uint32_t> helper) {
    std::vector<Behaviour> out;
    bool complete = true;
    Behaviours make(definitions, terms);
    expand_rule(
        definitions, terms, rule,
        [&](Instantiation& run) {
          if (helper && !run.rules.contains(*helper)) return true;
          auto behaviour = make.of(run);
          if (!behaviour) return complete = false;
          out.push_back(std::move(*behaviour));
          return true;
        },
        [&](const std::string&, bool is_contract, const std::set<uint32_t>& rules) {
          if (!is_contract && (!helper || rules.contains(*helper))) complete = false;
        });
    if (!complete) return {};
    return out;
  }

  // Of the original's rule, or of all rules of its term.
  const std::multimap<std::string, Behaviour>& originals(const isle::Rule& rule, bool all, ArithmeticMode mode) {
    const auto [it, is_new] = known.try_emplace({mode, all ? rule.term.index : rule.id.index, all});
    if (!is_new) return it->second;
    const std::vector<isle::RuleId> one{rule.id};
    for (const isle::RuleId id : all ? original->program().terms[rule.term].rules : one) {
      // What cannot be expressed is nothing that a mutant can be like.
      const auto found = behaviours(*original, terms, id, {});
      if (!found) continue;
      for (const Behaviour& behaviour : *found) it->second.emplace(behaviour.key, behaviour);
    }
    return it->second;
  }

  // For each input of `mutant`, some of the candidates behaves so.
  bool is_one_of(const Behaviour& mutant, const std::vector<const Behaviour*>& candidates) {
    std::map<std::string, z3::expr> ours;
    std::vector<z3::expr> asked = mutant.assumptions;
    for (const auto* part : {&mutant.assumptions, &mutant.results, &mutant.memory}) {
      for (const z3::expr& e : *part) collect_constants(e, ours);
    }
    for (const z3::expr& e : {*mutant.trap, *mutant.target}) collect_constants(e, ours);
    for (size_t k = 0; k < candidates.size(); ++k) {
      const Behaviour& candidate = *candidates[k];
      const auto alike = same(terms, mutant, candidate);
      if (!alike) continue;
      // What only the candidate knows: any value that its lemmas admit will do. Each candidate has its own.
      std::map<std::string, z3::expr> theirs;
      collect_constants(*alike, theirs);
      for (const z3::expr& e : candidate.assumptions) collect_constants(e, theirs);
      z3::expr_vector from(context), to(context);
      for (const auto& [name, term] : theirs) {
        if (ours.contains(name) || name.starts_with("input ")) continue;
        from.push_back(term);
        to.push_back(context.constant((name + " of " + std::to_string(k)).c_str(), term.get_sort()));
      }
      z3::expr holds = *alike;
      for (z3::expr e : candidate.assumptions) {
        const bool is_given = std::any_of(candidate.given.begin(), candidate.given.end(),
                                          [&](const z3::expr& given) { return z3::eq(given, e); });
        std::map<std::string, z3::expr> constants;
        collect_constants(e, constants);
        const bool is_new = std::any_of(constants.begin(), constants.end(), [&](const auto& constant) {
          return !ours.contains(constant.first) && !constant.first.starts_with("input ");
        });
        if (is_given && is_new) {
          asked.push_back(e.substitute(from, to));
        } else {
          holds = holds && e;
        }
      }
      asked.push_back(!holds.substitute(from, to));
    }
    return is_impossible(asked);
  }

  bool meets_obligations(const Behaviour& behaviour) {
    z3::expr all = context.bool_val(true);
    for (const z3::expr& e : behaviour.obligations) all = all && e;
    std::vector<z3::expr> asked = behaviour.assumptions;
    asked.push_back(!all);
    return all.simplify().is_true() || is_impossible(asked);
  }

  bool is_impossible(const std::vector<z3::expr>& asked) {
    z3::expr all = context.bool_val(true);
    for (const z3::expr& e : asked) all = all && e;
    all = all.simplify();
    if (all.is_false()) return true;
    std::map<std::string, z3::expr> constants;
    z3::solver solver = collect_constants(all, constants)
                            ? (z3::tactic(context, "ackermannize_bv") & z3::tactic(context, "qfbv")).mk_solver()
                            : z3::solver(context, "QF_BV");
    solver.add(all);
    return check_within(solver, timeout_ms) == z3::unsat;
  }

  // The same rules, which an edit does not count anew.
  static bool under_same_conditions(const Behaviour& a, const Behaviour& b) {
    return a.key == b.key && a.rules == b.rules &&
           std::equal(a.assumptions.begin(), a.assumptions.end(), b.assumptions.begin(), b.assumptions.end(),
                      [](const z3::expr& x, const z3::expr& y) { return z3::eq(x, y); });
  }

  Answer does_the_same(Definitions& mutated, const std::string& name, const std::string& helper, ArithmeticMode mode) {
    const auto find = [](const isle::Program& program, const std::string& rule) -> const isle::Rule* {
      for (const isle::Rule& candidate : program.rules) {
        if (candidate.name == rule) return &candidate;
      }
      return nullptr;
    };
    const isle::Rule *before = find(original->program(), name), *after = find(mutated.program(), name);
    if (before == nullptr || after == nullptr) return Answer::No;
    std::optional<uint32_t> through, through_before;
    if (!helper.empty()) {
      const isle::Rule *rule = find(mutated.program(), helper), *rule_before = find(original->program(), helper);
      if (rule == nullptr || rule_before == nullptr) return Answer::No;
      through = rule->id.index;
      through_before = rule_before->id.index;
    }
    terms.set_mode(mode);
    const auto edited = behaviours(mutated, terms, after->id, through);
    if (!edited) return Answer::No;
    // Each run of the original is met by one of the edited rules', under the same conditions?
    size_t unmet = 0;
    std::set<const Behaviour*> met;
    for (const auto& [key, behaviour] : originals(*before, false, mode)) {
      unmet += !through_before || behaviour.rules.contains(*through_before);
    }
    for (const Behaviour& behaviour : *edited) {
      bool is_found = false;
      // The run of the original that the edit has changed, most likely.
      const auto [begin, end] = originals(*before, false, mode).equal_range(behaviour.key);
      for (auto it = begin; it != end && !is_found; ++it) {
        is_found = under_same_conditions(behaviour, it->second) && !met.contains(&it->second) &&
                   is_one_of(behaviour, {&it->second});
        if (is_found && met.insert(&it->second).second) --unmet;
      }
      if (!is_found) {
        const auto [first, last] = originals(*before, true, mode).equal_range(behaviour.key);
        std::vector<const Behaviour*> candidates;
        for (auto it = first; it != last && candidates.size() < kMostCandidates; ++it) {
          if (same(terms, behaviour, it->second)) candidates.push_back(&it->second);
        }
        is_found = is_one_of(behaviour, candidates);
      }
      if (!is_found || !meets_obligations(behaviour)) return Answer::No;
    }
    return unmet == 0 && met.size() == edited->size() ? Answer::Everywhere : Answer::WhereApplied;
  }

  // An argument of a spec: all it can be, as far as types go. Nothing if that is not known.
  std::optional<std::vector<SpecValue>> values_of(const isle::Type& type, const std::string& name) {
    std::vector<SpecValue> out;
    const auto bits = [&](unsigned width) { return SpecValue::of(context.bv_const(("arg " + name).c_str(), width)); };
    if (type.name == "Type") {
      for (const unsigned one : kTypes) out.push_back(SpecValue::of(static_cast<int64_t>(one)));
    } else if (type.name == "Value") {
      for (const unsigned one : kTypes) {
        out.push_back(bits(type_width(one)));
        out.back().value_type = one;
      }
    } else if (type.kind == isle::Type::Kind::Int) {
      out.push_back(bits(type.bits));
    } else if (type.kind == isle::Type::Kind::Bool) {
      out.push_back(SpecValue::of(context.bool_const(("arg " + name).c_str())));
    } else if (type.name == "Reg" || type.name == "Imm64") {
      out.push_back(bits(64));
    } else if (type.name == "Offset32") {
      out.push_back(bits(32));
    } else {
      return {};
    }
    return out;
  }

  struct Said {
    z3::expr required, provided;
    bool is_typed = true;
  };
  // Thrown by a spec that calls a function: there is no run to ask.
  struct Calls {};
  Said said(const isle::ast::Spec& spec, const SpecEnvironment& env) {
    Said out{context.bool_val(true), context.bool_val(true)};
    try {
      for (const auto& e : spec.requirements) out.required = out.required && evaluate_condition(terms, e, env);
      out.required = out.required.simplify();
      if (out.required.is_false()) return out;
      for (const auto& e : spec.provides) out.provided = out.provided && evaluate_condition(terms, e, env);
    } catch (const SpecError&) {
      out.is_typed = false;
    }
    return out;
  }

  // That all the second says follows from what the first does, where that says anything.
  bool says_no_more(const Said& before, const Said& after) {
    if (before.required.is_false()) return true;
    if (!before.is_typed || !after.is_typed) return before.is_typed == after.is_typed;
    z3::solver solver(context);
    solver.add(before.required && before.provided && !(after.required && after.provided));
    return check_within(solver, timeout_ms) == z3::unsat;
  }

  bool says_the_same(const Said& before, const Said& after, bool may_ask_more) {
    if (!before.is_typed || !after.is_typed) return before.is_typed == after.is_typed;
    z3::solver solver(context);
    const z3::expr required =
        may_ask_more ? z3::implies(after.required, before.required) : after.required == before.required;
    solver.add(!(required && z3::implies(after.required, before.provided == after.provided)));
    return check_within(solver, timeout_ms) == z3::unsat;
  }

  static constexpr size_t kMostCandidates = 64;
  static constexpr unsigned kTypes[] = {
      8, 16, 32, 64, 128, kFloatType + 16, kFloatType + 32, kFloatType + 64, kFloatType + 128};

  const RuleSources& sources;
  z3::context context;
  Terms terms;
  unsigned timeout_ms;
  std::unique_ptr<Definitions> original;
  std::map<std::tuple<ArithmeticMode, uint32_t, bool>, std::multimap<std::string, Behaviour>> known;
};

RuleEquivalence::RuleEquivalence(const RuleSources& original, unsigned timeout_ms)
    : state_(std::make_unique<State>(original, timeout_ms)) {}

RuleEquivalence::~RuleEquivalence() = default;

RuleEquivalence::Answer RuleEquivalence::rules_do_the_same(const RuleSources& mutated,
                                                           const std::vector<std::string>& rules,
                                                           const std::string& helper) {
  Diagnostics errors;
  const auto definitions = load_definitions(mutated, errors);
  if (definitions == nullptr || state_->original == nullptr) return Answer::No;
  Answer answer = Answer::Everywhere;
  try {
    for (const std::string& rule : rules) {
      Answer one = state_->does_the_same(*definitions, rule, helper, ArithmeticMode::Uninterpreted);
      if (one == Answer::No) one = state_->does_the_same(*definitions, rule, helper, ArithmeticMode::Exact);
      answer = std::min(answer, one);
      if (answer == Answer::No) break;
    }
  } catch (const z3::exception&) {
    return Answer::No;
  }
  return answer;
}

bool RuleEquivalence::specs_say_the_same(const RuleSources& mutated, const std::string& name) {
  Diagnostics errors;
  const auto definitions = load_definitions(mutated, errors);
  if (definitions == nullptr || state_->original == nullptr) return false;
  const isle::Program &before = state_->original->program(), &after = definitions->program();
  const auto old_term = before.find_term(name), new_term = after.find_term(name);
  if (!old_term || !new_term || before.terms[old_term].specs.empty() || after.terms[new_term].specs.empty())
    return false;
  const isle::Term& term = before.terms[old_term];
  const isle::ast::Spec &old_spec = *term.specs[0], &new_spec = *after.terms[new_term].specs[0];
  if (old_spec.arguments.size() != term.arguments.size() || new_spec.arguments.size() != term.arguments.size())
    return false;
  const bool is_weaker = has_tag(term, "partial_spec");
  std::vector<std::pair<std::string, std::vector<SpecValue>>> choices;
  const auto add = [&](const std::string& argument, isle::TypeId type) {
    auto values = state_->values_of(before.types[type], argument);
    if (values) choices.emplace_back(argument, std::move(*values));
    return values.has_value();
  };
  for (size_t i = 0; i < term.arguments.size(); ++i) {
    if (!add(old_spec.arguments[i].text, term.arguments[i])) return false;
  }
  if (!add("result", term.result)) return false;
  const SpecFunctions calls = [](const std::string&, const std::vector<SpecValue>&) -> SpecValue {
    throw State::Calls{};
  };
  try {
    std::vector<size_t> chosen(choices.size(), 0);
    for (;;) {
      SpecEnvironment env;
      env.functions = &calls;
      for (size_t i = 0; i < choices.size(); ++i) env.insert_or_assign(choices[i].first, choices[i].second[chosen[i]]);
      const bool may_ask_more = !term.flags.is_partial && !term.has_extractor();
      const State::Said said = state_->said(old_spec, env), says = state_->said(new_spec, env);
      if (!state_->says_the_same(said, says, may_ask_more) && !(is_weaker && state_->says_no_more(said, says))) {
        return false;
      }
      size_t i = 0;
      while (i < chosen.size() && ++chosen[i] == choices[i].second.size()) chosen[i++] = 0;
      if (i == chosen.size()) return true;
    }
  } catch (const State::Calls&) {
    return false;
  } catch (const z3::exception&) {
    return false;
  }
}

}  // namespace assay::verify
