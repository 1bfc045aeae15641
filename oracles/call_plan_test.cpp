// The register and stack plans of the four C conventions, against the ABI documents.
#include "oracles/call_plan.h"

#include <gtest/gtest.h>

namespace assay::oracles {
namespace {

ir::Signature signature(std::vector<ir::AbiParam> params, std::vector<ir::AbiParam> returns) {
  return {.params = std::move(params), .returns = std::move(returns)};
}

std::vector<int> registers(const std::vector<CallLocation>& locations) {
  std::vector<int> numbers;
  for (const CallLocation& location : locations) {
    for (unsigned p = 0; p < location.part_count; ++p) {
      numbers.push_back(location.parts[p].in_register ? location.parts[p].id.number : -1);
    }
  }
  return numbers;
}

TEST(CallPlan, ArgumentRegistersInOrder) {
  const std::vector<ir::AbiParam> ten(10, ir::AbiParam{ir::kI64});
  const auto of = [&](IsaKind isa) { return lay_out_call(signature(ten, {}), isa).value(); };
  EXPECT_EQ(registers(of(IsaKind::x64).params), (std::vector<int>{7, 6, 2, 1, 8, 9, -1, -1, -1, -1}));
  EXPECT_EQ(registers(of(IsaKind::aarch64).params), (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, -1, -1}));
  EXPECT_EQ(registers(of(IsaKind::riscv64).params), (std::vector<int>{10, 11, 12, 13, 14, 15, 16, 17, -1, -1}));
  EXPECT_EQ(registers(of(IsaKind::s390x).params), (std::vector<int>{2, 3, 4, 5, 6, -1, -1, -1, -1, -1}));
  EXPECT_EQ(of(IsaKind::x64).params[9].parts[0].offset, 24u);
  EXPECT_EQ(of(IsaKind::s390x).params[5].parts[0].offset, 0u);
  EXPECT_EQ(of(IsaKind::s390x).stack_size, 48u);  // five slots, rounded up
}

TEST(CallPlan, QuadsInFloatRegisters) {
  const std::vector<ir::AbiParam> ten(10, ir::AbiParam{ir::kF128});
  const auto of = [&](IsaKind isa, ir::CallConv convention) {
    return lay_out_call({.params = ten, .returns = {{ir::kF128}}, .call_conv = convention}, isa).value();
  };
  const CallLayout x64 = of(IsaKind::x64, ir::CallConv::kSystemV);
  EXPECT_EQ(registers(x64.params), (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, -1, -1, -1, -1}));
  EXPECT_TRUE(x64.params[7].is_whole());
  EXPECT_FALSE(x64.params[8].is_whole());
  EXPECT_EQ(x64.params[9].parts[0].offset, 16u);
  EXPECT_TRUE(x64.returns[0].is_whole());
  EXPECT_TRUE(of(IsaKind::x64, ir::CallConv::kWindowsFastcall).params[0].by_reference);
  EXPECT_TRUE(of(IsaKind::aarch64, ir::CallConv::kSystemV).params[7].is_whole());
  EXPECT_EQ(of(IsaKind::riscv64, ir::CallConv::kSystemV).params[0].part_count, 2);
  EXPECT_TRUE(of(IsaKind::s390x, ir::CallConv::kSystemV).params[0].by_reference);
}

TEST(CallPlan, ResultsThenReturnArea) {
  const std::vector<ir::AbiParam> nine(9, ir::AbiParam{ir::kI64});
  const CallLayout x64 = lay_out_call(signature({{ir::kI32}}, nine), IsaKind::x64).value();
  EXPECT_EQ(registers(x64.returns), (std::vector<int>{0, 2, -1, -1, -1, -1, -1, -1, -1}));
  EXPECT_TRUE(x64.has_return_area);
  EXPECT_EQ(x64.return_area.id.number, 6);  // rsi: after the one argument
  EXPECT_EQ(x64.return_area_size, 56u);
  const CallLayout aarch64 = lay_out_call(signature({}, nine), IsaKind::aarch64).value();
  EXPECT_EQ(registers(aarch64.returns), (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, -1}));
  EXPECT_EQ(aarch64.return_area.id.number, 0);
  const CallLayout s390x = lay_out_call(signature(nine, nine), IsaKind::s390x).value();
  EXPECT_EQ(registers(s390x.returns), (std::vector<int>{2, 3, 4, 5, -1, -1, -1, -1, -1}));
  EXPECT_FALSE(s390x.return_area.in_register);
  EXPECT_EQ(s390x.return_area.offset, 32u);
  EXPECT_FALSE(lay_out_call(signature({}, {{ir::kI64}, {ir::kI64}}), IsaKind::riscv64).value().has_return_area);
}

