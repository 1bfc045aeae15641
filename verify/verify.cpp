// See verify.h.
#include "verify/verify.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <ctime>
#include <fstream>
#include <memory>
#include <mutex>
#include <sstream>
#include <thread>

#include "verify/cvc5_solver.h"
#include "verify/expand.h"
#include "verify/proof_cache.h"
#include "verify/query_key.h"
#include "verify/rule_sources.h"
#include "verify/rule_users.h"

namespace assay::verify {

namespace {

double thread_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

std::string z3_name() {
  unsigned major = 0, minor = 0, build = 0, revision = 0;
  Z3_get_version(&major, &minor, &build, &revision);
  return "z3 " + std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(build);
}

std::string number_text(const z3::expr& value) {
  if (value.is_bool()) return value.is_true() ? "true" : "false";
  uint64_t number = 0;
  if (value.is_bv() && value.is_numeral_u64(number)) {
    char text[40];
    std::snprintf(text, sizeof text, "0x%0*llx (i%u)", static_cast<int>((value.get_sort().bv_size() + 3) / 4),
                  static_cast<unsigned long long>(number), value.get_sort().bv_size());
    return text;
  }
  return value.to_string();
}

// What is known of one rule while it is being proven; helper rules are credited in the rules that use them.
struct Tally {
  unsigned applicable = 0, inapplicable = 0, failed = 0, unknown = 0, trusted = 0;
  std::string reason, counterexample;
  std::set<uint32_t> lemmas;
  bool has_several_inputs = false;
  double seconds = 0;

  void add(const Tally& other) {
    applicable += other.applicable;
    inapplicable += other.inapplicable;
    failed += other.failed;
    unknown += other.unknown;
    trusted += other.trusted;
    seconds += other.seconds;
    has_several_inputs |= other.has_several_inputs;
    lemmas.insert(other.lemmas.begin(), other.lemmas.end());
    if (reason.empty()) reason = other.reason;
    if (counterexample.empty()) counterexample = other.counterexample;
  }
  // `is_root`: the rule is proven itself; another is proven if some instantiation that it takes part in is valid.
  RuleState state(bool is_root) const {
    const unsigned valid = applicable - std::min(applicable, failed + unknown);
    if (failed != 0 && (is_root || valid == 0)) return RuleState::Failed;
    if (is_root ? unknown == 0 && trusted == 0 && applicable != 0 : valid != 0) return RuleState::Proven;
    return trusted != 0 && unknown == 0 ? RuleState::Trusted : RuleState::Unknown;
  }
};

// A rule that rests on a lemma is no better than the rules that are to prove it. `results` by rule index, null for those
// that were not asked for.
void chain_lemmas(const isle::Program& program, const std::vector<Tally>& tallies, std::vector<RuleResult*>& results) {
  for (bool changed = true; changed;) {
    changed = false;
    for (uint32_t i = 0; i < results.size(); ++i) {
      if (results[i] == nullptr || results[i]->state != RuleState::Proven) continue;
      for (const uint32_t lemma : tallies[i].lemmas) {
        for (const isle::RuleId rule : program.terms[isle::TermId(lemma)].rules) {
          const RuleResult* base = results[rule.index];
          if (base == nullptr || base->state == RuleState::Proven) continue;
          results[i]->state = RuleState::Unknown;
          results[i]->reason = "rests on the spec of " + program.terms[isle::TermId(lemma)].name + ", whose rule " +
                               base->name + " is not proven";
          changed = true;
        }
      }
    }
  }
}

class Prover {
 public:
  // `cache` may be null.
  Prover(const VerifyOptions& options, std::unique_ptr<Definitions> definitions, ProofCache* cache)
      : options_(options), definitions_(std::move(definitions)), cache_(cache), terms_(context_) {
    tallies_.resize(definitions_->program().rules.size());
    seen_to_apply_.resize(definitions_->program().rules.size());
  }

  const isle::Program& program() const { return definitions_->program(); }
  std::vector<Tally>& tallies() { return tallies_; }
  void add_counts(UnitResult& unit) const {
    unit.instantiations += instantiations_;
    unit.queries += queries_;
    unit.known += known_;
    unit.confirmed += confirmed_;
    unit.unconfirmed += unconfirmed_;
  }

