// See cfg.h. Compressed rows: counts first, then a second pass fills.
#include "compiler/ir/cfg.h"

namespace assay::ir {

void ControlFlowGraph::compute(const Function& function) {
  const size_t blocks = function.block_count();
  pred_begin_.assign(blocks + 1, 0);
  succ_begin_.assign(blocks + 1, 0);
  for (Block b : function.blocks()) {
    const Inst branch = function.last_inst(b);
    if (branch.is_none()) continue;
    for (const BlockCall& call : function.block_calls(branch)) {
      if (call.block.index >= blocks) continue;  // the verifier reports it
      ++succ_begin_[b.index + 1];
      ++pred_begin_[call.block.index + 1];
    }
  }
  for (size_t n = 0; n < blocks; ++n) {
    pred_begin_[n + 1] += pred_begin_[n];
    succ_begin_[n + 1] += succ_begin_[n];
  }
  successors_.resize(succ_begin_[blocks]);
  predecessors_.resize(pred_begin_[blocks]);
  std::vector<uint32_t> next(pred_begin_.begin(), pred_begin_.end() - 1);
  for (Block b : function.blocks()) {
    const Inst branch = function.last_inst(b);
    if (branch.is_none()) continue;
    uint32_t successor = succ_begin_[b.index];
    const std::span<const BlockCall> calls = function.block_calls(branch);
    for (uint32_t n = 0; n < calls.size(); ++n) {
      if (calls[n].block.index >= blocks) continue;
      successors_[successor++] = calls[n].block;
      predecessors_[next[calls[n].block.index]++] = {b, branch, n};
    }
  }

  // Reverse post-order by an iterative depth-first search.
  position_.assign(blocks, kUnreachable);
  order_.clear();
  if (function.entry_block().is_none()) return;
  struct Frame {
    Block block;
    uint32_t next;
  };
  std::vector<Frame> stack;
  std::vector<bool> seen(blocks);
  seen[function.entry_block().index] = true;
  stack.push_back({function.entry_block(), 0});
  while (!stack.empty()) {
    Frame& frame = stack.back();
    const std::span<const Block> next_blocks = successors(frame.block);
    // From the last successor to the first, so that the first comes first in reverse post-order.
    if (frame.next < next_blocks.size()) {
      const Block successor = next_blocks[next_blocks.size() - 1 - frame.next++];
      if (!seen[successor.index]) {
        seen[successor.index] = true;
        stack.push_back({successor, 0});
      }
      continue;
    }
    order_.push_back(frame.block);
    stack.pop_back();
  }
  for (size_t low = 0, high = order_.size(); low + 1 < high; ++low) std::swap(order_[low], order_[--high]);
  for (uint32_t n = 0; n < order_.size(); ++n) position_[order_[n].index] = n;
}

}  // namespace assay::ir
