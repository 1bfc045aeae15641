// The prover on rules of the mid-end: what is right is proven at every type it admits, each kind of mistake is refused.
#include <gtest/gtest.h>

#include "verify/rule_sources.h"
#include "verify/verify.h"

namespace assay::verify {
namespace {

// The result for the only rule of `text`, with the mid-end's prelude and operations and no other rules.
RuleResult prove(const std::string& text, bool functions = false) {
  std::vector<RuleSource> rules(optimizer_sources().rules.begin(), optimizer_sources().rules.begin() + 2);
  rules.push_back({"test.isle", text});
  const RuleSources sources{rules, {}, optimizer_sources().operations};
  const auto unit =
      verify_optimizer(sources, {.jobs = 1, .timeout_ms = 20'000, .rules = {"the_rule"}, .functions = functions});
  if (!unit) {
    ADD_FAILURE() << render(unit.error());
    return {};
  }
  EXPECT_EQ(unit->unit, "opt");
  EXPECT_EQ(unit->rules.size(), 1u);
  return unit->rules.empty() ? RuleResult{} : unit->rules[0];
}

void expect_refused(const std::string& text, const std::string& why) {
  const RuleResult result = prove(text);
  EXPECT_EQ(result.state, RuleState::Failed) << text << "\n" << result.reason;
  EXPECT_NE(result.counterexample.find(why), std::string::npos) << text << "\n" << result.counterexample;
}

TEST(OptimizerRules, WhatIsRightIsProvenAtEveryType) {
  const RuleResult result = prove("(rule the_rule (simplify (isub ty x (ineg ty y))) (iadd ty x y))");
  EXPECT_EQ(result.state, RuleState::Proven) << result.reason << result.counterexample;
  EXPECT_EQ(result.applicable, 5u);  // i8 to i128
  EXPECT_FALSE(result.has_one_input);
}

TEST(OptimizerRules, OtherValuesAreRefusedWithAFunction) {
  const RuleResult result = prove("(rule the_rule (simplify (isub ty x (ineg ty y))) (isub ty x y))", true);
  EXPECT_EQ(result.state, RuleState::Failed);
  EXPECT_NE(result.counterexample.find("does not hold: result"), std::string::npos) << result.counterexample;
  EXPECT_NE(result.function.find("set opt_level=speed"), std::string::npos) << result.function << result.obstacle;
  EXPECT_NE(result.function.find("ineg"), std::string::npos) << result.function;
}

TEST(OptimizerRules, ATypeAtWhichItIsWrongIsEnough) {
  // ~0 of at most 32 bits.
  expect_refused(
      "(rule the_rule (simplify (band (fits_in_64 ty) x (k ty n))) (if-let true (u64_eq n 0xffffffff)) (subsume x))",
      "i64");
  // A constant of 128 bits cannot be written.
  expect_refused("(rule the_rule (simplify (isub ty x x)) (subsume (k ty 0)))", "i128");
}

TEST(OptimizerRules, TypesThatOperationsDoNotTakeAreRefused) {
  expect_refused("(rule the_rule (simplify (uextend ty x)) (subsume x))", "the result is of type");
  expect_refused("(rule the_rule (simplify (bnot ty (uextend ty x))) (iadd ty x x))", "have types that it takes");
}

TEST(OptimizerRules, ConditionsThatAdmitTooMuchAreRefused) {
  expect_refused(
      "(rule the_rule (simplify (urem (fits_in_64 ty) x (k ty n))) (if-let true (u64_lt 0 n))"
      " (subsume (band ty x (k ty (u64_sub n 1)))))",
      "result");
}

TEST(OptimizerRules, WhatMayTrapIsNotTakenAway) {
  expect_refused("(rule the_rule (simplify (udiv (fits_in_64 ty) x x)) (subsume (k ty 1)))",
                 "the left side cannot trap");
  expect_refused("(rule the_rule (simplify (udiv ty x y)) (udiv ty x y))", "the left side cannot trap");
  EXPECT_EQ(prove("(rule the_rule (simplify (udiv ty x (k ty 1))) (subsume x))").state, RuleState::Proven);
}

TEST(OptimizerRules, TheRightSideMayNotTrapWhereTheLeftDoesNot) {
  expect_refused("(rule the_rule (simplify (bxor (fits_in_64 ty) x x)) (urem ty x x))", "the right side cannot trap");
}

TEST(OptimizerRules, AValueMayBeSeveralNodesAtOnce) {
  // x is y + z and y | z at once: possible, and not only if the operations were one.
  EXPECT_EQ(prove("(rule the_rule (simplify (bxor ty (and (iadd ty y z) (bor ty y z)) (iadd ty y z)))"
                  " (bxor ty (bor ty y z) (iadd ty y z)))")
                .state,
            RuleState::Proven);
  expect_refused("(rule the_rule (simplify (bor ty (and (iadd ty y z) (imul ty y z)) y)) (subsume y))", "result");
}

TEST(OptimizerRules, ANodeBelowTheRootDoesNotTrap) {
  // That y / x exists as a node says that x is not 0.
  EXPECT_EQ(prove("(rule the_rule (simplify (icmp ty (IntCC.Equal) (bor _ (udiv _ y x) x) (k (fits_in_64 _) 0)))"
                  " (subsume (k ty 0)))")
                .state,
            RuleState::Proven);
}

}  // namespace
}  // namespace assay::verify
