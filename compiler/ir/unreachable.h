// Blocks that no way from the entry leads to.
#pragma once

#include <cstdint>

#include "compiler/ir/cfg.h"
#include "compiler/ir/function.h"

namespace assay::ir {

// Removes them, and says how many they were; `cfg` is that of the function as it is. Who asks for the address of a
// handler of a try_call among them gets a number that is not 0: nobody ever goes on there, so any will do.
uint32_t remove_unreachable_blocks(Function& function, const ControlFlowGraph& cfg);

}  // namespace assay::ir
