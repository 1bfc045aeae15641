// The pipeline on every machine of this build: functions that exercise what the shared code does. That the code also
// computes the right thing is the business of the executors' tests.
#include "compiler/machine/compile.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "compiler/ir/builder.h"
#include "compiler/ir/parser.h"
#include "compiler/isa/registry.h"
#include "compiler/machine/module.h"

namespace assay {
namespace {

struct Case {
  const char* name;
  const char* text;
};

const Case kCases[] = {
    {"slice", "function %f(i32) -> i32 {\nblock0(v0: i32):\n  v1 = iconst.i32 7\n  v2 = iadd v0, v1\n  return v2\n}\n"},
    {"loop",
     "function %f(i64) -> i64 {\nblock0(v0: i64):\n  v1 = iconst.i64 0\n  jump block1(v0, v1)\nblock1(v2: i64, v3: "
     "i64):\n"
     "  v4 = iadd v3, v2\n  v5 = iconst.i64 1\n  v6 = isub v2, v5\n  brif v6, block1(v6, v4), block2\nblock2:\n  "
     "return v4\n}\n"},
    {"stack arguments",
     "function %f(i64, i64, i64, i64, i64, i64, i64, i64, i64, i32) -> i64 {\n"
     "block0(v0: i64, v1: i64, v2: i64, v3: i64, v4: i64, v5: i64, v6: i64, v7: i64, v8: i64, v9: i32):\n"
     "  v10 = iadd v0, v8\n  v11 = sextend.i64 v9\n  v12 = iadd v10, v11\n  return v12\n}\n"},
    {"many results",
     "function %f(i64) -> i64, i64, i64, i64, i64, i64, i64, i64, i64, i64 {\nblock0(v0: i64):\n  v1 = iconst.i64 5\n"
     "  return v0, v1, v0, v1, v0, v1, v0, v1, v0, v1\n}\n"},
    {"calls",
     "function %f(i64, i8) -> i64 {\n"
     "  fn0 = %g(i64, i8 sext, i64, i64, i64, i64, i64, i64, i64, i64) -> i64, i64, i64, i64, i64, i64, i64, i64, i64, "
     "i64\n"
     "block0(v0: i64, v1: i8):\n  v2 = iconst.i64 3\n"
     "  v3, v4, v5, v6, v7, v8, v9, v10, v11, v12 = call fn0(v0, v1, v0, v0, v0, v0, v0, v2, v0, v2)\n"
     "  v13 = iadd v3, v12\n  v14 = iadd v13, v0\n  return v14\n}\n"},
    {"indirect call",
     "function %f(i64, i64) -> i64 {\n  sig0 = (i64, i64) -> i64\n  fn0 = %g(i64, i64) -> i64\nblock0(v0: i64, v1: "
     "i64):\n"
     "  v2 = call_indirect sig0, v0(v0, v1)\n  v3 = func_addr.i64 fn0\n  v4 = call_indirect sig0, v3(v2, v2)\n  return "
     "v4\n}\n"},
    {"table",
     "function %f(i32) -> i32 {\nblock0(v0: i32):\n  br_table v0, block3, [block1, block2, block1, block3]\nblock1:\n"
     "  v1 = iconst.i32 1\n  return v1\nblock2:\n  v2 = iconst.i32 2\n  return v2\nblock3:\n  return v0\n}\n"},
    {"large frame",
     "function %f(i64) -> i64 {\n  ss0 = explicit_slot 100000\n  ss1 = explicit_slot 16\n  fn0 = %g(i64) -> "
     "i64\nblock0(v0: i64):\n"
     "  v1 = stack_addr.i64 ss1\n  store notrap v0, v1\n  v2 = stack_addr.i64 ss0+50000\n  store notrap v0, v2\n"
     "  v3 = call fn0(v1)\n  v4 = iadd v3, v0\n  return v4\n}\n"},
    {"both ways to one block",
     "function %f(i32) -> i32 {\nblock0(v0: i32):\n  brif v0, block1(v0), block1(v0)\nblock1(v1: i32):\n  return "
     "v1\n}\n"},
    {"swap in a loop",
     "function %f(i32, i32, i32) -> i32 {\nblock0(v0: i32, v1: i32, v2: i32):\n  jump block1(v0, v1, v2)\n"
     "block1(v3: i32, v4: i32, v5: i32):\n  v6 = iconst.i32 -1\n  v7 = iadd v5, v6\n  brif v7, block1(v4, v3, v7), "
     "block2\n"
     "block2:\n  return v3\n}\n"},
    {"unused parameters and results",
     "function %f(i64, i64) -> i64 {\n  fn0 = %g(i64) -> i64, i64\nblock0(v0: i64, v1: i64):\n  v2, v3 = call fn0(v1)\n"
     "  jump block1(v2, v3)\nblock1(v4: i64, v5: i64):\n  v6 = iadd v4, v4\n  brif v6, block1(v6, v5), "
     "block2\nblock2:\n  return v6\n}\n"},
    {"narrow extension of arguments and results",
     "function %f(i8 uext, i16 sext) -> i8 uext, i16 sext {\nblock0(v0: i8, v1: i16):\n  return v0, v1\n}\n"},
};

class CompileTest : public testing::TestWithParam<const machine::TargetIsa*> {};

TEST_P(CompileTest, EveryCaseAtEveryLevelAndPressure) {
  machine::Compiler compiler(*GetParam());
  for (const Case& c : kCases) {
    const auto function = ir::parse_function(c.text);
    ASSERT_TRUE(function.has_value()) << c.name << "\n" << render(function.error().front(), c.text);
    for (machine::OptLevel level : {machine::OptLevel::None, machine::OptLevel::Speed}) {
      for (unsigned registers : {0u, 4u}) {
        machine::CompileOptions options;
        options.opt_level = level;
        options.max_registers = registers;
        options.want_listing = true;
        const auto code = compiler.compile(*function, options);
        ASSERT_TRUE(code.has_value()) << c.name << ": " << code.error().message;
        EXPECT_GT(code->code.code_size, 0u) << c.name;
      }
    }
  }
}

TEST_P(CompileTest, ResultsDoNotDependOnWhatWasCompiledBefore) {
  machine::Compiler compiler(*GetParam());
  const auto first = ir::parse_function(kCases[1].text);
  const auto other = ir::parse_function(kCases[4].text);
  ASSERT_TRUE(first && other);
  const auto before = compiler.compile(*first, {});
  ASSERT_TRUE(compiler.compile(*other, {}));
  const auto after = compiler.compile(*first, {});
  ASSERT_TRUE(before && after);
  EXPECT_EQ(before->code.bytes, after->code.bytes);
}

TEST_P(CompileTest, WhatIsNotSupportedIsNamed) {
  const auto function = ir::parse_function(
      "function %f(i64) -> i64 {\nblock0(v0: i64):\n  v1 = splat.i64x2 v0\n  v2 = iadd v1, v1\n"
      "  v3 = extractlane v2, 0\n  return v3\n}\n");
  ASSERT_TRUE(function.has_value());
  const auto code = machine::compile(*function, *GetParam());
  ASSERT_FALSE(code.has_value());
  EXPECT_EQ(code.error().message.rfind(std::string("not supported on ") + GetParam()->name + ": ", 0), 0u)
      << code.error().message;
}

// What is more than the stack pointer's is made at run time, up to a page.
TEST_P(CompileTest, SlotsAlignedToMoreThanAPageAreRefused) {
  for (const unsigned alignment : {8u, 16u, 32u, 4096u, 8192u}) {
    auto parsed =
        ir::parse_function("function %f() -> i64 {\n  ss0 = explicit_slot 16, align = " + std::to_string(alignment) +
                           "\nblock0:\n  v0 = stack_addr.i64 ss0\n  return v0\n}\n");
    ASSERT_TRUE(parsed.has_value());
    machine::Compiler compiler(*GetParam());
    const auto code = compiler.compile(*parsed, {});
    EXPECT_EQ(code.has_value(), alignment <= 4096) << alignment;
  }
}

TEST_P(CompileTest, DebugTagsComeWithTheirPlaces) {
  auto parsed = ir::parse_function(R"(function %f(i64) -> i64 {
    ss0 = explicit_slot 24
    ss1 = explicit_slot 8
    fn0 = %g(i64) -> i64
block0(v0: i64):
    v1 = stack_addr.i64 ss1
<7, ss1>    sequence_point
    store v0, v1
<8, ss0, 9>    v2 = call fn0(v0)
    v3 = call fn0(v2)
    sequence_point
    return v3
})");
  ASSERT_TRUE(parsed.has_value());
  for (const machine::OptLevel level : {machine::OptLevel::None, machine::OptLevel::Speed}) {
    machine::Compiler compiler(*GetParam());
    const auto code = compiler.compile(*parsed, {.opt_level = level});
    ASSERT_TRUE(code.has_value());
    const auto& places = code->debug_tags;
    ASSERT_EQ(places.size(), 2u);
    EXPECT_LT(places[0].offset, places[1].offset);
    EXPECT_LT(places[1].offset, code->code.code_size);
    ASSERT_EQ(places[0].tags.size(), 2u);
    ASSERT_EQ(places[1].tags.size(), 3u);
    EXPECT_EQ(places[0].tags[0], (machine::EmittedTag{false, 7}));
    EXPECT_EQ(places[1].tags[2], (machine::EmittedTag{false, 9}));
    EXPECT_TRUE(places[0].tags[1].is_slot && places[1].tags[1].is_slot);
    EXPECT_EQ(places[0].tags[1].value - places[1].tags[1].value, 24);
    // The second is where the first of two calls returns to.
    ASSERT_EQ(code->code.points.size(), 3u);
    EXPECT_EQ(places[1].offset, code->code.points[1].offset);
  }
}

TEST_P(CompileTest, WhatNoMachineHasIsRefusedWithAReason) {
  const auto refusal = [&](const std::string& text) {
    const auto parsed = ir::parse_function(text);
    EXPECT_TRUE(parsed.has_value());
    const auto code = machine::compile(*parsed, *GetParam());
    return code ? std::string() : code.error().message;
  };
  EXPECT_NE(refusal("function %f(i64, i64, i64) -> i64 {\nblock0(v0: i64, v1: i64, v2: i64):\n"
                    "  v3 = stack_switch v0, v1, v2\n  return v3\n}\n")
                .find("for one stack"),
            std::string::npos);
  // What a callee does not extend, nobody does after a tail call.
  const auto tail_call = [&](const char* promised, const char* made) {
    return refusal("function %f(i8) -> i8 " + std::string(promised) + " tail {\n  fn0 = %g(i8) -> i8 " + made +
                   " tail\nblock0(v0: i8):\n  return_call fn0(v0)\n}\n");
  };
  EXPECT_EQ(tail_call("uext", "uext"), "");
  EXPECT_EQ(tail_call("", "sext"), "");
  EXPECT_NE(tail_call("uext", "sext").find("does not extend its results"), std::string::npos);
  EXPECT_NE(tail_call("sext", "").find("does not extend its results"), std::string::npos);
  if (GetParam()->kind == IsaKind::s390x) return;  // has no f16: it is an i16
  EXPECT_NE(refusal("function %f(f16) {\n  sig0 = () tail\n  fn0 = %g() tail\nblock0(v0: f16):\n"
                    "  try_call fn0(), sig0, block1, [ context v0, default: block1 ]\nblock1:\n  return\n}\n")
                .find("exception context of type f16"),
            std::string::npos);
}

// The items of an exception table in the code's own: handlers in order, each with the place of the context it is under.
TEST_P(CompileTest, HandlersSayWhereTheirContextsAre) {
  const auto function = ir::parse_function(R"(function %f(i64, i8, i128, i64) -> i64 tail {
    ss0 = explicit_slot 24
    sig0 = (i64, i64, i64, i64, i64, i64, i64, i64, i64, i64, i64) tail
    fn0 = %g sig0
block0(v0: i64, v1: i8, v2: i128, v3: i64):
    try_call fn0(v0, v0, v0, v0, v0, v0, v0, v0, v0, v0, v0), sig0, block1, [ tag4: block2(exn0), context v0, tag5: block3, tag6: block2(exn1), context v3, context v1, default: block3, context v2, tag5: block2(exn0), context v0 ]
block1:
    return v0
block2(v4: i64):
    return v4
block3:
    v5 = iconst.i64 7
    return v5
})");
  ASSERT_TRUE(function.has_value());
  for (const bool optimize : {false, true}) {
    machine::CompileOptions options;
    options.opt_level = optimize ? machine::OptLevel::Speed : machine::OptLevel::None;
    const auto code = machine::compile(*function, *GetParam(), options);
    ASSERT_TRUE(code.has_value()) << code.error().message;
    const std::vector<machine::HandlerRecord>& handlers = code->code.handlers;
    ASSERT_EQ(handlers.size(), 5u);
    EXPECT_EQ(handlers[0].context, machine::FramePlace{});
    EXPECT_EQ(handlers[1].context.size, 8u);
    EXPECT_EQ(handlers[2].context, handlers[1].context);
    EXPECT_EQ(handlers[3].context.size, 8u);
    EXPECT_EQ(handlers[4].context.size, 16u);
    EXPECT_EQ(handlers[0].tag, 4u);
    EXPECT_TRUE(handlers[3].any_tag);
    EXPECT_EQ(handlers[4].tag, 5u);
    for (size_t i : {1u, 3u, 4u}) {
      EXPECT_LE(handlers[i].context.offset + handlers[i].context.size, code->unwind.size);
      for (size_t k : {1u, 3u, 4u}) {
        const machine::FramePlace &a = handlers[i].context, &b = handlers[k].context;
        EXPECT_TRUE(i == k || a.offset + a.size <= b.offset || b.offset + b.size <= a.offset);
      }
    }
  }
}

