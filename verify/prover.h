// Proves one rule after another with solvers of its own: expands it, asks about each instantiation, keeps what came
// out. One Prover a thread; verify.cpp sums them up. Internal to verify/.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "verify/expand.h"
#include "verify/proof_cache.h"
#include "verify/query_key.h"
#include "verify/verify.h"

namespace assay::verify {

// What is known of one rule while it is being proven; helper rules are credited in the rules that use them.
struct Tally {
  unsigned applicable = 0, inapplicable = 0, failed = 0, unknown = 0, trusted = 0;
  std::string reason, counterexample;
  std::string function, obstacle;  // see Counterexample
  std::string features;            // that must be on for it, each after a blank
  std::set<uint32_t> lemmas;
  std::set<std::string> solvers;  // who has proven it, of several instantiations
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
    solvers.insert(other.solvers.begin(), other.solvers.end());
    if (reason.empty()) reason = other.reason;
    if (counterexample.empty()) {
      counterexample = other.counterexample;
      function = other.function;
      features = other.features;
      obstacle = other.obstacle;
    }
  }
  // `is_root`: the rule is proven itself; another is proven if some instantiation that it takes part in is valid.
  RuleState state(bool is_root) const {
    const unsigned valid = applicable - std::min(applicable, failed + unknown);
    if (failed != 0 && (is_root || valid == 0)) return RuleState::Failed;
    if (is_root ? unknown == 0 && trusted == 0 && applicable != 0 : valid != 0) return RuleState::Proven;
    return trusted != 0 && unknown == 0 ? RuleState::Trusted : RuleState::Unknown;
  }
};

// Of the calling thread, since it began.
double thread_seconds();

class Prover {
 public:
  // `cache` may be null; `options` must outlive it.
  Prover(const VerifyOptions& options, std::shared_ptr<Definitions> definitions, ProofCache* cache);

  const isle::Program& program() const { return definitions_->program(); }
  // What is known so far, by rule.
  const std::vector<Tally>& tallies() const { return tallies_; }
  void add_counts(UnitResult& unit) const;

  // A rule of lower, lower_branch or a term with a spec. Helper rules are credited in the rules that use them.
  void prove(isle::RuleId rule);

 private:
  // One question; its solver and its key are made when they are needed: what the cache knows needs no solver.
  struct Query {
    isle::RuleId rule;
    std::vector<z3::expr> assertions;
    const Instantiation& instantiation;
    std::optional<z3::solver> solver = {};
    std::optional<CanonicalQuery> canonical = {};
  };

  bool attempt(isle::RuleId rule, ArithmeticMode mode);
  void decide(isle::RuleId rule, Instantiation& instantiation, Tally& tally);
  z3::check_result check(Query& query, bool wants_model);
  template <class Ask>
  z3::check_result known_or(const Ask& ask, Query& query, const std::string& solver, bool wants_model);
  std::optional<z3::check_result> remembered(Query& query, const std::string& solver, bool wants_model);
  QueryKey key_of(Query& query, const std::string& solver);
  z3::solver& solver_of(Query& query);
  bool is_rechecked(const QueryKey& key) const;
  z3::check_result first_try(Query& query);
  void refute_by_trial(const Instantiation& instantiation, const z3::expr& all, Tally& tally);
  z3::check_result split_by_shift(Query& query);
  z3::check_result fall_back(Query& query, bool wants_model);
  void confirm(Query& query);
  bool has_several_inputs(Query& query);
  z3::solver make_solver(const Instantiation& instantiation);
  void export_query(Query& query);

  const VerifyOptions& options_;
  std::shared_ptr<Definitions> definitions_;
  ProofCache* cache_;
  const std::string z3_name_, z3_long_;
  const std::string cvc5_name_, cvc5_integers_;
  z3::context context_;
  Terms terms_;
  std::vector<Tally> tallies_;
  std::vector<bool> seen_to_apply_;  // by rule: for at least two inputs
  std::string decided_by_;           // the last query
  uint64_t instantiations_ = 0;
  uint64_t settled_ = 0;
  uint64_t queries_ = 0, known_ = 0;
  uint64_t confirmed_ = 0, unconfirmed_ = 0;
  uint64_t exported_ = 0;
};

}  // namespace assay::verify
