// Every lowering rule fires in the whole compiler at least once, on a function that a model of its proof's assumptions
// gave, and what comes out is right on every executor.
#include "verify/witness.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "compiler/isa/registry.h"
#include "oracles/executor.h"
#include "oracles/filetest.h"

namespace assay::verify {
namespace {

class WitnessTest : public testing::TestWithParam<const machine::TargetIsa*> {};

TEST_P(WitnessTest, EveryRuleFires) {
  const auto report = find_witnesses(GetParam()->kind);
  ASSERT_TRUE(report.has_value()) << report.error().message;
  std::printf("%s", describe(*report).c_str());
  EXPECT_TRUE(report->mismatches.empty());
  EXPECT_TRUE(report->missing.empty());
  EXPECT_TRUE(report->one_input.empty());
  // A change that makes whole outcomes unknown to the model would go unnoticed otherwise.
  EXPECT_GT(report->foreseen, report->inputs / 2);
  EXPECT_LE(report->unjudged.size(), 4u);  // debugtrap, the frame's places
}

// The file is one that `assay test` runs.
TEST_P(WitnessTest, WritesAFiletest) {
  const auto report = find_witnesses(GetParam()->kind, {.functions_per_rule = 1, .rules = {"iadd", "load", "br"}});
  ASSERT_TRUE(report.has_value()) << report.error().message;
  ASSERT_GT(report->witnesses.size(), 10u);
  const size_t executor = 1 + static_cast<size_t>(GetParam()->kind);
  size_t passed = 0, interpreted = 0, not_run = 0;
  for (const auto& [features, text] : to_filetests(*report)) {
    oracles::FiletestRunner runner({});
    const oracles::FiletestReport result = runner.run_text(text, "witnesses.clif");
    EXPECT_TRUE(result.errors.empty());
    EXPECT_FALSE(result.has_failures()) << result.failures.front().message;
    passed += result.executors[executor].passed;
    interpreted += result.executors[oracles::kInterpreterExecutor].passed;
    // An emulator may lack a feature.
    if (!features.empty()) not_run += result.executors[executor].not_run;
  }
  const size_t judged = report->inputs - report->unjudged.size();
  EXPECT_EQ(passed + not_run, judged);
  EXPECT_EQ(interpreted, judged);
}

// A rule that the compiler does not apply has no witness, and the report says which rules were applied in its place.
TEST_P(WitnessTest, NoticesARuleThatDoesNotFire) {
  for (const isle::RuleInfo& rule : GetParam()->rules) {
    if (!rule.name.starts_with("isub_imm") || rule.term != "lower") continue;
    const std::string name(rule.name);
    const auto report = find_witnesses(GetParam()->kind, {.rules = {name}, .without = name});
    ASSERT_TRUE(report.has_value()) << report.error().message;
    const auto missing = std::ranges::find(report->missing, name, &RuleNote::rule);
    ASSERT_NE(missing, report->missing.end()) << describe(*report);
    EXPECT_NE(missing->reason.find(" isub"), std::string::npos) << missing->reason;
    return;
  }
  FAIL() << "no rule is called isub_imm…";
}

// Every rule of the mid-end fires, and what it leaves is right on all ISAs.
TEST(OptimizerWitness, EveryRuleFires) {
  const auto report = find_optimizer_witnesses({.functions_per_rule = 1});
  ASSERT_TRUE(report.has_value()) << report.error().message;
  std::printf("%s", describe(*report).c_str());
  EXPECT_TRUE(report->mismatches.empty());
  EXPECT_TRUE(report->missing.empty());
  // That of 0 is all it is for.
  for (const RuleNote& note : report->one_input) EXPECT_EQ(note.rule, "bmask_fold");
  EXPECT_GT(report->foreseen, report->inputs / 2);
}

TEST(OptimizerWitness, NoticesARuleThatDoesNotFire) {
  const auto report = find_optimizer_witnesses({.rules = {"clz_fold"}, .without = "clz_fold"});
  ASSERT_TRUE(report.has_value()) << report.error().message;
  ASSERT_EQ(report->missing.size(), 1u) << describe(*report);
  EXPECT_EQ(report->missing[0].rule, "clz_fold");
}

// Wrong code is a mismatch: on x64 the witness of iadd finds a subtraction.
TEST(Witness, NoticesWrongCode) {
  if (isa::find_isa(IsaKind::x64) == nullptr) GTEST_SKIP();
  const auto spoil = [](IsaKind, oracles::Image& image) {
    // add r64, r64 (REX.W 01 /r) becomes sub (REX.W 29 /r).
    for (size_t i = 0; i + 1 < image.bytes.size(); ++i) {
      if (image.bytes[i] == 0x48 && image.bytes[i + 1] == 0x01) image.bytes[i + 1] = 0x29;
    }
  };
  const auto report = find_witnesses(IsaKind::x64, {.functions_per_rule = 100, .rules = {"iadd"}, .tamper = spoil});
  ASSERT_TRUE(report.has_value()) << report.error().message;
  EXPECT_FALSE(report->mismatches.empty());
}

INSTANTIATE_TEST_SUITE_P(Isa, WitnessTest, testing::ValuesIn(isa::all_isas().begin(), isa::all_isas().end()),
                         [](const auto& info) { return std::string(info.param->name); });

}  // namespace
}  // namespace assay::verify
