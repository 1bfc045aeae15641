// A rule that a small edit made wrong has a repair, those that call it or are called have none; and what narrows.
#include "verify/rule_repair.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace assay::verify {
namespace {

// Of x64's rules with one text put for another.
std::vector<RuleRepair> with_edit(std::string_view from, std::string_view to, const std::vector<std::string>& rules) {
  const RuleSources* sources = rule_sources(IsaKind::x64);
  std::vector<RuleSource> edited(sources->rules.begin(), sources->rules.end());
  std::string text;
  for (RuleSource& source : edited) {
    const size_t at = source.text.find(from);
    if (at == std::string_view::npos) continue;
    text = std::string(source.text).replace(at, from.size(), to);
    source.text = text;
    break;
  }
  EXPECT_FALSE(text.empty()) << from;
  return repair_rules(IsaKind::x64, {edited, sources->instructions, sources->operations}, rules, {.seconds = 60});
}

TEST(RuleRepair, OfTheCallerThatPassesOperandsInTheWrongOrder) {
  if (rule_sources(IsaKind::x64) == nullptr) GTEST_SKIP() << "built without x64";
  const auto repairs =
      with_edit("(select_bits (high_reg c) (high_reg x) (high_reg y))",
                "(select_bits (high_reg c) (high_reg y) (high_reg x))", {"select_bits_rule", "bitselect_128"});
  ASSERT_EQ(repairs.size(), 1u);
  EXPECT_EQ(repairs[0].rule, "bitselect_128");
  EXPECT_NE(repairs[0].change.find("=> (select_bits (high_reg c) (high_reg x) (high_reg y))"), std::string::npos)
      << repairs[0].change;
  EXPECT_FALSE(repairs[0].narrows);
}

TEST(RuleRepair, OfTheCalledRuleThatComparesTooManyBits) {
  if (rule_sources(IsaKind::x64) == nullptr) GTEST_SKIP() << "built without x64";
  const auto repairs = with_edit("(x64_cmp_ri (size ty) b -1) b one)", "(x64_cmp_ri (wide_size ty) b -1) b one)",
                                 {"srem_16", "remainder_rule"});
  const auto of = [&](std::string_view rule) { return std::ranges::find(repairs, rule, &RuleRepair::rule); };
  ASSERT_NE(of("remainder_rule"), repairs.end());
  EXPECT_FALSE(of("remainder_rule")->narrows);
  EXPECT_TRUE(of("srem_16") == repairs.end() || of("srem_16")->narrows) << of("srem_16")->change;
}

TEST(RuleRepair, NoneOfRulesThatAreRight) {
  if (rule_sources(IsaKind::x64) == nullptr) GTEST_SKIP() << "built without x64";
  EXPECT_TRUE(repair_rules(IsaKind::x64, *rule_sources(IsaKind::x64), {"select_bits_rule", "bitselect_128"}).empty());
}

}  // namespace
}  // namespace assay::verify
