// The rung "select" of the ladder on every function of the corpus and on random ones, with all rules and without some
// (selection.h).
#include "fuzz/selection.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "compiler/ir/parser.h"
#include "compiler/isa/registry.h"
#include "fuzz/generate.h"

namespace assay {
namespace {

class SelectionTest : public testing::TestWithParam<const machine::TargetIsa*> {
 protected:
  SelectionTest() : checker_(*GetParam()) {}

  void compare(const ir::Function& function, const std::string& what) {
    ASSERT_EQ(checker_.compare(function), "") << what;
  }

  // Pure helper terms may be evaluated more or less often: the trees share what several rules ask.
  void compare_counts() {
    for (uint32_t i = 0; i < GetParam()->rules.size(); i++) {
      if (!GetParam()->rules[i].term.starts_with("lower")) continue;
      isle::RuleId rule(i);
      ASSERT_EQ(checker_.trees().rules().count(rule), checker_.rules().rules().count(rule))
          << GetParam()->rules[i].name;
    }
  }

  void compare_corpus() {
    std::vector<std::string> paths;
    for (const auto& entry : std::filesystem::directory_iterator("corpus/filetests")) {
      if (entry.path().extension() == ".clif") paths.push_back(entry.path().string());
    }
    std::sort(paths.begin(), paths.end());
    ASSERT_FALSE(paths.empty());
    for (const std::string& path : paths) {
      auto text = read_file(path);
      ASSERT_TRUE(text.has_value()) << path;
      auto file = ir::parse_file(*text, path);
      if (!file) continue;
      for (const ir::ParsedFunction& parsed : file->functions) compare(parsed.function, path);
      if (HasFatalFailure()) return;
    }
  }

  fuzz::SelectionChecker checker_;
};

TEST_P(SelectionTest, Corpus) {
  compare_corpus();
  compare_counts();
}

TEST_P(SelectionTest, RandomFunctions) {
  fuzz::Random random(20);
  for (int i = 0; i < 100 && !HasFailure(); i++) {
    fuzz::Program program;
    fuzz::generate(random, {}, program);
    for (const ir::Function& function : program.functions) compare(function, "program " + std::to_string(i));
  }
  compare_counts();
}

// With every seventh rule switched off, other rules take over, or the function is refused: by both alike. Only rules of
// the entry terms: a helper term that is not partial and has lost its only rule stops the compiler as soon as it is
// called, and the trees may call a pure one earlier than the text says.
TEST_P(SelectionTest, RulesSwitchedOff) {
  for (uint32_t first = 0; first < 7 && !HasFailure(); first++) {
    for (uint32_t i = 0; i < GetParam()->rules.size(); i++) {
      const bool enabled = i % 7 != first || !GetParam()->rules[i].term.starts_with("lower");
      checker_.enable_rule(isle::RuleId(i), enabled);
    }
    compare_corpus();
  }
}

// What the report counts.
TEST_P(SelectionTest, IsCountedByRule) {
  const fuzz::Selection selection = fuzz::check_selection(
      *GetParam(), 20, 1,
      std::vector<std::string>{"function %f(i64) -> i64 {\nblock0(v0: i64):\n  v1 = bnot v0\n  return v1\n}\n"});
  EXPECT_GT(selection.functions, 20u);
  EXPECT_TRUE(selection.wrong.empty()) << selection.wrong.begin()->second;
  size_t applied = 0;
  for (const auto& [rule, times] : selection.applied) applied += times != 0;
  EXPECT_GT(applied, 50u);
}

INSTANTIATE_TEST_SUITE_P(Isa, SelectionTest, testing::ValuesIn(isa::all_isas().begin(), isa::all_isas().end()),
                         [](const auto& info) { return std::string(info.param->name); });

}  // namespace
}  // namespace assay
