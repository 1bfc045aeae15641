// Doubts about a compiler that is made up here: a product is wrong unless somebody changes the right decision.
#include "fuzz/doubts.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "compiler/support/what_if.h"
#include "fuzz/symbols.h"

namespace assay::fuzz {
namespace {

// As the pass would make them, in the program's one table.
[[gnu::section("assay_places"), gnu::used]] WhatIfPlace g_places[] = {
    {"assay::opt::(anonymous namespace)::Maker::make(int)", "/tree/compiler/opt/maker.cpp", 1, WhatIfKind::Entry, 0, 0,
     0},
    {"assay::opt::(anonymous namespace)::Maker::product(int)", "/tree/compiler/opt/maker.cpp", 7, WhatIfKind::Condition,
     0, 0, 0},
    {"assay::opt::Maker::all() const", "/tree/compiler/opt/maker.cpp", 9, WhatIfKind::Condition, 0, 0, 0},
    {"assay::opt::Maker::sum()", "/tree/compiler/opt/maker.cpp", 11, WhatIfKind::Answer, 0, 0, 0},
    {"assay::machine::elsewhere()", "/tree/compiler/machine/other.cpp", 1, WhatIfKind::Condition, 0, 0, 0},
    {"assay::opt::never()", "/tree/compiler/opt/maker.cpp", 20, WhatIfKind::Condition, 0, 0, 0},
    {"assay::regalloc::Off::a()", "/tree/compiler/regalloc/off.cpp", 1, WhatIfKind::Condition, 0, 0, 0},
    {"assay::regalloc::Off::b()", "/tree/compiler/regalloc/off.cpp", 2, WhatIfKind::Condition, 0, 0, 0},
    {"assay::regalloc::Off::c()", "/tree/compiler/regalloc/off.cpp", 3, WhatIfKind::Condition, 0, 0, 0},
    {"assay::regalloc::Off::d()", "/tree/compiler/regalloc/off.cpp", 4, WhatIfKind::Condition, 0, 0, 0},
    {"assay::regalloc::Right::way()", "/tree/compiler/regalloc/right.cpp", 5, WhatIfKind::Condition, 0, 0, 0},
};

bool has(const Case& test, ir::Opcode opcode) {
  for (const ir::Function& f : test.functions) {
    for (ir::Block block : f.blocks()) {
      for (ir::Inst inst : f.insts(block)) {
        if (f.inst(inst).opcode == opcode) return true;
      }
    }
  }
  return false;
}

DoubtJudge made_up() {
  DoubtJudge out;
  out.judge = [](const Case& test) {
    for (WhatIfPlace& place : g_places) place.ran = 1;
    g_places[5].ran = 0;
    const bool product = has(test, ir::Opcode::kImul), sum = has(test, ir::Opcode::kIadd);
    if (g_places[3].change != 0 && sum && !product) return DoubtVerdict::Fails;
    const bool is_mended = std::ranges::any_of(g_places, [](const WhatIfPlace& place) { return place.change != 0; });
    return product && !is_mended ? DoubtVerdict::Fails : DoubtVerdict::Passes;
  };
  // Turning everything off is a mend, too.
  out.code = [](const Case& test) {
    return std::string(g_places[2].change != 0 && has(test, ir::Opcode::kIadd) ? "slow" : "fast");
  };
  out.has_file = [](const std::string& file) { return file.starts_with("compiler/opt/"); };
  return out;
}

Expected<Case> product_and_sum() {
  return parse_case(
      "test run\nfunction %f(i64) -> i64 {\nblock0(v0: i64):\n    v1 = imul v0, v0\n    v2 = iadd v1, v0\n"
      "    return v2\n}\n; print: %f(3)\n",
      "t");
}

// Four functions can keep the product from being made, one makes it right.
TEST(Doubts, WhatDoesItRightIsBetterThanWhatDoesNotDoIt) {
  DoubtJudge judge = made_up();
  judge.code = [](const Case& test) {
    if (!has(test, ir::Opcode::kImul)) return std::string("nothing");
    if (g_places[std::size(g_places) - 1].change != 0) return std::string("right");
    return std::string(std::ranges::any_of(g_places, [](const auto& p) { return p.change != 0; }) ? "off" : "wrong");
  };
  judge.has_file = [](const std::string& file) { return file.starts_with("compiler/regalloc/"); };
  const auto test = product_and_sum();
  ASSERT_TRUE(test.has_value()) << render(test.error());
  const Doubts doubts = doubt_functions(*test, judge);
  ASSERT_FALSE(doubts.functions.empty());
  EXPECT_EQ(doubts.functions.front().name, "Right::way");
  EXPECT_FALSE(doubts.functions.front().is_one_of_many);
  const DoubtedFunction* off = doubts.find("Off::a");
  ASSERT_NE(off, nullptr);
  EXPECT_TRUE(off->is_one_of_many);
  EXPECT_EQ(off->tally.score(), doubts.functions.front().tally.score());
}

TEST(Doubts, TheChangeThatLeavesTheRestAloneIsTheBest) {
  const auto test = product_and_sum();
  ASSERT_TRUE(test.has_value()) << render(test.error());
  ASSERT_TRUE(can_doubt());
  const Doubts doubts = doubt_functions(*test, made_up());
  EXPECT_GT(doubts.failing, 20u);
  EXPECT_GT(doubts.passing, 20u);
  ASSERT_FALSE(doubts.functions.empty());
  const DoubtedFunction& best = doubts.functions.front();
  EXPECT_EQ(best.name, "Maker::product");
  EXPECT_EQ(best.file, "compiler/opt/maker.cpp");
  EXPECT_EQ(best.line, 7u);
  EXPECT_EQ(best.change, "line 7: if the condition there were the other way");
  EXPECT_EQ(best.tally.mends, 1);
  EXPECT_EQ(best.tally.spoils, 0);
  EXPECT_EQ(best.tally.alters, 0);
  const DoubtedFunction* all = doubts.find("Maker::all");
  ASSERT_NE(all, nullptr);
  EXPECT_EQ(all->tally.mends, 1);
  EXPECT_GT(all->tally.alters, 0);
  // Of another stage; never run.
  EXPECT_EQ(doubts.find("elsewhere"), nullptr);
  EXPECT_EQ(doubts.find("never"), nullptr);
  const DoubtedFunction* sum = doubts.find("Maker::sum");
  ASSERT_NE(sum, nullptr);
  EXPECT_LT(sum->tally.score(), best.tally.score());
}

// What is wrong often makes the compiler crash on programs like the case.
TEST(Doubts, AProgramThatTheCompilerDoesNotSurviveCostsOnlyItself) {
  const auto test = product_and_sum();
  ASSERT_TRUE(test.has_value()) << render(test.error());
  DoubtJudge judge = made_up();
  judge.judge = [sound = judge.judge](const Case& program) {
    if (has(program, ir::Opcode::kIsub) || has(program, ir::Opcode::kBand)) std::_Exit(1);
    return sound(program);
  };
  const Doubts doubts = doubt_functions(*test, judge);
  EXPECT_GT(doubts.failing, 20u);
  EXPECT_GT(doubts.passing, 20u);
  ASSERT_FALSE(doubts.functions.empty());
  EXPECT_EQ(doubts.functions.front().name, "Maker::product");
}

TEST(Doubts, FunctionsHaveTheirPlainNames) {
  EXPECT_EQ(plain_function("assay::opt::(anonymous namespace)::Control::fold(int)"), "Control::fold");
  EXPECT_EQ(plain_function("assay::machine::layout_frame(unsigned)"), "layout_frame");
  EXPECT_EQ(plain_function("assay::opt::Control::run()::{lambda(int)#1}::operator()(int) const"), "Control::run");
  EXPECT_EQ(plain_function("bool assay::isa::x64::each<int>(int)"), "each");
  EXPECT_EQ(plain_function("bool std::ranges::all_of<assay::ir::Inst>(assay::ir::Inst)"), "");
  EXPECT_EQ(plain_function("main"), "");
}

}  // namespace
}  // namespace assay::fuzz
