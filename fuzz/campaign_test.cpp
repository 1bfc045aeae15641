// What campaign.h promises, on a harness whose code is spoiled on purpose or that dies.
#include "fuzz/campaign.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <set>

#include "compiler/ir/printer.h"
#include "compiler/isa/registry.h"
#include "fuzz/case.h"

namespace assay::fuzz {
namespace {

class CampaignTest : public testing::Test {
 protected:
  void SetUp() override {
    if (isa::find_isa(IsaKind::x64) == nullptr) GTEST_SKIP() << "no x64 backend in this build";
    options_.out = testing::TempDir() + "campaign_test_" + std::to_string(getpid());
    std::filesystem::remove_all(options_.out);
    options_.seconds = 60;
    options_.harness.isas = {IsaKind::x64};
    options_.harness.native = false;
  }
  void TearDown() override { std::filesystem::remove_all(options_.out); }

  CampaignReport run() {
    const auto report = run_campaign(options_);
    EXPECT_TRUE(report.has_value());
    return report ? *report : CampaignReport();
  }
  static std::string line_of(const std::string& text, const std::string& what) {
    const size_t at = text.find(what);
    return at == std::string::npos ? "" : text.substr(at, text.find('\n', at) - at);
  }

  CampaignOptions options_;
};

TEST_F(CampaignTest, RightCodeHasNoFindingsAndEverythingIsCounted) {
  options_.programs = 60;
  options_.jobs = 3;
  const CampaignReport report = run();
  EXPECT_EQ(report.findings, 0u);
  EXPECT_EQ(report.programs, 60u);
  EXPECT_EQ(report.stats.cases, 60u);
  EXPECT_GE(report.stats.functions, 60u);
  EXPECT_EQ(report.stats.compiles, 2 * report.stats.functions);
  EXPECT_GT(report.stats.executors.at("unicorn-x64").runs, 0u);
  EXPECT_GT(report.exercised.at("return"), 0u);
  EXPECT_FALSE(report.rules_fired.empty());
}

TEST_F(CampaignTest, ProgramsForOneMachineAreTriedOnIt) {
  if (isa::find_isa(IsaKind::aarch64) == nullptr) GTEST_SKIP() << "no aarch64 backend in this build";
  options_.programs = 40;
  options_.harness.isas = {IsaKind::x64, IsaKind::aarch64};
  options_.focus_percent = 100;
  const CampaignReport report = run();
  EXPECT_EQ(report.findings, 0u);
  EXPECT_EQ(report.stats.compiles, 2 * report.stats.functions);
  EXPECT_GT(report.stats.executors.at("unicorn-x64").runs, 0u);
  EXPECT_GT(report.stats.executors.at("unicorn-aarch64").runs, 0u);
}

TEST_F(CampaignTest, OneFileForAProgramAndKeyAndThreeForAKey) {
  options_.programs = 30;
  options_.jobs = 3;
  options_.harness.tamper = [](IsaKind, oracles::Image& image) {  // ud2
    for (const oracles::CodeRange& range : image.functions) {
      image.bytes[range.begin] = 0x0f;
      image.bytes[range.begin + 1] = 0x0b;
    }
  };
  const CampaignReport report = run();
  EXPECT_GE(report.findings, 30u);
  std::map<std::string, std::set<std::string>> programs;  // by key
  for (const std::string& path : report.files) {
    const auto text = read_file(path);
    ASSERT_TRUE(text.has_value()) << path;
    const std::string line = line_of(*text, "program ");
    const std::string program = line.substr(0, line.find(';')), key = line_of(line, "key ").substr(4);
    EXPECT_TRUE(report.by_key.contains(key)) << line;
    EXPECT_TRUE(programs[key].insert(program).second) << line;
    EXPECT_LE(programs[key].size(), kFilesPerKey);
    const auto test = parse_case(*text, path);
    ASSERT_TRUE(test.has_value()) << render(test.error(), *text);
  }
  EXPECT_EQ(programs["fault x64: illegal instruction, should return"].size(), kFilesPerKey);
  size_t files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(options_.out)) ++files;
  EXPECT_EQ(files, report.files.size());
}

// Every tenth compilation dies: these programs are lost, and on disk; all others are done.
TEST_F(CampaignTest, ACrashIsAFinding) {
  options_.programs = 40;
  options_.jobs = 2;
  options_.harness.opt_levels = {machine::OptLevel::Speed};
  options_.harness.tamper = [count = 0](IsaKind, oracles::Image&) mutable {
    if (++count == 10) std::abort();
  };
  const CampaignReport report = run();
  EXPECT_EQ(report.programs, 40u);
  EXPECT_GE(report.findings, 2u);
  EXPECT_EQ(report.by_key, (std::map<std::string, uint64_t>{{"crash: Aborted", report.findings}}));
  ASSERT_EQ(report.files.size(), std::min<size_t>(report.findings, kFilesPerKey));
  for (const std::string& path : report.files) {
    const auto text = read_file(path);
    ASSERT_TRUE(text.has_value()) << path;
    const auto test = parse_case(*text, path);
    ASSERT_TRUE(test.has_value()) << render(test.error(), *text);
    EXPECT_EQ(test->inputs.size(), 4u);
    Random random(options_.seed * 0x9e3779b97f4a7c15u + std::stoul(line_of(*text, "program ").substr(8)));
    Program program;
    generate(random, options_.generate, program);
    EXPECT_EQ(ir::print(test->functions.back()), ir::print(program.functions.back()));
  }
}

TEST_F(CampaignTest, AFolderThatCannotBeWrittenEndsIt) {
  options_.out = "/proc/nothing";
  EXPECT_FALSE(run_campaign(options_).has_value());
}

// A campaign that goes on knows again what it has stored.
TEST(Coverage, EveryFeatureReadsBack) {
  std::vector<Feature> features;
  for (uint32_t i = 0; i < interpreter::kOutcomeKinds; ++i) {
    features.push_back({FeatureKind::Outcome, std::nullopt, i});
  }
  for (uint32_t i = 0; i < machine::kCompilerEvents; ++i) features.push_back({FeatureKind::Event, IsaKind::x64, i});
  for (uint32_t i = 0; i < ir::kOpcodeCount; ++i) {
    for (const ir::Type type : {ir::Type(), ir::kI8, ir::kI128, ir::kF16, ir::kF128}) {
      features.push_back({FeatureKind::Operation, std::nullopt, i, machine::type_class(type)});
      features.push_back({FeatureKind::Operation, IsaKind::x64, i, machine::type_class(type)});
      features.push_back(Feature::trap(ir::Opcode(i), machine::type_class(type), ir::TrapCode::user(250)));
    }
  }
  for (const Feature feature : features) {
    const std::string name = to_string(feature);
    EXPECT_EQ(parse_feature(name), feature) << name;
  }
}

}  // namespace
}  // namespace assay::fuzz
