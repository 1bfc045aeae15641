// Every lowering rule fires in the whole compiler at least once, on an input that a model of its proof foretold, and
// what comes out is right on every executor.
#include "verify/witness.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "compiler/isa/registry.h"

namespace assay::verify {
namespace {

class WitnessTest : public testing::TestWithParam<IsaKind> {};

TEST_P(WitnessTest, EveryRuleFires) {
  if (isa::find_isa(GetParam()) == nullptr) GTEST_SKIP();
  const auto report = find_witnesses(GetParam());
  ASSERT_TRUE(report.has_value()) << report.error().message;
  std::printf("%s", describe(*report).c_str());
  EXPECT_TRUE(report->mismatches.empty());
  EXPECT_TRUE(report->missing.empty());
}

INSTANTIATE_TEST_SUITE_P(Isa, WitnessTest, testing::ValuesIn(kAllIsas), [](const auto& info) { return std::string(name(info.param)); });

}  // namespace
}  // namespace assay::verify
