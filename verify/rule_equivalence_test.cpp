// What the prover refutes is never equivalent, what differs for no input is; narrower, wider and other rules are told
// apart.
#include "verify/rule_equivalence.h"

#include <gtest/gtest.h>

#include <random>

#include "verify/mutants.h"
#include "verify/mutate.h"
#include "verify/rule_sources.h"

namespace assay::verify {
namespace {

using Answer = RuleEquivalence::Answer;

// The answer about an ISA's rule with one text of its rules put for another.
Answer with_edit(IsaKind isa, const std::string& rule, std::string_view from, std::string_view to,
                 const std::string& helper = "") {
  const RuleSources* sources = rule_sources(isa);
  std::vector<RuleSource> rules(sources->rules.begin(), sources->rules.end());
  std::string edited;
  for (RuleSource& source : rules) {
    const size_t at = source.text.find(from);
    if (at == std::string_view::npos) continue;
    edited = std::string(source.text).replace(at, from.size(), to);
    source.text = edited;
    break;
  }
  EXPECT_FALSE(edited.empty()) << from;
  RuleEquivalence equivalence(*sources, 5'000);
  return equivalence.rules_do_the_same({rules, sources->instructions, sources->operations}, {rule}, helper);
}

TEST(RuleEquivalence, OrderExtensionWidth) {
  const IsaKind isa = IsaKind::riscv64;
  if (rule_sources(isa) == nullptr) GTEST_SKIP();
  const std::string_view low = "(rv_srli (rv_mul (zext64 x) (zext64 y)) (ty_bits ty))";
  EXPECT_EQ(with_edit(isa, "umulhi_narrow", low, "(rv_srai (rv_mul (zext64 x) (zext64 y)) (ty_bits ty))"),
            Answer::Everywhere);
  EXPECT_EQ(with_edit(isa, "umulhi_narrow", low, "(rv_srli (rv_mul (zext64 y) (zext64 x)) (ty_bits ty))"),
            Answer::Everywhere);
  EXPECT_EQ(with_edit(isa, "umulhi_narrow", low, "(rv_srli (rv_mul (sext64 x) (zext64 y)) (ty_bits ty))"), Answer::No);
}

// All kinds of edits of rules, as they come.
TEST(RuleEquivalence, NothingThatIsRefuted) {
  for (const IsaKind isa : {IsaKind::riscv64, IsaKind::s390x}) {
    const RuleSources* sources = rule_sources(isa);
    if (sources == nullptr) continue;
    const auto judged = judge_mutants(isa, *sources, {.kinds = {.specs = false}, .count = 16, .seed = 11, .jobs = 1});
    ASSERT_TRUE(judged.has_value());
    RuleEquivalence equivalence(*sources, 2'000);
    size_t asked = 0;
    for (const MutantResult& result : judged->results) {
      if (result.state != MutantState::Refuted) continue;
      std::vector<RuleSource> rules(sources->rules.begin(), sources->rules.end());
      const std::string text = mutated_text(result.mutant, rules[result.mutant.file].text);
      rules[result.mutant.file].text = text;
      ++asked;
      EXPECT_EQ(equivalence.rules_do_the_same({rules, sources->instructions, sources->operations}, {result.judge},
                                              result.mutant.is_helper ? result.mutant.subject : ""),
                Answer::No)
          << result.mutant.id << " " << result.mutant.change;
    }
    EXPECT_GT(asked, 5u) << name(isa);
  }
}

}  // namespace
}  // namespace assay::verify
