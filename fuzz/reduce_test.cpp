// Reduction with a property of our own: no machine is needed to see that cases shrink to the point.
#include "fuzz/reduce.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "compiler/ir/printer.h"
#include "compiler/ir/verifier.h"
#include "compiler/isa/registry.h"

namespace assay::fuzz {
namespace {

// An operation of that kind whose result is used: what nobody uses, reduction may drop along with anything else.
bool contains(const Case& test, ir::Opcode opcode) {
  for (const ir::Function& f : test.functions) {
    for (ir::Block block : f.blocks()) {
      for (ir::Inst inst : f.insts(block)) {
        bool uses = false;
        f.for_each_use(inst, [&](ir::Value v) {
          const ir::Inst def = f.def_inst(f.resolve(v));
          uses |= !def.is_none() && f.inst(def).opcode == opcode;
        });
        if (uses) return true;
      }
    }
  }
  return false;
}

TEST(Reduce, KeepsWhatThePropertyNeedsAndLittleElse) {
  unsigned reduced = 0;
  for (uint64_t seed = 0; seed < 200 && reduced < 10; ++seed) {
    Random random(seed);
    Program program;
    generate(random, {}, program);
    Case test;
    test.functions = program.functions;
    test.entry = static_cast<uint32_t>(test.functions.size() - 1);
    test.regions = program.regions;
    for (auto& args : program.inputs) test.inputs.push_back({.args = args});
    if (!contains(test, ir::Opcode::kSmulhi)) continue;
    ++reduced;
    const ReduceResult result = reduce(test, [](const Case& c) { return contains(c, ir::Opcode::kSmulhi); });
    EXPECT_TRUE(contains(result.reduced, ir::Opcode::kSmulhi));
    for (const ir::Function& f : result.reduced.functions) EXPECT_TRUE(ir::verify(f).empty());
    // A pure operation is only kept alive by its use: constants, smulhi, what uses it, return.
    EXPECT_LE(result.instructions, 10u) << "seed " << seed << "\n" << print_case(result.reduced);
    EXPECT_EQ(result.reduced.inputs.size(), 1u);
  }
  EXPECT_EQ(reduced, 10u);
}

// A chain of operations, each of them a result: what does not matter goes in halves, not one by one.
TEST(Reduce, ManyResultsGoTogether) {
  constexpr unsigned kResults = 3000;
  std::string signature, body, results;
  for (unsigned i = 1; i <= kResults; ++i) {
    const std::string before = "v" + std::to_string(i - 1);
    signature += i == 1 ? "i32" : ", i32";
    body += "    v" + std::to_string(i) + (i == 1700 ? " = smulhi " : " = iadd ") + before + ", v0\n";
    results += (i == 1 ? "v" : ", v") + std::to_string(i);
  }
  const auto test = parse_case("test run\nfunction %f(i32) -> " + signature + " {\nblock0(v0: i32):\n" + body +
                                   "    return " + results + "\n}\n; print: %f(1)\n",
                               "t");
  ASSERT_TRUE(test.has_value()) << render(test.error());
  const ReduceResult result = reduce(*test, [](const Case& c) { return contains(c, ir::Opcode::kSmulhi); });
  EXPECT_LE(result.instructions, 4u) << ir::print(result.reduced.functions.back());
  EXPECT_LE(result.tried, 400u);
}

// Floats and integers of 128 bits shrink as others do, and that ends although a constant of 128 bits is no one
// instruction.
TEST(Reduce, FloatsAndWideIntegers) {
  const auto test = parse_case(R"(test run
function %f(f64, i128, i64) -> f64, i128, f32, i128 {
block0(v0: f64, v1: i128, v2: i64):
    v3 = f64const 0x1.3333333333333p3
    v4 = fadd v0, v3
    v5 = fmul v4, v4
    v6 = fdiv v5, v0
    v7 = fdemote.f32 v6
    v8 = uextend.i128 v2
    v9 = iadd v1, v8
    v10 = imul v9, v8
    v11 = bxor v10, v1
    v12 = iconcat v2, v2
    v13 = isub v11, v12
    return v6, v13, v7, v10
}
; print: %f(0x1.5p7, 0x123456789abcdef0123456789, 77)
)",
                               "t");
  ASSERT_TRUE(test.has_value()) << render(test.error());
  for (const ir::Opcode wanted : {ir::Opcode::kFmul, ir::Opcode::kBxor}) {
    const ReduceResult result = reduce(*test, [&](const Case& c) { return contains(c, wanted); }, {.seconds = 60});
    EXPECT_TRUE(contains(result.reduced, wanted));
    // The operation and the return; its operands are parameters, or constants of one or two instructions.
    EXPECT_LE(result.instructions, 3u) << ir::print(result.reduced.functions.back());
    EXPECT_LE(result.tried, 400u);
    for (const ir::DataValue& value : result.reduced.inputs.at(0).args) EXPECT_LE(value.bits(), 1u);
  }
}

// The compiler dies of functions with two places that may trap.
TEST(Reduce, ACrash) {
  if (isa::find_isa(IsaKind::x64) == nullptr) GTEST_SKIP() << "no x64 backend in this build";
  const auto test = parse_case(R"(test run
function %f(i32, i32) -> i32, i32 {
block0(v0: i32, v1: i32):
    v2 = iadd v0, v1
    trapz v2, user1
    v3 = imul v2, v1
    trapnz v3, user2
    brif v3, block1, block2(v2)
block1:
    v4 = bxor v3, v2
    jump block2(v4)
block2(v5: i32):
    trapz v5, user3
    return v2, v5
}
; print: %f(1, 2)
; print: %f(3, 4)
)",
                               "t");
  ASSERT_TRUE(test.has_value()) << render(test.error());
  oracles::HarnessOptions options;
  options.tamper = [](IsaKind isa, oracles::Image& image) {
    if (isa == IsaKind::x64 && image.traps.size() >= 2) std::abort();
  };
  const auto result = reduce(options, *test);
  ASSERT_TRUE(result.has_value()) << render(result.error());
  EXPECT_EQ(result->key, "crash: Aborted");
  EXPECT_EQ(result->finding, "crash: the process that ran it crashed: Aborted");
  // Two constants, two traps, return.
  EXPECT_LE(result->instructions, 5u) << ir::print(result->reduced.functions.back());
  EXPECT_EQ(result->reduced.inputs.size(), 1u);
}

