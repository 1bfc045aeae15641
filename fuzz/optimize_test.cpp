// The mid-end against the interpreter: random programs do the same before and after, and stay valid.
#include "compiler/opt/optimize.h"

#include <gtest/gtest.h>

#include "compiler/ir/printer.h"
#include "compiler/ir/verifier.h"
#include "fuzz/mutate_case.h"
#include "fuzz/repair.h"

namespace assay::fuzz {
namespace {

TEST(OptimizeRandom, ProgramsDoTheSame) {
  oracles::HarnessOptions options;
  options.isas.clear();  // the interpreter alone
  oracles::Harness harness(options);
  opt::Optimizer optimizer;
  Random random(7);
  uint64_t before = 0, after = 0;
  for (int i = 0; i < 6000 && !HasFailure(); ++i) {
    const Case original = generate_case(random, {});
    Case changed = original;
    for (ir::Function& f : changed.functions) {
      optimizer.run(f);
      for (const Diagnostic& error : ir::verify(f)) ADD_FAILURE() << "program " << i << ": " << error.message;
    }
    if (HasFailure()) break;
    std::vector<oracles::Finding> findings;
    check_preserving(harness, original, changed, findings);
    for (const oracles::Finding& finding : findings) {
      ADD_FAILURE() << "program " << i << ": " << describe(finding) << "\n"
                    << print_case(original) << "\nbecame\n"
                    << print_case(changed);
    }
    for (const Case* test : {&original, static_cast<const Case*>(&changed)}) {
      uint64_t& sum = test == &original ? before : after;
      for (const ir::Function& f : test->functions) {
        for (ir::Block block : f.blocks()) {
          for ([[maybe_unused]] ir::Inst inst : f.insts(block)) ++sum;
        }
      }
    }
  }
  EXPECT_LT(after, before);
  RecordProperty("instructions_before", static_cast<int>(before));
  RecordProperty("instructions_after", static_cast<int>(after));
  EXPECT_GT(harness.stats().interpreted[size_t(interpreter::OutcomeKind::Returned)], 10'000u);
  EXPECT_GT(harness.stats().interpreted[size_t(interpreter::OutcomeKind::Trapped)], 100u);
  EXPECT_GT(optimizer.stats().graph.shared, 0u);
  EXPECT_GT(optimizer.stats().elaboration.hoisted, 0u);
  EXPECT_GT(optimizer.stats().merged, 0u);
}

}  // namespace
}  // namespace assay::fuzz
