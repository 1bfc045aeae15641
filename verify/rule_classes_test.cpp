// The classes of rules, the cycles that are reported, and that the mid-end's own rules come to an end.
#include "verify/rule_classes.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "verify/rule_sources.h"

namespace assay::verify {
namespace {

// Of these rules alone, with the mid-end's prelude and operations.
RuleClasses classify(const std::string& text) {
  std::vector<RuleSource> rules(optimizer_sources().rules.begin(), optimizer_sources().rules.begin() + 2);
  rules.push_back({"test.isle", text});
  auto classes = classify_rules({rules, {}, optimizer_sources().operations});
  if (!classes) {
    ADD_FAILURE() << render(classes.error());
    return {};
  }
  return *std::move(classes);
}

std::string first_cycle(const RuleClasses& classes) {
  std::string out;
  if (classes.cycles.empty()) return out;
  out = to_string(classes.cycles[0].rule_class);
  std::vector<std::string> rules = classes.cycles[0].rules;
  std::ranges::sort(rules);
  for (const std::string& rule : rules) out += " " + rule;
  return out;
}

TEST(RuleClasses, TheMidEndsRulesEndAndStateTheirLaws) {
  const auto classes = classify_rules(optimizer_sources());
  ASSERT_TRUE(classes);
  for (const RuleCycle& cycle : classes->cycles) {
    std::string text;
    for (const std::string& rule : cycle.rules) text += " " + rule;
    ADD_FAILURE() << "rules that may feed each other without end:" << text;
  }
  for (const std::string& rule : classes->lawless) ADD_FAILURE() << "no line states the law of " << rule;
  EXPECT_EQ(classes->shrinking + classes->reordering + classes->growing, classes->rules.size());
  EXPECT_GE(classes->families, 500u);
  EXPECT_GT(classes->ended, 500u);  // there is something to end
}

TEST(RuleClasses, ComparesTheCostOfBothSides) {
  const RuleClasses classes = classify(
      "(rule a (simplify (iadd ty x (ineg ty y))) (isub ty x y))\n"
      "(rule b (simplify (bxor ty (bnot ty x) y)) (bnot ty (bxor ty x y)))\n"
      "(rule c (simplify (ushr (fits_in_64 ty) x (k ty 1))) (udiv ty x (k ty 2)))\n"
      "(rule d (simplify (imul ty x (k ty 2))) (iadd ty x x))\n"
      "(rule e (simplify (band ty x y @ (bnot ty x))) (bnot ty (bor ty y y)))\n");
  ASSERT_EQ(classes.rules.size(), 5u);
  EXPECT_EQ(classes.rules[0].rule_class, RuleClass::Shrinking);
  EXPECT_EQ(classes.rules[1].rule_class, RuleClass::Reordering);
  EXPECT_EQ(classes.rules[2].rule_class, RuleClass::Growing);
  EXPECT_EQ(classes.rules[2].reason, "the right side costs more");
  EXPECT_EQ(classes.rules[3].rule_class, RuleClass::Growing);  // it costs less, if x is there already
  EXPECT_EQ(classes.rules[3].reason, "a variable is used more often on the right side");
  EXPECT_EQ(classes.rules[4].rule_class, RuleClass::Growing);  // a name for ~x is ~x
  EXPECT_EQ(classes.shrinking, 1u);
  EXPECT_EQ(classes.reordering, 1u);
  EXPECT_EQ(classes.growing, 3u);
}

TEST(RuleClasses, RulesThatUndoEachOtherAreACycle) {
  const RuleClasses classes = classify(
      "(rule up (simplify (ineg (fits_in_64 ty) x)) (iadd ty (bnot ty x) (k ty 1)))\n"
      "(rule down (simplify (iadd (fits_in_64 ty) (bnot ty x) (k ty 1))) (ineg ty x))\n");
  EXPECT_EQ(first_cycle(classes), "growing down up");
  // One direction is none.
  EXPECT_EQ(first_cycle(classify("(rule up (simplify (ineg (fits_in_64 ty) x)) (iadd ty (bnot ty x) (k ty 1)))")), "");
}

TEST(RuleClasses, SoIsARuleThatFeedsItself) {
  EXPECT_EQ(first_cycle(classify("(rule grows (simplify (iadd ty x y)) (isub ty (iadd ty x y) (ineg ty y)))")), "");
  EXPECT_EQ(first_cycle(classify("(rule grows (simplify (iadd ty x y)) (iadd ty x (ineg ty (ineg ty y))))")),
            "growing grows");
  EXPECT_EQ(first_cycle(classify("(rule turns (simplify (iadd ty x y)) (iadd ty y x))")), "reordering turns");
  // A constant that counts up: it costs nothing more, and need not end.
  EXPECT_EQ(first_cycle(classify("(rule next (simplify (icmp ty (IntCC.UnsignedLessThan) x (k (fits_in_64 from) n)))\n"
                                 "  (icmp ty (IntCC.UnsignedLessThanOrEqual) x (k from (u64_sub n 1))))\n"
                                 "(rule back (simplify (icmp ty (IntCC.UnsignedLessThanOrEqual) x (k (fits_in_64 from) "
                                 "n)))\n"
                                 "  (icmp ty (IntCC.UnsignedLessThan) x (k from (u64_add n 1))))\n")),
            "reordering back next");
}

TEST(RuleClasses, WhatOnlyMovesConstantsToTheRightEnds) {
  EXPECT_EQ(first_cycle(classify("(rule turns (simplify (iadd ty a @ (k ty _) x)) (iadd ty x a))")),
            "reordering turns");
  EXPECT_EQ(first_cycle(classify("(rule turns (simplify (iadd ty a @ (k ty _) x)) (if-let _ (not_constant x)) (iadd ty "
                                 "x a))")),
            "");
}

TEST(RuleClasses, WhatLosesAnOperationAtEachTurnEnds) {
  // Pushes negations inwards: the sum of weights stays, but each step has less below.
  EXPECT_EQ(first_cycle(classify("(rule out (simplify (bxor ty (bnot ty x) y)) (bnot ty (bxor ty x y)))\n"
                                 "(rule twice (simplify (bnot ty (bnot ty x))) x)\n")),
            "");
}

TEST(RuleClasses, RulesThatOperandsSetOffCount) {
  // bnot(ineg) -> bnot(bswap) is no cycle by itself; with bswap -> ineg(ineg) it has no end.
  const std::string turn = "(rule turn (simplify (bnot ty (ineg ty x))) (bnot ty (bswap ty x)))\n";
  EXPECT_EQ(first_cycle(classify(turn)), "");
  EXPECT_EQ(first_cycle(classify(turn + "(rule more (simplify (bswap ty x)) (ineg ty (ineg ty x)))\n")),
            "reordering turn");
}

TEST(RuleClasses, ValuesOf128BitsEndInTheirHalves) {
  const std::string halves =
      "(rule halves (simplify (bnot (wide ty) (iconcat _ a @ (value_type half) b)))"
      " (iconcat ty (bnot half a) (bnot half b)))\n";
  EXPECT_EQ(first_cycle(classify(halves)), "");
  EXPECT_NE(first_cycle(classify(halves + "(rule back (simplify (iconcat (wide ty) (bnot half a) (bnot half b)))"
                                          " (bnot ty (iconcat ty a b)))\n")),
            "");
}

TEST(RuleClasses, EachRuleOrFamilyHasALineThatStatesItsLaw) {
  const RuleClasses classes = classify(
      ";; x & x = x\n"
      "(rule a (simplify (band ty x x)) (subsume x))\n"
      "(rule b (simplify (bor ty x x)) (subsume x))\n"
      ";; x & (x | y) = x\n"
      "(rule c (simplify (band ty x (bor ty x y))) (subsume x))\n"
      "(rule d (simplify (band ty (bor ty y x) x)) (subsume x))\n"
      "\n"
      "(rule e (simplify (band ty (bor ty x y) x)) (subsume x))\n"
      ";; what nobody wants\n"
      "(rule f (simplify (bnot ty (bnot ty x))) (subsume x))\n");
  EXPECT_EQ(classes.lawless, (std::vector<std::string>{"b", "e", "f"}));
  EXPECT_EQ(classes.rules[3].law, "x & (x | y) = x");
  EXPECT_EQ(classes.families, 4u);  // c, d and e are one
}

}  // namespace
}  // namespace assay::verify