TEST(CallPlan, UpperBitsAreArbitraryUnlessExtended) {
  const ir::Signature s =
      signature({{ir::kI8}, {ir::kI8, ir::Extension::kUext}, {ir::kI16, ir::Extension::kSext}, {ir::kI64}}, {});
  const CallLayout layout = lay_out_call(s, IsaKind::riscv64).value();
  const ir::DataValue args[] = {{ir::kI8, 0x85}, {ir::kI8, 0x85}, {ir::kI16, 0x8005}, {ir::kI64, 0x85}};
  Plan plan, other;
  make_plan(layout, 64, args, 1, plan);
  make_plan(layout, 64, args, 2, other);
  ASSERT_EQ(plan.registers.size(), 4u);
  EXPECT_EQ(plan.entry, 64u);
  EXPECT_EQ(plan.registers[0].second.low & 0xff, 0x85u);
  EXPECT_NE(plan.registers[0].second.low, 0x85u);
  EXPECT_NE(plan.registers[0].second.low, other.registers[0].second.low);
  EXPECT_EQ(plan.registers[1].second.low, 0x85u);
  EXPECT_EQ(plan.registers[2].second.low, 0xffff'ffff'ffff'8005u);
  EXPECT_EQ(plan.registers[3].second.low, 0x85u);
}

TEST(CallPlan, StackSlotsInTheTargetsByteOrder) {
  const std::vector<ir::AbiParam> six(6, ir::AbiParam{ir::kI32, ir::Extension::kUext});
  const std::vector<ir::DataValue> args(6, ir::DataValue(ir::kI32, 0x01020304));
  Plan plan;
  make_plan(lay_out_call(signature(six, {}), IsaKind::s390x).value(), 0, args, 1, plan);
  ASSERT_EQ(plan.stack_arguments.size(), 16u);
  EXPECT_EQ(plan.stack_arguments[4], 1);  // right-justified in its slot
  EXPECT_EQ(plan.stack_arguments[7], 4);
}

TEST(CallPlan, ComparesWhatIsPromised) {
  const ir::Signature s = signature({}, {{ir::kI8}, {ir::kI8, ir::Extension::kSext}, {ir::kI32}});
  const CallLayout layout = lay_out_call(s, IsaKind::x64).value();
  const ir::DataValue expected[] = {{ir::kI8, 0x80}, {ir::kI8, 0x80}, {ir::kI32, 7}};
  Outcome outcome{.kind = OutcomeKind::Returned, .results = {{0xabcd80}, {0xffff'ffff'ffff'ff80}}};
  outcome.stack_results = {7, 0, 0, 0, 0xff, 0xff, 0xff, 0xff};
  EXPECT_EQ(compare_results(layout, expected, outcome), std::nullopt);
  outcome.results[1].low = 0x80;
  EXPECT_EQ(compare_results(layout, expected, outcome),
            "result 1 is not extended: the register or slot holds 0x0000000000000080");
  outcome.results[1].low = ~uint64_t{0x7f};
  outcome.stack_results[0] = 8;
  EXPECT_EQ(compare_results(layout, expected, outcome), "result 2 is 8, should be 7");
}

// AAPCS64 6.8.2 C.10; RISC-V psABI 2.1; System V AMD64 3.2.3; s390x ELF ABI 1.2.2.
TEST(CallPlan, PairsOfRegisters) {
  const ir::AbiParam word{ir::kI64}, pair{ir::kI128};
  const auto of = [&](IsaKind isa, std::vector<ir::AbiParam> params) {
    return lay_out_call(signature(std::move(params), {pair}), isa).value();
  };
  const CallLayout x64 = of(IsaKind::x64, {word, pair, word, word, pair, word});
  EXPECT_EQ(registers(x64.params), (std::vector<int>{7, 6, 2, 1, 8, -1, -1, 9}));
  EXPECT_EQ(registers(x64.returns), (std::vector<int>{0, 2}));
  const CallLayout aarch64 = of(IsaKind::aarch64, {word, pair, word, word, pair, word});
  EXPECT_EQ(registers(aarch64.params), (std::vector<int>{0, 2, 3, 4, 5, 6, 7, -1}));
  const CallLayout late = of(IsaKind::aarch64, {word, word, word, word, word, word, word, pair, word});
  EXPECT_EQ(registers(late.params), (std::vector<int>{0, 1, 2, 3, 4, 5, 6, -1, -1, -1}));
  EXPECT_EQ(late.params[8].parts[0].offset, 16u);
  const CallLayout riscv64 = of(IsaKind::riscv64, {pair, pair, word, pair, pair, word, pair});
  EXPECT_EQ(registers(riscv64.params), (std::vector<int>{10, 11, 12, 13, 14, 15, 16, 17, -1, -1, -1, -1}));
  EXPECT_EQ(riscv64.params[4].parts[1].offset, 0u);
  EXPECT_EQ(riscv64.params[6].parts[0].offset, 16u);  // aligned
  const CallLayout s390x = of(IsaKind::s390x, {word, pair, word});
  EXPECT_EQ(registers(s390x.params), (std::vector<int>{2, 3, 4}));
  EXPECT_TRUE(s390x.params[1].by_reference);
  EXPECT_TRUE(s390x.has_return_area);
  EXPECT_EQ(s390x.returns[0].parts[0].offset, 8u);  // the low half is second
}

TEST(CallPlan, Floats) {
  const ir::AbiParam word{ir::kI64}, f32{ir::kF32}, f64{ir::kF64};
  const ir::Signature s = signature({word, f32, f64, word}, {f32, word, f64});
  const CallLayout x64 = lay_out_call(s, IsaKind::x64).value();
  EXPECT_EQ(registers(x64.params), (std::vector<int>{7, 0, 1, 6}));
  EXPECT_EQ(x64.params[1].parts[0].id, float_register(0));
  EXPECT_EQ(registers(x64.returns), (std::vector<int>{0, 0, 1}));
  const ir::DataValue args[] = {{ir::kI64, 1}, ir::DataValue::f32(1.0f), ir::DataValue::f64(2.0), {ir::kI64, 2}};
  Plan plan;
  make_plan(lay_out_call(s, IsaKind::riscv64).value(), 0, args, 1, plan);
  EXPECT_EQ(plan.registers[1].second.low, 0xffff'ffff'3f80'0000u);  // NaN-boxed
  make_plan(lay_out_call(s, IsaKind::s390x).value(), 0, args, 1, plan);
  EXPECT_EQ(plan.registers[1].second.low >> 32, 0x3f80'0000u);  // on the left
  // The ninth float of RISC-V takes an integer register.
  const CallLayout nine = lay_out_call(signature(std::vector<ir::AbiParam>(9, f64), {}), IsaKind::riscv64).value();
  EXPECT_EQ(nine.params[8].parts[0].id, integer_register(10));
}

TEST(CallPlan, RefusesWhatItCannotPlan) {
  const auto refused = lay_out_call(signature({{ir::kF32.by(4)}}, {}), IsaKind::x64);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().message, "not supported on x64: argument.f32x4");
  const std::vector<ir::AbiParam> many(2000, ir::AbiParam{ir::kI8});
  EXPECT_FALSE(lay_out_call(signature(many, {}), IsaKind::aarch64).has_value());
}

}  // namespace
}  // namespace assay::oracles