TEST_P(CompileTest, ARuleThatIsOffIsNotUsed) {
  machine::Compiler compiler(*GetParam());
  const auto function = ir::parse_function(kCases[0].text);
  ASSERT_TRUE(function && compiler.compile(*function, {}));
  std::vector<isle::RuleId> fired;
  for (uint32_t i = 0; i < compiler.rules().rules().size(); ++i) {
    if (compiler.rules().count(isle::RuleId(i)) != 0) fired.push_back(isle::RuleId(i));
  }
  EXPECT_FALSE(fired.empty());
  for (isle::RuleId rule : fired) compiler.rules().enable_rule(rule, false);
  compiler.rules().reset_counts();
  (void)compiler.compile(*function, {});
  for (isle::RuleId rule : fired) EXPECT_EQ(compiler.rules().count(rule), 0u);
}

// Every instruction names the rules it comes from, the outermost a rule of an entry term, and the CLIF instruction; a
// constant is its own instruction's, not its user's.
TEST_P(CompileTest, InstructionsNameTheirRules) {
  auto function = ir::parse_function(R"(function %f(i64, i64) -> i64 {
block0(v0: i64, v1: i64):
    v2 = iconst.i64 0x1234_5678_9abc
    v3 = imul v0, v2
    v4 = isub v3, v1
    return v4
})");
  ASSERT_TRUE(function.has_value());
  machine::CompileOptions options;
  std::vector<std::string> seen;  // by instruction: "imul/mul_rule…"
  options.observe = [&](const machine::StageView& view) {
    if (view.stage != machine::Stage::Apply) return;
    ASSERT_EQ(view.origins.size(), view.vcode.insts.size());
    for (const machine::Inst& inst : view.vcode.insts) {
      if (inst.rules == machine::kNoRuleChain) continue;
      ASSERT_NE(inst.source, machine::kNoSource);
      uint16_t outermost = inst.rules;
      while (view.vcode.rule_chains[outermost].caller != machine::kNoRuleChain) {
        ASSERT_LT(view.vcode.rule_chains[outermost].caller, outermost);
        outermost = view.vcode.rule_chains[outermost].caller;
      }
      const isle::RuleInfo& entry = GetParam()->rules[view.vcode.rule_chains[outermost].rule.index];
      EXPECT_EQ(entry.term, "lower") << entry.name;
      seen.push_back(std::string(function->info(ir::Inst(inst.source)).name));
      EXPECT_FALSE(view.vcode.rule_of(inst).is_none());
    }
  };
  ASSERT_TRUE(machine::compile(*function, *GetParam(), options).has_value());
  for (const char* name : {"iconst", "imul", "isub"}) EXPECT_TRUE(std::ranges::count(seen, name)) << name;
}

