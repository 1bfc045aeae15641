// What no machine, or not this one, has instructions for: before lowering it becomes CLIF that rules can lower.
//
//   divisions of 128 bits             a loop (expand_division.h)
//   atomic_rmw; narrow atomic_cas     a loop around atomic_cas, of the aligned word if need be
//   atomic accesses of 128 bits       atomic_cas
//   integers of 128 bits to floats    two halves, or the leading 64 bits and whether others follow
//   fma, on machines without          a call of the library
//   f16, f128                         bits in integer registers; arithmetic is that of f32, or the library's
//   stack limits                      a comparison of the stack pointer at the start
//   symbols with an odd offset        the even one below, and 1
//   thread-local values               a call of __emutls_get_address
//   structs by value of odd sizes     copies in whole words
//   slots aligned to more than the    more room, and an address that is rounded up
//     stack pointer, up to 4 KiB
//   canonical NaNs, if asked for      a comparison and a select behind each operation
//
// No rule and no proof speaks of it: what comes out means the same as what went in, by the interpreter's word, and
// expand_test asks it. TargetIsa::expanded says what this machine needs. Library calls are those of compiler-rt and
// libm, and CLIF's own (%FmaF32 …); what links the code provides them.
#pragma once

#include <vector>

#include "compiler/ir/function.h"
#include "compiler/machine/isa.h"

namespace assay::machine {

// Is there anything in it that has to be expanded?
bool needs_expansion(const ir::Function& function, const TargetIsa& isa, bool canonical_nans);

// Expands it all. Values and instructions keep their numbers, but not values of types that the machine has no registers
// for their types; `origins` tells for each new instruction, from function.inst_count() as it was, the instruction
// given that it is part of. Precondition: the function verifies.
void expand(ir::Function& function, const TargetIsa& isa, bool canonical_nans, std::vector<ir::Inst>& origins);

}  // namespace assay::machine
