// Which specs an edit of a rule file makes worth judging again.
#include "verify/spec_changes.h"

#include <gtest/gtest.h>

namespace assay::verify {
namespace {

constexpr const char* kBefore = R"(
(type Type (primitive Type))
(model Type Int)
(decl pure partial plus (i64 i64) i64)
(extern constructor plus plus)
(spec (plus a b) (provide (= result (bvadd a b))))
(decl small (Type) Type)
(extern extractor small small)
(spec (small arg) (provide (= arg result)) (require (<= arg 32)))
(rule one (lower (iadd x y)) (add x y))
)";

SpecChanges change(std::string from, const std::string& to) {
  std::string text = kBefore;
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  text.replace(at, from.size(), to);
  const RuleSource before[] = {{"a.isle", kBefore}}, after[] = {{"b.isle", text}};
  return changed_specs({before, {}, ""}, {after, {}, ""});
}

TEST(SpecChanges, RulesCommentsAndBlanksAreNone) {
  EXPECT_TRUE(change("(rule one (lower (iadd x y)) (add x y))", "(rule one (lower (iadd x y)) (add y x))").none());
  EXPECT_TRUE(change("(spec (plus a b)", "; a comment\n(spec   (plus a\n b)").none());
}

TEST(SpecChanges, TermsAreNamed) {
  using Terms = std::set<std::string>;
  const auto terms = [](const SpecChanges& changes) { return changes.all ? Terms{"all"} : changes.terms; };
  EXPECT_EQ(terms(change("(bvadd a b)", "(bvsub a b)")), Terms{"plus"});
  EXPECT_EQ(terms(change("(require (<= arg 32))", "")), Terms{"small"});
  EXPECT_EQ(terms(change("pure partial plus", "partial plus")), Terms{"plus"});
  EXPECT_EQ(terms(change("extractor small small", "extractor infallible small small")), Terms{"small"});
  EXPECT_EQ(terms(change("constructor plus plus", "constructor plus minus")), Terms{"plus"});
  EXPECT_EQ(terms(change("(rule one", "(decl other () i64)\n(rule one")), Terms{"other"});
}

TEST(SpecChanges, WhatAllDependOnIsAll) {
  EXPECT_TRUE(change("(model Type Int)", "(model Type (bv 8))").all);
  EXPECT_TRUE(change("(rule one", "(rule one (").all);
  const RuleSource rules[] = {{"a.isle", kBefore}};
  const RuleSource insts[] = {{"a.inst", "x"}}, others[] = {{"a.inst", "y"}};
  EXPECT_TRUE(changed_specs({rules, insts, ""}, {rules, others, ""}).all);
  EXPECT_TRUE(changed_specs({rules, insts, ""}, {rules, insts, ""}).none());
}

}  // namespace
}  // namespace assay::verify
