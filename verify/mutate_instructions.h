// Mutants of instruction definitions: small mistakes in .inst files, each one edit at a place that the notation's own
// lines and tokens tell (docs/notation.md).
//
// Derivation depends on the texts only. What the notation's checks refuse is left to them (mutants.h).
#pragma once

#include <span>
#include <vector>

#include "verify/mutate.h"

namespace assay::verify {

// In the order of the texts; Mutant::file counts RuleSources::instructions, Mutant::judges are the instructions whose
// encoding, text or meaning the edit can change. Errors: the texts do not parse, before any edit.
Expected<std::vector<Mutant>> derive_instruction_mutants(std::span<const RuleSource> instructions);

}  // namespace assay::verify
