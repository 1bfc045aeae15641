#include "compiler/ir/verifier.h"

#include "compiler/ir/builder.h"
#include "compiler/ir/test_support.h"

namespace assay::ir {
namespace {

struct Case {
  const char* text;
  const char* message;      // a part of the only error
  const char* instruction;  // where, as printed; empty for the function
};

TEST(Verifier, FindsEachMistake) {
  const Case kCases[] = {
      {"function %f() {\n}", "no blocks", ""},
      {"function %f(i32) {\nblock0:\n return\n}", "entry block has 0 parameters", "block0"},
      {"function %f(i32) {\nblock0(v0: i64):\n return\n}", "v0 is i64, the function's parameter is i32", "block0"},
      {"function %f() {\nblock0:\n jump block0\n}", "entry block", "jump block0"},
      {"function %f() {\nblock0:\n}", "the block is empty", "block0"},
      {"function %f() {\nblock0:\n v0 = iconst.i32 1\n}", "does not end with", "v0 = iconst.i32 1"},
      {"function %f() {\nblock0:\n return\n return\n}", "must be the last", "return"},
      {"function %f() -> i32 {\nblock0:\n return\n}", "has 0 results, the signature has 1", "return"},
      {"function %f(i64) -> i32 {\nblock0(v0: i64):\n return v0\n}", "result v0 is i64, expected i32", "return v0"},
      {"function %f(i32, i64) {\nblock0(v0: i32, v1: i64):\n v2 = iadd v0, v1\n return\n}",
       "operand v1 is i64, expected i32", "v2 = iadd v0, v1"},
      {"function %f(f32) {\nblock0(v0: f32):\n v1 = uextend.i64 v0\n return\n}", "expected a type narrower than i64",
       "v1 = uextend.i64 v0"},
      {"function %f(i64) {\nblock0(v0: i64):\n v1 = uextend.i64 v0\n return\n}", "expected a type narrower than i64",
       "v1 = uextend.i64 v0"},
      {"function %f(f32, i32) {\nblock0(v0: f32, v1: i32):\n v2 = ishl v1, v0\n return\n}", "expected one of iB",
       "v2 = ishl v1, v0"},
      {"function %f(i32) {\nblock0(v0: i32):\n brif v0, block1, block2\nblock1:\n v1 = iconst.i32 1\n jump block2\n"
       "block2:\n trapz.i32 v1, user1\n return\n}",
       "uses v1, which is not defined on every path", "trapz.i32 v1, user1"},
      {"function %f() {\nblock0:\n trapz.i32 v0, user1\n v0 = iconst.i32 1\n return\n}",
       "uses v0, which is not defined on every path", "trapz v0, user1"},
      {"function %f(i32) {\nblock0(v0: i32):\n brif v0, block1(v0), block2\nblock1(v1: i32):\n return\nblock2:\n "
       "trapz.i32 v1, user2\n return\n}",
       "uses v1, which is not defined on every path", "trapz.i32 v1, user2"},
      {"function %f() {\nblock0:\n v0 = iadd.i32 v1, v1\n v1 = iconst.i32 1\n return v0\n}", "", ""},
      {"function %f(i32) {\nblock0(v0: i32):\n jump block1\nblock1(v1: i32):\n return\n}",
       "passes 0 arguments to block1", "jump block1"},
      {"function %f(i32) {\nblock0(v0: i32):\n jump block1(v0)\nblock1(v1: i64):\n return\n}",
       "argument v0 of block1 is i32, expected i64", "jump block1(v0)"},
      {"function %f() {\n fn0 = %g(i32)\nblock0:\n call fn0()\n return\n}", "has 0 arguments, the signature has 1",
       "call fn0()"},
      {"function %f(i64) {\n fn0 = %g(i32)\nblock0(v0: i64):\n call fn0(v0)\n return\n}",
       "argument v0 is i64, expected i32", "call fn0(v0)"},
      {"function %f() {\n fn0 = %g() tail\nblock0:\n return_call fn0()\n}",
       "calls a function of convention tail from one of fast", "return_call fn0()"},
      {"function %f() -> i32 tail {\n fn0 = %g() -> i64 tail\nblock0:\n return_call fn0()\n}",
       "the callee's results are not the caller's", "return_call fn0()"},
      {"function %f() {\n fn0 = %g() fast\nblock0:\n try_call fn0(), sig0, block1, []\nblock1:\n return\n}",
       "of convention fast cannot unwind", "try_call fn0(), sig0, block1, []"},
      {"function %f() {\n sig0 = (i32) tail\n fn0 = %g() tail\nblock0:\n v0 = iconst.i32 1\n"
       " try_call fn0(v0), sig0, block1, []\nblock1:\n return\n}",
       "sig0 is not the signature of fn0", "try_call fn0(v0), sig0, block1, []"},
      {"function %f() {\n fn0 = %g() tail\nblock0:\n try_call fn0(), sig0, block1(ret0), []\nblock1(v0: i32):\n "
       "return\n}",
       "ret0: the call has 0 results", "try_call fn0(), sig0, block1(ret0), []"},
      {"function %f() {\n fn0 = %g() tail\nblock0:\n try_call fn0(), sig0, block1(exn0), []\nblock1(v0: i64):\n "
       "return\n}",
       "exn0 cannot be passed to block1", "try_call fn0(), sig0, block1(exn0), []"},
      {"function %f() {\n fn0 = %g() tail\nblock0:\n try_call fn0(), sig0, block1, [ default: block2(exn2) ]\nblock1:\n"
       " return\nblock2(v0: i64):\n return\n}",
       "exn2: there is no such word", "try_call fn0(), sig0, block1, [ default: block2(exn2) ]"},
      {"function %f() {\nblock0:\n v0 = get_exception_handler_address.i64 block0, 0\n return\n}",
       "block0 does not end with a try_call", "v0 = get_exception_handler_address.i64 block0, 0"},
      {"function %f() {\nblock0:\n v0 = bnot.i32 v0\n return\n}", "v0, which is not defined on every path", ""},
      {"function %f(f32) {\nblock0(v0: f32):\n jump block1(v0)\nblock1(v1: i32):\n return\n}",
       "argument v0 of block1 is f32, expected i32", "jump block1(v0)"},
      {"function %f(i32x4) {\nblock0(v0: i32x4):\n v1 = extractlane v0, 4\n return\n}", "lane 4 is not one of the 4",
       "v1 = extractlane v0, 4"},
      {"function %f(i8x16) {\nblock0(v0: i8x16):\n v1 = shuffle v0, v0, 0x20\n return\n}", "chooses lane 32",
       "v1 = shuffle v0, v0, 0x00000000000000000000000000000020"},
      {"function %f() {\n const0 = 0x01\nblock0:\n v0 = vconst.i32x4 const0\n return\n}",
       "const0 has 1 bytes, expected 16", "v0 = vconst.i32x4 const0"},
      {"function %f(i32) {\nblock0(v0: i32):\n v1 = bitcast.i64 v0\n return\n}", "the sizes", ""},
      {"function %f(i64) {\nblock0(v0: i64):\n v1 = bitcast.i32x2 v0\n return\n}", "without a byte order",
       "v1 = bitcast.i32x2 v0"},
      {"function %f(i64) {\nblock0(v0: i64):\n v1 = bitcast.f64 aligned v0\n return\n}", "has memory flags",
       "v1 = bitcast.f64 aligned v0"},
      {"function %f(i64x2) {\nblock0(v0: i64x2):\n v1 = fcvt_from_sint.f32x4 v0\n return\n}", "converts i64x2 to f32x4",
       "v1 = fcvt_from_sint.f32x4 v0"},
      {"function %f(i64 vmctx) {\n gv0 = vmctx\nblock0(v0: i64):\n v1 = symbol_value.i64 gv0\n return\n}",
       "gv0 is not a symbol", "v1 = symbol_value.i64 gv0"},
      {"function %f() {\n gv0 = symbol %x\nblock0:\n v1 = tls_value.i64 gv0\n return\n}", "gv0 is not thread-local",
       "v1 = tls_value.i64 gv0"},
      {"function %f() {\n gv0 = vmctx\nblock0:\n return\n}", "no vmctx parameter", ""},
      {"function %f() {\n gv0 = iadd_imm.i64 gv1, 1\n gv1 = iadd_imm.i64 gv0, 1\nblock0:\n return\n}",
       "is based on itself", ""},
      {"function %f(i64 vmctx) {\n gv0 = vmctx\n gv1 = load.i64 gv0\nblock0(v0: i64):\n return\n}", "may trap", ""},
      {"function %f() {\nblock0:\n<1> return\n}", "has debug tags", "return"},
      {"function %f() {\n ss0 = explicit_slot 4\n fn0 = %g()\nblock0:\n call fn0(), stack_map=[i64 @ ss0+0]\n "
       "return\n}",
       "lies outside of ss0", "call fn0(), stack_map=[i64 @ ss0+0]"},
      {"function %f(f32 uext) {\nblock0(v0: f32):\n return\n}", "is extended", ""},
      {"function %f() -> i32 preserve_all {\nblock0:\n v0 = iconst.i32 1\n return v0\n}", "returns values", ""},
  };
  for (const Case& c : kCases) {
    const std::expected<Function, Diagnostics> f = parse_function(c.text);
    if (!f) {  // some mistakes are the parser's already
      ADD_FAILURE() << rendered(f.error(), c.text);
      continue;
    }
    const Diagnostics errors = verify(*f);
    if (c.message[0] == '\0') {
      EXPECT_FALSE(errors.empty()) << c.text;
      continue;
    }
    ASSERT_EQ(errors.size(), 1u) << c.text << "\n" << rendered(errors);
    EXPECT_NE((errors[0].message + errors[0].hint).find(c.message), std::string::npos) << c.text << rendered(errors);
    if (c.instruction[0] != '\0') {
      EXPECT_EQ(errors[0].place.instruction, c.instruction);
    }
    EXPECT_EQ(errors[0].place.function, "%f");
  }
}

TEST(Verifier, AcceptsWhatIsRightThoughItLooksOdd) {
  for (const char* text : {
           // Unreachable code may use anything.
           "function %f(i32) {\nblock0(v0: i32):\n return\nblock1:\n v1 = iadd.i32 v2, v0\n jump block2\n"
           "block2:\n v2 = iconst.i32 1\n return\n}",
           // Text order is not dominance order.
           "function %f(i32) -> i32 {\nblock0(v0: i32):\n jump block2\nblock1:\n v1 = iadd.i32 v2, v2\n return v1\n"
           "block2:\n v2 = iadd.i32 v0, v0\n jump block1\n}",
           "function %f(i32) {\nblock0(v0: i32):\n jump block1(v0)\nblock1(v1: i32):\n brif v1, block1(v1), "
           "block1(v0)\n}",
           "function %f() {\n fn0 = %g() winch\nblock0:\n try_call fn0(), sig0, block1, [ default: block1 ]\nblock1:\n "
           "return\n}",
       }) {
    verified(text);
  }
}

TEST(Verifier, PlacesAndAllErrors) {
  const char* text =
      "function %f(i32) {\n"
      "block0(v0: i32):\n"
      "    v1 = uextend.i64 v0\n"
      "    v2 = iadd v0, v1\n"
      "    jump block1(v0)\n"
      "\n"
      "block1:\n"
      "}\n";
  const std::expected<File, Diagnostics> file = parse_file(text, "x.clif");
  ASSERT_TRUE(file.has_value());
  const Diagnostics errors = verify(file->functions[0], "x.clif");
  ASSERT_EQ(errors.size(), 3u) << rendered(errors, text);
  const auto place = [&](size_t i) { return TextPlace{errors[i].place.line, errors[i].place.column}; };
  EXPECT_EQ(place(0), (TextPlace{4, 10}));  // of the word iadd
  EXPECT_EQ(place(1), (TextPlace{5, 5}));
  EXPECT_EQ(place(2), (TextPlace{7, 1}));
}

// An immediate beyond its type has two readings; text has only one, but a program can build it.
TEST(Verifier, BuiltConstantsFitTheirType) {
  const auto errors = [](Type type, uint64_t bits) {
    Function f;
    f.name = ExternalName::testcase("f");
    const Block block = f.make_block();
    f.append_block(block);
    InstBuilder builder(f);
    builder.set_block(block);
    builder.insert({.opcode = Opcode::kIconst, .type = type, .imm = bits});
    builder.insert({.opcode = Opcode::kReturn});
    return verify(f);
  };
  for (Type type : {kI8, kI16, kI32}) {
    EXPECT_TRUE(errors(type, (uint64_t{1} << type.bits()) - 1).empty());
    for (uint64_t bits : {uint64_t{1} << type.bits(), ~uint64_t{0}}) {
      const Diagnostics found = errors(type, bits);
      ASSERT_EQ(found.size(), 1u) << type.to_string() << " " << bits;
      EXPECT_EQ(found[0].message, "the constant does not fit in " + type.to_string());
    }
  }
  EXPECT_TRUE(errors(kI64, ~uint64_t{0}).empty());
}

// What no text can say, but a program can build.
TEST(Verifier, BrokenDataStructures) {
  const auto base = [] {
    return parsed("function %f(i32) {\nblock0(v0: i32):\n v1 = iadd v0, v0\n jump block1\nblock1:\n return\n}");
  };
  {
    Function f = base();
    f.args(f.first_inst(f.entry_block()))[0] = Value(99);
    EXPECT_FALSE(verify(f).empty());
  }
  {
    Function f = base();
    f.remove_block(Block(1));
    EXPECT_FALSE(verify(f).empty());
  }
  {
    Function f = base();
    f.inst(f.first_inst(f.entry_block())).args.count = 1;
    EXPECT_FALSE(verify(f).empty());
  }
  {
    Function f = base();
    f.inst(f.first_inst(f.entry_block())).type = kF32;
    EXPECT_FALSE(verify(f).empty());
  }
  {
    Function f = base();
    f.set_value_type(Value(1), kI64);
    EXPECT_FALSE(verify(f).empty());
  }
  {
    Function f = base();
    f.detach_results(f.first_inst(f.entry_block()));
    EXPECT_FALSE(verify(f).empty());
  }
  {
    Function f = base();
    InstData data;
    data.opcode = Opcode::kCall;
    data.entity = 5;
    f.insert_inst_before(f.make_inst(data), f.first_inst(f.entry_block()));
    EXPECT_FALSE(verify(f).empty());
  }
}

}  // namespace
}  // namespace assay::ir
