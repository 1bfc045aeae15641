// Loads and stores: what is known is not loaded again, what nobody sees is not stored; and where that must not be.
#include "compiler/opt/memory.h"

#include "compiler/opt/test_support.h"

namespace assay::opt {
namespace {

// A function of an address, a value and a condition with this body.
std::string function(const std::string& body) {
  return "function %f(i64, i32, i64) -> i32 {\n    region0 = 1\n    region1 = 2\n    sig0 = ()\n    fn0 = %g sig0\n"
         "block0(v0: i64, v1: i32, v2: i64):\n" +
         body + "}\n";
}

size_t loads(const std::string& body) { return count(optimized(function(body)), "load"); }
size_t stores(const std::string& body) { return count(optimized(function(body)), "store"); }

TEST(Memory, ALoadIsNotRepeated) {
  EXPECT_EQ(loads("    v3 = load.i32 v0+8\n    v4 = load.i32 v0+8\n    v5 = iadd v3, v4\n    return v5\n"), 1u);
  // Through an address that is the same only by a rule.
  EXPECT_EQ(loads("    v6 = iconst.i64 0\n    v7 = iadd v0, v6\n    v3 = load.i32 v0\n    v4 = load.i32 v7\n"
                  "    v5 = iadd v3, v4\n    return v5\n"),
            1u);
  // Switched off.
  EXPECT_EQ(
      count(optimized(function("    v3 = load.i32 v0+8\n    v4 = load.i32 v0+8\n    v5 = iadd v3, v4\n    return v5\n"),
                      {.memory = false}),
            "load"),
      2u);
}

TEST(Memory, WhatIsStoredIsKnown) {
  EXPECT_EQ(loads("    store v1, v0+4\n    v3 = load.i32 v0+4\n    return v3\n"), 0u);
}

TEST(Memory, OtherSizeTypeOffsetOrByteOrderIsNot) {
  EXPECT_EQ(loads("    store v1, v0\n    v3 = load.i32 v0+1\n    return v3\n"), 1u);
  EXPECT_EQ(loads("    store v1, v0\n    v3 = load.i16 v0\n    v4 = uextend.i32 v3\n    return v4\n"), 1u);
  EXPECT_EQ(loads("    istore8 v1, v0\n    v3 = uload8.i32 v0\n    return v3\n"), 1u);
  EXPECT_EQ(loads("    store little v1, v0\n    v3 = load.i32 big v0\n    return v3\n"), 1u);
  EXPECT_EQ(loads("    store little v1, v0\n    v3 = load.i32 v0\n    return v3\n"), 1u);
  EXPECT_EQ(loads("    v3 = uload8.i32 v0\n    v4 = sload8.i32 v0\n    v5 = bxor v3, v4\n    return v5\n"), 2u);
}

TEST(Memory, AWriteInBetweenMakesItUnknown) {
  const std::string load = "    v3 = load.i32 v0\n",
                    again = "    v4 = load.i32 v0\n    v5 = iadd v3, v4\n    return v5\n";
  EXPECT_EQ(loads(load + "    store v1, v2\n" + again), 2u);  // v2 may be v0, or near
  EXPECT_EQ(loads(load + "    istore8 v1, v0+3\n" + again), 2u);
  EXPECT_EQ(loads(load + "    call fn0()\n" + again), 2u);
  EXPECT_EQ(loads(load + "    fence\n" + again), 2u);
  EXPECT_EQ(count(optimized(function(load + "    v9 = atomic_rmw.i32 add v2, v1\n" + again)), " load"), 2u);
}

TEST(Memory, RegionsDoNotOverlap) {
  const std::string load = "    v3 = load.i32 region0 v0\n",
                    again = "    v4 = load.i32 region0 v0\n    v5 = iadd v3, v4\n    return v5\n";
  EXPECT_EQ(loads(load + "    store region1 v1, v2\n" + again), 1u);
  EXPECT_EQ(loads(load + "    store region0 v1, v2\n" + again), 2u);
  EXPECT_EQ(loads(load + "    store v1, v2\n" + again), 2u);  // of no region: it may be any
}

TEST(Memory, AnArmOfABranchMayWrite) {
  const std::string head = "    v3 = load.i32 v0\n    brif v2, block1, block2\n";
  const std::string tail = "block3:\n    v4 = load.i32 v0\n    v5 = iadd v3, v4\n    return v5\n";
  EXPECT_EQ(loads(head + "block1:\n    call fn0()\n    jump block3\nblock2:\n    jump block3\n" + tail), 2u);
  EXPECT_EQ(loads(head + "block1:\n    v8 = udiv v1, v1\n    jump block3\nblock2:\n    jump block3\n" + tail), 1u);
}

TEST(Memory, WhatOnlyOneArmLoadsIsNotKnownAfterwards) {
  EXPECT_EQ(loads("    brif v2, block1, block2\nblock1:\n    v3 = load.i32 v0\n    jump block3(v3)\nblock2:\n    jump "
                  "block3(v1)\n"
                  "block3(v6: i32):\n    v4 = load.i32 v0\n    v5 = iadd v6, v4\n    return v5\n"),
            2u);
}

TEST(Memory, WhatOneArmHasSeenTheOtherHasNot) {
  EXPECT_EQ(loads("    brif v2, block1, block2\nblock1:\n    v3 = load.i32 v0\n    return v3\nblock2:\n    v4 = "
                  "load.i32 v0\n    return v4\n"),
            2u);
  EXPECT_EQ(loads("    brif v2, block1, block2\nblock1:\n    store v1, v0\n    return v1\nblock2:\n    v4 = "
                  "load.i32 v0\n    return v4\n"),
            1u);
}

TEST(Memory, ALoopMayWriteBeforeItComesBack) {
  const std::string head =
      "    v3 = load.i32 v0\n    jump block1(v2, v3)\nblock1(v4: i64, v5: i32):\n    v6 = load.i32 v0\n    v7 = iadd "
      "v5, v6\n";
  const std::string tail =
      "    v8 = iconst.i64 1\n    v9 = isub v4, v8\n    brif v9, block1(v9, v7), block2\nblock2:\n    return v7\n";
  EXPECT_EQ(loads(head + tail), 1u);
  EXPECT_EQ(loads(head + "    store v7, v0+2\n" + tail), 2u);
}

TEST(Memory, AStoreThatIsOverwrittenGoes) {
  EXPECT_EQ(stores("    store v1, v0\n    v3 = iadd v1, v1\n    store v3, v0\n    return v1\n"), 1u);
}

TEST(Memory, AStoreThatAWayToTheNextOneReadsStays) {
  const std::string reads = "block1:\n    v3 = load.i32 v2\n    jump block3(v3)\n";
  const std::string passes = "block2:\n    jump block3(v1)\n";
  const std::string last = "block3(v4: i32):\n    store v4, v0\n    return v4\n";
  for (const char* branch : {"    brif v2, block1, block2\n", "    brif v2, block2, block1\n"}) {
    const std::string first = std::string("    store v1, v0\n") + branch;
    EXPECT_EQ(stores(first + reads + passes + last), 2u);
    EXPECT_EQ(stores(first + passes + reads + last), 2u);
  }
  // One way that leads past the blocks in between.
  EXPECT_EQ(stores("    store v1, v0\n    brif v2, block1, block3(v1)\n" + reads + last), 2u);
  EXPECT_EQ(stores("    store v1, v0\n    brif v2, block3(v1), block1\n" + reads + last), 2u);
  // The next store is on one way only.
  EXPECT_EQ(stores("    store v1, v0\n    brif v2, block1, block2\nblock1:\n    v5 = iadd v1, v1\n    store v5, v0\n"
                   "    return v5\nblock2:\n    return v1\n"),
            2u);
}

TEST(Memory, AStoreThatSomebodyMaySeeStays) {
  const std::string first = "    store v1, v0\n", last = "    v9 = iconst.i32 5\n    store v9, v0\n    return v1\n";
  EXPECT_EQ(stores(first + "    v3 = load.i32 v2\n    v4 = udiv v3, v3\n" + last), 2u);
  EXPECT_EQ(stores(first + "    trapz v2, user1\n" + last), 2u);
  EXPECT_EQ(stores(first + "    v3 = udiv v1, v1\n" + last), 2u);
  EXPECT_EQ(stores(first + "    call fn0()\n" + last), 2u);
  EXPECT_EQ(stores(first + "    fence\n" + last), 2u);
  EXPECT_EQ(stores(first + "    jump block1\nblock1:\n    brif v2, block1, block2\nblock2:\n" + last), 2u);
  // Elsewhere, of another size, with another trap code.
  EXPECT_EQ(stores(first + "    store v1, v0+1\n    return v1\n"), 2u);
  EXPECT_EQ(stores(first + "    istore8 v1, v0\n    return v1\n"), 2u);
  EXPECT_EQ(stores(first + "    store notrap v1, v0\n    return v1\n"), 2u);
  EXPECT_EQ(stores("    store v2, v0\n    store v1, v0\n    return v1\n"), 2u);
}

}  // namespace
}  // namespace assay::opt
