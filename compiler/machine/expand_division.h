// Division and remainder of 128 bits, for which no machine has an instruction.
//
// The operation's block is split behind it. In between: its traps; the magnitudes, if it is signed; one division of 64
// bits if both operands fit, else the schoolbook's loop, a bit of the quotient each time round; the sign.
#pragma once

#include "compiler/ir/function.h"

namespace assay::machine {

bool is_wide_division(const ir::InstData& data);

// Precondition: it is one, in a block, and the function verifies.
void expand_wide_division(ir::Function& function, ir::Inst division);

}  // namespace assay::machine
