// The control flow graph of a function: predecessors and successors of each block, as dense arrays.
//
// A snapshot: it does not follow later changes. An edge stands once for each block call (brif to the same block twice
// gives two edges), which is what splitting edges and counting predecessors need. Cost: linear.
#pragma once

#include <span>
#include <vector>

#include "compiler/ir/function.h"

namespace assay::ir {

class ControlFlowGraph {
 public:
  ControlFlowGraph() = default;
  explicit ControlFlowGraph(const Function& function) { compute(function); }
  void compute(const Function& function);  // reuses its memory

  struct Predecessor {
    Block block;  // where the branch stands
    Inst branch;
    uint32_t call_index;  // which of block_calls(branch)
  };
  std::span<const Predecessor> predecessors(Block b) const {
    return {predecessors_.data() + pred_begin_[b.index], predecessors_.data() + pred_begin_[b.index + 1]};
  }
  std::span<const Block> successors(Block b) const {
    return {successors_.data() + succ_begin_[b.index], successors_.data() + succ_begin_[b.index + 1]};
  }
  // Blocks reachable from the entry block, in reverse post-order of a depth-first search.
  std::span<const Block> reverse_postorder() const { return order_; }
  bool is_reachable(Block b) const { return position_[b.index] != kUnreachable; }
  // The place of a reachable block in reverse_postorder().
  uint32_t position(Block b) const { return position_[b.index]; }

  static constexpr uint32_t kUnreachable = 0xffffffffu;

 private:
  std::vector<Predecessor> predecessors_;
  std::vector<Block> successors_;
  std::vector<uint32_t> pred_begin_, succ_begin_;
  std::vector<Block> order_;
  std::vector<uint32_t> position_;
};

}  // namespace assay::ir
