// See totality.h.
#include "verify/totality.h"

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include "verify/expand.h"
#include "verify/processor_limit.h"
#include "verify/rule_sources.h"
#include "verify/rule_users.h"

namespace assay::verify {

namespace {

// The rules for one operation or helper term at one choice of what is known when the compiler is built.
struct Coverage {
  struct Case {
    const isle::Rule* rule;
    z3::expr condition;  // over the canonical inputs
  };
  bool is_total = false;
  std::vector<Case> cases;
  std::vector<z3::expr> given;
};

// What an instantiation is about, with its inputs given names of their own.
struct Subject {
  explicit Subject(z3::context& context) : context(context), terms(context), inputs(context) {}

  z3::context& context;
  std::string name;
  bool is_structural = false;  // T1
  z3::expr_vector terms, inputs;

  void add_input(const z3::expr& term) {
    const std::string input = "input" + std::to_string(inputs.size());
    terms.push_back(term);
    inputs.push_back(term.is_bool() ? context.bool_const(input.c_str())
                                    : context.bv_const(input.c_str(), term.get_sort().bv_size()));
  }

  void add(const Symbol& symbol) {
    switch (symbol.kind) {
      case Symbol::Kind::Type:
        name += " " + type_name(static_cast<unsigned>(symbol.number));
        return;
      case Symbol::Kind::Variant:
        name += " " + (symbol.type != nullptr ? symbol.type->variants[static_cast<size_t>(symbol.number)].name : "?");
        for (const Symbol& field : symbol.fields) add(field);
        return;
      case Symbol::Kind::Value:
        name += symbol.value->type != 0 ? " " + type_name(symbol.value->type) : " any";
        is_structural |= symbol.value->def != nullptr && symbol.value->def->operation >= 0;
        if (symbol.value->term) add_input(*symbol.value->term);
        return;
      case Symbol::Kind::Multi:
        for (const Symbol& field : symbol.fields) add(field);
        return;
      default:
        if (symbol.term) add_input(*symbol.term);
    }
  }

