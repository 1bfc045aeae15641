// What becomes of divisions of 128 bits: valid CLIF without any, in which everything else keeps its number.
#include "compiler/machine/expand_division.h"

#include <gtest/gtest.h>

#include "compiler/ir/parser.h"
#include "compiler/ir/verifier.h"

namespace assay::machine {
namespace {

// Two divisions in one block, one whose operands are another's results, and one of 64 bits.
constexpr const char* kText = R"(function %f(i128, i128, i64) -> i128, i64 {
block0(v0: i128, v1: i128, v2: i64):
    v3 = udiv v0, v1
    v4 = srem v3, v0
    v5 = udiv v2, v2
    jump block1(v4)
block1(v6: i128):
    v7 = sdiv v6, v3
    v8 = urem v7, v6
    return v8, v5
}
)";

ir::Function parsed(const char* text) {
  auto function = ir::parse_function(text);
  EXPECT_TRUE(function.has_value());
  return function ? std::move(*function) : ir::Function();
}

TEST(ExpandDivision, LeavesNoneAndValidClif) {
  ir::Function function = parsed(kText);
  const auto count = static_cast<uint32_t>(function.inst_count());
  const ir::Inst narrow = function.def_inst(ir::Value(5));
  ASSERT_TRUE(has_wide_division(function));
  std::vector<ir::Inst> origins;
  expand_wide_divisions(function, origins);
  const Diagnostics errors = ir::verify(function);
  EXPECT_TRUE(errors.empty()) << errors.front().message;

  ASSERT_EQ(origins.size(), function.inst_count() - count);
  unsigned divisions = 0;
  for (ir::Block block : function.blocks()) {
    for (ir::Inst inst : function.insts(block)) {
      const ir::InstData& data = function.inst(inst);
      const bool divides = data.opcode == ir::Opcode::kUdiv || data.opcode == ir::Opcode::kSdiv ||
                           data.opcode == ir::Opcode::kUrem || data.opcode == ir::Opcode::kSrem;
      EXPECT_FALSE(divides && data.type == ir::kI128);
      divisions += divides;
      if (inst.index >= count) EXPECT_LT(origins[inst.index - count].index, count);
    }
  }
  EXPECT_EQ(divisions, 5u);  // one of 64 bits within each expansion
  EXPECT_EQ(function.def_inst(ir::Value(5)), narrow);
}

TEST(ExpandDivision, FunctionsWithoutAreLeftAlone) {
  EXPECT_FALSE(has_wide_division(parsed(R"(function %f(i64, i64) -> i64 {
block0(v0: i64, v1: i64):
    v2 = udiv v0, v1
    return v2
}
)")));
}

}  // namespace
}  // namespace assay::machine
