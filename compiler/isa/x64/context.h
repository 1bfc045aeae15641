// x64: what the lowering rules talk to. Beside the shared terms (machine/lower.h) and the instructions' own, generated
// from the definitions, only jump tables need C++.
#pragma once

#include "compiler/isa/x64/insts.h"
#include "compiler/machine/lower.h"

namespace assay::isa::x64 {

// The machine, with everything the shared code needs to know about it.
const machine::TargetIsa& target_isa();

class Context final : public Terms<machine::LowerContext> {
 public:
  // Jumps to targets[index]; the index is below their number, zero-extended.
  Unit jump_table(Reg index, MachLabelSlice targets);
};

}  // namespace assay::isa::x64
