// Overlap of rules, rules that can never apply, and the size of the trees.
#include <gtest/gtest.h>

#include "compiler/isle/decision.h"
#include "compiler/isle/test_util.h"

namespace assay::isle {
namespace {

const char* const kHead =
    "(type E (enum A B (C (x u8)))) (extern const $K u8) (extern const $L u8) (decl f (E u8) u8)\n"
    "(decl small (u8) u8) (extern extractor small small) (decl pure partial p (u8) u8) (extern constructor p p)\n";

std::string check(const std::string& rules) { return errors_of(kHead + rules); }

TEST(Overlap, DisjointRules) {
  EXPECT_EQ(check("(rule (f (E.A) _) 1) (rule (f (E.B) _) 2) (rule (f (E.C 1) _) 3) (rule (f (E.C 2) _) 4)"), "");
  EXPECT_EQ(check("(rule (f _ $K) 1) (rule (f _ $L) 2)"), "");
  EXPECT_EQ(check("(rule (f (E.A) 1) 1) (rule (f _ 2) 2)"), "");
  EXPECT_EQ(check("(rule (f _ 255) 1) (rule (f _ 254) 2)"), "");
}

TEST(Overlap, SamePriority) {
  EXPECT_EQ(check("(rule (f _ _) 1)\n(rule (f _ 1) 2)"),
            "4:1: rule 'f_t_4' overlaps with 'f_t_3' at t.isle:3:1 of the same priority\n");
  EXPECT_EQ(check("(rule (f _ (small x)) x)\n(rule (f (E.A) _) 2)"),
            "4:1: rule 'f_t_4' overlaps with 'f_t_3' at t.isle:3:1 of the same priority\n");
  // Equal values of one type are equal however they are written.
  EXPECT_NE(check("(rule (f _ 255) 1)\n(rule (f _ -1) 2)"), "");
  EXPECT_EQ(check("(rule (f x y) (if-let 1 (p y)) 1)\n(rule (f x z) (if-let 2 (p z)) 2)"), "");
  EXPECT_EQ(
      check("(rule 1 (f _ _) 1)\n(rule (f _ 1) 2)"),
      "4:1: rule 'f_t_4' can never apply: 'f_t_3' at t.isle:3:1 has a higher priority and matches whenever it does\n");
}

TEST(Overlap, Priorities) {
  EXPECT_EQ(check("(rule 1 (f _ 1) 1) (rule (f _ _) 2)"), "");
  EXPECT_EQ(check("(rule 2 (f x 3) 1) (rule 1 (f (E.A) y) 2) (rule (f _ _) 3)"), "");
  EXPECT_NE(check("(rule 1 (f _ 1) 1) (rule (f (E.A) 1) 2)"), "");
}

TEST(Overlap, Impossible) {
  EXPECT_EQ(check("(rule (f (and (E.A) (E.B)) _) 1)"),
            "3:21: rule 'f_t_3' can never match: two patterns for the same value differ\n");
}

TEST(Overlap, ManyRules) {
  // Many rules that differ in one place are not compared pair by pair.
  std::string text = "(type N (primitive N)) (decl f (u32 N) u8)\n";
  for (int i = 0; i < 20000; i++) text += "(rule (f " + std::to_string(i) + " _) 1)\n";
  EXPECT_EQ(errors_of(text), "");
  EXPECT_NE(errors_of(text + "(rule (f 77 _) 2)"), "");
}

TEST(Decision, SharedTests) {
  CheckResult result =
      check_text(std::string(kHead) +
                 "(rule 1 (f (E.C (small x)) 1) x) (rule 1 (f (E.C (small x)) 2) x) (rule (f (E.C x) _) x)"
                 "(rule (f (E.A) _) 3) (rule (f (E.B) 4) 5)");
  ASSERT_EQ(errors_of(result), "");
  TermId term = result.program->find_term("f");
  MatchTerm match = match_term(*result.program, term, nullptr);
  DecisionNode tree = build_decisions(*result.program, match);
  // One switch over the variants; in C one test of `small`, one switch over 1 and 2, then the general rule.
  ASSERT_EQ(tree.items.size(), 1u);
  ASSERT_EQ(tree.items[0].arms.size(), 3u);
  const DecisionNode& c = tree.items[0].arms[0].node;
  ASSERT_EQ(c.items.size(), 2u);
  EXPECT_EQ(c.items[0].kind, DecisionItem::Kind::Switch);
  EXPECT_EQ(c.items[1].kind, DecisionItem::Kind::Leaf);
  EXPECT_EQ(leaves_of(tree), (std::vector<uint32_t>{0, 1, 2, 3, 4}));
}

TEST(Decision, PrioritiesAcrossShapes) {
  // The middle rule must be tried between the two that share a test.
  CheckResult result = check_text(
      std::string(kHead) + "(rule 3 (f (E.A) 1) 1) (rule 2 (f _ (small x)) x) (rule 1 (f (E.A) _) 3) (rule (f _ _) 4)");
  ASSERT_EQ(errors_of(result), "");
  MatchTerm match = match_term(*result.program, result.program->find_term("f"), nullptr);
  EXPECT_EQ(leaves_of(build_decisions(*result.program, match)), (std::vector<uint32_t>{0, 1, 2, 3}));
}

}  // namespace
}  // namespace assay::isle
