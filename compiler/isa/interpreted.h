// The machines of the registry with their lowering rules applied by the rule interpreter instead of the generated
// decision trees: the same rules, contexts and everything else. What both select must be the same, instruction by
// instruction.
#pragma once

#include <memory>

#include "compiler/isle/sema.h"
#include "compiler/machine/isa.h"

namespace assay::isa {

// Null if the backend is not part of this build.
std::unique_ptr<machine::TargetIsa> interpreted_isa(IsaKind kind);

// For tests: from now on the interpreted ISA has these rules, which may differ from its own in the bodies of rules
// only; null: its own again. `rules` must outlive its use.
void set_interpreted_rules(IsaKind kind, const isle::Program* rules);

}  // namespace assay::isa
