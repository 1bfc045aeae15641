// What discovery finds, and that it is proven.
#include "verify/discover.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "compiler/ir/parser.h"

namespace assay::verify {
namespace {

TEST(Discover, WhatRulesDeriveIsNotProposed) {
  const auto result = discover({.operations = {"bnot", "ineg"}, .max_operations = 2, .jobs = 1});
  ASSERT_TRUE(result);
  EXPECT_GT(result->equal, 0u);  // --x, ~~x, ~0, …
  EXPECT_EQ(result->derived, result->equal);
  EXPECT_TRUE(result->rules.empty());
}

TEST(Discover, FindsAndProvesLawsThatNoRuleHas) {
  const auto file = ir::parse_file(
      "function %f(i64, i64) -> i64 {\nblock0(v0: i64, v1: i64):\n  v2 = umin v0, v1\n  v3 = umax v0, v1\n  v4 = "
      "umulhi v2, v3\n"
      "  return v4\n}\n",
      "");
  ASSERT_TRUE(file);
  const ir::Function* functions[] = {&file->functions[0].function};
  const auto result = discover({.operations = {"umin", "umax", "band", "bor", "bxor", "iadd", "isub"},
                                .max_operations = 3,
                                .max_terms = 3000,
                                .max_proposals = 5,
                                .jobs = 1,
                                .functions = functions});
  ASSERT_TRUE(result);
  EXPECT_GT(result->dropped, 0u);
  ASSERT_FALSE(result->rules.empty());
  for (const Discovered& found : result->rules) EXPECT_EQ(found.status, "proven") << found.rule;
}

TEST(Discover, ALawIsProposedOnceWhateverItsVariablesAreCalled) {
  // (x - y) + y = x is found with x and y exchanged, and with the operands of the sum exchanged, too.
  const auto result = discover({.operations = {"umin", "umax", "isub", "iadd"}, .max_operations = 2, .jobs = 1});
  ASSERT_TRUE(result);
  EXPECT_GT(result->renamed, 0u);
  const auto swapped = [](std::string rule) {
    rule = rule.substr(rule.find("(simplify"));
    for (size_t i = 1; i + 1 < rule.size(); ++i) {
      if (rule[i - 1] != ' ' || (rule[i + 1] != ' ' && rule[i + 1] != ')')) continue;
      if (rule[i] == 'x') {
        rule[i] = 'y';
      } else if (rule[i] == 'y') {
        rule[i] = 'x';
      }
    }
    return rule;
  };
  for (const Discovered& a : result->rules) {
    for (const Discovered& b : result->rules) {
      EXPECT_NE(swapped(a.rule), b.rule.substr(b.rule.find("(simplify"))) << a.rule << "\n" << b.rule;
    }
  }
}

TEST(Discover, WhatFollowsFromOthersIsNotShown) {
  // A shift by x of what was shifted by x is one law in several guises.
  const auto result = discover({.operations = {"ishl", "ushr", "band", "bor"}, .jobs = 1});
  ASSERT_TRUE(result);
  EXPECT_GT(result->following, 0u);
  EXPECT_FALSE(result->rules.empty());
}

TEST(Discover, OperationsOfOtherShapesAreRefused) {
  for (const char* name : {"udiv", "uextend", "load", "nothing", "icmp", "fadd"}) {
    EXPECT_FALSE(discover({.operations = {name}})) << name;
  }
}

}  // namespace
}  // namespace assay::verify
