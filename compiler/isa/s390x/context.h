// s390x: what the lowering rules talk to. Beside the shared terms (machine/lower.h) and the instructions' own terms,
// which are generated from the definitions, only what stands here is C++.
#pragma once

#include "compiler/isa/s390x/insts.h"
#include "compiler/machine/lower.h"

namespace assay::isa::s390x {

// The machine, with everything the shared code needs to know about it.
const machine::TargetIsa& target_isa();

class Context final : public Terms<machine::LowerContext> {
 public:
  // The address of a place in the frame.
  Reg frame_address(const Amode& place) { return s390_lay(place); }
  // Jumps to targets[index]; the index is below their number, zero-extended.
  Unit jump_table(Reg index, MachLabelSlice targets);
};

}  // namespace assay::isa::s390x
