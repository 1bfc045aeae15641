// Whether the meaning of each instruction determines what it does: two outcomes for the same operands must be the same.
//
// D1  For each combination of its parameters, each register that an instruction defines and the flags are assigned.
// D2  Traps, branches, and what is stored where never depend on bits that the definition leaves `undefined`.
// D3  Registers and flags may have bits that the definition says are undefined; such a row is Weaker and names them.
#pragma once

#include <vector>

#include "verify/judgement.h"
#include "verify/rule_sources.h"

namespace assay::verify {

// A row for each instruction and combination of parameters. `sources.rules` is not looked at. Error: the instructions
// do not parse.
Expected<std::vector<Judgement>> check_determinism(const RuleSources& sources);

}  // namespace assay::verify
