// AArch64: what the lowering rules talk to. Beside the shared terms (machine/lower.h) and the instructions' own terms,
// which are generated from the definitions, only what stands here is C++.
#pragma once

#include "compiler/isa/aarch64/bitmask.h"
#include "compiler/isa/aarch64/insts.h"
#include "compiler/machine/lower.h"

namespace assay::isa::aarch64 {

// The machine, with everything the shared code needs to know about it.
const machine::TargetIsa& target_isa();

class Context final : public Terms<machine::LowerContext> {
 public:
  // Register 31, where it reads as zero.
  Reg zero_reg() const { return machine::PReg(machine::RegClass::Gpr, 31); }
  // The number, if it can be the immediate of a logical instruction of 32 (64) bits.
  std::optional<int64_t> logical32(int64_t k) const;
  std::optional<int64_t> logical64(int64_t k) const;
  // The address of a place in the frame.
  Reg frame_address(const Amode& place) { return a64_lea(place); }
  // Jumps to targets[index]; the low 32 bits of the index are below their number.
  Unit jump_table(Reg index, MachLabelSlice targets);
};

}  // namespace assay::isa::aarch64
