// Control flow: branches that always go one way, blocks that only lead on, block parameters that are always one value.
//
// C1  A conditional branch or table of a constant, or whose targets are all the same, becomes a jump.
// C2  A conditional trap of a constant goes, or becomes a trap and the end of its block.
// C3  A branch to a block that only jumps on, and whose parameters nobody else uses, goes where that leads.
//     A jump to a block that only branches on one of its parameters branches itself; where the argument is a constant,
//     any branch goes where that leads.
// C4  A parameter that gets one value from everywhere (itself not counted) is that value: it dominates the block.
// C5  A branch to a block that only traps, and that nobody else goes to, becomes a conditional trap. It is the same
//     instruction, so what traps keeps its name.
// C6  A block that only one jump leads to is joined to where that stands.
// C7  What can't be reached goes.
//
// Only plain block arguments are looked at; the blocks of a try_call stay as they are. Linear, a few rounds.
#pragma once

#include <cstdint>

#include "compiler/ir/cfg.h"
#include "compiler/ir/function.h"
#include "compiler/support/steps.h"

namespace assay::opt {

struct ControlStats {
  uint64_t branches_folded = 0;    // C1
  uint64_t traps_folded = 0;       // C2
  uint64_t threaded = 0;           // C3, edges
  uint64_t params_removed = 0;     // C4
  uint64_t conditional_traps = 0;  // C5
  uint64_t blocks_joined = 0;      // C6
  uint64_t blocks_removed = 0;     // C7

  uint64_t sum() const {
    return branches_folded + traps_folded + threaded + params_removed + conditional_traps + blocks_joined +
           blocks_removed;
  }
};

// The function must have no aliases; it has none afterwards.
void simplify_control(ir::Function& function, ControlStats& stats, Steps* steps = nullptr);

}  // namespace assay::opt
