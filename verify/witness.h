// Witnesses: for each lowering rule, and each rule of the mid-end, a small CLIF function that makes it fire in the
// whole compiler, with arguments and the value that must come out. They come from models of what the prover assumes
// when it proves the rule (expand.h), so each proof has a check from end to end: that what it is about occurs, that the
// compiler then applies the rule, and that interpreter, solver and machine agree on the outcome.
//
// X1  A rule counts as witnessed only if the compiler's own counters say that it was applied to a function that was
//     kept.
// X2  Each function was compiled at both levels and run on the interpreter and on every executor of the ISA; what it
//     returned was held against the model's outcome, unless that depends on memory or addresses.
//     A rule of the mid-end fires on the whole function; what the mid-end leaves is held against the function by the
//     interpreter, and what becomes of it on all ISAs.
// X3  The same rules give the same witnesses.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "compiler/machine/isa_kind.h"
#include "compiler/support/diagnostic.h"

namespace assay::oracles {
struct Image;
}

namespace assay::verify {

struct WitnessOptions {
  unsigned functions_per_rule = 4;  // at most, at different types and forms, beside those for helper rules
  bool native = true;               // x64 also on the host
  std::vector<std::string> rules;   // names or parts of names; empty: all
  // For tests: this rule is switched off in the compiler; the code is spoilt before it runs.
  std::string without;
  std::function<void(IsaKind, oracles::Image&)> tamper;
};

struct Witness {
  std::string rule;                // whose turn it was
  std::string description;         // the instantiation: "iadd.i8(x: i8, y: i8)"
  std::vector<std::string> first;  // rules that fired here for the first time
  std::string features;            // that must be on, as in a target line
  std::string text;                // a CLIF function with directives
};

struct RuleNote {
  std::string rule;
  std::string file;
  uint32_t line = 0;
  std::string reason;
};

struct WitnessReport {
  std::string unit;                // the ISA's name, or "opt"
  std::vector<Witness> witnesses;  // in the order of the rules
  size_t rules = 0;                // that lowering, or the mid-end, reaches
  size_t witnessed = 0;
  std::vector<RuleNote> missing;     // rules that never fired; `reason`: what was found instead
  std::vector<RuleNote> one_input;   // rules of which only one input is known that they fire for
  std::vector<RuleNote> mismatches;  // `reason`: what differs, and the function
  std::vector<RuleNote> unjudged;    // rules that fire, but nobody can say what must come out
  std::vector<RuleNote> excused;     // rules that cannot fire, and why (witness_exceptions.cpp)
  size_t inputs = 0;                 // calls, each on every executor
  size_t foreseen = 0;               // of them those whose outcome the model foretold
  double seconds = 0;
};

// Error: the ISA is not part of the build, or its rules do not parse.
Expected<WitnessReport> find_witnesses(IsaKind isa, const WitnessOptions& options = {});

// Of the mid-end's rules.
Expected<WitnessReport> find_optimizer_witnesses(const WitnessOptions& options = {});

// Why this rule cannot fire though lowering (or the mid-end) reaches its term; null if it must.
const char* witness_exception(const std::string& unit, const std::string& rule);
// Why nobody can say what the rule's results should be; null of all others.
const char* why_not_judged(const std::string& unit, const std::string& rule);

// For `assay test`: a file for those that want no features, and one for each set that is wanted; by its names.
std::map<std::string, std::string> to_filetests(const WitnessReport& report);
// For people: a line of figures, then what is missing and what differs.
std::string describe(const WitnessReport& report);

}  // namespace assay::verify
