#include "compiler/ir/parser.h"

#include "compiler/ir/test_support.h"

namespace assay::ir {
namespace {

TEST(Parser, CorpusOfAllOperationsIsCanonical) {
  const std::string path = "corpus/ir/all_operations.clif";
  const Expected<std::string> text = read_file(path);
  ASSERT_TRUE(text.has_value()) << "run from the project's root";
  const std::expected<File, Diagnostics> file = parse_file(*text, path);
  ASSERT_TRUE(file.has_value()) << rendered(file.error(), *text);
  EXPECT_EQ(print(*file), *text);
  std::vector<bool> seen(kOpcodeCount);
  for (const ParsedFunction& parsed : file->functions) {
    const Diagnostics errors = verify(parsed, path);
    EXPECT_TRUE(errors.empty()) << rendered(errors, *text);
    for (Block b : parsed.function.blocks()) {
      for (Inst i : parsed.function.insts(b)) seen[static_cast<unsigned>(parsed.function.inst(i).opcode)] = true;
    }
  }
  for (unsigned n = 0; n < kOpcodeCount; ++n) EXPECT_TRUE(seen[n]) << to_string(static_cast<Opcode>(n));
}

TEST(Parser, FilesWithCommands) {
  const char* text =
      "; what it is about\n"
      "test compile precise-output\n"
      "test run ; why\n"
      "set opt_level=speed enable_verifier\n"
      "target x86_64 sse41 has_avx=false\n"
      "feature !\"x\"\n"
      "\n"
      "; about f\n"
      "function %f() {\n"
      "block0: ; inside\n"
      "    return\n"
      "}\n"
      "; run\n"
      "function %g() fast {\n"
      "block0:\n"
      "    return\n"
      "}\n"
      "; run: %g() == []\n";
  const std::expected<File, Diagnostics> file = parse_file(text, "x.clif");
  ASSERT_TRUE(file.has_value()) << rendered(file.error(), text);
  ASSERT_EQ(file->commands.size(), 2u);
  EXPECT_EQ(file->commands[0].name, "compile");
  EXPECT_EQ(file->commands[0].options, std::vector<std::string>{"precise-output"});
  ASSERT_EQ(file->settings.size(), 2u);
  EXPECT_FALSE(file->settings[0].is_target);
  EXPECT_EQ(file->settings[0].flags, (std::vector<Flag>{{"opt_level", "speed"}, {"enable_verifier", ""}}));
  EXPECT_EQ(file->settings[1].target, "x86_64");
  EXPECT_EQ(file->settings[1].flags, (std::vector<Flag>{{"sse41", ""}, {"has_avx", "false"}}));
  ASSERT_EQ(file->features.size(), 1u);
  EXPECT_TRUE(file->features[0].negated);
  ASSERT_EQ(file->functions.size(), 2u);
  EXPECT_EQ(file->comments,
            (std::vector<Comment>{{1, 1, "; what it is about"}, {3, 10, "; why"}, {8, 1, "; about f"}}));
  EXPECT_EQ(file->functions[0].comments, (std::vector<Comment>{{10, 9, "; inside"}, {13, 1, "; run"}}));
  EXPECT_EQ(file->functions[1].comments, (std::vector<Comment>{{18, 1, "; run: %g() == []"}}));
  EXPECT_EQ(file->functions[0].line, 9u);
  EXPECT_EQ(file->functions[0].inst_places, (std::vector<TextPlace>{{11, 5}}));
  // A test-run file's functions follow the host's convention unless they say otherwise.
  EXPECT_EQ(file->functions[0].function.signature.call_conv, CallConv::kSystemV);
  EXPECT_EQ(file->functions[1].function.signature.call_conv, CallConv::kFast);
}

TEST(Parser, NumbersHaveGaps) {
  const Function f = verified(
      "function %f(i32) -> i32 fast {\n    ss3 = explicit_slot 4\n    sig1 = () fast\n    fn2 = %g sig1\nblock7(v9: "
      "i32):\n"
      "    v100 = iadd v9, v9\n    return v100\n}\n");
  EXPECT_EQ(print(f), print(parsed(print(f))));
  ASSERT_EQ(f.stack_slots.size(), 4u);
  EXPECT_FALSE(f.stack_slots[StackSlot(2)].declared);
  ASSERT_GT(f.value_count(), 50u);
  EXPECT_EQ(f.value_kind(Value(50)), ValueKind::kUndefined);
}

TEST(Parser, AliasesBeforeAndAfterWhatTheyStandFor) {
  const Function f = verified(
      "function %f(i32) -> i32 fast {\nblock0(v0: i32):\n    v5 -> v4\n    v4 -> v3\n    v3 = iadd v0, v0\n"
      "    v6 = iadd.i32 v5, v4\n    return v6\n}\n");
  EXPECT_EQ(f.resolve(Value(5)), Value(3));
}

// ---- older spellings ----

struct Expansion {
  const char* what;
  const char* params;  // of the function and its entry block: "i32"
  const char* preamble;
  const char* before;
  const char* after;
};

std::string function_of(const Expansion& e, const char* body) {
  std::string types, values, text = e.params;
  unsigned number = 0;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find(','), text.size());
    const std::string param = text.substr(begin, end - begin);
    types += (types.empty() ? "" : ", ") + param;
    values += (values.empty() ? "" : ", ") + ("v" + std::to_string(number++)) + ": " + param.substr(0, param.find(' '));
    text = end < text.size() ? text.substr(end + 1) : "";
    begin = 0;
  }
  return "function %f(" + types + ") fast {\n" + e.preamble + "\nblock0(" + values + "):\n" + body +
         "\nblock1:\n    return\n\nblock2(v9: i32):\n    return\n}\n";
}

