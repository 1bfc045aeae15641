// See dominators.h. Blocks are renumbered by a depth-first search (1 is the entry block, 0 is unreachable).
#include "compiler/ir/dominators.h"

#include <algorithm>

namespace assay::ir {

void DominatorTree::compute(const Function& function, const ControlFlowGraph& cfg) {
  const size_t blocks = function.block_count();
  idom_.assign(blocks, Block());
  pre_.assign(blocks, 0);
  last_.assign(blocks, 0);
  if (function.entry_block().is_none()) return;

  // Depth-first numbering and parents.
  std::vector<uint32_t> number(blocks, 0);
  std::vector<uint32_t> parent{0, 0};
  std::vector<Block> vertex{Block(), function.entry_block()};
  struct Frame {
    Block block;
    uint32_t next;
  };
  std::vector<Frame> stack{{function.entry_block(), 0}};
  number[function.entry_block().index] = 1;
  while (!stack.empty()) {
    Frame& frame = stack.back();
    const std::span<const Block> successors = cfg.successors(frame.block);
    if (frame.next == successors.size()) {
      stack.pop_back();
      continue;
    }
    const Block successor = successors[frame.next++];
    if (number[successor.index] != 0) continue;
    number[successor.index] = static_cast<uint32_t>(vertex.size());
    parent.push_back(number[frame.block.index]);
    vertex.push_back(successor);
    stack.push_back({successor, 0});
  }
  const uint32_t count = static_cast<uint32_t>(vertex.size()) - 1;

  // Semidominators, from the last block to the first. label[v] has the least semidominator on v's compressed path.
  std::vector<uint32_t> semi(count + 1), label(count + 1), ancestor(count + 1, 0), idom(parent);
  for (uint32_t v = 1; v <= count; ++v) semi[v] = label[v] = v;
  std::vector<uint32_t> path;
  const auto evaluate = [&](uint32_t v) {
    if (ancestor[v] == 0) return v;
    path.clear();
    uint32_t top = v;
    while (ancestor[ancestor[top]] != 0) {
      path.push_back(top);
      top = ancestor[top];
    }
    const uint32_t root = ancestor[top];
    uint32_t above = top;
    for (size_t i = path.size(); i-- > 0;) {
      const uint32_t u = path[i];
      if (semi[label[above]] < semi[label[u]]) label[u] = label[above];
      ancestor[u] = root;
      above = u;
    }
    return label[v];
  };
  for (uint32_t v = count; v >= 2; --v) {
    for (const ControlFlowGraph::Predecessor& predecessor : cfg.predecessors(vertex[v])) {
      const uint32_t p = number[predecessor.block.index];
      if (p != 0) semi[v] = std::min(semi[v], semi[evaluate(p)]);
    }
    ancestor[v] = parent[v];
  }

  // The immediate dominator is the nearest ancestor that is not below the semidominator.
  for (uint32_t v = 2; v <= count; ++v) {
    uint32_t d = idom[v];
    while (d > semi[v]) d = idom[d];
    idom[v] = d;
    idom_[vertex[v].index] = vertex[d];
  }

  // Pre-order intervals: subtree sizes bottom-up, then numbers top-down (a dominator has a smaller number).
  std::vector<uint32_t> size(count + 1, 1), next(count + 1, 0), pre(count + 1, 0);
  for (uint32_t v = count; v >= 2; --v) size[idom[v]] += size[v];
  pre[1] = 1;
  next[1] = 2;
  for (uint32_t v = 2; v <= count; ++v) {
    pre[v] = next[idom[v]];
    next[idom[v]] += size[v];
    next[v] = pre[v] + 1;
  }
  for (uint32_t v = 1; v <= count; ++v) {
    pre_[vertex[v].index] = pre[v];
    last_[vertex[v].index] = pre[v] + size[v] - 1;
  }
}

}  // namespace assay::ir
