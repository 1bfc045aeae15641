#include "compiler/ir/function.h"

#include <algorithm>
#include <random>

#include "compiler/ir/builder.h"
#include "compiler/ir/cfg.h"
#include "compiler/ir/dominators.h"
#include "compiler/ir/loops.h"
#include "compiler/ir/test_support.h"

namespace assay::ir {
namespace {

std::vector<uint32_t> layout(const Function& f) {
  std::vector<uint32_t> order;
  for (Block b : f.blocks()) order.push_back(b.index);
  return order;
}
std::vector<uint32_t> layout(const Function& f, Block b) {
  std::vector<uint32_t> order;
  for (Inst i : f.insts(b)) order.push_back(i.index);
  return order;
}
using Order = std::vector<uint32_t>;

TEST(Function, BuilderMakesWhatTheTextSays) {
  Function f;
  f.name = ExternalName::testcase("sum");
  f.signature = {{{kI32}, {kI64}}, {{kI32}}, CallConv::kSystemV};
  const Block entry = f.make_block(), exit = f.make_block();
  f.append_block(entry);
  f.append_block(exit);
  const Value x = f.append_block_param(entry, kI32);
  const Value p = f.append_block_param(entry, kI64);
  const Value r = f.append_block_param(exit, kI32);
  InstBuilder b(f);
  b.set_block(entry);
  const Value seven = b.iconst(kI32, 7);
  const Value sum = b.iadd(x, seven);
  const Value loaded = b.load(kI32, MemFlags::trusted(), p, -8);
  const Value less = b.icmp(IntCC::kSlt, sum, loaded);
  b.brif(less, b.call_to(exit, {sum}), b.call_to(exit, {loaded}));
  b.set_block(exit);
  b.return_({r});
  EXPECT_TRUE(verify(f).empty()) << rendered(verify(f));
  EXPECT_EQ(print(f),
            "function %sum(i32, i64) -> i32 system_v {\n"
            "block0(v0: i32, v1: i64):\n"
            "    v3 = iconst.i32 7\n"
            "    v4 = iadd v0, v3\n"
            "    v5 = load.i32 notrap aligned v1-8\n"
            "    v6 = icmp slt v4, v5\n"
            "    brif v6, block1(v4), block1(v5)\n"
            "\n"
            "block1(v2: i32):\n"
            "    return v2\n"
            "}\n");
  EXPECT_EQ(f.def_inst(sum), f.first_inst(entry).is_none() ? Inst() : f.next_inst(f.first_inst(entry)));
  EXPECT_EQ(f.value_def(r).block, exit);
  EXPECT_TRUE(f.def_inst(r).is_none());

  PrintOptions options;
  options.constant_comments = true;
  EXPECT_NE(print(f, options).find("v4 = iadd v0, v3  ; v3 = 7\n"), std::string::npos);

  f.clear();
  EXPECT_EQ(f.block_count() + f.inst_count() + f.value_count(), 0u);
  EXPECT_TRUE(f.entry_block().is_none());
}

TEST(Function, LayoutOfBlocks) {
  Function f;
  std::vector<Block> b;
  for (int n = 0; n < 4; ++n) b.push_back(f.make_block());
  f.append_block(b[1]);
  f.insert_block_before(b[0], b[1]);
  f.insert_block_after(b[3], b[1]);
  f.insert_block_after(b[2], b[0]);
  EXPECT_EQ(layout(f), (Order{0, 2, 1, 3}));
  f.remove_block(b[2]);
  f.remove_block(b[0]);
  EXPECT_EQ(layout(f), (Order{1, 3}));
  EXPECT_EQ(f.entry_block(), b[1]);
  f.remove_block(b[3]);
  EXPECT_EQ(f.last_block(), b[1]);
  f.append_block(b[0]);
  EXPECT_EQ(layout(f), (Order{1, 0}));
  EXPECT_FALSE(f.is_inserted(b[2]));
}

TEST(Function, LayoutOfInstructions) {
  Function f;
  const Block a = f.make_block(), c = f.make_block();
  f.append_block(a);
  f.append_block(c);
  std::vector<Inst> i;
  for (int n = 0; n < 5; ++n) i.push_back(f.make_inst(InstData{.opcode = Opcode::kNop}));
  f.append_inst(i[1], a);
  f.insert_inst_before(i[0], i[1]);
  f.insert_inst_after(i[3], i[1]);
  f.insert_inst_after(i[2], i[1]);
  f.append_inst(i[4], a);
  EXPECT_EQ(layout(f, a), (Order{0, 1, 2, 3, 4}));
  f.move_tail(i[3], c);
  EXPECT_EQ(layout(f, a), (Order{0, 1, 2}));
  EXPECT_EQ(layout(f, c), (Order{3, 4}));
  f.remove_inst(i[0]);
  f.remove_inst(i[2]);
  EXPECT_EQ(layout(f, a), (Order{1}));
  EXPECT_TRUE(f.inst_block(i[0]).is_none());
  f.remove_block(c);
  EXPECT_TRUE(f.inst_block(i[3]).is_none());
}

TEST(Function, ResultsAndParamsCanBeReattached) {
  Function f;
  const Block b = f.make_block();
  f.append_block(b);
  std::vector<Value> params;
  for (int n = 0; n < 9; ++n) params.push_back(f.append_block_param(b, kI32));
  f.remove_block_param(b, 3);
  ASSERT_EQ(f.block_params(b).size(), 8u);
  for (uint32_t n = 0; n < 8; ++n) {
    const Value v = f.block_params(b)[n];
    EXPECT_EQ(v, params[n < 3 ? n : n + 1]);
    EXPECT_EQ(f.value_def(v).number, n);
  }
  EXPECT_EQ(f.value_kind(params[3]), ValueKind::kUndefined);

  InstBuilder builder(f);
  builder.set_block(b);
  const Value sum = builder.iadd(params[0], params[1]);
  const Inst add = f.def_inst(sum);
  // Replace it by another instruction that defines the same value.
  f.detach_results(add);
  InstData data = f.inst(add);
  data.opcode = Opcode::kIsub;
  const Inst sub = f.make_inst(data);
  f.insert_inst_before(sub, add);
  f.attach_result(sub, sum, kI32);
  f.remove_inst(add);
  EXPECT_EQ(f.def_inst(sum), sub);
  EXPECT_EQ(print_inst(f, sub), to_string(sum) + " = isub v0, v1");

  const Inst copy = f.copy_inst(sub);
  f.make_results(copy);
  f.append_inst(copy, b);
  f.args(copy)[0] = params[5];
  EXPECT_EQ(f.arg(sub, 0), params[0]);
  EXPECT_EQ(f.arg(copy, 0), params[5]);
}

TEST(Function, AliasesResolve) {
  Function f =
      parsed("function %f(i32) -> i32 {\nblock0(v0: i32):\n  v1 -> v0\n  v2 -> v1\n  v3 = iadd v2, v1\n  return v3\n}");
  EXPECT_EQ(f.resolve(Value(2)), Value(0));
  EXPECT_EQ(f.value_type(Value(2)), kI32);
  f.resolve_all_aliases();
  EXPECT_EQ(f.arg(f.first_inst(f.entry_block()), 0), Value(0));
}

TEST(Function, ConstantsAreShared) {
  Function f;
  const uint8_t a[] = {1, 2}, b[] = {1, 2, 0};
  const Constant c = f.add_constant(a);
  EXPECT_EQ(f.add_constant(a), c);
  EXPECT_NE(f.add_constant(b), c);
  f.clear();
  EXPECT_EQ(f.add_constant(b), Constant(0));
  EXPECT_EQ(f.constants.size(), 1u);
}

// ---- dominators against the definition ----

// Which blocks are reachable from the entry block without passing through `without`.
std::vector<bool> reachable(const Function& f, const ControlFlowGraph& cfg, Block without) {
  std::vector<bool> seen(f.block_count());
  std::vector<Block> todo;
  if (f.entry_block() != without) {
    todo.push_back(f.entry_block());
    seen[f.entry_block().index] = true;
  }
  while (!todo.empty()) {
    const Block b = todo.back();
    todo.pop_back();
    for (Block s : cfg.successors(b)) {
      if (s == without || seen[s.index]) continue;
      seen[s.index] = true;
      todo.push_back(s);
    }
  }
  return seen;
}

// A function of up to 24 blocks with random branches.
Function random_graph(std::mt19937& random) {
  Function f;
  const unsigned count = 1 + random() % 24;
  std::vector<Block> blocks;
  for (unsigned n = 0; n < count; ++n) {
    blocks.push_back(f.make_block());
    f.append_block(blocks.back());
  }
  InstBuilder b(f);
  for (Block block : blocks) {
    b.set_block(block);
    const unsigned kind = random() % 4;
    const auto target = [&] { return b.call_to(blocks[random() % count]); };
    if (kind == 0) {
      b.return_({});
    } else if (kind == 1) {
      b.jump(target());
    } else {
      const Value c = b.iconst(kI32, 1);
      std::vector<BlockCall> entries;
      for (unsigned n = 0; n < kind; ++n) entries.push_back(target());
      b.br_table(c, target(), entries);
    }
  }
  return f;
}

TEST(Dominators, AgreeWithTheDefinitionOnRandomGraphs) {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    const Function f = random_graph(random);
    const ControlFlowGraph cfg(f);
    const DominatorTree tree(f, cfg);
    const std::vector<bool> live = reachable(f, cfg, Block());
    size_t edges = 0;
    const std::vector<Block> blocks(f.blocks().begin(), f.blocks().end());
    for (Block block : blocks) {
      edges += cfg.predecessors(block).size();
      EXPECT_EQ(cfg.is_reachable(block), live[block.index]);
      const std::vector<bool> around = reachable(f, cfg, block);
      for (Block other : blocks) {
        if (!live[other.index] || !live[block.index]) continue;
        EXPECT_EQ(tree.dominates(block, other), block == other || !around[other.index]);
      }
      const Block idom = tree.immediate_dominator(block);
      EXPECT_EQ(idom.is_none(), block == f.entry_block() || !live[block.index]);
      if (!idom.is_none()) EXPECT_TRUE(tree.dominates(idom, block));
    }
    size_t successors = 0;
    for (Block block : blocks) successors += cfg.successors(block).size();
    EXPECT_EQ(edges, successors);
    EXPECT_EQ(cfg.reverse_postorder().size(), static_cast<size_t>(std::count(live.begin(), live.end(), true)));
    for (uint32_t n = 0; n < cfg.reverse_postorder().size(); ++n) {
      const Block block = cfg.reverse_postorder()[n];
      EXPECT_EQ(cfg.position(block), n);
      const Block idom = tree.immediate_dominator(block);
      if (!idom.is_none()) EXPECT_LT(cfg.position(idom), n);
    }
  }
}

// A loop is its header and what reaches one of its back edges without passing the header.
TEST(Loops, AgreeWithTheDefinitionOnRandomGraphs) {
  std::mt19937 random(11);
  for (int round = 0; round < 300; ++round) {
    const Function f = random_graph(random);
    const ControlFlowGraph cfg(f);
    const DominatorTree tree(f, cfg);
    const LoopForest forest(f, cfg, tree);
    std::vector<uint32_t> depth(f.block_count());
    size_t loops = 0;
    for (Block header : cfg.reverse_postorder()) {
      std::vector<bool> in_loop(f.block_count());
      std::vector<Block> todo;
      for (const auto& back : cfg.predecessors(header)) {
        if (cfg.is_reachable(back.block) && tree.dominates(header, back.block)) todo.push_back(back.block);
      }
      if (todo.empty()) continue;
      ++loops;
      in_loop[header.index] = true;
      while (!todo.empty()) {
        const Block b = todo.back();
        todo.pop_back();
        if (in_loop[b.index]) continue;
        in_loop[b.index] = true;
        for (const auto& predecessor : cfg.predecessors(b)) {
          if (cfg.is_reachable(predecessor.block)) todo.push_back(predecessor.block);
        }
      }
      const Loop loop = forest.innermost(header);
      ASSERT_FALSE(loop.is_none());
      EXPECT_EQ(forest.header(loop), header);
      for (uint32_t n = 0; n < in_loop.size(); ++n) {
        EXPECT_EQ(forest.contains(loop, Block(n)), in_loop[n]);
        depth[n] += in_loop[n];
      }
    }
    EXPECT_EQ(forest.size(), loops);
    for (uint32_t n = 0; n < depth.size(); ++n) EXPECT_EQ(forest.depth(Block(n)), depth[n]);
  }
}

}  // namespace
}  // namespace assay::ir
