// Is each instruction of this VCode as its description says? Operand counts and kinds, register classes, branches at
// the ends of blocks and to successors (V3), features that are on, flags read before something overwrites them (V4).
// What does not need the descriptions (edges, definitions, dominance) is checked by regalloc/verify_vcode.h. Linear.
#pragma once

#include "compiler/machine/inst_desc.h"
#include "compiler/machine/vcode.h"
#include "compiler/support/diagnostic.h"

namespace assay::machine {

// The first thing that is wrong, naming block and instruction.
Expected<void> verify_insts(const VCode& vcode, const InstSet& insts);

}  // namespace assay::machine
