// See prover.h.
#include "verify/prover.h"

#include <algorithm>
#include <ctime>
#include <fstream>
#include <stdexcept>

#include "verify/counterexample.h"
#include "verify/cvc5_solver.h"
#include "verify/processor_limit.h"
#include "verify/trial.h"

namespace assay::verify {

namespace {

constexpr unsigned kShort = 1'500;  // milliseconds
constexpr unsigned kFirst = 10'000;

// Of distinct parts.
unsigned size_of(const z3::expr& whole) {
  std::vector<z3::expr> work = {whole};
  std::set<unsigned> seen;
  while (!work.empty()) {
    const z3::expr e = work.back();
    work.pop_back();
    if (!seen.insert(e.id()).second || !e.is_app()) continue;
    for (unsigned i = 0; i < e.num_args(); ++i) work.push_back(e.arg(i));
  }
  return static_cast<unsigned>(seen.size());
}

// The amounts of shifts that are not constants, each once, the simplest first.
std::vector<z3::expr> shift_amounts(const std::vector<z3::expr>& assertions) {
  std::vector<z3::expr> work(assertions.begin(), assertions.end()), out;
  std::set<unsigned> seen, found;
  while (!work.empty()) {
    const z3::expr e = work.back();
    work.pop_back();
    if (!e.is_app() || !seen.insert(e.id()).second) continue;
    for (unsigned i = 0; i < e.num_args(); ++i) work.push_back(e.arg(i));
    const Z3_decl_kind kind = e.decl().decl_kind();
    if (kind != Z3_OP_BSHL && kind != Z3_OP_BLSHR && kind != Z3_OP_BASHR) continue;
    if (!e.arg(1).is_numeral() && found.insert(e.arg(1).id()).second) out.push_back(e.arg(1));
  }
  std::ranges::sort(out, {}, [](const z3::expr& e) { return std::pair(size_of(e), e.id()); });
  return out;
}

// Is there a division, or a product of two terms that are no constants?
bool has_division_or_product(const std::vector<z3::expr>& assertions) {
  std::vector<z3::expr> work(assertions.begin(), assertions.end());
  std::set<unsigned> seen;
  while (!work.empty()) {
    const z3::expr e = work.back();
    work.pop_back();
    if (!e.is_app() || !seen.insert(e.id()).second) continue;
    switch (e.decl().decl_kind()) {
      case Z3_OP_BUDIV:
      case Z3_OP_BSDIV:
      case Z3_OP_BUREM:
      case Z3_OP_BSREM:
      case Z3_OP_BUDIV_I:
      case Z3_OP_BSDIV_I:
      case Z3_OP_BUREM_I:
      case Z3_OP_BSREM_I:
      case Z3_OP_UNINTERPRETED:
        if (e.num_args() == 2) return true;  // as functions, too, products and quotients are
        break;
      case Z3_OP_BMUL:
        if (!e.arg(0).is_numeral() && !e.arg(1).is_numeral()) return true;
        break;
      default:
        break;
    }
    for (unsigned i = 0; i < e.num_args(); ++i) work.push_back(e.arg(i));
  }
  return false;
}

std::string z3_name() {
  unsigned major = 0, minor = 0, build = 0, revision = 0;
  Z3_get_version(&major, &minor, &build, &revision);
  return "z3 " + std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(build);
}

}  // namespace

double thread_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

Prover::Prover(const VerifyOptions& options, std::shared_ptr<Definitions> definitions, ProofCache* cache)
    : options_(options),
      definitions_(std::move(definitions)),
      cache_(cache),
      z3_name_(z3_name()),
      z3_long_(z3_name_ + ", long"),
      cvc5_name_(cvc5_name(Cvc5Strategy::BitVectors)),
      cvc5_integers_(cvc5_name(Cvc5Strategy::Integers)),
      terms_(context_) {
  tallies_.resize(program().rules.size());
  seen_to_apply_.resize(program().rules.size());
}

void Prover::add_counts(UnitResult& unit) const {
  unit.instantiations += instantiations_;
  unit.settled += settled_;
  unit.queries += queries_;
  unit.known += known_;
  unit.confirmed += confirmed_;
  unit.unconfirmed += unconfirmed_;
}

void Prover::prove(isle::RuleId rule) {
  const double begin = thread_seconds();
  // Divisions and wide products as uninterpreted functions first: what follows from congruence alone is proven at once.
  // If that is not enough, again with their real meaning.
  if (options_.only_trials) {
    attempt(rule, ArithmeticMode::Exact);
    tallies_[rule.index].seconds += thread_seconds() - begin;
    return;
  }
  if (!attempt(rule, ArithmeticMode::Uninterpreted)) attempt(rule, ArithmeticMode::Exact);
  Tally& tally = tallies_[rule.index];
  if (options_.functions && tally.failed != 0 && tally.function.empty()) {
    terms_.set_mode(ArithmeticMode::Exact);
    tally.function = find_counterexample_function(*definitions_, terms_, program().rules[rule]);
  }
  tally.seconds += thread_seconds() - begin;
  tally.has_several_inputs |= seen_to_apply_[rule.index];
}

// False if the attempt should be repeated with exact division; nothing has been recorded then.
bool Prover::attempt(isle::RuleId rule, ArithmeticMode mode) {
  terms_.set_mode(mode);
  std::vector<std::pair<std::set<uint32_t>, Tally>> records;
  bool repeat = false;
  expand_rule(
      *definitions_, terms_, rule,
      [&](Instantiation& instantiation) {
        Tally tally;
        decide(rule, instantiation, tally);
        const bool open = tally.failed + tally.unknown != 0;
        if (open && instantiation.uses_functions && mode == ArithmeticMode::Uninterpreted) {
          repeat = true;
          return false;
        }
        tally.lemmas = std::move(instantiation.lemmas);
        records.emplace_back(instantiation.rules, std::move(tally));
        return options_.all_failures || records.back().second.failed == 0;  // one counterexample is enough
      },
      [&](const std::string& reason, bool is_contract, const std::set<uint32_t>& rules) {
        Tally tally;
        (is_contract ? tally.trusted : tally.unknown) = 1;
        tally.reason = reason;
        records.emplace_back(rules, std::move(tally));
      });
  if (repeat) return false;
  for (auto& [rules, tally] : records) {
    instantiations_ += tally.applicable + tally.inapplicable;
    for (uint32_t index : rules) tallies_[index].add(tally);
  }
  return true;
}

// Satisfiable or not, from the cache if it knows. `wants_model`: its solver is to have one if it is satisfiable.
z3::check_result Prover::check(Query& query, bool wants_model) {
  ++queries_;
  // Whoever decided it in an earlier run has decided it.
  for (const std::string& name : {cvc5_integers_, z3_long_}) {
    if (const std::optional<z3::check_result> known = remembered(query, name, wants_model)) {
      ++known_;
      decided_by_ = name;
      if (*known == z3::unsat && options_.cross_check) confirm(query);
      return *known;
    }
  }
  decided_by_ = z3_name_;
  // Whether assumptions can hold is asked more often than anything else, and the answer is mostly yes.
  const auto ask = [&] {
    const bool tried = !wants_model && Trial(query.assertions).find().has_value();
    return tried ? z3::sat : first_try(query);
  };
  z3::check_result result = known_or(ask, query, z3_name_, wants_model);
  if (result == z3::unknown) result = fall_back(query, wants_model);
  if (result == z3::unsat && options_.cross_check) confirm(query);
  return result;
}

QueryKey Prover::key_of(Query& query, const std::string& solver) {
  if (!query.canonical) query.canonical.emplace(query.assertions);
  return query.canonical->key(solver);
}

z3::solver& Prover::solver_of(Query& query) {
  if (!query.solver) {
    query.solver = make_solver(query.instantiation);
    for (const z3::expr& assertion : query.assertions) query.solver->add(assertion);
  }
  return *query.solver;
}

// What the cache says of the query and the solver, if that is enough.
std::optional<z3::check_result> Prover::remembered(Query& query, const std::string& solver, bool wants_model) {
  if (cache_ == nullptr) return {};
  const QueryKey key = key_of(query, solver);
  const std::optional<bool> known = cache_->find(key);
  if (!known || is_rechecked(key) || (*known && wants_model)) return {};
  return *known ? z3::sat : z3::unsat;
}

// Deterministic, so that a run can be repeated.
bool Prover::is_rechecked(const QueryKey& key) const {
  return static_cast<double>(key.high >> 11) * 0x1p-53 < options_.recheck;
}

// What the cache says of the query and the solver, else what `ask` says, which the cache is told.
template <class Ask>
z3::check_result Prover::known_or(const Ask& ask, Query& query, const std::string& solver, bool wants_model) {
  if (cache_ == nullptr) return ask();
  const QueryKey key = key_of(query, solver);
  const std::optional<bool> known = cache_->find(key);
  if (known && !is_rechecked(key) && !(*known && wants_model)) {
    if (solver == z3_name_) ++known_;
    return *known ? z3::sat : z3::unsat;
  }
  const double begin = thread_seconds();
  const z3::check_result result = ask();
  if (result == z3::unknown) return result;
  const std::string& name = program().rules[query.rule].name;
  if (known && *known != (result == z3::sat)) {
    throw std::runtime_error("the proof cache has a wrong verdict about " + name + "; delete the file");
  }
  if (!known) {
    cache_->add(key, result == z3::sat, name + ": " + query.instantiation.description, solver,
                thread_seconds() - begin);
  }
  return result;
}

// Bit-blasting for a while; what shifts by amounts that are not known, case by case.
z3::check_result Prover::first_try(Query& query) {
  z3::solver& solver = solver_of(query);
  if (const z3::check_result result = check_within(solver, std::min(options_.timeout_ms, kShort));
      result != z3::unknown)
    return result;
  if (const z3::check_result result = split_by_shift(query); result != z3::unknown) return result;
  return check_within(solver, std::min(options_.timeout_ms, kFirst));
}

// Several shifts by amounts that are not known are hard together and easy once one of them is: asks for each amount by
// itself. If one is possible, the query's solver gets it as a further assertion.
z3::check_result Prover::split_by_shift(Query& query) {
  z3::solver& solver = solver_of(query);
  const std::vector<z3::expr> amounts = shift_amounts(query.assertions);
  if (amounts.size() < 2) return z3::unknown;
  const z3::expr& amount = amounts.front();
  const unsigned width = amount.get_sort().bv_size();
  for (unsigned value = 0; value <= std::min(width, 64u); ++value) {
    const z3::expr limit = context_.bv_val(value, width);
    const z3::expr is_value = value == std::min(width, 64u) ? z3::uge(amount, limit) : amount == limit;
    z3::solver part = make_solver(query.instantiation);
    for (const z3::expr& assertion : query.assertions) part.add(assertion);
    part.add(is_value);
    const z3::check_result result = check_within(part, std::min(options_.timeout_ms, kShort));
    if (result == z3::unknown) return z3::unknown;
    if (result == z3::unsat) continue;
    solver.add(is_value);
    return check_within(solver, options_.timeout_ms);
  }
  return z3::unsat;
}

// Then what bit-blasting is no good at, products and divisions, as integers; then the rest of the time. Where there are
// none, integers come last: they seldom help. A verdict is kept under the name of who gave it: the next run asks the
// cache in the same order.
z3::check_result Prover::fall_back(Query& query, bool wants_model) {
  if (options_.timeout_ms <= kFirst) return z3::unknown;
  const auto ask_longer = [&] { return check_within(solver_of(query), options_.timeout_ms); };
  const auto longer = [&] {
    decided_by_ = z3_long_;
    return known_or(ask_longer, query, z3_long_, wants_model);
  };
  if (query.instantiation.uses_floats) return longer();  // cvc5 is not told of them
  const auto ask_integers = [&] {
    const auto verdict = ask_cvc5(query.assertions, Cvc5Strategy::Integers, options_.timeout_ms).verdict;
    return verdict == Cvc5Answer::Verdict::Unsatisfiable ? z3::unsat : z3::unknown;
  };
  const auto as_integers = [&] {
    decided_by_ = cvc5_integers_;
    return known_or(ask_integers, query, cvc5_integers_, false);
  };
  const bool integers_first = has_division_or_product(query.assertions);
  const z3::check_result result = integers_first ? as_integers() : longer();
  if (result != z3::unknown) return result;
  return integers_first ? longer() : as_integers();
}

// By either strategy, each verdict under the name of its own. Integers only ever say that a query cannot be satisfied.
void Prover::confirm(Query& query) {
  const auto ask = [&](Cvc5Strategy strategy) {
    const auto verdict = ask_cvc5(query.assertions, strategy, options_.timeout_ms).verdict;
    if (verdict == Cvc5Answer::Verdict::Unsatisfiable) return z3::unsat;
    const bool is_trusted = strategy == Cvc5Strategy::BitVectors;
    return verdict == Cvc5Answer::Verdict::Satisfiable && is_trusted ? z3::sat : z3::unknown;
  };
  z3::check_result result = z3::unknown;
  // Who has confirmed it before is not asked behind one who gave up.
  for (const std::string& name : {cvc5_name_, cvc5_integers_}) {
    if (const auto known = remembered(query, name, false)) result = *known;
  }
  if (result == z3::unknown) {
    result = known_or([&] { return ask(Cvc5Strategy::BitVectors); }, query, cvc5_name_, false);
  }
  if (result == z3::unknown) {
    result = known_or([&] { return ask(Cvc5Strategy::Integers); }, query, cvc5_integers_, false);
  }
  if (result == z3::sat) {
    throw std::runtime_error("Z3 and cvc5 disagree about " + program().rules[query.rule].name + ": " +
                             query.instantiation.description);
  }
  ++(result == z3::unsat ? confirmed_ : unconfirmed_);
}

// Whether the assumptions hold for two different values of the rule's variables, or there are none to differ.
bool Prover::has_several_inputs(Query& query) {
  const auto ask = [&] {
    std::vector<z3::expr> variables;
    for (const NamedTerm& variable : query.instantiation.variables) variables.push_back(variable.term);
    if (Trial(query.assertions, variables).has_two()) return z3::sat;
    z3::solver solver = make_solver(query.instantiation);
    for (const z3::expr& assumption : query.assertions) solver.add(assumption);
    if (check_within(solver, options_.timeout_ms) != z3::sat) return z3::unknown;
    const z3::model model = solver.get_model();
    z3::expr other = context_.bool_val(query.instantiation.variables.empty());
    for (const NamedTerm& variable : query.instantiation.variables)
      other = other || variable.term != model.eval(variable.term, true);
    solver.add(other);
    return check_within(solver, options_.timeout_ms);
  };
  return known_or(ask, query, z3_name_ + ", two inputs", false) != z3::unsat;
}

z3::solver Prover::make_solver(const Instantiation& instantiation) {
  // Z3's own solver for functions and bit vectors takes a minute where bit-blasting without functions takes none.
  if (instantiation.uses_functions) {
    return (z3::tactic(context_, "ackermannize_bv") & z3::tactic(context_, "qfbv")).mk_solver();
  }
  return instantiation.uses_floats ? z3::solver(context_, "QF_FPBV") : z3::solver(context_, "QF_BV");
}

void Prover::decide(isle::RuleId rule, Instantiation& instantiation, Tally& tally) {
  // A model in which functions stand for products says nothing: attempt() comes again with what they mean.
  const bool will_repeat = terms_.mode() == ArithmeticMode::Uninterpreted && instantiation.uses_functions;
  // Only goals that do not simplify to true are left.
  z3::expr all = context_.bool_val(true);
  for (const z3::expr& goal : instantiation.goals) all = all && goal;
  all = terms_.simplify(all);
  if (options_.only_trials) return refute_by_trial(instantiation, all, tally);
  // Whether an instantiation applies matters only until each of its rules has one that does: what is valid without
  // applying does no harm.
  const bool all_seen = std::all_of(instantiation.rules.begin(), instantiation.rules.end(),
                                    [&](uint32_t index) { return seen_to_apply_[index]; });
  Query query{rule, instantiation.assumptions, instantiation};
  if (!all_seen && !instantiation.assumptions.empty()) {
    const z3::check_result possible = check(query, false);
    if (possible == z3::unsat) {
      tally.inapplicable = 1;
      return;
    }
    if (possible == z3::unknown) {
      tally.unknown = 1;
      tally.reason = "applicability not decided in time: " + instantiation.description;
      return;
    }
  }
  if (!all_seen && has_several_inputs(query)) {
    for (const uint32_t index : instantiation.rules) seen_to_apply_[index] = true;
  }
  tally.applicable = 1;
  if (all.is_true()) {
    ++settled_;
    tally.solvers.insert("simplification");
    return;
  }
  Query question{rule, std::move(query.assertions), instantiation};
  for (const z3::expr& fact : instantiation.facts) question.assertions.push_back(fact);
  question.assertions.push_back(!all);
  export_query(question);
  switch (check(question, !will_repeat)) {
    case z3::unsat:
      tally.solvers.insert(decided_by_);
      return;
    case z3::unknown:
      tally.unknown = 1;
      tally.reason =
          "not decided in " + std::to_string(options_.timeout_ms / 1000) + " s: " + instantiation.description;
      return;
    case z3::sat:
      break;
  }
  tally.failed = 1;
  if (will_repeat) return;
  Counterexample found = make_counterexample(*definitions_, terms_, program().rules[rule], instantiation,
                                             solver_of(question), options_.functions);
  tally.counterexample = std::move(found.text);
  tally.function = std::move(found.function);
  const std::vector<notation::FeatureDef>& features = definitions_->instructions().isa.features;
  for (size_t i = 0; i < features.size(); ++i) {
    if ((instantiation.features >> i & 1) != 0) tally.features += " " + features[i].name;
  }
  tally.obstacle = std::move(found.obstacle);
}

void Prover::refute_by_trial(const Instantiation& instantiation, const z3::expr& all, Tally& tally) {
  tally.applicable = 1;
  if (all.is_true()) {
    tally.unknown = 1;
    return;
  }
  std::vector<z3::expr> conditions = instantiation.assumptions;
  conditions.push_back(!all);
  (Trial(conditions).find() ? tally.failed : tally.unknown) = 1;
}

void Prover::export_query(Query& query) {
  if (options_.export_directory.empty()) return;
  const std::string name = program().rules[query.rule].name;
  std::ofstream file(options_.export_directory + "/" + name + "_" + std::to_string(exported_++) + ".smt2");
  file << "; rule " << name << "\n; " << query.instantiation.description << "\n; unsat: the rule holds\n"
       << solver_of(query).to_smt2();
}

}  // namespace assay::verify
