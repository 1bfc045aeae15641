// AArch64: the calling convention as tables, and what frames, moves and jump tables are made of.
//
// Inside a function x29 points at the caller's x29 and x30, which stand at the top of the frame; the stack pointer is
// constant. x17 is free for addresses, x16 for moves between two frame places. See machine/isa.h for what each function
// has to guarantee.
#pragma once

#include "compiler/machine/isa.h"

namespace assay::isa::aarch64 {

// Sets the calling convention, the registers, and the functions that make frames, moves and hatches.
void set_abi(machine::TargetIsa& isa);

}  // namespace assay::isa::aarch64