  void prove(isle::RuleId rule) {
    const double begin = thread_seconds();
    // Divisions and wide products as uninterpreted functions first: what follows from congruence alone is proven at once. If that is
    // not enough, again with their real meaning.
    if (!attempt(rule, ArithmeticMode::Uninterpreted)) attempt(rule, ArithmeticMode::Exact);
    tallies_[rule.index].seconds += thread_seconds() - begin;
    tallies_[rule.index].has_several_inputs |= seen_to_apply_[rule.index];
  }

 private:
  // False if the attempt should be repeated with exact division; nothing has been recorded then.
  bool attempt(isle::RuleId rule, ArithmeticMode mode) {
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
          return records.back().second.failed == 0;  // one counterexample is enough
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

  struct Query {
    isle::RuleId rule;
    std::vector<z3::expr> assertions;
    const Instantiation& instantiation;
  };

  // Satisfiable or not, from the cache if it knows. `wants_model`: `solver` is to have one if it is satisfiable.
  z3::check_result check(const Query& query, z3::solver& solver, bool wants_model) {
    ++queries_;
    for (const z3::expr& assertion : query.assertions) solver.add(assertion);
    if (wants_model) export_query(query.rule, query.instantiation, solver);
    const z3::check_result result = known_or([&] { return solve(query, solver); }, query, z3_name_, wants_model);
    if (result == z3::unsat && options_.cross_check) confirm(query);
    return result;
  }

  // What the cache says of the query and the solver, else what `ask` says, which the cache is told.
  template <class Ask>
  z3::check_result known_or(const Ask& ask, const Query& query, const std::string& solver, bool wants_model) {
    if (cache_ == nullptr) return ask();
    const QueryKey key = query_key(query.assertions, solver);
    const std::optional<bool> known = cache_->find(key);
    // Deterministic, so that a run can be repeated.
    const bool again = static_cast<double>(key.high >> 11) * 0x1p-53 < options_.recheck;
    if (known && !again && !(*known && wants_model)) {
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
      cache_->add(key, result == z3::sat, name + ": " + query.instantiation.description, solver, thread_seconds() - begin);
    }
    return result;
  }

  // Bit-blasting for a while; then what bit-blasting is no good at, products and divisions, as integers; then the rest
  // of the time.
  z3::check_result solve(const Query& query, z3::solver& solver) {
    constexpr unsigned kFirst = 10'000;
    if (options_.timeout_ms <= kFirst) return solver.check();
    set_timeout(solver, kFirst);
    if (const z3::check_result result = solver.check(); result != z3::unknown) return result;
    if (ask_cvc5(query.assertions, Cvc5Strategy::Integers, options_.timeout_ms).verdict == Cvc5Answer::Verdict::Unsatisfiable) {
      return z3::unsat;
    }
    set_timeout(solver, options_.timeout_ms);
    return solver.check();
  }

  void confirm(const Query& query) {
    const auto ask = [&] {
      for (const Cvc5Strategy strategy : {Cvc5Strategy::BitVectors, Cvc5Strategy::Integers}) {
        const auto verdict = ask_cvc5(query.assertions, strategy, options_.timeout_ms).verdict;
        if (verdict == Cvc5Answer::Verdict::Unsatisfiable) return z3::unsat;
        if (verdict == Cvc5Answer::Verdict::Satisfiable && strategy == Cvc5Strategy::BitVectors) return z3::sat;
      }
      return z3::unknown;
    };
    const z3::check_result result = known_or(ask, query, cvc5_name_, false);
    if (result == z3::sat) {
      throw std::runtime_error("Z3 and cvc5 disagree about " + program().rules[query.rule].name + ": " +
                               query.instantiation.description);
    }
    ++(result == z3::unsat ? confirmed_ : unconfirmed_);
  }

  // Whether the assumptions hold for two different values of the rule's variables, or there are none to differ.
  bool has_several_inputs(const Query& query) {
    const auto ask = [&] {
      z3::solver solver = make_solver(query.instantiation);
      for (const z3::expr& assumption : query.assertions) solver.add(assumption);
      if (solver.check() != z3::sat) return z3::unknown;
      const z3::model model = solver.get_model();
      z3::expr other = context_.bool_val(query.instantiation.variables.empty());
      for (const NamedTerm& variable : query.instantiation.variables) other = other || variable.term != model.eval(variable.term, true);
      solver.add(other);
      return solver.check();
    };
    return known_or(ask, query, z3_name_ + ", two inputs", false) != z3::unsat;
  }

  z3::solver make_solver(const Instantiation& instantiation) {
    // Z3's own solver for functions and bit vectors takes a minute where bit-blasting without functions takes none.
    z3::solver solver = instantiation.uses_functions
                            ? (z3::tactic(context_, "ackermannize_bv") & z3::tactic(context_, "qfbv")).mk_solver()
                            : z3::solver(context_, "QF_BV");
    set_timeout(solver, options_.timeout_ms);
    return solver;
  }
  void set_timeout(z3::solver& solver, unsigned timeout_ms) {
    z3::params params(context_);
    params.set("timeout", timeout_ms);
    solver.set(params);
  }

  void decide(isle::RuleId rule, Instantiation& instantiation, Tally& tally) {
    // Only goals that do not simplify to true are left.
    z3::expr all = context_.bool_val(true);
    for (const z3::expr& goal : instantiation.goals) all = all && goal;
    all = all.simplify();
    // Whether an instantiation applies matters only until each of its rules has one that does: what is valid without
    // applying does no harm.
    const bool all_seen = std::all_of(instantiation.rules.begin(), instantiation.rules.end(),
                                      [&](uint32_t index) { return seen_to_apply_[index]; });
    Query query{rule, instantiation.assumptions, instantiation};
    if (!all_seen && !instantiation.assumptions.empty()) {
      z3::solver solver = make_solver(instantiation);
      const z3::check_result possible = check(query, solver, false);
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
    if (all.is_true()) return;
    z3::solver solver = make_solver(instantiation);
    query.assertions.push_back(!all);
    switch (check(query, solver, true)) {
      case z3::unsat: return;
      case z3::unknown:
        tally.unknown = 1;
        tally.reason = "not decided in " + std::to_string(options_.timeout_ms / 1000) + " s: " + instantiation.description;
        return;
      case z3::sat: break;
    }
    tally.failed = 1;
    const z3::model model = solver.get_model();
    std::ostringstream text;
    text << "  with " << instantiation.description << "\n";
    for (const NamedTerm& variable : instantiation.variables) {
      text << "    " << variable.name << " = " << number_text(model.eval(variable.term, true)) << "\n";
    }
    for (const NamedTerm& outcome : instantiation.outcomes) {
      text << "    " << outcome.name << ": " << number_text(model.eval(outcome.term, true)) << "\n";
    }
    for (size_t i = 0; i < instantiation.goals.size(); ++i) {
      if (model.eval(instantiation.goals[i], true).is_false()) {
        text << "  does not hold: " << instantiation.goal_names[i] << "\n";
      }
    }
    tally.counterexample = text.str();
  }

  void export_query(isle::RuleId rule, const Instantiation& instantiation, z3::solver& solver) {
    if (options_.export_directory.empty()) return;
    const std::string name = program().rules[rule].name;
    std::ofstream file(options_.export_directory + "/" + name + "_" + std::to_string(exported_++) + ".smt2");
    file << "; rule " << name << "\n; " << instantiation.description << "\n; unsat: the rule holds\n" << solver.to_smt2();
  }

  const VerifyOptions& options_;
  std::unique_ptr<Definitions> definitions_;
  ProofCache* cache_;
  const std::string z3_name_ = z3_name();
  const std::string cvc5_name_ = cvc5_name(Cvc5Strategy::BitVectors);
  z3::context context_;
  Terms terms_;
  std::vector<Tally> tallies_;
  std::vector<bool> seen_to_apply_;  // by rule: for at least two inputs
  uint64_t instantiations_ = 0;
  uint64_t queries_ = 0, known_ = 0;
  uint64_t confirmed_ = 0, unconfirmed_ = 0;
  uint64_t exported_ = 0;
};

}  // namespace

const char* to_string(RuleState state) {
  switch (state) {
    case RuleState::Proven: return "proven";
    case RuleState::Trusted: return "trusted";
    case RuleState::Failed: return "failed";
    case RuleState::Unknown: return "unknown";
  }
  return "?";
}

Expected<UnitResult> verify_isa(IsaKind isa, const VerifyOptions& options) {
  const RuleSources* sources = rule_sources(isa);
  if (sources == nullptr) return fail(std::string("no rules for ") + name(isa) + " in this build");
  return verify_sources(isa, *sources, options);
}

Expected<UnitResult> verify_sources(IsaKind isa, const RuleSources& sources, const VerifyOptions& options) {
  const auto begin = std::chrono::steady_clock::now();

  std::unique_ptr<ProofCache> cache;
  if (!options.cache.empty()) {
    auto opened = ProofCache::open(options.cache);
    if (!opened) return std::unexpected(opened.error());
    cache = *std::move(opened);
  }
  unsigned jobs = options.jobs != 0 ? options.jobs : std::max(1u, std::thread::hardware_concurrency());
  std::vector<std::unique_ptr<Prover>> provers;
  for (unsigned i = 0; i < jobs; ++i) {
    Diagnostics errors;
    auto definitions = load_definitions(sources, errors);
    if (definitions == nullptr) return std::unexpected(errors.front());
    provers.push_back(std::make_unique<Prover>(options, std::move(definitions), cache.get()));
  }

  const isle::Program& program = provers[0]->program();
  const RuleUsers users(program);
  const auto selected = [&](const isle::Rule& rule) {
    if (!users.reached(rule.term)) return false;
    if (options.rules.empty()) return true;
    return std::any_of(options.rules.begin(), options.rules.end(),
                       [&](const std::string& part) { return rule.name.find(part) != std::string::npos; });
  };
  std::atomic<uint32_t> next{0};
  std::mutex mutex;
  std::string internal_error;
  std::vector<double> cpu(jobs);
  const auto work = [&](unsigned worker) {
    Prover& prover = *provers[worker];
    try {
      for (uint32_t i = next++; i < program.rules.size(); i = next++) {
        const isle::Rule& rule = prover.program().rules[isle::RuleId(i)];
        if (!users.is_root(rule.term) || !selected(rule)) continue;
        prover.prove(isle::RuleId(i));
        if (options.progress) {
          const Tally& tally = prover.tallies()[i];
          RuleResult result{.name = rule.name, .term = prover.program().terms[rule.term].name};
          result.state = tally.state(true);
          result.applicable = tally.applicable;
          result.seconds = tally.seconds;
          const std::lock_guard lock(mutex);
          options.progress(result);
        }
      }
    } catch (const z3::exception& error) {
      const std::lock_guard lock(mutex);
      internal_error = std::string("Z3: ") + error.msg();
    } catch (const std::runtime_error& error) {
      const std::lock_guard lock(mutex);
      internal_error = error.what();
    }
    cpu[worker] = thread_seconds();
  };
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < jobs; ++i) threads.emplace_back(work, i);
  for (std::thread& thread : threads) thread.join();
  if (!internal_error.empty()) return fail(internal_error, "this is a mistake in Assay's prover");
  if (cache != nullptr && !cache->error().empty()) {
    return std::unexpected(Diagnostic{{.file = options.cache}, "cannot write the proof cache: " + cache->error(), "use --no-cache"});
  }