TEST(Parser, OlderSpellings) {
  const Expansion kExpansions[] = {
      {"imm", "i32", "", "v1 = iadd_imm v0, -5\nreturn", "v10 = iconst.i32 -5\nv1 = iadd v0, v10\nreturn"},
      {"irsub", "i32", "", "v1 = irsub_imm v0, 1\nreturn", "v10 = iconst.i32 1\nv1 = isub v10, v0\nreturn"},
      {"imm wide", "i128", "", "v1 = iadd_imm v0, -5\nreturn",
       "v10 = iconst.i64 -5\nv11 = sextend.i128 v10\nv1 = iadd v0, v11\nreturn"},
      {"imm wide unsigned", "i128", "", "v1 = band_imm v0, -5\nreturn",
       "v10 = iconst.i64 -5\nv11 = uextend.i128 v10\nv1 = band v0, v11\nreturn"},
      {"imm vector", "i32x4", "", "v1 = iadd_imm v0, 3\nreturn",
       "v10 = iconst.i32 3\nv11 = splat.i32x4 v10\nv1 = iadd v0, v11\nreturn"},
      {"shift vector", "i32x4", "", "v1 = ishl_imm v0, 3\nreturn", "v10 = iconst.i32 3\nv1 = ishl v0, v10\nreturn"},
      {"shift wide", "i128", "", "v1 = ushr_imm v0, 3\nreturn", "v10 = iconst.i64 3\nv1 = ushr v0, v10\nreturn"},
      {"icmp", "i8", "", "v1 = icmp_imm ugt v0, 200\nreturn", "v10 = iconst.i8 200\nv1 = icmp ugt v0, v10\nreturn"},
      {"not", "i32,i32", "", "v2 = band_not v0, v1\nreturn", "v10 = bnot v1\nv2 = band v0, v10\nreturn"},
      {"stack", "i32", "    ss0 = explicit_slot 8", "stack_store v0, ss0+4\nv1 = stack_load.i32 ss0\nreturn",
       "v10 = stack_addr.i64 ss0+4\nstore notrap aligned v0, v10\nv11 = stack_addr.i64 ss0\n"
       "v1 = load.i32 notrap aligned v11\nreturn"},
      {"global", "i64 vmctx",
       "    gv0 = vmctx\n    gv1 = load.i64 notrap aligned gv0+8\n    gv2 = iadd_imm.i64 gv1, 16",
       "v1 = global_value.i64 gv2\nv2 = global_value.i64 gv0\nreturn",
       "v10 = load.i64 notrap aligned v0+8\nv11 = iconst.i64 16\nv1 = iadd v10, v11\nv2 -> v0\nreturn"},
      {"symbol", "i32", "    gv0 = symbol %x", "v1 = global_value.i64 gv0\nreturn",
       "v1 = symbol_value.i64 gv0\nreturn"},
      {"brz", "i32", "", "brz v0, block1\njump block2(v0)", "brif v0, block2(v0), block1"},
      {"brnz", "i32", "", "brnz v0, block2(v0)\njump block1", "brif v0, block2(v0), block1"},
      {"br_icmp", "i32", "", "br_icmp eq v0, v0, block1\nfallthrough block2(v0)",
       "v10 = icmp eq v0, v0\nbrif v10, block1, block2(v0)"},
      {"jump table", "i32", "    jt0 = jump_table [block1, block1]", "br_table v0, block1, jt0",
       "br_table v0, block1, [block1, block1]"},
      {"bint", "b1", "", "v1 = bint.i32 v0\nv2 = bint.i8 v0\nreturn", "v1 = uextend.i32 v0\nv2 -> v0\nreturn"},
      {"bconst", "i32", "", "v1 = bconst.b1 true\nv2 = bconst.b32 true\nreturn",
       "v1 = iconst.i8 1\nv2 = iconst.i32 -1\nreturn"},
      {"copy", "i32", "", "v1 = copy v0\nreturn", "v1 -> v0\nreturn"},
      {"raw_bitcast", "f32x4", "", "v1 = raw_bitcast.i64x2 v0\nv2 = raw_bitcast.i32x4 v0\nreturn",
       "v1 = bitcast.i64x2 little v0\nv2 = bitcast.i32x4 v0\nreturn"},
      {"vselect", "i32x4", "", "v1 = vselect v0, v0, v0\nreturn", "v1 = bitselect v0, v0, v0\nreturn"},
      {"carry", "i32,i8", "",
       "v2 = iadd_cin v0, v0, v1\nv3, v4 = iadd_cout v0, v0\nv5, v6 = isub_borrow v0, v0, v1\nreturn",
       "v2, v10 = uadd_overflow_cin v0, v0, v1\nv3, v4 = uadd_overflow v0, v0\n"
       "v5, v6 = usub_overflow_bin v0, v0, v1\nreturn"},
      {"pseudo", "f32,f32x4", "", "v2 = fmin_pseudo v0, v0\nv3 = fmax_pseudo v1, v1\nreturn",
       "v10 = fcmp lt v0, v0\nv2 = select v10, v0, v0\nv11 = fcmp lt v1, v1\nv12 = bitcast.f32x4 v11\n"
       "v3 = bitselect v12, v1, v1\nreturn"},
      {"low", "i32x4", "", "v1 = fcvt_low_from_sint.f64x2 v0\nreturn",
       "v10 = swiden_low v0\nv1 = fcvt_from_sint.f64x2 v10\nreturn"},
      {"traps", "i32", "", "trapz v0, table_oob\ntrap unreachable", "trapz v0, user5\ntrap user11"},
      {"flags", "i64", "", "v1 = load.i32 heap aligned v0\nstore vmctx v1, v0\nreturn",
       "v1 = load.i32 aligned v0\nstore v1, v0\nreturn"},
      {"return", "i32", "", "fallthrough_return", "return"},
  };
  for (const Expansion& e : kExpansions) {
    SCOPED_TRACE(e.what);
    EXPECT_EQ(print(verified(function_of(e, e.before))), print(verified(function_of(e, e.after))));
  }
  EXPECT_EQ(parsed("function %f() wasmtime_system_v {\nblock0:\n    return\n}").signature.call_conv,
            CallConv::kSystemV);
}

