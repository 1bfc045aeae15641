// What the prover refutes is never equivalent, what differs for no input is; narrower, wider and other rules are told
// apart; and what the interpreter makes of a rule's sides.
#include "verify/rule_equivalence.h"

#include <gtest/gtest.h>

#include <random>

#include "verify/edited_rules.h"
#include "verify/mutants.h"
#include "verify/mutate.h"
#include "verify/rule_sources.h"
#include "verify/sides.h"

namespace assay::verify {
namespace {

using Answer = RuleEquivalence::Answer;

// The answer about an ISA's rule with one text of its rules put for another.
Answer with_edit(IsaKind isa, const std::string& rule, std::string_view from, std::string_view to,
                 const std::string& helper = "") {
  const RuleSources* sources = rule_sources(isa);
  const EditedRules edited(*sources, from, to);
  EXPECT_TRUE(edited.found()) << from;
  RuleEquivalence equivalence(*sources, 5'000);
  return equivalence.rules_do_the_same(edited.sources(), {rule}, helper);
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

// Of a term that may decline a spec that says less is right; one that says more, or less of any other term, is not.
TEST(RuleEquivalence, SpecsThatSayLess) {
  const auto with_spec = [](const std::string& term, const char* tags, const char* provide, const char* require) {
    const auto text = [&](const std::string& provides, const std::string& requires_) {
      return "(rule r (simplify (bor ty x x)) x)\n(decl pure partial t (Type u64) u64)\n(extern constructor t t)\n" +
             std::string(tags) + "(spec (t ty d) (provide " + provides + ") (require " + requires_ + "))\n";
    };
    std::vector<RuleSource> rules(optimizer_sources().rules.begin(), optimizer_sources().rules.begin() + 2);
    std::vector<RuleSource> edited = rules;
    const std::string before = text("(bvult d result)", "(<= ty 64)"), after = text(provide, require);
    rules.push_back({"test.isle", before});
    edited.push_back({"test.isle", after});
    const RuleSources original{rules, {}, optimizer_sources().operations};
    return RuleEquivalence(original, 5'000).specs_say_the_same({edited, {}, original.operations}, term);
  };
  const char* const weaker = "(attr t (tag partial_spec))\n";
  EXPECT_TRUE(with_spec("t", weaker, "(bvule d result)", "(<= ty 64)"));
  EXPECT_TRUE(with_spec("t", weaker, "(bvult d result)", "true"));
  EXPECT_FALSE(with_spec("t", weaker, "(bvslt d result)", "(<= ty 64)"));
  EXPECT_FALSE(with_spec("t", weaker, "(bvult d result)", "(<= ty 32)"));
  EXPECT_FALSE(with_spec("t", "", "(bvule d result)", "(<= ty 64)"));
  EXPECT_FALSE(with_spec("t", "", "(bvult d result)", "true"));
}

// Both sides of a rule of the mid-end, on the interpreter.
Sides sides_of(const std::string& rule) {
  std::vector<RuleSource> rules(optimizer_sources().rules.begin(), optimizer_sources().rules.begin() + 2);
  rules.push_back({"test.isle", rule});
  return compare_sides({rules, {}, optimizer_sources().operations}, {"the_rule"});
}

TEST(Sides, AreEqualOrDiffer) {
  for (const char* const right :
       {"(rule the_rule (simplify (iadd (fits_in_64 ty) x x)) (ishl ty x (k ty 1)))",
        "(rule the_rule (simplify (popcnt ty x)) (popcnt ty x))", "(rule the_rule (simplify (bor ty x x)) x)"}) {
    const Sides sides = sides_of(right);
    EXPECT_GT(sides.compared, 10u) << right;
    EXPECT_EQ(sides.difference, "") << right;
  }
  const Sides sides = sides_of("(rule the_rule (simplify (iadd ty x y)) (bor ty x y))");
  EXPECT_NE(sides.difference.find("iadd"), std::string::npos) << sides.difference;
  EXPECT_EQ(sides.difference.find("not valid"), std::string::npos) << sides.difference;
}

}  // namespace
}  // namespace assay::verify
