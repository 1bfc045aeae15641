// What the mid-end makes of small functions, and what it must leave alone.
#include "compiler/opt/optimize.h"

#include "compiler/opt/test_support.h"

namespace assay::opt {
namespace {

TEST(Optimize, ConstantsFoldThroughSeveralOperations) {
  const std::string text = optimized(R"(function %f() -> i32 {
block0:
    v0 = iconst.i32 5
    v1 = iconst.i32 7
    v2 = iadd v0, v1
    v3 = imul v2, v2
    v4 = isub v3, v1
    return v4
})");
  EXPECT_NE(text.find("iconst.i32 137"), std::string::npos) << text;
  EXPECT_EQ(count(text, "iconst"), 1u) << text;
}

TEST(Optimize, SpectreGuardsStay) {
  // As selects all three would go.
  const std::string text = optimized(R"(function %f(i64, i64) -> i64, i64, i64 {
block0(v0: i64, v1: i64):
    v2 = iconst.i8 1
    v3 = select_spectre_guard v2, v0, v1
    v4 = icmp eq v0, v1
    v5 = select_spectre_guard v4, v0, v0
    v6 = icmp ult v0, v1
    v7 = select_spectre_guard v6, v0, v1
    return v3, v5, v7
})");
  EXPECT_EQ(count(text, "select_spectre_guard"), 3u) << text;
  EXPECT_EQ(count(text, "umin"), 0u) << text;
}

TEST(Optimize, TablesLoseEntriesThatAreTheDefault) {
  const auto table = [](const std::string& entries) {
    return optimized("function %f(i32) -> i32 {\nblock0(v0: i32):\n    br_table v0, block3, [" + entries + R"(]
block1:
    v1 = iconst.i32 10
    return v1
block2:
    v2 = iconst.i32 20
    return v2
block3:
    v3 = iconst.i32 30
    return v3
})");
  };
  const std::string shorter = table("block1, block3, block2, block3, block3");
  EXPECT_NE(shorter.find("[block1, block3, block2]"), std::string::npos) << shorter;
  const std::string branch = table("block1, block3");
  EXPECT_EQ(count(branch, "br_table"), 0u) << branch;
  EXPECT_NE(branch.find("brif v0, block3, block1"), std::string::npos) << branch;
}

TEST(Optimize, EqualValuesAreComputedOnce) {
  const std::string text = optimized(R"(function %f(i64, i64) -> i64 {
block0(v0: i64, v1: i64):
    v2 = iadd v0, v1
    brif v0, block1, block2
block1:
    v3 = iadd v0, v1
    return v3
block2:
    v4 = iadd v0, v1
    v5 = bxor v4, v2
    return v5
})");
  EXPECT_EQ(count(text, "iadd"), 1u) << text;  // in block1 only: v4 ^ v2 is zero
  EXPECT_EQ(count(text, "bxor"), 0u) << text;
}

TEST(Optimize, SiblingBlocksDoNotShareWhatOnlyOneOfThemKnows) {
  const std::string text = optimized(R"(function %f(i64, i64) -> i64 {
block0(v0: i64, v1: i64):
    brif v0, block1, block2
block1:
    v3 = load.i64 v1
    v4 = iadd v3, v0
    v5 = isub v4, v3
    v6 = imul v5, v5
    return v6
block2:
    v7 = imul v0, v0
    return v7
})");
  EXPECT_EQ(count(text, "imul"), 2u) << text;
}

// A division that one of them makes says nothing to the other, and nor does what the condition was there.
TEST(Optimize, WhatABranchKnowsIsItsOwn) {
  const std::string text = optimized(R"(function %f(i64, i64) -> i64 {
block0(v0: i64, v1: i64):
    v2 = icmp ne v0, v1
    brif v2, block1, block2
block1:
    v3 = udiv v0, v1
    v4 = icmp ne v0, v1
    v5 = uextend.i64 v4
    v6 = iadd v3, v5
    return v6
block2:
    v7 = udiv v0, v1
    v8 = icmp ne v0, v1
    v9 = uextend.i64 v8
    v10 = isub v7, v9
    return v10
})");
  EXPECT_EQ(count(text, "udiv"), 2u) << text;
  EXPECT_EQ(count(text, "uextend"), 2u) << text;
}

TEST(Optimize, InvariantsLeaveLoops) {
  const std::string loop = R"(function %f(i64, i64) -> i64 {
block0(v0: i64, v1: i64):
    v9 = iconst.i64 0
    jump block1(v0, v9)
block1(v2: i64, v3: i64):
    v4 = imul v1, v1
    v5 = iadd v3, v4
    v6 = iconst.i64 1
    v7 = isub v2, v6
    brif v7, block1(v7, v5), block2
block2:
    return v5
})";
  const std::string text = optimized(loop);
  EXPECT_LT(text.find("imul"), text.find("block1(")) << text;
  const std::string left = optimized(loop, {.rewrite = true, .hoist = false});
  EXPECT_GT(left.find("imul"), left.find("block1(v2")) << left;
}

TEST(Optimize, InvariantsOfConstantsLeaveLoops) {
  const std::string text = optimized(R"(function %f(i64, i64) -> i64 {
block0(v0: i64, v1: i64):
    v9 = iconst.i64 0
    jump block1(v0, v9)
block1(v2: i64, v3: i64):
    v8 = iconst.i64 12345
    v4 = imul v1, v8
    v5 = iadd v3, v4
    v6 = iconst.i64 1
    v7 = isub v2, v6
    brif v7, block1(v7, v5), block2
block2:
    return v5
})");
  EXPECT_LT(text.find("imul"), text.find("block1(")) << text;
}

TEST(Optimize, WhatMayTrapStaysWhereItIs) {
  const std::string text = optimized(R"(function %f(i64, i64, i64) -> i64 {
block0(v0: i64, v1: i64, v2: i64):
    brif v2, block1, block2
block1:
    v3 = udiv v0, v1
    v4 = udiv v0, v1
    v5 = bxor v3, v4
    return v5
block2:
    v6 = udiv v0, v1
    return v6
})");
  EXPECT_EQ(count(text, "udiv"), 2u) << text;  // the second of block1 is the first
  EXPECT_LT(text.find("block1"), text.find("udiv")) << text;
}

TEST(Optimize, ALongChainIsNoMatterOfStackDepth) {
  std::string text = "function %f(i64) -> i64 {\nblock0(v0: i64):\n";
  constexpr int kLength = 100'000;
  for (int i = 1; i <= kLength; ++i) {
    text += "    v" + std::to_string(i) + " = imul v" + std::to_string(i - 1) + ", v0\n";
  }
  text += "    return v" + std::to_string(kLength) + "\n}\n";
  EXPECT_EQ(count(optimized(text), "imul"), size_t(kLength));
}

}  // namespace
}  // namespace assay::opt