// ---- malformed input ----

struct Malformed {
  const char* text;
  uint32_t line, column;
  const char* message;  // a part of it
};

TEST(Parser, ErrorsHaveTheirPlace) {
  const Malformed kCases[] = {
      {"functio %f() {\n}", 1, 1, "expected 'function'"},
      {"function f() {\n}", 1, 10, "function's name"},
      {"function %f( {\n}", 1, 14, "expected a type"},
      {"function %f(i32 {\n}", 1, 17, "expected ')'"},
      {"function %f(i33) {\n}", 1, 13, "expected a type"},
      {"function %f() -> {\n}", 1, 18, "expected a type"},
      {"function %f() quick {\n}", 1, 15, "unknown calling convention"},
      {"function %f() {\n", 2, 1, "expected '}'"},
      {"function %f()", 1, 14, "expected '{'"},
      {"function u1() {\n}", 1, 12, "expected ':'"},
      {"function %f() {\n  ss0 = explicit_slot\n}", 3, 1, "expected a size"},
      {"function %f() {\n  ss0 = explicit_slot 8, align = 3\n}", 2, 34, "power of two"},
      {"function %f() {\n  ss0 = explicit_slot 8\n  ss0 = explicit_slot 8\n}", 3, 3, "already declared"},
      {"function %f() {\n  ss4294967294 = explicit_slot 8\n}", 2, 3, "too large"},
      {"function %f() {\n  gv0 = load.i64 notrap aligned gv7\n}", 2, 33, "not declared"},
      {"function %f() {\n  gv0 = heap\n}", 2, 9, "unknown kind of global value"},
      {"function %f() {\n  fn0 = %g sig0\n}", 2, 12, "not declared"},
      {"function %f() {\n  const0 = 12\n}", 2, 12, "hexadecimal"},
      {"function %f() {\n  const0 = i32x4 [1 2 3]\n}", 2, 18, "expected 4 lanes"},
      {"function %f() {\n  region1 = 0 \"\"\n}", 2, 3, "region0"},
      {"function %f() {\n  v0 = iconst.i32 1\n}", 2, 3, "entity or a block"},
      {"function %f() {\nblock0(v0 i32):\n}", 2, 11, "expected ':'"},
      {"function %f() {\nblock0(v0: i32, v0: i32):\n}", 2, 17, "already defined"},
      {"function %f() {\nblock0:\nblock0:\n}", 3, 1, "already defined"},
      {"function %f() {\nblock100000:\n}", 2, 1, "too many blocks"},
      {"function %f() {\nblock0:\n  frob v1\n}", 3, 3, "unknown operation"},
      {"function %f() {\nblock0:\n  v0 = \n}", 4, 1, "expected an instruction"},
      {"function %f() {\nblock0:\n  v0 = iconst 1\n}", 3, 8, "needs a type suffix"},
      {"function %f() {\nblock0:\n  v0 = iconst.i128 1\n}", 3, 15, "does not exist for type i128"},
      {"function %f() {\nblock0:\n  v0 = iconst.i8 256\n}", 3, 8, "does not fit"},
      {"function %f() {\nblock0:\n  v0 = iconst.i32 x\n}", 3, 19, "expected an integer"},
      {"function %f() {\nblock0:\n  v0 = iconst.i64 0x1_0000_0000_0000_0000\n}", 3, 19, "64 bits"},
      {"function %f() {\nblock0:\n  v0 = f32const 1.5\n}", 3, 17, "32-bit float"},
      {"function %f() {\nblock0:\n  v1 = iadd v0, v0\n}", 3, 8, "type of 'v0' is not known"},
      {"function %f() {\nblock0:\n  v1 = iadd.i32 v0, v0\n  return\n}", 3, 17, "'v0' is not defined"},
      {"function %f() {\nblock0:\n  v4294967290 = iconst.i32 0\n}", 3, 3, "too large"},
      {"function %f() {\nblock0:\n  v0 = iconst.i32 1\n  v0 = iconst.i32 1\n}", 4, 3, "already defined"},
      {"function %f() {\nblock0:\n  v0, v1 = iconst.i32 1\n}", 3, 12, "has 1 result"},
      {"function %f() {\nblock0:\n  v0 = return\n}", 3, 8, "has 0 results"},
      {"function %f() {\nblock0:\n  jump block9\n}", 3, 8, "'block9' is not defined"},
      {"function %f() {\nblock0(v1: i8):\n  jump block0(v1\n}", 4, 1, "expected ')'"},
      {"function %f() {\nblock0:\n  v0 -> v0\n}", 3, 9, "alias of it"},
      {"function %f() {\nblock0:\n  v0 -> v1\n  v1 -> v0\n}", 3, 9, "alias of it"},
      {"function %f() {\nblock0:\n  v0 = iconst.i32 1\n  v1 = iadd v0 v0\n}", 4, 16, "expected ','"},
      {"function %f() {\nblock0:\n  v0 = iconst.i32 1 2\n}", 3, 21, "after the statement"},
      {"function %f() {\nblock0:\n  v0 = f32const.f32 0.0\n}", 3, 17, "no type suffix"},
      {"function %f() {\nblock0:\n  v0 = icmp foo v1, v2\n}", 3, 13, "integer condition"},
      {"function %f() {\nblock0:\n  trap user251\n}", 3, 8, "trap code"},
      {"function %f() {\nblock0:\n  call fn0()\n}", 3, 8, "not declared"},
      {"function %f() {\nblock0:\n  v1 = load.i32 notrap heap_oob v0\n}", 3, 24, "already a trap code"},
      {"function %f() {\nblock0(v0: i64):\n  v1 = load.i32 v0+0x1_0000_0000\n}", 3, 19, "32-bit"},
      {"function %f() {\nblock0:\n  v1 = vconst.i32x4 [1 2 3 4 5]\n}", 3, 30, "more lanes"},
      {"function %f() {\nblock0:\n  v1 = heap_addr.i64 heap0, v0, 1\n}", 3, 8, "no longer"},
      {"function %f() {\nblock0:\n  v0 = iconst.i8 1\n  brz v0, block0\n  return\n}", 4, 3, "followed by a jump"},
      {"function %f() {\nblock0:\n  \xe2\x82\xac\n}", 3, 3, "expected an instruction"},
      {"function %f() {\n  \"abc\n}", 2, 3, "expected a block"},
      {"test\nfunction %f() {\n}", 1, 5, "expected more"},
      {"set =1\n", 1, 5, "setting's name"},
      {"function %f() {\n}\ntest run\n", 3, 1, "expected 'function'"},
      {"function %f() {\nblock0:\n @123456789 return\n}", 3, 2, "32 bits"},
      {"function %f() {\nblock0:\n <ss0> return\n}", 3, 3, "not declared"},
  };
  for (const Malformed& c : kCases) {
    const std::expected<File, Diagnostics> file = parse_file(c.text, "x.clif");
    ASSERT_FALSE(file.has_value()) << c.text;
    const Diagnostic& error = file.error().front();
    EXPECT_EQ(error.place.line, c.line) << c.text << "\n" << rendered(file.error(), c.text);
    EXPECT_EQ(error.place.column, c.column) << c.text << "\n" << rendered(file.error(), c.text);
    EXPECT_NE(error.message.find(c.message), std::string::npos) << rendered(file.error(), c.text);
    EXPECT_EQ(error.place.file, "x.clif");
  }
}

