// x64: the System V calling convention as tables, and what frames, moves and jump tables are made of.
//
// Inside a function rbp points at the saved rbp (below the return address), rsp is constant, r11 is free for moves
// between two frame places and for addresses. See machine/isa.h for what each function has to guarantee.
#pragma once

#include "compiler/machine/isa.h"

namespace assay::isa::x64 {

// Sets the calling convention, the registers, and the functions that make frames, moves and hatches.
void set_abi(machine::TargetIsa& isa);

}  // namespace assay::isa::x64
