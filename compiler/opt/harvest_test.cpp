// Terms of functions in both forms.
#include "compiler/opt/harvest.h"

#include <gtest/gtest.h>

#include "compiler/ir/parser.h"

namespace assay::opt {
namespace {

std::vector<Harvested> harvested(const std::string& body, HarvestOptions options = {}) {
  const auto file =
      ir::parse_file("function %f(i64, i64, i32) -> i64 {\nblock0(v0: i64, v1: i64, v2: i32):\n" + body + "}\n", "");
  if (!file) {
    ADD_FAILURE() << "does not parse";
    return {};
  }
  const ir::Function* functions[] = {&file->functions[0].function};
  return harvest(functions, options);
}

TEST(Harvest, TermsAreCountedWhateverTheirVariablesAre) {
  const auto found = harvested(
      "  v3 = iconst.i64 3\n  v4 = ishl v0, v3\n  v5 = iadd v1, v4\n  v6 = ishl v1, v3\n  v7 = iadd v0, v6\n"
      "  v8 = iadd v5, v7\n  return v8\n",
      {.depth = 2});
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(found[0].term, "(iadd i64 x0 (ishl i64 x1 (k i64 3)))");
  EXPECT_EQ(found[0].count, 2u);
  EXPECT_EQ(found[0].operations, 2u);
  EXPECT_EQ(found[0].souper, "%0:i64 = var\n%1:i64 = var\n%2:i64 = shl %1, 3:i64\n%3:i64 = add %0, %2\ninfer %3\n");
}

TEST(Harvest, WhatSouperWritesOtherwise) {
  const auto found =
      harvested("  v3 = icmp sge v0, v1\n  v4 = ishl v0, v2\n  v5 = select v3, v4, v1\n  return v5\n", {.depth = 3});
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(
      found[0].souper,
      "%0:i64 = var\n%1:i64 = var\n%2:i1 = sle %1, %0\n%3:i8 = zext %2\n%4:i32 = var\n%5:i64 = zext %4\n"
      "%6:i64 = and %5, 63:i64\n%7:i64 = shl %0, %6\n%8:i1 = ne %3, 0:i8\n%9:i64 = select %8, %7, %1\ninfer %9\n");
}

TEST(Harvest, WhatSouperDoesNotHaveIsLeftToOurForm) {
  const auto found = harvested("  v3 = umulhi v0, v1\n  v4 = iadd v3, v0\n  return v4\n");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].term, "(iadd i64 (umulhi i64 x0 x1) x0)");
  EXPECT_EQ(found[0].souper, "");
}

}  // namespace
}  // namespace assay::opt
