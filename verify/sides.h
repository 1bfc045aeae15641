// Both sides of the mid-end's rules on the interpreter: an answer that owes nothing to the solver's meanings, nor to
// what the prover makes of a rule.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "verify/rule_sources.h"

namespace assay::verify {

struct Sides {
  size_t compared = 0;     // inputs
  std::string difference;  // the first: the function that returns both, and its input
};

// Of rules of `simplify`; of others nothing is compared. For models of what the prover assumes when it proves them.
Sides compare_sides(const RuleSources& sources, const std::vector<std::string>& rules);

}  // namespace assay::verify
