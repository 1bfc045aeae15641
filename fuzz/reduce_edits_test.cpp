// Edits that keep what a function computes, held against the interpreter.
#include "fuzz/reduce_edits.h"

#include <gtest/gtest.h>

#include "compiler/ir/printer.h"
#include "compiler/ir/verifier.h"

namespace assay::fuzz {
namespace {

interpreter::Outcome outcome_of(const Case& test) {
  oracles::Harness harness({.isas = {}, .opt_levels = {}});
  std::vector<oracles::Finding> none;
  check_case(harness, test, none);
  return harness.references()[0].outcome;
}

Case random_case(uint64_t seed) {
  Random random(seed);
  Program program;
  generate(random, {}, program);
  Case test;
  test.functions = program.functions;
  test.entry = static_cast<uint32_t>(test.functions.size() - 1);
  test.regions = program.regions;
  test.inputs.push_back({.args = program.inputs.at(0)});
  return test;
}

void expect_valid(const Case& test, uint64_t seed) {
  for (const ir::Function& f : test.functions) {
    const auto errors = ir::verify(f);
    EXPECT_TRUE(errors.empty()) << "seed " << seed << ": " << errors.front().message << "\n" << ir::print(f);
  }
}

TEST(ReduceEdits, InliningKeepsResults) {
  unsigned inlined = 0;
  for (uint64_t seed = 0; seed < 2000 && inlined < 20; ++seed) {
    Case test = random_case(seed);
    const interpreter::Outcome before = outcome_of(test);
    const size_t functions = test.functions.size();
    for (ir::Inst inst : instructions(test.functions[test.entry])) {
      if (inline_call(test, test.entry, inst)) ++inlined;
    }
    ASSERT_EQ(test.functions.size(), functions);
    expect_valid(test, seed);
    const interpreter::Outcome after = outcome_of(test);
    ASSERT_EQ(after.kind, before.kind) << "seed " << seed;
    ASSERT_EQ(after.results, before.results) << "seed " << seed;
    ASSERT_EQ(after.trap, before.trap) << "seed " << seed;
  }
  EXPECT_GE(inlined, 20u);
}

// Naming the first value that an instruction had changes nothing where it runs once only.
TEST(ReduceEdits, ValuesBecomeParameters) {
  unsigned named = 0;
  for (uint64_t seed = 0; seed < 100 && named < 100; ++seed) {
    const Case test = random_case(seed);
    const ir::Function& f = test.functions[test.entry];
    const interpreter::Outcome before = outcome_of(test);
    if (before.kind != interpreter::OutcomeKind::Returned) continue;
    for (ir::Inst inst : f.insts(f.entry_block())) {
      if (f.results(inst).empty() || f.info(inst).effects != ir::Effects{}) continue;
      const auto values = first_results(test, inst);
      if (!values) continue;
      Case edited = test;
      ASSERT_TRUE(make_parameters(edited, inst, *values));
      expect_valid(edited, seed);
      EXPECT_EQ(outcome_of(edited).results, before.results) << "seed " << seed << " " << ir::print_inst(f, inst);
      ++named;
    }
  }
  EXPECT_GE(named, 100u);
}

}  // namespace
}  // namespace assay::fuzz
