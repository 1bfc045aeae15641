// Does some rule always match? Of each operation at each choice of types and condition that has a rule at all, and of
// each helper term that proofs take for its spec: the conditions of its rules, as proofs see them, must cover all
// inputs.
//
// T1  A rule that looks through an operand at its definition covers nothing: the operand may be defined otherwise.
// T2  Nor does one that asks a term which may decline although its spec's requirements hold.
// T3  Partial terms may fail; they are no part of this.
// T4  Two rules of equal priority never match the same inputs. The rule compiler refuses what may overlap by its form;
//     this asks the solver about the conditions of what it admits, but for rules of T1 and T2.
// T5  A helper term without a spec has a rule wherever it is called: for the arguments that the calling rule gives it,
//     as far as is known of them there.
#pragma once

#include <string>
#include <vector>

#include "compiler/machine/isa_kind.h"
#include "compiler/support/diagnostic.h"

namespace assay::verify {

struct RuleSources;

struct Hole {
  std::string what;    // "iadd.i32(x: i32, y: i32)", "zext64(i8)"
  std::string reason;  // the inputs that no rule matches, or why it is not known
};

struct Totality {
  std::vector<std::string> covered;  // like Hole::what
  std::vector<Hole> holes;
  std::vector<Hole> overlaps;  // inputs for which two rules of equal priority match (T4)
  size_t pairs = 0;            // of rules that were asked about
};

// Error: the rules do not parse, or the ISA is not built in.
Expected<Totality> check_totality(IsaKind isa, unsigned timeout_ms = 10'000);
Expected<Totality> check_totality(const RuleSources& sources, unsigned timeout_ms = 10'000);

}  // namespace assay::verify
