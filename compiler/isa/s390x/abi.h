// s390x: the calling convention as tables, and what frames, moves and jump tables are made of.
//
// A caller leaves 160 bytes above its stack pointer to the function it calls; there the prologue saves r6 to r15, as
// far as they are written, each in its own place. r15 is constant in between. r0 is free for moves between two frame
// places, r1 for addresses. See machine/isa.h for what each function has to guarantee.
#pragma once

#include "compiler/machine/isa.h"

namespace assay::isa::s390x {

// Sets the calling convention, the registers, and the functions that make frames, moves and hatches.
void set_abi(machine::TargetIsa& isa);

}  // namespace assay::isa::s390x
