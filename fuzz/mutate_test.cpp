// What mutate_case.h promises: mutants verify, read back, follow from the seed; preserving ones keep the meaning.
#include "fuzz/mutate_case.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "compiler/ir/parser.h"
#include "compiler/ir/printer.h"
#include "compiler/ir/verifier.h"
#include "fuzz/repair.h"

namespace assay::fuzz {
namespace {

std::string text_of(const Case& test) {
  std::string out;
  for (const ir::Function& f : test.functions) out += ir::print(f) + "\n";
  return out;
}

void expect_valid(const Case& test, const std::string& what) {
  ASSERT_LT(test.entry, test.functions.size());
  for (const ir::Function& f : test.functions) {
    const Diagnostics errors = ir::verify(f);
    ASSERT_TRUE(errors.empty()) << what << ": " << render(errors[0]) << ir::print(f);
    const auto again = ir::parse_function(ir::print(f));
    ASSERT_TRUE(again.has_value()) << what << ": " << render(again.error()[0]) << ir::print(f);
  }
  const auto& params = test.functions[test.entry].signature.params;
  ASSERT_FALSE(test.inputs.empty());
  for (const oracles::TestInput& input : test.inputs) {
    ASSERT_EQ(input.args.size(), params.size());
    for (size_t i = 0; i < params.size(); ++i) ASSERT_EQ(input.args[i].type(), params[i].type);
  }
}

TEST(Mutate, MutantsOfMutantsAreValidAndMostEnd) {
  oracles::Harness interpreter({.isas = {}});
  std::map<std::string, unsigned> made;
  for (uint64_t seed = 0; seed < 60; ++seed) {
    Random random(seed);
    Case test = generate_case(random);
    for (unsigned step = 0; step < 12; ++step) {
      const std::vector<const char*> names = mutate(test, random);
      EXPECT_FALSE(names.empty());
      std::string what = "seed " + std::to_string(seed) + ", step " + std::to_string(step);
      for (const char* name : names) {
        ++made[name];
        what += std::string(", ") + name;
      }
      ASSERT_NO_FATAL_FAILURE(expect_valid(test, what));
      std::vector<oracles::Finding> findings;
      check_case(interpreter, test, findings);
    }
  }
  for (const char* name : mutation_names()) EXPECT_GT(made[name], 0u) << name;
  using Kind = interpreter::OutcomeKind;
  const auto& counts = interpreter.stats().interpreted;
  uint64_t all = interpreter.stats().depends;
  for (const uint64_t count : counts) all += count;
  const uint64_t good = counts[static_cast<size_t>(Kind::Returned)] + counts[static_cast<size_t>(Kind::Trapped)];
  EXPECT_GE(good * 100, all * 93) << "returned " << counts[0] << " trapped " << counts[1] << " out of fuel "
                                  << counts[2] << " undefined " << counts[3] << " unsupported " << counts[4]
                                  << " depends " << interpreter.stats().depends;
  EXPECT_GE(counts[static_cast<size_t>(Kind::Returned)] * 100, all * 60);
}

TEST(Mutate, FollowsFromTheSeed) {
  std::string texts[2];
  for (std::string& text : texts) {
    Random random(5);
    Case test = generate_case(random);
    for (unsigned step = 0; step < 20; ++step) mutate(test, random);
    text = print_case(test);
  }
  EXPECT_EQ(texts[0], texts[1]);
}

TEST(Mutate, CrossoverTakesSomethingOver) {
  unsigned done = 0;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    Random random(seed);
    Case test = generate_case(random);
    const Case donor = generate_case(random);
    const std::string before = text_of(test);
    if (!crossover(test, donor, random)) continue;
    ++done;
    EXPECT_NE(text_of(test), before);
    ASSERT_NO_FATAL_FAILURE(expect_valid(test, "seed " + std::to_string(seed)));
  }
  EXPECT_GE(done, 80u);
}

TEST(Mutate, PreservingMutationsKeepTheMeaning) {
  oracles::Harness interpreter({.isas = {}});
  std::map<std::string, unsigned> made;
  for (uint64_t seed = 0; seed < 250; ++seed) {
    Random random(seed);
    const Case before = generate_case(random);
    Case after = before;
    const std::vector<const char*> names = mutate_preserving(after, random, {.max_mutations = 8});
    std::string what = "seed " + std::to_string(seed);
    for (const char* name : names) {
      ++made[name];
      what += std::string(", ") + name;
    }
    ASSERT_NO_FATAL_FAILURE(expect_valid(after, what));
    std::vector<oracles::Finding> findings;
    check_preserving(interpreter, before, after, findings);
    ASSERT_TRUE(findings.empty()) << what << ": " << oracles::describe(findings[0]) << text_of(before)
                                  << text_of(after);
  }
  for (const char* name : preserving_mutation_names()) EXPECT_GT(made[name], 0u) << name;
}

// Mutants, and versions that mean the same, through every compiler and machine.
TEST(Mutate, MachinesAgreeOnMutants) {
  oracles::Harness harness;
  for (uint64_t seed = 0; seed < 12; ++seed) {
    Random random(seed);
    Case before = generate_case(random, {.max_functions = 2, .max_instructions = 25, .inputs = 2});
    for (unsigned step = 0; step < 3; ++step) mutate(before, random);
    Case after = before;
    mutate_preserving(after, random, {.max_mutations = 6});
    std::vector<oracles::Finding> findings;
    check_preserving(harness, before, after, findings);
    ASSERT_TRUE(findings.empty()) << "seed " << seed << ": " << oracles::describe(findings[0]) << text_of(before)
                                  << text_of(after);
  }
}

// The judge of such pairs must be able to say no.
TEST(Mutate, VersionsThatDifferAreFound) {
  const auto one = parse_case("function %f(i32) -> i32 {\nblock0(v0: i32):\n  return v0\n}\n; print: %f(5)\n", "a");
  const auto two = parse_case(
      "function %f(i32) -> i32 {\nblock0(v0: i32):\n  v1 = iconst.i32 1\n  v2 = iadd v0, v1\n  return v2\n}\n"
      "; print: %f(5)\n",
      "b");
  ASSERT_TRUE(one && two);
  oracles::Harness interpreter({.isas = {}});
  std::vector<oracles::Finding> findings;
  check_preserving(interpreter, *one, *two, findings);
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].key(), "meaning: value");
}

