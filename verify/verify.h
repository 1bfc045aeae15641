// Proves the rules of a unit, an ISA's lowering rules or the mid-end's: every rule, at every type it admits, against
// the meaning of CLIF's operations and of the machine's instructions.
//
// A rule is expanded into instantiations (expand.h); each is one query: can its assumptions hold while a goal does not?
// A rule is proven if at least one instantiation applies (its assumptions are satisfiable), all that apply are valid,
// and the lemmas it rests on are proven.
// Rules of lower and lower_branch, and of helper terms that have a spec, are proven directly; any other helper rule
// is proven in the rules that use it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "compiler/machine/isa_kind.h"
#include "compiler/support/diagnostic.h"

namespace assay::verify {

struct VerifyOptions {
  unsigned jobs = 0;               // threads; 0: one per processor
  unsigned timeout_ms = 60'000;    // of processor time, per query
  std::vector<std::string> rules;  // names or parts of names; empty: all
  bool whole_names = false;        // no parts
  bool with_users = false;         // of a rule that is proven only where it is used, those that use it, too
  std::string export_directory;    // write each query there as SMT-LIB, if not empty
  std::string cache;               // file of verdicts of earlier runs (proof_cache.h); empty: none
  double recheck = 0;              // share of what the cache knows that is asked again
  bool cross_check = false;        // have cvc5 confirm what is proven
  bool functions = true;           // make RuleResult::function
  bool all_failures = false;       // go on after a rule's first counterexample: RuleResult::failed counts them
  bool only_trials = false;        // nothing is proven: rules fail for values that are tried, or stay unknown
  // For those who ask about the same rules, or similar ones, again and again; each may be null.
  std::shared_ptr<class Definitions> definitions;  // of the sources that are given, for one thread
  std::shared_ptr<class ProofCache> shared_cache;  // instead of `cache`
  // Told after each rule; called from one thread at a time.
  std::function<void(const struct RuleResult&)> progress;
};

enum class RuleState : uint8_t {
  Proven,   // perhaps from lemmas: specs of helper terms, whose rules are proven themselves
  Trusted,  // a contract that no rule states; `reason` names what stands in for the proof
  Failed,   // a counterexample
  Unknown,  // the solver gave up, nothing applies, something has no model, or a lemma is not proven: see `reason`
};
const char* to_string(RuleState state);

struct RuleResult {
  std::string name;
  std::string term;
  std::string file;
  uint32_t line = 0;
  RuleState state = RuleState::Unknown;
  std::string reason;          // of Unknown and Trusted
  std::string counterexample;  // of Failed: several lines: the rule's text, in terms of whose variables the rest is
  std::string function;        // of Failed: a file for `assay test` that fails where this rule is compiled in, or empty
  std::string obstacle;        // why there is none
  unsigned applicable = 0;     // instantiations
  unsigned inapplicable = 0;
  unsigned failed = 0;              // of the applicable; no more than one unless VerifyOptions::all_failures
  bool has_one_input = false;       // it fires for a single value of its variables, of all its instantiations
  std::vector<std::string> lemmas;  // the helper terms on whose spec it rests
  std::vector<std::string>
      solvers;         // who has proven its instantiations: "simplification", "z3 4.8.12", "cvc5 1.0.3, integers"
  double seconds = 0;  // of processor time
};

struct UnitResult {
  std::string unit;               // the ISA's name, or "opt"
  std::vector<RuleResult> rules;  // in the order of the sources
  unsigned proven = 0, trusted = 0, failed = 0, unknown = 0;
  uint64_t instantiations = 0;
  uint64_t settled = 0;                     // of the applicable: proven by simplification, without a solver
  uint64_t queries = 0, known = 0;          // asked of a solver or the cache; of those, known to the cache
  uint64_t confirmed = 0, unconfirmed = 0;  // of a cross-check: proofs that cvc5 finds too; those it gave up on
  double seconds = 0;                       // wall clock
  double cpu_seconds = 0;                   // summed over threads
};

// Errors: the rule or instruction files do not parse, or the ISA is not built in.
Expected<UnitResult> verify_isa(IsaKind isa, const VerifyOptions& options);
// The same for rules, instructions and operations given as text; `isa` is for the report only.
struct RuleSources;
Expected<UnitResult> verify_sources(IsaKind isa, const RuleSources& sources, const VerifyOptions& options);
// Those of the mid-end: each rule of `simplify` against the meaning of CLIF's operations on both sides.
Expected<UnitResult> verify_optimizer(const RuleSources& sources, const VerifyOptions& options);

}  // namespace assay::verify
