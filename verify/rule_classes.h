// How the mid-end's rules change what a function costs, and whether they come to an end.
//
// A rule's class compares its sides by opt::operation_cost, a variable's cost unknown:
//   shrinking   the right side costs less, and uses no variable more often than the left
//   reordering  it costs the same, and uses no variable more often
//   growing     anything else: for some operands it may cost more
// A growing rule can be right (x + x = x << 1 saves no operation, but a machine is faster with it), as long as rules do
// not feed each other for ever.
//
// F1  A step is a rule and a node that it makes. One feeds another if the node may be what that rule's left side
//     matches: operation, condition code and width agree; where the pattern asks for an operation there is no constant
//     (whose class has nothing else, E3 in egraph.h); where it asks for a constant there is none that the rule has
//     excluded. Any other operand may be anything, since its class may have other members.
// F2  A cycle of steps ends if operations have weights, 0 or more, by which no step of it becomes heavier and one
//     becomes lighter, and no rule that operands made on the way may set off becomes heavier. (The dependency pairs of
//     Arts and Giesl, 2000, for innermost rewriting: the e-graph makes operands before what uses them, with linear
//     weights.) Steps that become lighter are taken out, and the cycles of what remains are asked about again.
// F3  Cycles that are left are reported. They need not be endless: conditions on constants are not looked at, nor is
//     that equal nodes are one. What F1 and F2 say is about terms; what ends by no weight meets the limits of the
//     e-graph (E3 in egraph.h).
//
// Also here: whether each rule has a line above it that states its law, and how many families of rules there are.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compiler/support/diagnostic.h"

namespace assay::verify {

struct RuleSources;

enum class RuleClass : uint8_t { Shrinking, Reordering, Growing };
const char* to_string(RuleClass c);

struct ClassifiedRule {
  std::string name;
  RuleClass rule_class = RuleClass::Growing;
  unsigned left_cost = 0, right_cost = 0;  // of its operations
  std::string reason;                      // of Growing
  std::string law;                         // the comment above it, or above the family that it belongs to
};

// Rules that feed each other, perhaps without end.
struct RuleCycle {
  std::vector<std::string> rules;                // each feeds the next one, the last one the first
  RuleClass rule_class = RuleClass::Reordering;  // Growing, if one of them is
};

struct RuleClasses {
  std::vector<ClassifiedRule> rules;  // in the order of the sources
  unsigned shrinking = 0, reordering = 0, growing = 0;
  unsigned families = 0;             // rules that differ in the order of operands or in condition codes count once
  uint64_t steps = 0, feeds = 0;     // F1
  unsigned ended = 0;                // steps that stood in a cycle and are shown to end
  std::vector<RuleCycle> cycles;     // F3
  std::vector<std::string> lawless;  // rules without a law
};

// Errors: the rules do not parse.
Expected<RuleClasses> classify_rules(const RuleSources& sources);

}  // namespace assay::verify