  // Nothing if it speaks of anything but the inputs.
  std::optional<z3::expr> over_inputs(const std::vector<z3::expr>& conditions) const {
    z3::expr all = context.bool_val(true);
    for (const z3::expr& condition : conditions) all = all && condition;
    all = all.substitute(terms, inputs).simplify();
    std::vector<z3::expr> work{all};
    std::set<unsigned> seen;
    while (!work.empty()) {
      const z3::expr e = work.back();
      work.pop_back();
      if (!seen.insert(e.id()).second) continue;
      if (e.is_const() && e.decl().decl_kind() == Z3_OP_UNINTERPRETED && !e.decl().name().str().starts_with("input") &&
          !e.decl().name().str().starts_with(kFeatureUnknown)) {
        return {};
      }
      for (unsigned i = 0; i < e.num_args(); ++i) work.push_back(e.arg(i));
    }
    return all;
  }
};

Subject subject_of(Definitions& definitions, z3::context& context, const isle::Rule& rule, const Instantiation& run) {
  Subject subject(context);
  subject.is_structural = !run.clif.same.empty() || !run.clif.constants.empty();
  const auto inst = std::find_if(run.arguments.begin(), run.arguments.end(),
                                 [](const Symbol& argument) { return argument.kind == Symbol::Kind::Inst; });
  const ClifInst* root = inst == run.arguments.end() ? nullptr : inst->inst.get();
  if (root == nullptr) {
    subject.name = definitions.program().terms[rule.term].name;
    for (const Symbol& argument : run.arguments) subject.add(argument);
    return subject;
  }
  subject.name =
      root->operation < 0 ? "?" : definitions.operations().operations[static_cast<size_t>(root->operation)].name;
  for (const unsigned type : root->result_types) subject.name += "." + type_name(type);
  for (const Symbol& input : root->inputs) subject.add(input);
  for (const Symbol& input : root->inputs) {
    if (input.kind != Symbol::Kind::MemFlags) continue;
    if (const auto big = run.clif.big_endian.find(input.number); big != run.clif.big_endian.end()) {
      subject.name += big->second ? " big" : " little";
    }
  }
  if (run.clif.table_size) subject.add_input(*run.clif.table_size);
  return subject;
}

// Operations that are expanded before lowering where the feature that a rule asks for is missing (machine/expand.h).
bool is_expanded_without_feature(const std::string& name) {
  return name.starts_with("fma.") || name.starts_with("atomic_rmw.") || name.starts_with("atomic_cas.i128") ||
         name.find("f16") != std::string::npos;
}

std::string with(std::string text, const std::string& from, const std::string& to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

// A hole is none if it is covered under a name that says less (a rule that does not look at the type or the byte
// order), or under all names that say more.
bool is_covered(const std::string& hole, const std::set<std::string>& covered) {
  const auto all = [&](std::initializer_list<std::string> names) {
    return std::all_of(names.begin(), names.end(), [&](const std::string& name) { return covered.contains(name); });
  };
  std::string any = hole;
  for (const char* type : {" i8", " i16", " i32", " i64", " i128"}) any = with(any, type, " any");
  const std::string neither = with(with(hole, " big", ""), " little", "");
  if (covered.contains(any) || covered.contains(neither) || all({hole + " big", hole + " little"})) return true;
  return any == hole && all({with(hole, " any", " i8"), with(hole, " any", " i16"), with(hole, " any", " i32"),
                             with(hole, " any", " i64"), with(hole, " any", " i128")});
}

class Checker {
 public:
  Checker(std::unique_ptr<Definitions> definitions, unsigned timeout_ms)
      : definitions_(std::move(definitions)), terms_(context_), timeout_ms_(timeout_ms) {}

  Totality run() {
    const isle::Program& program = definitions_->program();
    const RuleUsers users(program);
    Totality totality;
    for (const isle::Rule& rule : program.rules) {
      if (!users.is_root(rule.term) || !users.reached(rule.term)) continue;
      // lower and lower_branch are partial: not every operation has rules.
      const bool is_subject = is_entry(program.terms[rule.term]) || !program.terms[rule.term].flags.is_partial;
      terms_.set_mode(ArithmeticMode::Uninterpreted);
      expand_rule(
          *definitions_, terms_, rule.id,
          [&](Instantiation& run) {
            if (is_subject) add(rule, run);
            return true;
          },
          [](const std::string&, bool, const std::set<uint32_t>&) {}, [&](const HelperCall& call) { add(call); });
      judge_calls(rule, totality);
    }
    for (auto& [name, coverage] : coverages_) {
      judge(name, coverage, totality);
      find_overlaps(name, coverage, totality);
    }
    const std::set<std::string> covered(totality.covered.begin(), totality.covered.end());
    std::erase_if(totality.holes, [&](const Hole& hole) { return is_covered(hole.what, covered); });
    return totality;
  }

 private:
  void add(const isle::Rule& rule, const Instantiation& run) {
    const Subject subject = subject_of(*definitions_, context_, rule, run);
    Coverage& coverage = coverages_[subject.name];
    if (subject.is_structural || run.may_decline) return;
    std::vector<z3::expr> asked;  // by the rule itself
    for (const z3::expr& assumption : run.assumptions) {
      const bool is_given = std::any_of(run.given.begin(), run.given.end(),
                                        [&](const z3::expr& given) { return z3::eq(given, assumption); });
      if (!is_given) asked.push_back(assumption);
    }
    if (is_expanded_without_feature(subject.name)) {
      std::erase_if(asked, [](const z3::expr& e) {
        return e.is_const() && e.is_bool() && e.decl().name().str().starts_with(kFeatureUnknown);
      });
    }
    const std::optional<z3::expr> condition = subject.over_inputs(asked);
    if (!condition) return;
    for (const z3::expr& given : run.given) {
      // What is given of anything but the inputs is what a lemma provides: it can be had for all of them.
      if (const auto known = subject.over_inputs({given}); known && !known->is_true()) coverage.given.push_back(*known);
    }
    coverage.is_total |= condition->is_true();
    coverage.cases.push_back({&rule, *condition});
  }

  void add(const HelperCall& call) {
    Call& known = calls_.try_emplace(call.choices, context_).first->second;
    if (known.name.empty()) {
      Subject subject(context_);
      subject.name = call.term.name;
      for (const Symbol& argument : call.arguments) subject.add(argument);
      known.name = subject.name;
      for (const z3::expr& e : call.before) known.open.push_back(e);
    }
    if (!call.condition) return;
    z3::expr condition = context_.bool_val(true);
    for (const z3::expr& e : *call.condition) condition = condition && e;
    condition = terms_.simplify(condition);
    known.is_total |= condition.is_true();
    known.open.push_back(!condition);
  }

  // T5, of the calls that the rule's runs made.
  void judge_calls(const isle::Rule& rule, Totality& totality) {
    for (const auto& [choices, call] : calls_) {
      if (call.is_total || found_.contains(call.name)) continue;
      z3::solver solver(context_, "QF_BV");
      for (const z3::expr& e : call.open) solver.add(e);
      const z3::check_result result = check_within(solver, timeout_ms_);
      if (result == z3::unsat) continue;
      found_.insert(call.name);
      totality.holes.push_back({call.name, "called by " + rule.name + ": " +
                                               (result == z3::sat ? "no rule matches " + inputs_of(solver.get_model())
                                                                  : "not decided in time")});
    }
    calls_.clear();
  }

  z3::solver make_solver(const Coverage& coverage) {
    z3::solver solver(context_, "QF_BV");
    for (const z3::expr& given : coverage.given) solver.add(given);
    return solver;
  }

  static std::string inputs_of(const z3::model& model) {
    std::ostringstream inputs;
    for (unsigned i = 0; i < model.size(); ++i) {
      inputs << (i == 0 ? "" : ", ") << model[static_cast<int>(i)].name() << " = "
             << model.get_const_interp(model[static_cast<int>(i)]);
    }
    return inputs.str();
  }

  // Two rules of equal priority for the same inputs.
  void find_overlaps(const std::string& name, const Coverage& coverage, Totality& totality) {
    std::set<std::pair<uint32_t, uint32_t>> found;
    for (size_t i = 0; i < coverage.cases.size(); ++i) {
      for (size_t k = i + 1; k < coverage.cases.size(); ++k) {
        const Coverage::Case &a = coverage.cases[i], &b = coverage.cases[k];
        if (a.rule == b.rule || a.rule->priority != b.rule->priority) continue;
        if (found.contains({a.rule->id.index, b.rule->id.index})) continue;
        ++totality.pairs;
        z3::solver solver = make_solver(coverage);
        solver.add(a.condition);
        solver.add(b.condition);
        const z3::check_result result = check_within(solver, timeout_ms_);
        if (result == z3::unsat) continue;
        found.insert({a.rule->id.index, b.rule->id.index});
        const std::string both = a.rule->name + " and " + b.rule->name + ", of equal priority, ";
        totality.overlaps.push_back({name, both + (result == z3::sat ? "match " + inputs_of(solver.get_model())
                                                                     : "may both match: not decided")});
      }
    }
  }

  void judge(const std::string& name, const Coverage& coverage, Totality& totality) {
    if (coverage.is_total) {
      totality.covered.push_back(name);
      return;
    }
    if (coverage.cases.empty()) {
      totality.holes.push_back({name, "all its rules look at how an operand is defined, or may decline"});
      return;
    }
    z3::solver solver = make_solver(coverage);
    for (const Coverage::Case& one : coverage.cases) solver.add(!one.condition);
    switch (check_within(solver, timeout_ms_)) {
      case z3::unsat:
        totality.covered.push_back(name);
        return;
      case z3::unknown:
        totality.holes.push_back({name, "not decided in time"});
        return;
      case z3::sat:
        break;
    }
    totality.holes.push_back({name, "no rule matches " + inputs_of(solver.get_model())});
  }

  std::unique_ptr<Definitions> definitions_;
  z3::context context_;
  Terms terms_;
  unsigned timeout_ms_;
  std::map<std::string, Coverage> coverages_;
  // The calls of helper terms by the runs of one rule, by the choices before them.
  struct Call {
    explicit Call(z3::context& context) : open(context) {}
    std::string name;
    bool is_total = false;
    z3::expr_vector open;  // holds where no rule matches
  };
  std::map<std::string, Call> calls_;
  std::set<std::string> found_;  // the calls with holes
};

}  // namespace

Expected<Totality> check_totality(IsaKind isa, unsigned timeout_ms) {
  const RuleSources* sources = rule_sources(isa);
  if (sources == nullptr) return fail(std::string("no rules for ") + name(isa) + " in this build");
  return check_totality(*sources, timeout_ms);
}

Expected<Totality> check_totality(const RuleSources& sources, unsigned timeout_ms) {
  Diagnostics errors;
  auto definitions = load_definitions(sources, errors);
  if (definitions == nullptr) return std::unexpected(errors.front());
  try {
    return Checker(std::move(definitions), timeout_ms).run();
  } catch (const z3::exception& error) {
    return fail(std::string("Z3: ") + error.msg(), "this is a mistake in Assay's prover");
  }
}

}  // namespace assay::verify
