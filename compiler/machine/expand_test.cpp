// What becomes of operations that machines lack: valid CLIF without any, in which everything else keeps its number.
// That it means the same is what corpus/filetests and campaigns say, interpreter against machines.
#include "compiler/machine/expand.h"

#include <gtest/gtest.h>

#include "compiler/ir/parser.h"
#include "compiler/ir/printer.h"
#include "compiler/ir/verifier.h"

namespace assay::machine {
namespace {

ir::Function parsed(const char* text) {
  auto function = ir::parse_function(text);
  EXPECT_TRUE(function.has_value()) << text;
  return function ? std::move(*function) : ir::Function();
}

// A machine with integers of 128 bits, floats of 32 and 64, words for atomics and no fma.
TargetIsa machine() {
  static constexpr PReg kFloats[] = {PReg(RegClass::Vec, 0)};
  TargetIsa isa;
  isa.abi.pairs = Pairs::WholeOrMemory;
  isa.abi.float_argument_registers = kFloats;
  isa.abi.has_f16 = false;
  isa.expanded = {.fma = true, .least_atomic_bits = 32, .wide_cas = true};
  return isa;
}

std::string expanded(const char* text, bool canonical_nans = false) {
  ir::Function function = parsed(text);
  const auto count = static_cast<uint32_t>(function.inst_count());
  EXPECT_TRUE(needs_expansion(function, machine(), canonical_nans)) << text;
  std::vector<ir::Inst> origins;
  expand(function, machine(), canonical_nans, origins);
  const Diagnostics errors = ir::verify(function);
  EXPECT_TRUE(errors.empty()) << errors.front().message << "\n" << ir::print(function);
  EXPECT_EQ(origins.size(), function.inst_count() - count);
  for (const ir::Inst origin : origins) EXPECT_LT(origin.index, count);
  EXPECT_FALSE(needs_expansion(function, machine(), false)) << ir::print(function);
  return ir::print(function);
}

size_t occurrences(const std::string& text, std::string_view part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(Expand, Divisions) {
  const std::string text = expanded(R"(function %f(i128, i128, i64) -> i128, i64 {
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
)");
  // One of 64 bits within each, and the one that was.
  EXPECT_EQ(occurrences(text, "= udiv") + occurrences(text, "= urem"), 5u);
  EXPECT_NE(text.find("v5 = udiv"), std::string::npos);
}

TEST(Expand, AtomicsOfWordsAreLoopsAndNarrowOnesChangeAWord) {
  const std::string whole = expanded(R"(function %f(i64, i32) -> i32 {
block0(v0: i64, v1: i32):
    v2 = atomic_rmw.i32 nand v0, v1
    v3 = atomic_cas.i32 v0, v2, v1
    return v3
}
)");
  EXPECT_EQ(occurrences(whole, "atomic_cas"), 2u);
  const std::string narrow = expanded(R"(function %f(i64, i8, i16) -> i16 {
block0(v0: i64, v1: i8, v2: i16):
    v3 = atomic_rmw.i8 smax v0, v1
    v4 = atomic_cas.i16 big v0, v2, v2
    return v4
}
)");
  EXPECT_EQ(occurrences(narrow, "= atomic_cas"), 2u);
  EXPECT_EQ(occurrences(narrow, "atomic_load.i32"), 2u);
  EXPECT_EQ(occurrences(narrow, "= bswap"), 2u);
}

TEST(Expand, WideAtomicsAreCompareAndSwaps) {
  const std::string text = expanded(R"(function %f(i64, i128) -> i128 {
block0(v0: i64, v1: i128):
    v2 = atomic_load.i128 v0
    atomic_store v1, v0
    v3 = atomic_rmw.i128 add v0, v2
    return v3
}
)");
  EXPECT_EQ(occurrences(text, "= atomic_cas"), 3u) << text;
  EXPECT_EQ(occurrences(text, "atomic_"), 3u) << text;
}

TEST(Expand, WideIntegersAndFloats) {
  const std::string text = expanded(R"(function %f(i128, f32) -> f32, f64, i128, i128 {
block0(v0: i128, v1: f32):
    v2 = fcvt_from_sint.f32 v0
    v3 = fcvt_from_uint.f64 v0
    v4 = fcvt_to_uint.i128 v1
    v5 = fcvt_to_sint_sat.i128 v3
    return v2, v3, v4, v5
}
)");
  EXPECT_EQ(occurrences(text, "trapz"), 2u);
}

TEST(Expand, OtherFloatsAreBitsAndLibraryCalls) {
  const std::string text = expanded(R"(function %f(f128, f16, i64) -> f128, f16, i8, i16 {
block0(v0: f128, v1: f16, v2: i64):
    v3 = fadd v0, v0
    v4 = fdemote.f16 v3
    v5 = fma v4, v1, v4
    v6 = fcmp ult v3, v0
    v7 = fneg v0
    v8 = select v6, v7, v3
    store v8, v2
    v9 = load.f16 v2
    v10 = fcvt_to_sint_sat.i16 v8
    return v8, v5, v6, v10
}
)");
  EXPECT_EQ(occurrences(text, "f128"), 0u) << text;
  EXPECT_EQ(occurrences(text, "f16 "), 0u) << text;
  EXPECT_NE(text.find("(i128, i128) -> i128 system_v"), std::string::npos) << text;
}

TEST(Expand, CanonicalNansAndMissingFma) {
  constexpr const char* kText = R"(function %f(f32, f64) -> f32, f64 {
block0(v0: f32, v1: f64):
    v2 = fma v0, v0, v0
    v3 = fsub v1, v1
    return v2, v3
}
)";
  EXPECT_NE(expanded(kText).find("%FmaF32"), std::string::npos);
  EXPECT_EQ(occurrences(expanded(kText, true), "select"), 2u);
}

TEST(Expand, OthersAreLeftAlone) {
  EXPECT_FALSE(needs_expansion(parsed(R"(function %f(i64, f64) -> i64, f64 {
block0(v0: i64, v1: f64):
    v2 = udiv v0, v0
    v3 = fadd v1, v1
    v4 = atomic_load.i8 v0
    return v2, v3
}
)"),
                               machine(), false));
}

}  // namespace
}  // namespace assay::machine