// Other findings than the one that was there to begin with do not count.
TEST(Reduce, KeepsTheKey) {
  if (isa::find_isa(IsaKind::x64) == nullptr) GTEST_SKIP() << "no x64 backend in this build";
  const auto test = parse_case(R"(test run
function %f(i32) -> i32 {
block0(v0: i32):
    trapz v0, user1
    v1 = iconst.i32 5
    v2 = iadd v0, v1
    return v2
}
; run: %f(1) == 6
; run: %f(0) traps user1
)",
                               "t");
  ASSERT_TRUE(test.has_value()) << render(test.error());
  oracles::HarnessOptions options;
  options.isas = {IsaKind::x64};
  options.tamper = [](IsaKind, oracles::Image& image) {
    for (oracles::TrapSite& site : image.traps) ++site.code;
    std::fill_n(image.bytes.begin() + image.functions[0].begin, 1, uint8_t{0xc3});  // ret
  };
  const auto result = reduce(options, *test);
  ASSERT_TRUE(result.has_value()) << render(result.error());
  EXPECT_TRUE(result->key.starts_with("result x64")) << result->key;
  EXPECT_TRUE(result->finding.starts_with("result: x64")) << result->finding;
}

TEST(Reduce, WhatCountsAsTheSameFailure) {
  using enum oracles::FindingKind;
  const oracles::Finding result{.kind = Result, .isa = IsaKind::x64, .sort = "value"};
  const oracles::Finding elsewhere{.kind = Result, .isa = IsaKind::s390x, .sort = "value"};
  const oracles::Finding trapped{.kind = Outcome, .isa = IsaKind::x64, .sort = "trapped, should return"};
  const oracles::Finding returned{.kind = Outcome, .isa = IsaKind::x64, .sort = "returned, should trap"};
  const oracles::Finding refused{.kind = Compiler, .isa = IsaKind::x64, .sort = "emit"};
  EXPECT_TRUE(is_same_failure(result, trapped, true));
  EXPECT_TRUE(is_same_failure(trapped, result, true));
  EXPECT_TRUE(is_same_failure(result, returned, true));
  EXPECT_FALSE(is_same_failure(result, trapped, false));
  EXPECT_FALSE(is_same_failure(elsewhere, result, true));
  EXPECT_FALSE(is_same_failure(refused, result, true));
  // A program that does not trap does not become one that should.
  EXPECT_FALSE(is_same_failure(returned, result, true));
  EXPECT_FALSE(is_same_failure(returned, trapped, true));
}

TEST(Reduce, ACaseWithoutAFindingIsRefused) {
  const auto test = parse_case(
      "test run\nfunction %f() -> i32 {\nblock0:\n v0 = iconst.i32 1\n return v0\n}\n; run: %f() == 1\n", "t");
  ASSERT_TRUE(test.has_value());
  EXPECT_FALSE(reduce(oracles::HarnessOptions{.isas = {}}, *test).has_value());
}

}  // namespace
}  // namespace assay::fuzz
