// Checks the invariants of VCode over virtual registers (V1-V5 of vcode.h) and what the allocator asks beyond them.
#pragma once

#include "compiler/regalloc/allocation.h"

namespace assay::regalloc {

// All violations, up to a hundred. Near-linear (O(n log n): sorted edges, Semi-NCA dominators).
Diagnostics verify_vcode(const machine::VCode& code, const InstClobbers& clobbers);

}  // namespace assay::regalloc
