// The mid-end against the interpreter: random programs do the same before and after, and stay valid.
#include "compiler/opt/optimize.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "compiler/ir/printer.h"
#include "compiler/ir/verifier.h"
#include "compiler/opt/changes.h"
#include "fuzz/mutate_case.h"
#include "fuzz/optimize_case.h"
#include "fuzz/repair.h"

namespace assay::fuzz {
namespace {

TEST(OptimizeRandom, ProgramsDoTheSame) {
  oracles::HarnessOptions options;
  options.isas.clear();  // the interpreter alone
  oracles::Harness harness(options);
  opt::Optimizer optimizer;
  Random random(7);
  uint64_t before = 0, after = 0;
  for (int i = 0; i < 6000 && !HasFailure(); ++i) {
    const Case original = generate_case(random, {});
    Case changed = original;
    for (ir::Function& f : changed.functions) {
      optimizer.run(f);
      for (const Diagnostic& error : ir::verify(f)) ADD_FAILURE() << "program " << i << ": " << error.message;
    }
    if (HasFailure()) break;
    std::vector<oracles::Finding> findings;
    check_preserving(harness, original, changed, findings);
    for (const oracles::Finding& finding : findings) {
      ADD_FAILURE() << "program " << i << ": " << describe(finding) << "\n"
                    << print_case(original) << "\nbecame\n"
                    << print_case(changed);
    }
    for (const Case* test : {&original, static_cast<const Case*>(&changed)}) {
      uint64_t& sum = test == &original ? before : after;
      for (const ir::Function& f : test->functions) {
        for (ir::Block block : f.blocks()) {
          for ([[maybe_unused]] ir::Inst inst : f.insts(block)) ++sum;
        }
      }
    }
  }
  EXPECT_LT(after, before);
  RecordProperty("instructions_before", static_cast<int>(before));
  RecordProperty("instructions_after", static_cast<int>(after));
  EXPECT_GT(harness.stats().interpreted[size_t(interpreter::OutcomeKind::Returned)], 10'000u);
  EXPECT_GT(harness.stats().interpreted[size_t(interpreter::OutcomeKind::Trapped)], 100u);
  EXPECT_GT(optimizer.stats().graph.shared, 0u);
  EXPECT_GT(optimizer.stats().elaboration.hoisted, 0u);
  EXPECT_GT(optimizer.stats().merged, 0u);
}

// Which of equal values is taken is a matter of what operations cost: any is right. With other costs it is often
// another.
TEST(OptimizeRandom, ProgramsDoTheSameWhateverOperationsCost) {
  oracles::HarnessOptions options;
  options.isas.clear();
  oracles::Harness harness(options);
  opt::Optimizer optimizer;
  Random random(8);
  const auto text = [&](const Case& test, uint64_t seed) {
    std::string out, error;
    for (const ir::Function& f : optimize_case(test, optimizer, {.choice_seed = seed}, error).functions) {
      out += ir::print(f);
    }
    return out;
  };
  unsigned others = 0;
  for (int i = 0; i < 1000 && !HasFailure(); ++i) {
    const Case original = generate_case(random, {});
    const uint64_t seed = random.next() | 1;
    std::vector<oracles::Finding> findings;
    check_optimized(harness, original, optimizer, {.choice_seed = seed}, findings);
    for (const oracles::Finding& finding : findings) {
      ADD_FAILURE() << "program " << i << ", seed " << seed << ": " << describe(finding) << "\n"
                    << print_case(original);
    }
    const std::string made = text(original, seed);
    others += made != text(original, 0);
    EXPECT_EQ(made, text(original, seed));
  }
  EXPECT_GT(others, 250u);
}

// A loop that counts, in one of the ways that unrolling knows or has to refuse; the counter is used after it.
std::string counting_loop(Random& random) {
  constexpr const char* kConditions[] = {"eq", "ne", "ult", "ule", "ugt", "uge", "slt", "sle", "sgt", "sge"};
  constexpr const char* kTypes[] = {"i8", "i16", "i32", "i64"};
  constexpr int64_t kSteps[] = {1, 1, -1, 2, 3, -5, 7};
  const std::string cc = kConditions[random.below(10)], type = kTypes[random.below(4)];
  const unsigned bits = type == "i8" ? 8 : type == "i16" ? 16 : type == "i32" ? 32 : 64;
  const int64_t step = kSteps[random.below(7)];
  const auto cut = [&](uint64_t k) { return static_cast<int64_t>(k << (64 - bits)) >> (64 - bits); };
  // Near the ends of both orders, and some rounds apart.
  const uint64_t ends[] = {0, uint64_t(1) << (bits - 1), 100, ~uint64_t(0) - 20};
  const auto somewhere = [&] { return ends[random.below(4)] + random.below(24) - 12; };
  const uint64_t start = somewhere();
  const uint64_t limit = random.below(4) == 0 ? somewhere() : start + static_cast<uint64_t>(step) * random.below(40);
  const bool known_start = random.below(2) == 0, known_limit = random.below(2) == 0,
             leaves_early = random.below(2) == 0;
  const auto number = [&](uint64_t k) { return std::to_string(cut(k)); };
  std::string text = "test run\n\nfunction %f(" + type + ", " + type + ", i64) -> " + type + ", i64 {\n";
  text += "block0(v0: " + type + ", v1: " + type + ", v2: i64):\n";
  text +=
      "    v3 = iconst." + type + " " + number(start) + "\n    jump block1(" + (known_start ? "v3" : "v0") + ", v2)\n";
  text += "block1(v4: " + type + ", v5: i64):\n    v6 = iconst." + type + " " + number(limit) + "\n";
  const std::string end = known_limit ? "v6" : "v1";
  text += "    v7 = icmp " + cc + (random.below(4) == 0 ? " " + end + ", v4" : " v4, " + end) + "\n";
  text += random.below(4) == 0 ? "    brif v7, block4(v5), block2\n" : "    brif v7, block2, block4(v5)\n";
  text += "block2:\n    v8 = iconst.i64 3\n    v9 = imul.i64 v5, v8\n";
  text += bits == 64 ? "    v11 = iadd v9, v4\n" : "    v10 = uextend.i64 v4\n    v11 = iadd v9, v10\n";
  text += "    v12 = iconst.i64 0x70\n    v13 = band v11, v12\n    v14 = icmp eq v13, v12\n";
  text += leaves_early ? "    brif v14, block4(v11), block3\n" : "    trapnz v14, user5\n    jump block3\n";
  text += "block3:\n    v15 = iconst." + type + " " + std::to_string(step) + "\n    v16 = iadd.";
  text += type + " v4, v15\n    jump block1(v16, v11)\n";
  text += "block4(v17: i64):\n    return v4, v17\n}\n";
  for (int i = 0; i < 3; ++i) {
    text += "; run: %f(" + number(start) + ", " + number(limit) + ", " + std::to_string(random.below(1000)) +
            ") == [0, 0]\n";
  }
  return text;
}

TEST(OptimizeRandom, LoopsThatCountDoTheSame) {
  oracles::HarnessOptions options;
  options.isas.clear();
  oracles::Harness harness(options);
  opt::Optimizer optimizer;
  Random random(11);
  for (int i = 0; i < 6000 && !HasFailure(); ++i) {
    const std::string text = counting_loop(random);
    Expected<Case> original = parse_case(text, "loop.clif");
    ASSERT_TRUE(original) << original.error().message << "\n" << text;
    Case changed = *original;
    optimizer.run(changed.functions[0]);
    for (const Diagnostic& error : ir::verify(changed.functions[0])) ADD_FAILURE() << error.message << "\n" << text;
    std::vector<oracles::Finding> findings;
    check_preserving(harness, *original, changed, findings);
    for (const oracles::Finding& finding : findings) {
      ADD_FAILURE() << describe(finding) << "\n" << text << "\nbecame\n" << print_case(changed);
    }
  }
  EXPECT_GT(optimizer.stats().unroll.unrolled, 500u);
  EXPECT_GT(optimizer.stats().unroll.unrolled_all, 200u);
  EXPECT_GT(harness.stats().interpreted[size_t(interpreter::OutcomeKind::Returned)], 10'000u);
  EXPECT_GT(harness.stats().interpreted[size_t(interpreter::OutcomeKind::Trapped)], 100u);
}

// Every step beyond what must be done may be left out, alone or with all after it: bisection rests on it. And of what
// memory is known to hold, a second look says the same as the first.
TEST(OptimizeRandom, AnyStepsMayBeLeftOut) {
  oracles::HarnessOptions options;
  options.isas.clear();
  oracles::Harness harness(options);
  opt::Optimizer optimizer;
  Random random(11);
  std::map<std::string_view, unsigned> asked;
  for (int i = 0; i < 1500 && !HasFailure(); ++i) {
    const Case original = generate_case(random, {});
    Steps all;
    std::vector<oracles::Finding> findings;
    check_optimized(harness, original, optimizer, {.steps = &all}, findings);
    for (const std::string_view name : all.asked()) ++asked[name];
    for (const std::string_view name : all.at_fault())
      ADD_FAILURE() << "program " << i << ": " << name << " is at fault";
    EXPECT_FALSE(all.is_broken()) << "program " << i;
    if (all.asked().empty()) continue;
    const uint64_t at = random.below(static_cast<uint32_t>(all.asked().size()));
    Steps up_to(at), without(at, at + 1), none_so_called(0, Steps::kNever, all.asked()[at]);
    for (Steps* steps : {&up_to, &without, &none_so_called}) {
      check_optimized(harness, original, optimizer, {.steps = steps}, findings);
      EXPECT_GE(steps->asked().size(), steps == &none_so_called ? 1 : at + 1);
    }
    EXPECT_TRUE(std::ranges::equal(std::span(up_to.asked()).first(at + 1), std::span(all.asked()).first(at + 1)));
    for (const oracles::Finding& finding : findings) {
      ADD_FAILURE() << "program " << i << ", step " << at << " " << all.asked()[at] << ": " << describe(finding) << "\n"
                    << print_case(original);
    }
  }
  for (const opt::Change& change : opt::kChanges) EXPECT_NE(asked[change.function], 0u) << change.function;
}

// None that is asked for is taken: what comes out has all that went in.
TEST(OptimizeRandom, WithoutStepsNothingIsDone) {
  opt::Optimizer optimizer;
  Steps none(0);
  auto test = parse_case(
      "test run\nfunction %f(i32, i64) -> i32 {\nblock0(v0: i32, v1: i64):\n    v2 = iconst.i32 0\n"
      "    v3 = iadd v0, v2\n    store v3, v1\n    v4 = load.i32 v1\n    brif v2, block1, block2\n"
      "block1:\n    return v0\nblock2:\n    return v4\n}\n; print: %f(1, 2)\n",
      "t");
  ASSERT_TRUE(test.has_value()) << render(test.error());
  ir::Function& f = test->functions[0];
  const std::string before = ir::print(f);
  optimizer.run(f, {.steps = &none});
  EXPECT_EQ(ir::print(f), before);
  EXPECT_FALSE(none.asked().empty());
}

}  // namespace
}  // namespace assay::fuzz
