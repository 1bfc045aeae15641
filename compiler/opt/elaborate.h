// Elaboration: from the e-graph and the instructions that stayed in their blocks back to a function.
//
// Blocks are visited in pre-order of the dominator tree. Whatever an instruction that stayed uses is taken from its
// class by cost and placed in front of it, unless it stands already where it dominates (so nobody computes a value
// twice on one path), or all its operands are known outside a loop: then it goes to the end of the block before the
// loop. Constants stay where they are used. What nobody asks for is never placed.
#pragma once

#include <cstdint>

#include "compiler/ir/dominators.h"
#include "compiler/ir/function.h"
#include "compiler/ir/loops.h"
#include "compiler/opt/egraph.h"
#include "compiler/support/steps.h"

namespace assay::opt {

struct ElaborationStats {
  uint64_t placed = 0;
  uint64_t hoisted = 0;     // of those, out of loops
  uint64_t duplicated = 0;  // of those, for another place than the first
};

// `preorder` are the reachable blocks in pre-order of the dominator tree. Operands of the instructions in blocks are
// classes of `graph`.
void elaborate(EGraph& graph, std::span<const ir::Block> preorder, const ir::DominatorTree& dominators,
               const ir::LoopForest& loops, bool hoist, ElaborationStats& stats, Steps* steps = nullptr);

}  // namespace assay::opt
