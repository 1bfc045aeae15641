// What generate.h promises: programs verify, print and read back, and the interpreter runs them to an end.
#include "fuzz/generate.h"

#include <gtest/gtest.h>

#include <set>

#include "compiler/ir/parser.h"
#include "compiler/ir/printer.h"
#include "compiler/ir/verifier.h"
#include "fuzz/case.h"

namespace assay::fuzz {
namespace {

TEST(Generate, EveryProgramVerifiesAndReadsBack) {
  Program program;
  for (uint64_t seed = 0; seed < 500; ++seed) {
    Random random(seed);
    generate(random, {}, program);
    for (const ir::Function& f : program.functions) {
      const Diagnostics errors = ir::verify(f);
      ASSERT_TRUE(errors.empty()) << "seed " << seed << ": " << render(errors[0]) << ir::print(f);
      const std::string text = ir::print(f);
      const auto again = ir::parse_function(text);
      ASSERT_TRUE(again.has_value()) << render(again.error()[0]) << text;
      ASSERT_EQ(ir::print(*again), text);
    }
  }
}

// Without machines: only the interpreter judges what a program does.
TEST(Generate, ProgramsEndAndMostReturn) {
  oracles::Harness harness({.isas = {}});
  Program program;
  for (uint64_t seed = 0; seed < 500; ++seed) {
    Random random(seed);
    generate(random, {}, program);
    Case test;
    test.functions = program.functions;
    test.entry = static_cast<uint32_t>(test.functions.size() - 1);
    test.regions = program.regions;
    for (auto& args : program.inputs) test.inputs.push_back({.args = args, .seed = 1});
    std::vector<oracles::Finding> findings;
    check_case(harness, test, findings);
    EXPECT_TRUE(findings.empty());
  }
  using Kind = interpreter::OutcomeKind;
  const auto count = [&](Kind kind) { return harness.stats().interpreted[static_cast<size_t>(kind)]; };
  const uint64_t all = 500 * 4;
  EXPECT_EQ(count(Kind::UndefinedBehaviour), 0u);
  EXPECT_EQ(count(Kind::Unsupported), 0u);
  EXPECT_LE(count(Kind::OutOfFuel), all / 20);
  EXPECT_GE(count(Kind::Returned), all / 2);
  EXPECT_GE(count(Kind::Trapped), all / 50);
  EXPECT_EQ(harness.stats().depends, 0u);
}

TEST(Generate, TheSameSeedGivesTheSameProgram) {
  Program one, two;
  Random a(7), b(7);
  generate(a, {}, one);
  generate(b, {}, two);
  ASSERT_EQ(one.functions.size(), two.functions.size());
  for (size_t i = 0; i < one.functions.size(); ++i) EXPECT_EQ(ir::print(one.functions[i]), ir::print(two.functions[i]));
  EXPECT_EQ(one.inputs, two.inputs);
}

TEST(Generate, BytesSteerAndEveryLengthWorks) {
  std::set<std::string> texts;
  std::vector<uint8_t> bytes;
  Program program;
  for (unsigned length = 0; length < 64; ++length) {
    Random random{std::span<const uint8_t>(bytes)};
    generate(random, {}, program);
    for (const ir::Function& f : program.functions) ASSERT_TRUE(ir::verify(f).empty());
    texts.insert(ir::print(program.functions.back()));
    bytes.push_back(static_cast<uint8_t>(length * 37));
  }
  EXPECT_GT(texts.size(), 48u);
}

}  // namespace
}  // namespace assay::fuzz
