// The natural loops of a function: cycles with one entry, their header, which dominates them.
//
// Loops with the same header are one loop. Cycles with several entries (irreducible ones) are not loops here.
// Cost: near-linear in the edges (inner loops are walked as one node, with a union-find forest).
#pragma once

#include <vector>

#include "compiler/ir/cfg.h"
#include "compiler/ir/dominators.h"
#include "compiler/ir/function.h"

namespace assay::ir {

using Loop = Entity<struct LoopTag>;

class LoopForest {
 public:
  LoopForest() = default;
  LoopForest(const Function& function, const ControlFlowGraph& cfg, const DominatorTree& dominators) {
    compute(function, cfg, dominators);
  }
  void compute(const Function& function, const ControlFlowGraph& cfg, const DominatorTree& dominators);

  size_t size() const { return loops_.size(); }
  Block header(Loop loop) const { return loops_[loop].header; }
  Loop parent(Loop loop) const { return loops_[loop].parent; }    // none for an outermost loop
  uint32_t depth(Loop loop) const { return loops_[loop].depth; }  // 1 for an outermost loop
  Loop innermost(Block b) const { return innermost_[b.index]; }   // none outside of loops
  uint32_t depth(Block b) const { return innermost(b).is_none() ? 0 : depth(innermost(b)); }
  bool contains(Loop loop, Block b) const;  // linear in the nesting

 private:
  struct LoopData {
    Block header;
    Loop parent;
    uint32_t depth = 0;
  };
  Table<Loop, LoopData> loops_;
  std::vector<Loop> innermost_;
};

}  // namespace assay::ir
