// A rule that a small edit made wrong has a repair, those that call it or are called have none; and what only takes
// away. And a helper of the mid-end that spoils the proofs of its users.
#include "verify/rule_repair.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "verify/edited_rules.h"
#include "verify/rule_users.h"

namespace assay::verify {
namespace {

// Of an ISA's rules with one text put for another.
std::vector<RuleRepair> with_edit(IsaKind isa, std::string_view from, std::string_view to,
                                  const std::vector<std::string>& rules) {
  const EditedRules edited(*rule_sources(isa), from, to);
  EXPECT_TRUE(edited.found()) << from;
  return repair_rules(isa, edited.sources(), rules, {.seconds = 600});
}

TEST(RuleRepair, OfTheCallerThatPassesOperandsInTheWrongOrder) {
  if (rule_sources(IsaKind::x64) == nullptr) GTEST_SKIP() << "built without x64";
  const auto repairs =
      with_edit(IsaKind::x64, "(select_bits (high_reg c) (high_reg x) (high_reg y))",
                "(select_bits (high_reg c) (high_reg y) (high_reg x))", {"select_bits_rule", "bitselect_128"});
  ASSERT_EQ(repairs.size(), 1u);
  EXPECT_EQ(repairs[0].rule, "bitselect_128");
  EXPECT_NE(repairs[0].change.find("=> (select_bits (high_reg c) (high_reg x) (high_reg y))"), std::string::npos)
      << repairs[0].change;
  EXPECT_FALSE(repairs[0].takes_away);
}

TEST(RuleRepair, OfTheCalledRuleThatComparesTooManyBits) {
  if (rule_sources(IsaKind::x64) == nullptr) GTEST_SKIP() << "built without x64";
  const auto repairs = with_edit(IsaKind::x64, "(x64_cmp_ri (size ty) b -1) b one)",
                                 "(x64_cmp_ri (wide_size ty) b -1) b one)", {"srem_16", "remainder_rule"});
  const auto of = [&](std::string_view rule) { return std::ranges::find(repairs, rule, &RuleRepair::rule); };
  ASSERT_NE(of("remainder_rule"), repairs.end());
  EXPECT_FALSE(of("remainder_rule")->takes_away);
  EXPECT_TRUE(of("srem_16") == repairs.end() || of("srem_16")->takes_away) << of("srem_16")->change;
}

// What stands for a number of bits is often another one.
TEST(RuleRepair, OfANumberOfBits) {
  if (rule_sources(IsaKind::s390x) == nullptr) GTEST_SKIP() << "built without s390x";
  const auto repairs = with_edit(
      IsaKind::s390x, "(i64_sshr (i64_shl k (i64_sub 64 (ty_bits ty))) (i64_sub 64 (ty_bits ty)))",
      "(i64_sshr (i64_shl k (i64_sub 64 (ty_bits ty))) (i64_sub 32 (ty_bits ty)))", {"iconst", "constant_of_rule"});
  const auto of = [&](std::string_view rule) { return std::ranges::find(repairs, rule, &RuleRepair::rule); };
  ASSERT_NE(of("constant_of_rule"), repairs.end());
  EXPECT_EQ(of("constant_of_rule")->change, "(i64_sub 32 (ty_bits ty)) with 64 for 32");
  EXPECT_FALSE(of("constant_of_rule")->takes_away);
  EXPECT_TRUE(of("iconst") == repairs.end() || of("iconst")->takes_away) << of("iconst")->change;
}

TEST(RuleRepair, NoneOfRulesThatAreRight) {
  if (rule_sources(IsaKind::x64) == nullptr) GTEST_SKIP() << "built without x64";
  EXPECT_TRUE(repair_rules(IsaKind::x64, *rule_sources(IsaKind::x64), {"select_bits_rule", "bitselect_128"}).empty());
}

// A constant's helper that takes the wrong half of it spoils all proofs that use it.
TEST(WrongHelperRule, OfTheMidEndIsToldFromItsUsers) {
  const EditedRules edited(optimizer_sources(), "(k ty (u128_low n))", "(k ty (u128_high n))");
  ASSERT_TRUE(edited.found());
  const std::vector<std::string> users = judges_of_rule({}, "constant_narrow");
  ASSERT_GE(users.size(), 2u);
  const std::vector<std::string> helpers = {"no_such_rule", "constant_narrow"};
  EXPECT_EQ(wrong_helper_rule(edited.sources(), users[0], helpers), "constant_narrow");
  EXPECT_EQ(wrong_helper_rule(optimizer_sources(), users[0], helpers), "");
  EXPECT_EQ(wrong_helper_rule(edited.sources(), "iadd_zero", helpers), "");  // uses no constant
}

}  // namespace
}  // namespace assay::verify
