// What a person gets to see of a rule that does not hold: its text, the values of its variables, what both sides gave,
// and a CLIF function on which a compiler with that rule fails `assay test`. Internal to verify/.
#pragma once

#include <string>
#include <vector>

#include "verify/expand.h"

namespace assay::verify {

struct Counterexample {
  std::string text;      // of several lines, indented
  std::string function;  // with its directives, for `assay test`; empty: see `obstacle`
  std::string obstacle;  // why there is no function
};

// `solver` holds the assumptions and that a goal fails, and has a model of them. If a
// function can be had, the values are those of its first directive.
Counterexample make_counterexample(Definitions& definitions, Terms& terms, const isle::Rule& rule,
                                   const Instantiation& instantiation, z3::solver& solver, bool wants_function);

// A function for a rule of a helper term: tries users of it with choices at random, for some seconds at most. Empty if
// none shows a failure.
std::string find_counterexample_function(Definitions& definitions, Terms& terms, const isle::Rule& rule);

}  // namespace assay::verify
