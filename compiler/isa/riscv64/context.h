// RISC-V 64: what the lowering rules talk to. Beside the shared terms (machine/lower.h) and the instructions' own
// terms, which are generated from the definitions, only what stands here is C++.
#pragma once

#include "compiler/isa/riscv64/insts.h"
#include "compiler/machine/lower.h"

namespace assay::isa::riscv64 {

// The machine, with everything the shared code needs to know about it.
const machine::TargetIsa& target_isa();

class Context final : public Terms<machine::LowerContext> {
 public:
  // x0.
  Reg zero_reg() const { return machine::PReg(machine::RegClass::Gpr, 0); }
  // The address of a place in the frame.
  Reg frame_address(const Amode& place) { return rv_lea(place); }
  // Jumps to targets[index]; the index is below their number, zero-extended.
  Unit jump_table(Reg index, MachLabelSlice targets);
};

}  // namespace assay::isa::riscv64
