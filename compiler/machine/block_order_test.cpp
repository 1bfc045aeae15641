// Which edges get blocks of their own, and which parameters are no parameters at all.
#include "compiler/machine/block_order.h"

#include <gtest/gtest.h>

#include "compiler/ir/parser.h"

namespace assay::machine {
namespace {

ir::Function parse(const char* text) {
  auto function = ir::parse_function(text);
  EXPECT_TRUE(function.has_value()) << (function ? "" : render(function.error().front(), text));
  return std::move(*function);
}

unsigned edge_blocks(const BlockOrder& order) {
  unsigned count = 0;
  for (const BlockOrder::Entry& entry : order.entries()) count += entry.source.is_none();
  return count;
}

TEST(BlockOrder, ADiamondHasNoCriticalEdge) {
  const ir::Function f = parse(
      "function %f(i32) -> i32 {\nblock0(v0: i32):\n  brif v0, block1(v0), block2\nblock1(v1: i32):\n  jump "
      "block3(v1)\n"
      "block2:\n  jump block3(v0)\nblock3(v2: i32):\n  return v2\n}\n");
  BlockOrder order;
  order.compute(f);
  EXPECT_EQ(order.entries().size(), 4u);
  EXPECT_EQ(edge_blocks(order), 0u);
  EXPECT_NE(order.only_edge(ir::Block(1)), nullptr);
  EXPECT_EQ(order.only_edge(ir::Block(3)), nullptr);
  EXPECT_TRUE(order.entries()[1].passes_args);
}

TEST(BlockOrder, CriticalEdgesAreSplitAndFallThrough) {
  const ir::Function f = parse(
      "function %f(i32) -> i32 {\nblock0(v0: i32):\n  jump block1(v0)\nblock1(v1: i32):\n  brif v1, block1(v0), "
      "block2(v1)\n"
      "block2(v2: i32):\n  return v2\n}\n");
  BlockOrder order;
  order.compute(f);
  // The back edge is critical; block2 has one incoming edge only.
  ASSERT_EQ(edge_blocks(order), 1u);
  EXPECT_TRUE(order.entries()[2].source.is_none());
  EXPECT_EQ(order.successors(order.entries()[2])[0], Block(1));
  EXPECT_EQ(order.labels(order.entries()[1])[0], Block(2));
}

TEST(BlockOrder, EqualEdgesOfATableAreOne) {
  const ir::Function f = parse(
      "function %f(i32) -> i32 {\nblock0(v0: i32):\n  br_table v0, block2, [block1(v0), block1(v0), block2, "
      "block1(v0), block2, block2]\n"
      "block1(v1: i32):\n  return v1\nblock2:\n  return v0\n}\n");
  BlockOrder order;
  order.compute(f);
  EXPECT_EQ(edge_blocks(order), 0u);
  EXPECT_EQ(order.entries()[0].label_count, 7u);
  EXPECT_EQ(order.entries()[0].succ_count, 2u);
}

TEST(BlockOrder, TwoEdgesToOneBlockWithDifferentArguments) {
  const ir::Function f = parse(
      "function %f(i32, i32) -> i32 {\nblock0(v0: i32, v1: i32):\n  brif v0, block1(v0), block1(v1)\n"
      "block1(v2: i32):\n  return v2\n}\n");
  BlockOrder order;
  order.compute(f);
  EXPECT_EQ(edge_blocks(order), 2u);
  EXPECT_EQ(order.entries()[0].succ_count, 2u);
  EXPECT_FALSE(order.entries()[0].passes_args);
}

TEST(BlockOrder, UnreachableBlocksAreLeftOutAndColdOnesComeLast) {
  const ir::Function f = parse(
      "function %f(i32) -> i32 {\nblock0(v0: i32):\n  brif v0, block1, block2\nblock1 cold:\n  trap user1\n"
      "block2:\n  return v0\nblock3:\n  jump block3\n}\n");
  BlockOrder order;
  order.compute(f);
  ASSERT_EQ(order.entries().size(), 3u);
  EXPECT_EQ(order.entries()[2].source, ir::Block(1));
  EXPECT_TRUE(order.entries()[2].cold);
}

}  // namespace
}  // namespace assay::machine
