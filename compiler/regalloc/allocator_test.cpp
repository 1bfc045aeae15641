// Random functions with every kind of constraint through the allocator, judged by concrete execution and the checker.
#include "compiler/regalloc/allocator.h"

#include <gtest/gtest.h>

#include "compiler/regalloc/apply.h"
#include "compiler/regalloc/checker.h"
#include "compiler/regalloc/random_vcode.h"
#include "compiler/regalloc/simulate.h"
#include "compiler/regalloc/verify_vcode.h"

namespace assay::regalloc {
namespace {

void expect_sound(uint64_t seed, const RandomVCodeOptions& options, const AllocateOptions& allocate_options,
                  Allocator& allocator) {
  RandomSource random(seed);
  const RandomCase test = random_vcode(random, options);
  const Diagnostics violations = verify_vcode(test.code, test.clobbers());
  ASSERT_TRUE(violations.empty()) << "seed " << seed << ": " << render(violations[0]);

  Allocation allocation;
  const auto done = allocator.run(test.code, test.env, test.clobbers(), allocate_options, allocation);
  ASSERT_TRUE(done.has_value()) << "seed " << seed << ": " << render(done.error());

  const Diagnostics findings = check(test.code, allocation, test.env, test.clobbers());
  ASSERT_TRUE(findings.empty()) << "seed " << seed << ": " << render(findings[0]) << dump(test.code, &allocation);

  machine::VCode applied = test.code;
  apply_allocation(applied, allocation, kTestMoveHooks);
  for (uint64_t path = 0; path < 3; ++path) {
    const SimulationLog expected = simulate_virtual(test.code, path, 300);
    const SimulationLog actual = simulate_allocated(test.code, allocation, test.env, test.clobbers(), path, 300);
    ASSERT_EQ(actual.error, "") << "seed " << seed << "\n" << dump(test.code, &allocation);
    ASSERT_EQ(actual.values, expected.values) << "seed " << seed << "\n" << dump(test.code, &allocation);
    const SimulationLog after = simulate_applied(applied, test.code, test.env, test.clobbers(), path, 300);
    ASSERT_EQ(after.error, "") << "seed " << seed;
    ASSERT_EQ(after.values, expected.values) << "seed " << seed;
  }
}

TEST(Allocator, RandomFunctions) {
  Allocator allocator;
  for (uint64_t seed = 0; seed < 6000 && !HasFatalFailure(); ++seed) expect_sound(seed, {}, {}, allocator);
}

TEST(Allocator, RandomFunctionsUnderPressure) {
  Allocator allocator;
  for (uint64_t seed = 0; seed < 3000 && !HasFatalFailure(); ++seed) {
    expect_sound(seed, {.max_blocks = 8, .max_insts = 20, .min_registers = 2, .max_registers = 4}, {}, allocator);
  }
}

TEST(Allocator, RandomFunctionsWithFewerRegistersThanThereAre) {
  Allocator allocator;
  for (uint64_t seed = 0; seed < 1500 && !HasFatalFailure(); ++seed) {
    expect_sound(seed, {.min_registers = 8}, {.max_registers = 2}, allocator);
  }
}

TEST(Allocator, LargeRandomFunctions) {
  Allocator allocator;
  for (uint64_t seed = 0; seed < 60 && !HasFatalFailure(); ++seed) {
    expect_sound(seed, {.max_blocks = 150, .max_insts = 30}, {}, allocator);
  }
}

}  // namespace
}  // namespace assay::regalloc
