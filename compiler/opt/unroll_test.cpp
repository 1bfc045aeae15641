// Which loops are unrolled, and how; that they do the same is what the fuzz target `optimize` and corpus/programs
// judge.
#include "compiler/opt/optimize.h"
#include "compiler/opt/test_support.h"

namespace assay::opt {
namespace {

// Sums what is loaded from v0 on, `rounds` times.
std::string loop(const std::string& limit, const std::string& condition = "icmp ult v3, v6") {
  return R"(function %f(i64, i64) -> i64 {
block0(v0: i64, v1: i64):
    v2 = iconst.i64 0
    jump block1(v2, v2)
block1(v3: i64, v4: i64):
    v6 = )" +
         limit + R"(
    v7 = )" +
         condition + R"(
    brif v7, block2, block3
block2:
    v8 = iadd.i64 v0, v3
    v9 = uload8.i64 v8
    v10 = iadd.i64 v4, v9
    v11 = iconst.i64 1
    v12 = iadd.i64 v3, v11
    jump block1(v12, v10)
block3:
    return v4
})";
}

TEST(Unroll, AFewRoundsNeedNoLoop) {
  const std::string text = optimized(loop("iconst.i64 5"));
  EXPECT_EQ(count(text, "uload8"), 5u) << text;
  EXPECT_EQ(count(text, "brif"), 0u) << text;
  EXPECT_EQ(count(optimized(loop("iconst.i64 5"), {.unroll = false}), "uload8"), 1u);
}

TEST(Unroll, WhatIsNotKnownTakesFourRoundsAtOnce) {
  const std::string text = optimized(loop("iadd.i64 v1, v0"));  // in the loop: not a constant that does not change
  EXPECT_EQ(count(text, "uload8"), 1u) << text;
  for (const char* condition : {"icmp ult v3, v1", "icmp ne v3, v1", "icmp sle v3, v1", "icmp ugt v1, v3"}) {
    const std::string four = optimized(loop("iconst.i64 0", condition));
    EXPECT_EQ(count(four, "uload8"), 5u) << four;  // and the rest
    EXPECT_EQ(count(four, "brif"), 2u) << four;
  }
}

TEST(Unroll, ALoopThatMovesAwayFromItsLimitStays) {
  for (const char* condition : {"icmp ugt v3, v1", "icmp sge v3, v1", "icmp eq v3, v1"}) {
    const std::string text = optimized(loop("iconst.i64 0", condition));
    EXPECT_EQ(count(text, "uload8"), 1u) << text;
  }
}

// Four steps of a counter of few bits may come round to where it was.
TEST(Unroll, NarrowCountersTakeOneRoundAtATime) {
  for (const char* type : {"i8", "i16", "i32"}) {
    for (const char* condition : {"ult", "slt", "ne"}) {
      const std::string text = optimized("function %f(i64, " + std::string(type) + ", " + type + R"() -> i64 {
block0(v0: i64, v1: )" + type +
                                         ", v2: " + type + R"():
    jump block1(v2, v0)
block1(v3: )" + type + R"(, v4: i64):
    v7 = icmp )" + condition + R"( v3, v1
    brif v7, block2, block3
block2:
    v9 = load.i64 v4
    v11 = iconst.)" + type + R"( 1
    v12 = iadd v3, v11
    jump block1(v12, v9)
block3:
    return v4
})");
      EXPECT_EQ(count(text, "load"), std::string(type) == "i32" ? 5u : 1u) << text;
    }
  }
}

TEST(Unroll, NestedLoopsFromTheInsideOut) {
  const std::string text = optimized(R"(function %f(i64) -> i64 {
block0(v0: i64):
    v1 = iconst.i64 0
    jump block1(v1, v0)
block1(v2: i64, v3: i64):
    v4 = iconst.i64 3
    v5 = icmp slt v2, v4
    brif v5, block2, block5
block2:
    v6 = iconst.i64 0
    jump block3(v6, v3)
block3(v7: i64, v8: i64):
    v9 = iconst.i64 2
    v10 = icmp slt v7, v9
    brif v10, block4, block6
block4:
    v11 = imul.i64 v8, v8
    v12 = iconst.i64 1
    v13 = iadd.i64 v7, v12
    jump block3(v13, v11)
block6:
    v14 = iconst.i64 1
    v15 = iadd.i64 v2, v14
    jump block1(v15, v8)
block5:
    return v3
})");
  EXPECT_EQ(count(text, "imul"), 6u) << text;
  EXPECT_EQ(count(text, "block"), 1u) << text;
}

TEST(Unroll, CopiesKeepTheNameOfWhatTraps) {
  Optimizer optimizer;
  ir::Function f = *ir::parse_function(loop("iconst.i64 4"));
  const uint32_t before = static_cast<uint32_t>(f.inst_count());
  optimizer.run(f);
  std::vector<uint32_t> loads;
  for (const ir::Block block : f.blocks()) {
    for (const ir::Inst inst : f.insts(block)) {
      if (f.inst(inst).opcode == ir::Opcode::kUload8) loads.push_back(optimizer.original(inst).index);
    }
  }
  ASSERT_EQ(loads.size(), 4u);
  for (const uint32_t load : loads) {
    EXPECT_LT(load, before);
    EXPECT_EQ(load, loads[0]);
  }
}

}  // namespace
}  // namespace assay::opt
