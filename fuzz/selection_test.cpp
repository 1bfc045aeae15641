// The rung "select" of the ladder: the generated decision trees select what the rules say. Every function of the corpus
// and many random ones are lowered twice, by the trees and by the rule interpreter, and must become the same machine
// code over virtual registers by the same rules.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "compiler/ir/parser.h"
#include "compiler/isa/interpreted.h"
#include "compiler/isa/registry.h"
#include "compiler/machine/compile.h"
#include "fuzz/generate.h"

namespace assay {
namespace {

class SelectionTest : public testing::TestWithParam<const machine::TargetIsa*> {
 protected:
  SelectionTest() : interpreted_(isa::interpreted_isa(GetParam()->kind)), trees_(*GetParam()), rules_(*interpreted_) {}

  // The rules whose application emitted each instruction, from the innermost out.
  static std::string provenance(const machine::VCode& code) {
    std::string text;
    for (const machine::Inst& inst : code.insts) {
      text += "rules";
      for (uint16_t at = inst.rules; at != machine::kNoRuleChain; at = code.rule_chains[at].caller) {
        text += ' ' + std::to_string(code.rule_chains[at].rule.index);
      }
      text += '\n';
    }
    return text;
  }

  // The VCode after lowering with what it comes from, or the error.
  static std::string lower(machine::Compiler& compiler, const ir::Function& function, machine::OptLevel level) {
    std::string text;
    machine::CompileOptions options;
    options.opt_level = level;
    options.check_allocation = false;
    options.dump = [&](machine::Stage stage, const std::string& dumped) {
      if (stage == machine::Stage::Lower) text += dumped;
    };
    options.observe = [&](const machine::StageView& view) {
      if (view.stage == machine::Stage::Lower) text += provenance(view.vcode);
    };
    auto compiled = compiler.compile(function, options);
    return compiled ? text : text + compiled.error().message;
  }

  void compare(const ir::Function& function, const std::string& what) {
    for (machine::OptLevel level : {machine::OptLevel::None, machine::OptLevel::Speed}) {
      ASSERT_EQ(lower(trees_, function, level), lower(rules_, function, level)) << what;
    }
  }

  // Pure helper terms may be evaluated more or less often: the trees share what several rules ask.
  void compare_counts() {
    for (uint32_t i = 0; i < GetParam()->rules.size(); i++) {
      if (!GetParam()->rules[i].term.starts_with("lower")) continue;
      isle::RuleId rule(i);
      ASSERT_EQ(trees_.rules().count(rule), rules_.rules().count(rule)) << GetParam()->rules[i].name;
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

  std::unique_ptr<machine::TargetIsa> interpreted_;
  machine::Compiler trees_;
  machine::Compiler rules_;
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
      trees_.rules().enable_rule(isle::RuleId(i), enabled);
      rules_.rules().enable_rule(isle::RuleId(i), enabled);
    }
    compare_corpus();
  }
}

INSTANTIATE_TEST_SUITE_P(Isa, SelectionTest, testing::ValuesIn(isa::all_isas().begin(), isa::all_isas().end()),
                         [](const auto& info) { return std::string(info.param->name); });

}  // namespace
}  // namespace assay
