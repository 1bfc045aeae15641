// Where arguments and results are, on a made-up convention of two argument and one result registers.
#include "compiler/machine/abi.h"

#include <gtest/gtest.h>

namespace assay::machine {
namespace {

constexpr PReg kArguments[] = {PReg(RegClass::Gpr, 3), PReg(RegClass::Gpr, 5)};
constexpr PReg kResults[] = {PReg(RegClass::Gpr, 7)};

TargetIsa make_isa() {
  TargetIsa isa;
  isa.name = "toy";
  isa.abi.argument_registers = kArguments;
  isa.abi.result_registers = kResults;
  return isa;
}

ir::Signature signature(unsigned params, unsigned returns) {
  ir::Signature s;
  s.params.assign(params, {ir::kI32});
  s.returns.assign(returns, {ir::kI64});
  return s;
}

TEST(Abi, RegistersThenSlots) {
  const TargetIsa isa = make_isa();
  AbiSignature abi;
  ASSERT_TRUE(compute_abi(signature(5, 1), isa, abi));
  EXPECT_EQ(abi.params[0].parts[0].reg, kArguments[0]);
  EXPECT_EQ(abi.params[1].parts[0].reg, kArguments[1]);
  EXPECT_TRUE(abi.params[2].parts[0].in_memory());
  EXPECT_EQ(abi.params[4].parts[0].offset, 16u);
  EXPECT_EQ(abi.stack_size, 32u);  // 24, rounded up
  EXPECT_EQ(abi.returns[0].parts[0].reg, kResults[0]);
  EXPECT_FALSE(abi.has_return_area);
}

TEST(Abi, ResultsInMemoryCostOneLastArgument) {
  const TargetIsa isa = make_isa();
  AbiSignature abi;
  ASSERT_TRUE(compute_abi(signature(1, 4), isa, abi));
  EXPECT_TRUE(abi.has_return_area);
  EXPECT_EQ(abi.return_area.reg, kArguments[1]);
  EXPECT_EQ(abi.return_area_size, 24u);
  EXPECT_EQ(abi.returns[1].parts[0].offset, 0u);
  EXPECT_EQ(abi.returns[3].parts[0].offset, 16u);
  ASSERT_TRUE(compute_abi(signature(3, 2), isa, abi));
  EXPECT_TRUE(abi.return_area.in_memory());
  EXPECT_EQ(abi.return_area.offset, 8u);
}

TEST(Abi, UnsupportedTypesAreNamed) {
  const TargetIsa isa = make_isa();
  AbiSignature abi;
  ir::Signature s;
  s.params = {{ir::kF64}};
  const auto result = compute_abi(s, isa, abi);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "not supported on toy: argument of type f64");
}

}  // namespace
}  // namespace assay::machine