TEST(Parser, AllErrorsAtOnceAndOnlyOnce) {
  const char* text =
      "function %f() {\n"
      "block0:\n"
      "  v0 = iconst 1\n"         // no suffix
      "  v1 = iadd v0, v0\n"      // follows from it: silent
      "  v2 = frob v1\n"          // unknown
      "  v3 = iadd.i32 v9, v9\n"  // v9 is not defined: once
      "  jump block7\n"           // not defined
      "}\n"
      "function %g() {\n"
      "block0:\n"
      "  trap\n"  // no code
      "}\n";
  const std::expected<File, Diagnostics> file = parse_file(text, "x.clif");
  ASSERT_FALSE(file.has_value());
  std::vector<uint32_t> lines;
  for (const Diagnostic& error : file.error()) lines.push_back(error.place.line);
  EXPECT_EQ(lines, (std::vector<uint32_t>{3, 5, 6, 7, 12})) << rendered(file.error(), text);
  EXPECT_EQ(file.error()[0].place.function, "%f");
  EXPECT_EQ(file.error()[4].place.function, "%g");
}

// Bytes of the input that a terminal would obey are shown as numbers.
TEST(Parser, ErrorsArePrintable) {
  const std::string text = "function %f() {\n\tblock0: \x1b[31m\n}\n";
  const std::expected<File, Diagnostics> file = parse_file(text, "x\x07.clif");
  ASSERT_FALSE(file.has_value());
  EXPECT_EQ(render(file.error().front(), text),
            "x\\x07.clif:2:10: error: expected an instruction, found '\\x1b' (in function %f)\n"
            "  \tblock0: \\x1b[31m\n"
            "  \t        ^\n");
  EXPECT_EQ(printable("a\\b\n\x7f\xc2\x85\xe2\x82\xac\xe2\x82\xed\xa0\x80\xff"),
            "a\\b\\x0a\\x7f\\xc2\\x85\xe2\x82\xac\\xe2\\x82\\xed\\xa0\\x80\\xff");
}

// Cutting or damaging a good file anywhere gives errors, never a crash, and the errors lie within the file.
TEST(Parser, DamagedFiles) {
  const Expected<std::string> text = read_file("corpus/ir/all_operations.clif");
  ASSERT_TRUE(text.has_value());
  for (size_t n = 0; n < text->size(); n += 37) {
    (void)parse_file(text->substr(0, n), "cut");
    std::string damaged = *text;
    damaged[n] = "(){}[],:=v0%@-\"\n"[n % 16];
    const std::expected<File, Diagnostics> file = parse_file(damaged, "damaged");
    if (file) {
      for (const ParsedFunction& parsed : file->functions) (void)verify(parsed, "damaged");
    }
  }
}

}  // namespace
}  // namespace assay::ir
