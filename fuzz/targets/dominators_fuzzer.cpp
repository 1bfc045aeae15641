// libFuzzer target: the first byte says how many blocks there are, the others where each leads; the dominator tree and
// the loops must be what the definitions say. Links assay_ir.
//
// By definition a dominates b if b cannot be reached once a is taken out; the loop of a header is the blocks that reach
// one of its back edges without passing it.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "compiler/ir/builder.h"
#include "compiler/ir/loops.h"

namespace {

using namespace assay::ir;

void require(bool condition, const char* what, Block a, Block b) {
  if (condition) return;
  std::fprintf(stderr, "dominators_fuzzer: %s (block%u, block%u)\n", what, a.index, b.index);
  std::abort();
}

// The blocks that can be reached from `from` over `edges` without entering `without`.
std::vector<bool> reached(const std::vector<std::vector<uint32_t>>& edges, uint32_t from, uint32_t without) {
  std::vector<bool> seen(edges.size());
  std::vector<uint32_t> work;
  const auto visit = [&](uint32_t block) {
    if (block == without || seen[block]) return;
    seen[block] = true;
    work.push_back(block);
  };
  visit(from);
  while (!work.empty()) {
    const uint32_t block = work.back();
    work.pop_back();
    for (uint32_t next : edges[block]) visit(next);
  }
  return seen;
}

// Each block takes a byte: how many successors, and a byte for each.
std::vector<std::vector<uint32_t>> make_blocks(const uint8_t* data, size_t size, Function& f) {
  constexpr uint32_t kMaxBlocks = 48;
  const uint8_t* const end = data + size;
  const auto next = [&] { return data == end ? uint8_t{0} : *data++; };
  std::vector<std::vector<uint32_t>> successors(1 + next() % kMaxBlocks);
  std::vector<Block> blocks;
  for (size_t i = 0; i < successors.size(); ++i) {
    blocks.push_back(f.make_block());
    f.append_block(blocks.back());
  }
  const Value v = f.append_block_param(blocks[0], kI32);
  InstBuilder b(f);
  for (size_t i = 0; i < successors.size(); ++i) {
    for (unsigned count = next() % 4; count > 0; --count) {
      successors[i].push_back(static_cast<uint32_t>(1 + next() % std::max<size_t>(1, blocks.size() - 1)));
    }
    if (successors.size() == 1) successors[i].clear();
    b.set_block(blocks[i]);
    std::vector<BlockCall> calls;
    for (uint32_t to : successors[i]) calls.push_back(b.call_to(blocks[to]));
    switch (calls.size()) {
      case 0:
        b.trap(TrapCode::user(1));
        break;
      case 1:
        b.jump(calls[0]);
        break;
      case 2:
        b.brif(v, calls[0], calls[1]);
        break;
      default:
        b.br_table(v, calls[0], std::span<const BlockCall>(calls).subspan(1));
        break;
    }
  }
  return successors;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Function f;
  const auto successors = make_blocks(data, size, f);
  const uint32_t count = static_cast<uint32_t>(successors.size());
  std::vector<std::vector<uint32_t>> predecessors(count);
  for (uint32_t i = 0; i < count; ++i) {
    for (uint32_t to : successors[i]) predecessors[to].push_back(i);
  }
  const ControlFlowGraph cfg(f);
  const DominatorTree tree(f, cfg);
  const LoopForest loops(f, cfg, tree);
  const uint32_t nothing = count;
  const std::vector<bool> reachable = reached(successors, 0, nothing);

  std::vector<std::vector<bool>> dominates(count);  // [a][b]
  for (uint32_t a = 0; a < count; ++a) {
    const std::vector<bool> still = reached(successors, 0, a);
    dominates[a].resize(count);
    for (uint32_t b = 0; b < count; ++b) dominates[a][b] = a == b || !reachable[b] || (reachable[a] && !still[b]);
  }
  for (uint32_t a = 0; a < count; ++a) {
    require(cfg.is_reachable(Block(a)) == reachable[a], "reachable", Block(a), Block(a));
    for (uint32_t b = 0; b < count; ++b) {
      require(tree.dominates(Block(a), Block(b)) == dominates[a][b], "dominates", Block(a), Block(b));
    }
    // The immediate one is the strict dominator that all others dominate.
    const Block idom = tree.immediate_dominator(Block(a));
    require(idom.is_none() == (a == 0 || !reachable[a]), "an immediate dominator or none", Block(a), idom);
    for (uint32_t c = 0; c < count && !idom.is_none(); ++c) {
      if (c == a || !reachable[c] || !dominates[c][a]) continue;
      require(idom.index != a && dominates[c][idom.index], "the immediate dominator", Block(a), idom);
    }
  }

  // A loop for each header; of a block, the headers of the loops around it.
  std::vector<std::vector<bool>> in_loop(count);
  size_t headers = 0;
  for (uint32_t h = 0; h < count; ++h) {
    std::vector<bool> body(count);
    bool is_header = false;
    for (uint32_t from : predecessors[h]) {
      if (!reachable[from] || !reachable[h] || !dominates[h][from]) continue;
      is_header = true;
      if (from == h) continue;
      const std::vector<bool> back = reached(predecessors, from, h);
      for (uint32_t b = 0; b < count; ++b) body[b] = body[b] || (back[b] && reachable[b]);
    }
    headers += is_header;
    body[h] = is_header;
    in_loop[h] = body;
  }
  require(loops.size() == headers, "as many loops as headers", Block(0), Block(0));
  for (uint32_t b = 0; b < count; ++b) {
    uint32_t depth = 0;
    for (uint32_t h = 0; h < count; ++h) depth += in_loop[h][b];
    require(loops.depth(Block(b)) == depth, "the depth of loops", Block(b), Block(b));
    for (Loop loop = loops.innermost(Block(b)); !loop.is_none(); loop = loops.parent(loop)) {
      require(in_loop[loops.header(loop).index][b], "a loop around a block", loops.header(loop), Block(b));
    }
  }
  return 0;
}
