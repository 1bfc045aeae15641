// The machines of the registry with their lowering rules applied by the rule interpreter instead of the generated decision
// trees: the same rules, contexts and everything else. What both select must be the same, instruction by instruction.
#pragma once

#include <memory>

#include "compiler/machine/isa.h"

namespace assay::isa {

// Null if the backend is not part of this build.
std::unique_ptr<machine::TargetIsa> interpreted_isa(IsaKind kind);

}  // namespace assay::isa
