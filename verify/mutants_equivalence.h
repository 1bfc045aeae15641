// Mutants of an instruction's meaning that mean the same: asked of the solver, for every combination of parameters.
#pragma once

#include <string>
#include <vector>

#include "compiler/isle/notation/definition.h"

namespace assay::verify {

// Whether the instructions of these names give the same results, flags, traps, memory accesses and decisions in both
// definitions, for all operands that the original admits. "No" may also mean that the solver gave up.
bool mean_the_same(const notation::Definitions& original, const notation::Definitions& mutated,
                   const std::vector<std::string>& instructions, unsigned timeout_ms);

}  // namespace assay::verify