// One that has come to read what nobody wrote differs, whatever it happened to read.
TEST(Mutate, AVersionThatReadsFreshStackIsFound) {
  const auto version = [](const char* store) {
    return parse_case(
        std::string("function %f() -> i32 {\n  ss0 = explicit_slot 16\nblock0:\n  v0 = stack_addr.i64 ss0\n"
                    "  v1 = iconst.i32 7\n  store v1, v0\n") +
            store + "  v2 = load.i32 v0+8\n  return v2\n}\n; print: %f()\n",
        "slot");
  };
  const auto writes = version("  store v1, v0+8\n"), reads = version("");
  ASSERT_TRUE(writes && reads);
  oracles::Harness interpreter({.isas = {}});
  std::vector<oracles::Finding> findings;
  check_preserving(interpreter, *writes, *reads, findings);
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].key(), "meaning: what it depends on");
  findings.clear();
  check_preserving(interpreter, *reads, *reads, findings);
  EXPECT_TRUE(findings.empty());
}

// A filetest by hand has a function for each thing it tests.
TEST(Mutate, OfManyFunctionsOneIsPickedWithWhatItCalls) {
  std::string text;
  for (unsigned n = 0; n < 40; ++n) {
    const std::string number = std::to_string(n);
    text += "function %f" + number + "(i64) -> i64 {\n";
    if (n % 2 != 0) text += "    fn0 = %f" + std::to_string(n - 1) + "(i64) -> i64\n";
    text += "block0(v0: i64):\n";
    text += n % 2 != 0 ? "    v1 = call fn0(v0)\n    return v1\n}\n" : "    return v0\n}\n";
  }
  const Case original = repair_case(text);
  ASSERT_EQ(original.functions.size(), 40u);
  std::set<std::string> entries;
  for (uint64_t seed = 0; seed < 30; ++seed) {
    Random random(seed);
    Case test = original;
    mutate(test, random, {.max_mutations = 1});
    EXPECT_LE(test.functions.size(), 3u);  // with a new one
    ASSERT_LT(test.entry, test.functions.size());
    entries.insert(test.functions[test.entry].name.name);
    for (const oracles::TestInput& input : test.inputs) {
      EXPECT_EQ(input.args.size(), test.functions[test.entry].signature.params.size());
    }
  }
  EXPECT_GT(entries.size(), 10u);
}

}  // namespace
}  // namespace assay::fuzz