  UnitResult unit{.isa = isa};
  std::vector<Tally> totals(program.rules.size());
  for (const isle::Rule& rule : program.rules) {
    if (!selected(rule)) continue;
    Tally& total = totals[rule.id.index];
    for (const auto& prover : provers) total.add(prover->tallies()[rule.id.index]);
    const bool is_root = users.is_root(rule.term);
    const Place place = program.place(rule.position);
    RuleResult result{.name = rule.name,
                      .term = program.terms[rule.term].name,
                      .file = place.file,
                      .line = place.line,
                      .state = total.state(is_root),
                      .applicable = total.applicable,
                      .inapplicable = total.inapplicable,
                      .seconds = total.seconds};
    for (const uint32_t lemma : total.lemmas) result.lemmas.push_back(program.terms[isle::TermId(lemma)].name);
    if (result.state == RuleState::Failed) result.counterexample = total.counterexample;
    if (result.state == RuleState::Trusted || result.state == RuleState::Unknown) {
      result.reason = !total.reason.empty()                ? total.reason
                      : is_root || total.inapplicable != 0 ? "no instantiation applies"
                                                           : "no rule that is proven uses it";
    }
    result.has_one_input = is_root && total.applicable != 0 && !total.has_several_inputs;
    unit.rules.push_back(std::move(result));
  }
  std::vector<RuleResult*> by_rule(program.rules.size());
  size_t next_result = 0;
  for (const isle::Rule& rule : program.rules) {
    if (selected(rule)) by_rule[rule.id.index] = &unit.rules[next_result++];
  }
  chain_lemmas(program, totals, by_rule);
  for (const RuleResult& rule : unit.rules) {
    unit.proven += rule.state == RuleState::Proven;
    unit.trusted += rule.state == RuleState::Trusted;
    unit.failed += rule.state == RuleState::Failed;
    unit.unknown += rule.state == RuleState::Unknown;
  }
  for (const auto& prover : provers) prover->add_counts(unit);
  for (double seconds : cpu) unit.cpu_seconds += seconds;
  unit.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return unit;
}

}  // namespace assay::verify
