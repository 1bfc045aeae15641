// Do the judges notice? Each mutant (mutate.h) takes the place of the original text, and the rules it can affect are
// proven again, in this process: nothing is rebuilt. A spec of a term that is C++ is held against the C++ first
// (helper_check.h), an instruction's definition against disassembler and machines (mutants_instructions.h).
//
// A mutant that everything is still proven with has survived. It is equivalent (it does what the original does, or is
// right for another reason) or a hole in the prover; which, only a reader can tell, and says so in a file of
// explanations. Rules that are not proven to begin with cannot judge.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "compiler/machine/isa_kind.h"
#include "compiler/support/diagnostic.h"
#include "verify/mutate.h"

namespace assay::verify {

enum class MutantState : uint8_t {
  Invalid,     // refused by the rule compiler's parser or type checker, or a spec that is not well-typed: not counted
  Refuted,     // a rule has a counterexample, or the spec is not what the C++ behind its term does
  Noticed,     // a rule is no longer proven, or the rule compiler finds that rules overlap
  Equivalent,  // does what the original does, as the tool itself can tell
  Explained,   // survived, and the explanations say why that is right
  Survived,
  Unjudged,  // all rules it affects are unproven without it, too
};
const char* to_string(MutantState state);

// Why mutants that survive are no holes. In the patterns `*` stands for any text.
struct Explanation {
  std::string unit, subject, kind, change;  // patterns
  std::string reason;
};
// A line each: `unit | rule or term | kind | change | reason`. Empty lines and those that begin with # say nothing.
Expected<std::vector<Explanation>> parse_explanations(const std::string& file, std::string_view text);

struct MutantResult {
  Mutant mutant;
  MutantState state = MutantState::Invalid;
  std::string judge;   // the rule that noticed; or "C++", "totality", "overlap", "disassembler", a machine, "notation"
  std::string reason;  // of Invalid, Noticed, Explained, Unjudged, and of Refuted by C++
  double seconds = 0;
};

struct MutantReport {
  std::string unit;    // the ISA's name, or "opt"
  size_t derived = 0;  // of which `results` are those that were asked for
  std::vector<MutantResult> results;
  double seconds = 0;

  size_t count(MutantState state) const;
  // Of those that count and are not equivalent: the share that the prover noticed; 1 if there are none.
  double killed() const;
};

// The table of docs/mutants.md: a row for each unit and group of mutants (rules, specs, encodings). `text` is the page;
// between its lines <!-- mutants --> and <!-- end --> the rows of the report's unit and groups are put in place of the
// old ones. Error: the page has no such lines.
Expected<std::string> with_table_rows(std::string_view text, const MutantReport& report);

struct MutantOptions {
  MutationOptions kinds;
  std::vector<std::string> subjects;  // parts of names of rules and terms; empty: all
  size_t count = 0;                   // a random choice of so many; 0: all
  uint64_t seed = 1;
  unsigned jobs = 0;            // threads; 0: one per processor
  unsigned timeout_ms = 5'000;  // of processor time, per query
  std::vector<Explanation> explanations;
  bool derive_only = false;  // the state of all is Invalid, nothing is proven
  // Told after each mutant; called from one thread at a time.
  std::function<void(const MutantResult&)> progress;
};

// Errors: the sources do not parse before any edit.
Expected<MutantReport> judge_mutants(IsaKind isa, const RuleSources& sources, const MutantOptions& options);
// The same of the mid-end's rules. One that everything is still proven with says that two values are equal, and they
// are: it is another right rule. It counts as equivalent if the interpreter, too, finds its two sides equal
// (sides.h); else it has survived.
Expected<MutantReport> judge_optimizer_mutants(const RuleSources& sources, const MutantOptions& options);

}  // namespace assay::verify
