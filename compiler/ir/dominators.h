// The dominator tree of a function's blocks.
//
// Semi-NCA (Georgiadis, "Linear-Time Algorithms for Dominators and Related Problems", 2005): near-linear in practice,
// iterative. After compute(), dominates() is constant time (pre-order intervals of the tree).
#pragma once

#include <vector>

#include "compiler/ir/cfg.h"
#include "compiler/ir/function.h"

namespace assay::ir {

class DominatorTree {
 public:
  DominatorTree() = default;
  DominatorTree(const Function& function, const ControlFlowGraph& cfg) { compute(function, cfg); }
  void compute(const Function& function, const ControlFlowGraph& cfg);  // reuses its memory

  // None for the entry block and for unreachable blocks.
  Block immediate_dominator(Block b) const { return idom_[b.index]; }
  // Does every path to `b` pass through `a`? A block dominates itself; unreachable blocks dominate only themselves and
  // are dominated by everything.
  bool dominates(Block a, Block b) const {
    if (a == b) return true;
    if (pre_[b.index] == 0) return true;
    if (pre_[a.index] == 0) return false;
    return pre_[a.index] <= pre_[b.index] && pre_[b.index] <= last_[a.index];
  }
  // Where a block stands in a pre-order walk of the tree, from 1; 0 if unreachable.
  uint32_t preorder(Block b) const { return pre_[b.index]; }

 private:
  std::vector<Block> idom_;
  std::vector<uint32_t> pre_, last_;  // by block: pre-order number, greatest number in the subtree
};

}  // namespace assay::ir