TEST_P(CompileTest, LongFunctionsReachTheirEnds) {
  // Blocks in a row, each of which may leave to the last one: every branch form is needed.
  std::string text = "function %f(i64) -> i64 {\nblock0(v0: i64):\n  jump block1\n";
  const unsigned blocks = 20000;
  for (unsigned b = 1; b <= blocks; ++b) {
    const std::string v = std::to_string(b);
    text += "block" + v + ":\n  v" + v + "1 = iconst.i64 " + std::to_string(b * 1000003) + "\n  v" + v +
            "2 = bxor v0, v" + v + "1\n  brif v" + v + "2, block" + std::to_string(b + 1) + ", block" +
            std::to_string(blocks + 1) + "\n";
  }
  text += "block" + std::to_string(blocks + 1) + ":\n  return v0\n}\n";
  const auto function = ir::parse_function(text);
  ASSERT_TRUE(function.has_value());
  const auto code = machine::compile(*function, *GetParam());
  ASSERT_TRUE(code.has_value()) << code.error().message;
}

// The example of docs/embed.md.
TEST_P(CompileTest, BuiltCompiledAndLinked) {
  ir::Function f;
  f.name = ir::ExternalName::testcase("increment");
  f.signature.params = {{ir::kI64}};
  f.signature.returns = {{ir::kI64}};
  const ir::Block entry = f.make_block();
  f.append_block(entry);
  const ir::Value x = f.append_block_param(entry, ir::kI64);
  ir::InstBuilder b(f);
  b.set_block(entry);
  b.return_({b.iadd(x, b.iconst(ir::kI64, 1))});
  machine::Compiler compiler(*GetParam());
  const auto code = compiler.compile(f, {});
  ASSERT_TRUE(code.has_value()) << code.error().message;
  const auto image = machine::link({&*code, 1}, 0x10000);
  ASSERT_TRUE(image.has_value());
  EXPECT_EQ(image->functions[0].name, "%increment");
  EXPECT_EQ(image->bytes, code->code.bytes);
}

INSTANTIATE_TEST_SUITE_P(Isas, CompileTest, testing::ValuesIn(isa::all_isas().begin(), isa::all_isas().end()),
                         [](const auto& info) { return info.param->name; });
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(CompileTest);

}  // namespace
}  // namespace assay
