// What repair.h promises: whatever the text, a case that verifies; of valid text, that text.
#include "fuzz/repair.h"

#include <gtest/gtest.h>

#include "compiler/ir/parser.h"
#include "compiler/ir/printer.h"
#include "compiler/ir/verifier.h"

namespace assay::fuzz {
namespace {

void expect_sound(const Case& test, const std::string& text) {
  ASSERT_FALSE(test.functions.empty());
  for (const ir::Function& f : test.functions) {
    const Diagnostics errors = ir::verify(f);
    ASSERT_TRUE(errors.empty()) << render(errors[0]) << text << "\n=>\n" << ir::print(f);
  }
  ASSERT_LT(test.entry, test.functions.size());
  ASSERT_FALSE(test.inputs.empty());
  for (const oracles::TestInput& input : test.inputs) {
    ASSERT_EQ(input.args.size(), test.functions[test.entry].signature.params.size());
  }
}

TEST(Repair, ValidTextStaysAsItIs) {
  for (uint64_t seed = 0; seed < 100; ++seed) {
    Random random(seed);
    const Case test = generate_case(random);
    const std::string text = print_case(test);
    EXPECT_EQ(print_case(repair_case(text)), text);
  }
}

TEST(Repair, NothingGivesAProgram) {
  const Case test = repair_case("");
  ASSERT_NO_FATAL_FAILURE(expect_sound(test, ""));
  EXPECT_EQ(test.functions[test.entry].name.name, "main");
}

struct Wrong {
  const char* text;
  const char* repaired;
};

TEST(Repair, MendsTheNearestWay) {
  static constexpr Wrong kWrong[] = {
      // a line that is nothing; a value that is not defined; another type; no terminator
      {"function %f(i32) -> i32 {\nblock0(v0: i32):\n  what is this\n  return v0\n}\n",
       "function %f(i32) -> i32 fast {\nblock0(v0: i32):\n    return v0\n}\n"},
      {"function %f(i32) -> i32 {\nblock0(v0: i32):\n  v2 = iadd v0, v1\n  return v2\n}\n",
       "function %f(i32) -> i32 fast {\nblock0(v0: i32):\n    v1 = iconst.i64 0\n    v3 = ireduce.i32 v1\n"
       "    v2 = iadd v0, v3\n    return v2\n}\n"},
      {"function %f(i32, i64) -> i32 {\nblock0(v0: i32, v1: i64):\n  v2 = iadd v0, v1\n  return v2\n}\n",
       "function %f(i32, i64) -> i32 fast {\nblock0(v0: i32, v1: i64):\n    v3 = ireduce.i32 v1\n"
       "    v2 = iadd v0, v3\n    return v2\n}\n"},
      {"function %f(i32) -> i32 {\nblock0(v0: i32):\n  v1 = iadd v0, v0\n}\n",
       "function %f(i32) -> i32 fast {\nblock0(v0: i32):\n    v1 = iadd v0, v0\n    v2 = iconst.i32 0\n    return "
       "v2\n}\n"},
      // a block that is not there; too few arguments
      {"function %f(i32) {\nblock0(v0: i32):\n  brif v0, block1, block2(v0)\nblock2(v1: i32, v2: i8):\n  return\n}\n",
       "function %f(i32) fast {\nblock0(v0: i32):\n    v3 = iconst.i8 0\n    brif v0, block1, block2(v0, v3)\n\n"
       "block2(v1: i32, v2: i8):\n    return\n\nblock1:\n    return\n}\n"},
      // a value used where its definition does not reach
      {"function %f(i32) -> i32 {\nblock0(v0: i32):\n  brif v0, block1, block2\nblock1:\n  v1 = iadd v0, v0\n"
       "  jump block2\nblock2:\n  return v1\n}\n",
       "function %f(i32) -> i32 fast {\nblock0(v0: i32):\n    brif v0, block1, block2\n\nblock1:\n"
       "    v1 = iadd.i32 v0, v0\n    jump block2\n\nblock2:\n    v2 = iconst.i32 0\n    return v2\n}\n"},
      // so is the context of an exception
      {"function %f() tail {\n  sig0 = () tail\n  fn0 = %g sig0\nblock0:\n"
       "  try_call fn0(), sig0, block1, [ context v1, default: block1 ]\nblock1:\n  v1 = iconst.i64 5\n  return\n}\n",
       "function %f() tail {\n    sig0 = () tail\n    fn0 = %g sig0\n\nblock0:\n    v2 = iconst.i64 0\n"
       "    try_call fn0(), sig0, block1, [ context v2, default: block1 ]\n\nblock1:\n    v1 = iconst.i64 5\n"
       "    return\n}\n"},
      // nobody gets to the try_call that an address is a handler's of: any number but 0 will do
      {"function %f() -> i64 tail {\n  sig0 = () tail\n  fn0 = %g sig0\nblock0:\n"
       "  v1 = get_exception_handler_address.i64 block1, 0\n  return v1, v1\nblock1:\n"
       "  try_call fn0(), sig0, block2, [ default: block2 ]\nblock2:\n  trap user1\n}\n",
       "function %f() -> i64 tail {\n    sig0 = () tail\n    fn0 = %g sig0\n\nblock0:\n    v1 = iconst.i64 1\n"
       "    return v1\n}\n"},
      // a cut off text
      {"function %f(i32) -> i32 {\nblock0(v0: i32):\n  v1 = iadd v0, v0\n  return v",
       "function %f(i32) -> i32 fast {\nblock0(v0: i32):\n    v1 = iadd v0, v0\n    v2 = iconst.i32 0\n    return "
       "v2\n}\n"},
  };
  for (const Wrong& wrong : kWrong) {
    const Case test = repair_case(wrong.text);
    ASSERT_NO_FATAL_FAILURE(expect_sound(test, wrong.text));
    EXPECT_EQ(ir::print(test.functions[test.entry]), wrong.repaired) << wrong.text;
  }
}

TEST(Repair, WhateverIsDoneToAText) {
  for (uint64_t seed = 0; seed < 150; ++seed) {
    Random random(seed);
    std::string text = print_case(generate_case(random));
    for (unsigned n = random.between(1, 20); n != 0; --n) {
      const size_t at = random.below(static_cast<uint32_t>(text.size()));
      switch (random.below(4)) {
        case 0:
          text[at] = static_cast<char>(random.below(256));
          break;
        case 1:
          text.erase(at, random.below(40));
          break;
        case 2:
          text.insert(at, text.substr(random.below(static_cast<uint32_t>(text.size())), random.below(40)));
          break;
        default:
          text[at] = static_cast<char>('0' + random.below(10));
          break;
      }
    }
    const Case test = repair_case(text);
    ASSERT_NO_FATAL_FAILURE(expect_sound(test, text));
    ASSERT_EQ(print_case(repair_case(text)), print_case(test));
    // Once repaired it is valid.
    ASSERT_EQ(print_case(repair_case(print_case(test))), print_case(test)) << text;
  }
}

}  // namespace
}  // namespace assay::fuzz
