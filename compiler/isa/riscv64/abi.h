// RISC-V 64: the calling convention as tables, and what frames, moves and jump tables are made of.
//
// Inside a function s0 is the stack pointer at entry; ra and the caller's s0 stand in the 16 bytes below it. sp is
// constant. t6 is free for addresses, t5 for moves between two frame places. See machine/isa.h for what each
// function has to guarantee.
#pragma once

#include "compiler/machine/isa.h"

namespace assay::isa::riscv64 {

// Sets the calling convention, the registers, and the functions that make frames, moves and hatches.
void set_abi(machine::TargetIsa& isa);

}  // namespace assay::isa::riscv64
