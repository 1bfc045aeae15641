// See loops.h. Headers are visited from the last to the first in reverse post-order, so that inner loops come first.
#include "compiler/ir/loops.h"

namespace assay::ir {

void LoopForest::compute(const Function& function, const ControlFlowGraph& cfg, const DominatorTree& dominators) {
  loops_.clear();
  innermost_.assign(function.block_count(), Loop());
  std::vector<Loop> outer;  // union-find: by loop, a loop around it; itself if none is known yet
  const auto outermost = [&](Loop loop) {
    Loop root = loop;
    while (outer[root.index] != root) root = outer[root.index];
    while (outer[loop.index] != root) {
      const Loop next = outer[loop.index];
      outer[loop.index] = root;
      loop = next;
    }
    return root;
  };

  std::vector<Block> todo;
  const std::span<const Block> order = cfg.reverse_postorder();
  for (size_t n = order.size(); n-- > 0;) {
    const Block header = order[n];
    todo.clear();
    for (const ControlFlowGraph::Predecessor& back : cfg.predecessors(header)) {
      if (cfg.is_reachable(back.block) && dominators.dominates(header, back.block)) todo.push_back(back.block);
    }
    if (todo.empty()) continue;
    const Loop loop = loops_.push({header, Loop(), 0});
    outer.push_back(loop);
    innermost_[header.index] = loop;
    while (!todo.empty()) {
      const Block b = todo.back();
      todo.pop_back();
      Block entry = b;  // whose predecessors are next
      if (innermost_[b.index].is_none()) {
        innermost_[b.index] = loop;
      } else {
        const Loop inner = outermost(innermost_[b.index]);
        if (inner == loop) continue;
        loops_[inner].parent = loop;
        outer[inner.index] = loop;
        entry = loops_[inner].header;
      }
      for (const ControlFlowGraph::Predecessor& predecessor : cfg.predecessors(entry)) {
        if (cfg.is_reachable(predecessor.block)) todo.push_back(predecessor.block);
      }
    }
  }
  // A parent was made after its children.
  for (uint32_t n = static_cast<uint32_t>(loops_.size()); n-- > 0;) {
    LoopData& data = loops_[Loop(n)];
    data.depth = data.parent.is_none() ? 1 : loops_[data.parent].depth + 1;
  }
}

bool LoopForest::contains(Loop loop, Block b) const {
  Loop around = innermost(b);
  while (!around.is_none() && around != loop) around = parent(around);
  return around == loop;
}

}  // namespace assay::ir
