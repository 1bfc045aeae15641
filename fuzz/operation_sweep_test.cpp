// Sweeps cover what they name, find operands that trap, and agree on a few hundred patterns each.
#include "fuzz/operation_sweep.h"

#include <gtest/gtest.h>

#include <set>

#include "compiler/isa/registry.h"

namespace assay::fuzz {
namespace {

TEST(OperationSweep, NamesAreDifferent) {
  const std::vector<std::string> names = swept_operations();
  EXPECT_EQ(std::set(names.begin(), names.end()).size(), names.size());
  EXPECT_GE(names.size(), 200u);
}

TEST(OperationSweep, MachinesAgreeWithTheInterpreter) {
  SweepOptions options{.patterns = 300};
  for (const IsaKind isa : kAllIsas) {
    if (isa::find_isa(isa) != nullptr) options.isas.push_back(isa);
  }
  if (options.isas.empty()) GTEST_SKIP() << "this build has no backend";
  for (const char* name :
       {"fma.f32", "fmin.f16", "fdiv.f128", "fcvt_to_sint.i8.f64", "fcvt_from_uint.f32.i128", "sdiv.i64"}) {
    const SweptOperation row = sweep_operation(name, options);
    EXPECT_TRUE(row.findings.empty()) << name << ": " << row.findings.front();
    EXPECT_EQ(row.patterns + row.traps, options.patterns) << name;
    const bool may_trap = std::string_view(name) == "fcvt_to_sint.i8.f64" || std::string_view(name) == "sdiv.i64";
    EXPECT_EQ(row.traps != 0, may_trap) << name;
    EXPECT_GE(row.executors.size(), options.isas.size()) << name;
  }
}

TEST(OperationSweep, WhatThereIsNotIsAFinding) { EXPECT_FALSE(sweep_operation("fma.i32", {}).findings.empty()); }

}  // namespace
}  // namespace assay::fuzz
