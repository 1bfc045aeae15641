// Branches, blocks and their parameters: what goes, and what must stay.
#include "compiler/opt/control.h"

#include "compiler/opt/test_support.h"

namespace assay::opt {
namespace {

std::string function(const std::string& body) {
  return "function %f(i64, i32) -> i32 {\nblock0(v0: i64, v1: i32):\n" + body + "}\n";
}
std::string simplified(const std::string& body) { return optimized(function(body), {.rewrite = false}); }

const char kArms[] = "block1:\n    v8 = iconst.i32 1\n    return v8\nblock2:\n    v9 = iconst.i32 2\n    return v9\n";

TEST(Control, ABranchOfAConstantIsAJump) {
  const std::string text = simplified("    v2 = iconst.i8 3\n    brif v2, block1, block2\n" + std::string(kArms));
  EXPECT_EQ(count(text, "block"), 1u) << text;
  EXPECT_NE(text.find("iconst.i32 1"), std::string::npos) << text;
  const std::string zero = simplified("    v2 = iconst.i8 0\n    brif v2, block1, block2\n" + std::string(kArms));
  EXPECT_NE(zero.find("iconst.i32 2"), std::string::npos) << zero;
}

TEST(Control, AConstantThatOnlyTheRulesFind) {
  const std::string body = "    v2 = isub v0, v0\n    brif v2, block1, block2\n" + std::string(kArms);
  EXPECT_EQ(count(optimized(function(body)), "brif"), 0u);
  EXPECT_EQ(count(optimized(function(body), {.control = false}), "brif"), 1u);
  EXPECT_EQ(count(simplified(body), "brif"), 1u);
}

TEST(Control, ABranchThatMayGoEitherWayStays) {
  EXPECT_EQ(count(simplified("    brif v0, block1, block2\n" + std::string(kArms)), "brif"), 1u);
  // The same block, but with other arguments.
  EXPECT_EQ(
      count(simplified("    v2 = iconst.i32 2\n    brif v0, block1(v1), block1(v2)\nblock1(v3: i32):\n    return v3\n"),
            "brif"),
      1u);
}

TEST(Control, TheSameTargetTwiceIsAJump) {
  const std::string text = simplified("    brif v0, block1(v1), block1(v1)\nblock1(v3: i32):\n    return v3\n");
  EXPECT_EQ(count(text, "block"), 1u) << text;
  EXPECT_NE(text.find("return v1"), std::string::npos) << text;
}

TEST(Control, ATableOfAConstantIsAJump) {
  for (const auto& [index, result] :
       {std::pair{"0", "iconst.i32 2"}, {"1", "iconst.i32 1"}, {"2", "iconst.i32 1"}, {"-1", "iconst.i32 1"}}) {
    const std::string text = simplified("    v2 = iconst.i32 " + std::string(index) +
                                        "\n    br_table v2, block1, [block2, block1]\n" + std::string(kArms));
    EXPECT_EQ(count(text, "br_table"), 0u) << text;
    EXPECT_NE(text.find(result), std::string::npos) << index << text;
  }
  EXPECT_EQ(count(simplified("    br_table v1, block1, [block2, block1, block2]\n" + std::string(kArms)), "br_table"),
            1u);
}

// The block of a try_call may be joined to another, or go: who asks for the address of a handler follows.
TEST(Control, AddressesOfHandlersFollowTheirTryCall) {
  const std::string head = "function %f() -> i64 {\n    sig0 = () tail\n    fn0 = %g() tail\nblock0:\n",
                    tail =
                        "block1:\n    try_call fn0(), sig0, block2, [ default: block2, tag1: block3 ]\n"
                        "block2:\n    return v0\nblock3:\n    trap user1\n}\n";
  const std::string joined =
      optimized(head + "    v0 = get_exception_handler_address.i64 block1, 1\n    jump block1\n" + tail);
  EXPECT_NE(joined.find("get_exception_handler_address.i64 block0, 1"), std::string::npos) << joined;
  const std::string gone =
      optimized(head + "    v0 = get_exception_handler_address.i64 block1, 1\n    return v0\n" + tail);
  EXPECT_EQ(count(gone, "get_exception_handler_address"), 0u) << gone;
  EXPECT_NE(gone.find("iconst.i64 1"), std::string::npos) << gone;
}

TEST(Control, ConditionalTrapsOfConstants) {
  const std::string never = simplified("    v2 = iconst.i8 1\n    trapz v2, user3\n    return v1\n");
  EXPECT_EQ(count(never, "trap"), 0u) << never;
  const std::string always =
      simplified("    v2 = iconst.i8 1\n    trapnz v2, user3\n    v3 = udiv v1, v1\n    return v3\n");
  EXPECT_NE(always.find("trap user3"), std::string::npos) << always;
  EXPECT_EQ(count(always, "udiv"), 0u) << always;
  EXPECT_EQ(count(simplified("    trapz v0, user3\n    return v1\n"), "trapz"), 1u);
}

TEST(Control, ABranchToATrapIsAConditionalTrap) {
  const std::string text = simplified("    brif v0, block1, block2\nblock1:\n    trap user7\nblock2:\n    return v1\n");
  EXPECT_NE(text.find("trapnz v0, user7"), std::string::npos) << text;
  EXPECT_EQ(count(text, "block"), 1u) << text;
  const std::string other =
      simplified("    brif v0, block2, block1\nblock1:\n    trap user7\nblock2:\n    return v1\n");
  EXPECT_NE(other.find("trapz v0, user7"), std::string::npos) << other;
}

TEST(Control, ATrapThatOthersGoToStays) {
  const std::string text = simplified(
      "    brif v0, block1, block2\nblock2:\n    v3 = load.i64 v0\n    brif v3, block1, block3\nblock1:\n    trap "
      "user7\nblock3:\n"
      "    return v1\n");
  EXPECT_EQ(count(text, "brif"), 2u) << text;
  // Something happens before the trap.
  EXPECT_EQ(
      count(simplified(
                "    brif v0, block1, block2\nblock1:\n    store v1, v0\n    trap user7\nblock2:\n    return v1\n"),
            "brif"),
      1u);
}

// A jump becomes the branch that it leads to; a decision behind one of the two ways is not that of the whole.
TEST(Control, AJumpThatBecameABranchDoesNotBecomeAnother) {
  const std::string text = simplified(
      "    jump block3(v1)\nblock3(v2: i32):\n    brif v2, block4, block5\nblock4:\n    return v1\nblock5:\n"
      "    jump block6(v0)\nblock6(v3: i64):\n    brif v3, block1, block2\n" +
      std::string(kArms));
  EXPECT_NE(text.find("brif v1"), std::string::npos) << text;
  EXPECT_NE(text.find("return v1"), std::string::npos) << text;
}

TEST(Control, BlocksThatOnlyLeadOnAreThreaded) {
  const std::string text = simplified(
      "    brif v0, block1, block2\nblock1:\n    jump block3(v1)\nblock2:\n    v2 = iadd v1, v1\n    jump "
      "block3(v2)\nblock3(v3: i32):\n"
      "    return v3\n");
  EXPECT_NE(text.find("brif v0, block3(v1), block2"), std::string::npos) << text;
  // Its parameter is used beyond it.
  const std::string used = simplified(
      "    brif v0, block1(v1), block4\nblock4:\n    jump block1(v1)\nblock1(v2: i32):\n    jump block3\nblock3:\n    "
      "return v2\n");
  EXPECT_EQ(count(used, "brif"), 0u) << used;  // all the same in the end
}

TEST(Control, AParameterThatIsAlwaysOneValueGoes) {
  const std::string loop =
      "    jump block1(v0, v1)\nblock1(v2: i64, v3: i32):\n    v4 = load.i64 v2\n    brif v4, block1(v2, v3), "
      "block2\nblock2:\n    return v3\n";
  const std::string text = simplified(loop);
  EXPECT_NE(text.find("block1:"), std::string::npos) << text;
  EXPECT_NE(text.find("return v1"), std::string::npos) << text;
  // One that changes on the way stays.
  const std::string changes = simplified(
      "    jump block1(v0, v1)\nblock1(v2: i64, v3: i32):\n    v4 = load.i64 v2\n    v5 = iadd v3, v3\n    brif v4, "
      "block1(v2, v5), block2\n"
      "block2:\n    return v3\n");
  EXPECT_NE(changes.find("block1(v3: i32)"), std::string::npos) << changes;
}

TEST(Control, ALoopOfBlocksThatOnlyJumpEnds) {
  EXPECT_NE(
      simplified(
          "    brif v0, block1, block3\nblock1:\n    jump block2\nblock2:\n    jump block1\nblock3:\n    return v1\n")
          .find("return"),
      std::string::npos);
}

}  // namespace
}  // namespace assay::opt
