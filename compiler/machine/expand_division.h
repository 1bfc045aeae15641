// Division and remainder of 128 bits, for which no machine has an instruction: before lowering they become CLIF that
// rules can lower.
//
// The operation's block is split behind it. In between: its traps; the magnitudes, if it is signed; one division of 64
// bits if both operands fit, else the schoolbook's loop, a bit of the quotient each time round; the sign. No rule and
// no proof speaks of it: corpus/filetests/i128_arithmetic.clif and campaigns hold it against the interpreter.
#pragma once

#include <vector>

#include "compiler/ir/function.h"

namespace assay::machine {

bool has_wide_division(const ir::Function& function);

// Replaces them all. Values and instructions keep their numbers; `origins` tells for each new instruction, from
// function.inst_count() as it was, the operation that it is part of. Precondition: the function verifies.
void expand_wide_divisions(ir::Function& function, std::vector<ir::Inst>& origins);

}  // namespace assay::machine
