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

TEST(Discover, OperationsOfOtherShapesAreRefused) {
  for (const char* name : {"udiv", "uextend", "load", "nothing", "icmp", "fadd"}) {
    EXPECT_FALSE(discover({.operations = {name}})) << name;
  }
}

}  // namespace
}  // namespace assay::verify
