// The orders in which the blocks of a function are emitted and lowered, with critical edges split.
//
// Reachable blocks are emitted in reverse post-order, cold ones last; lowering must not know of cold. With loops, the
// blocks of a loop stand together, turned so that one that may leave it is the last: what jumped back falls through. An
// edge whose source has several successors and whose target has several incoming edges gets an edge block of its own,
// placed right after the source (the one to the block that comes next in the order last, so that it falls through).
// Equal edges of one instruction (same target, same arguments) are one edge. Every edge of a try_call has a block of
// its own, where the call's results are received.
//
// A block with exactly one incoming edge needs no parameters: each one is the same value as its argument
// (single_value). Linear in blocks, edges and arguments.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "compiler/ir/cfg.h"
#include "compiler/ir/dominators.h"
#include "compiler/ir/function.h"
#include "compiler/ir/loops.h"
#include "compiler/machine/inst.h"
#include "compiler/support/random_choices.h"

namespace assay::machine {

class BlockOrder {
 public:
  struct Entry {
    ir::Block source;                           // the CLIF block, or none for an edge block
    ir::BlockCall call;                         // edge block: where it goes and what it passes
    ir::Inst branch;                            // the terminator if it branches (of an edge block: whose edge it is)
    uint32_t first_succ = 0, succ_count = 0;    // successors(): VCode blocks, each once
    uint32_t first_label = 0, label_count = 0;  // labels(): one per block call of `branch`, in order
    bool passes_args = false;                   // the single edge of `branch` goes straight to a block with parameters
    bool cold = false;
    bool is_try_edge = false;  // an edge block of a try_call
  };

  // Reuses its memory. The function must have passed the verifier. If `choices` are to be made, all blocks but the
  // entry are emitted in a random order. `with_loops`: they are found and laid out.
  void compute(const ir::Function& function, RandomChoices choices = {}, bool with_loops = false);

  std::span<const Entry> entries() const { return entries_; }
  std::span<const Block> successors(const Entry& e) const { return {succs_.data() + e.first_succ, e.succ_count}; }
  std::span<const Block> labels(const Entry& e) const { return {labels_.data() + e.first_label, e.label_count}; }
  // That of a CLIF block; null if the block cannot be reached.
  const Entry* entry_of(ir::Block block) const {
    return place_[block.index] < entries_.size() ? &entries_[place_[block.index]] : nullptr;
  }
  // Indices of entries() in an order in which dominators come first (the emission order but for cold blocks).
  std::span<const uint32_t> lowering_order() const { return lowering_order_; }
  // Reachable CLIF blocks in an order in which dominators come first.
  std::span<const ir::Block> reverse_postorder() const { return cfg_.reverse_postorder(); }
  // Of a function computed with loops.
  const ir::DominatorTree& dominators() const { return dominators_; }
  const ir::LoopForest& loops() const { return loops_; }
  // The only block call that leads to a block, or nothing if there are several (or none).
  const ir::BlockCall* only_edge(ir::Block block) const {
    return edge_count_[block.index] == 1 ? &only_edge_[block.index] : nullptr;
  }

 private:
  struct Edge {
    ir::BlockCall call;
    bool split = false;
    Block label;
  };
  void collect_edges(const ir::Function& function, ir::Inst branch);
  void lay_out_loops(const ir::Function& function);

  ir::ControlFlowGraph cfg_;
  ir::DominatorTree dominators_;
  ir::LoopForest loops_;
  std::vector<ir::Block> layout_;  // the reachable blocks, those of a loop together
  std::vector<Entry> entries_;
  std::vector<Block> succs_, labels_;
  std::vector<uint32_t> lowering_order_;
  std::vector<uint32_t> edge_count_;      // distinct edges into a CLIF block
  std::vector<ir::BlockCall> only_edge_;  // by CLIF block: the last edge seen
  std::vector<ir::Block> emission_;       // the reachable blocks, cold ones last
  std::vector<uint32_t> place_;           // by CLIF block: index of its entry
  std::vector<Edge> edges_;               // distinct edges of all branches, in order of blocks_
  std::vector<uint32_t> edge_of_call_;    // for each block call of each branch: index into edges_
  struct BlockEdges {
    ir::Block block;
    ir::Inst branch;
    bool is_try_call = false;
    uint32_t first_edge = 0, edge_count = 0, first_call = 0, call_count = 0;
  };
  std::vector<BlockEdges> blocks_;               // in emission order, without edge blocks
  std::unordered_map<uint64_t, uint32_t> seen_;  // hash of (target, arguments) -> edge, for one branch
};

}  // namespace assay::machine
