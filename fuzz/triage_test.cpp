// Triage of cases whose fault is planted when they run. What it says of mistakes in rules, the allocator and so on is
// measured by the yardstick (docs/yardstick.md).
#include "fuzz/triage.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "compiler/ir/printer.h"
#include "compiler/isa/registry.h"
#include "compiler/opt/changes.h"
#include "fuzz/crash_trace.h"
#include "fuzz/reduce_edits.h"
#include "fuzz/triage_parts.h"
#include "fuzz/triage_report.h"

namespace assay::fuzz {
namespace {

constexpr char kCase[] = R"(test run
function %f(i64, i64) -> i64 {
block0(v0: i64, v1: i64):
    v2 = iadd v0, v1
    v3 = bxor v2, v0
    brif v3, block1, block2(v3)
block1:
    v4 = isub v2, v1
    jump block2(v4)
block2(v5: i64):
    v6 = imul v5, v2
    return v6
}
; print: %f(3, 4)
; print: %f(0, 0)
)";

Case the_case() {
  auto test = parse_case(kCase, "t");
  EXPECT_TRUE(test.has_value());
  return *test;
}

TEST(Triage, NothingFails) {
  TriageOptions options;
  options.harness.isas = {IsaKind::riscv64};
  const TriageResult result = triage(the_case(), "t", options);
  EXPECT_FALSE(result.fails);
  EXPECT_EQ(result.stage, TriageStage::Nothing);
  EXPECT_EQ(result.runs, 3u);
  EXPECT_TRUE(result.culprits.empty());
}

// Wherever there is a `mul`, a `mulh` stands in the bytes.
TEST(Triage, AWrongInstructionIsNamed) {
  if (isa::find_isa(IsaKind::riscv64) == nullptr) GTEST_SKIP() << "no riscv64 backend in this build";
  TriageOptions options;
  options.harness.isas = {IsaKind::riscv64};
  options.harness.tamper = [](IsaKind, oracles::Image& image) {
    for (size_t i = 0; i + 4 <= image.bytes.size(); i += 4) {
      const bool is_mul =
          (image.bytes[i] & 0x7f) == 0x33 && (image.bytes[i + 1] & 0x70) == 0 && (image.bytes[i + 3] & 0xfe) == 0x02;
      if (is_mul) image.bytes[i + 1] |= 0x10;
    }
  };
  const TriageResult result = triage(the_case(), "t", options);
  ASSERT_TRUE(result.fails);
  EXPECT_FALSE(result.is_flaky);
  EXPECT_EQ(result.stage, TriageStage::Bytes) << to_json({result});
  ASSERT_FALSE(result.culprits.empty());
  EXPECT_EQ(result.culprits[0].kind, CulpritKind::Instruction);
  EXPECT_EQ(result.culprits[0].name, "mul");
  EXPECT_NE(result.culprits[0].line, 0u);
  EXPECT_LE(result.instructions, 3u) << result.clif;
  EXPECT_NE(result.divergence.find("mulh"), std::string::npos) << result.divergence;
  const TriageResult* const group[] = {&result};
  EXPECT_NE(to_markdown(group).find("instruction `mul`"), std::string::npos);
  EXPECT_NE(to_html(group).find("<code>mul</code>"), std::string::npos);
  // A regression test: it fails with the mistake, and passes without.
  const auto again = parse_case(result.clif, "again");
  ASSERT_TRUE(again.has_value()) << result.clif;
  for (const bool has_mistake : {true, false}) {
    if (!has_mistake) options.harness.tamper = {};
    oracles::Harness harness(options.harness);
    std::vector<oracles::Finding> findings;
    check_case(harness, *again, findings);
    EXPECT_EQ(!findings.empty(), has_mistake) << result.clif;
  }
  EXPECT_NE(result.clif.find("; run: "), std::string::npos) << result.clif;
}

// The code of the last function becomes these bytes, if they fit.
std::function<void(IsaKind, oracles::Image&)> replace_code(std::vector<uint8_t> bytes) {
  return [bytes = std::move(bytes)](IsaKind, oracles::Image& image) {
    const oracles::CodeRange& function = image.functions.back();
    if (function.end - function.begin < bytes.size()) return;
    std::ranges::copy(bytes, image.bytes.begin() + function.begin);
  };
}

// Some operations that come to nothing, so that there is room.
constexpr char kRoomy[] =
    "    v2 = bnot v0\n    v3 = bnot v2\n    v4 = bnot v3\n    v5 = bnot v4\n    v6 = bnot v5\n    v7 = bnot v6\n";

// An emulator that gets an instruction wrong: the processor and the interpreter agree. Unicorn's BZHI clears the
// highest bit if the index is beyond the width.
TEST(Triage, AWrongExecutorIsNamed) {
  if (isa::find_isa(IsaKind::x64) == nullptr) GTEST_SKIP() << "no x64 backend in this build";
#ifdef __x86_64__
  if (!__builtin_cpu_supports("bmi2")) GTEST_SKIP() << "this processor has no BZHI";
#else
  GTEST_SKIP() << "this is no x86-64";
#endif
  const auto test = parse_case("test run\nfunction %f(i64) -> i64 {\nblock0(v0: i64):\n" + std::string(kRoomy) +
                                   "    return v7\n}\n; print: %f(-81985529216486895)\n",
                               "t");
  ASSERT_TRUE(test.has_value()) << render(test.error());
  TriageOptions options;
  options.harness.isas = {IsaKind::x64};
  options.harness.opt_levels = {machine::OptLevel::None};
  // mov eax, 200; bzhi rax, rdi, rax; ret: the same for this function, not for what it may be reduced to.
  const auto replace = replace_code({0xb8, 200, 0, 0, 0, 0xc4, 0xe2, 0xf8, 0xf5, 0xc7, 0xc3});
  std::vector<uint8_t> code;
  options.harness.tamper = [&](IsaKind, oracles::Image& image) { code = image.bytes; };
  oracles::Harness harness(options.harness);
  std::vector<oracles::Finding> findings;
  check_case(harness, *test, findings);
  EXPECT_TRUE(findings.empty());
  options.harness.tamper = [&](IsaKind isa, oracles::Image& image) {
    if (image.bytes == code) replace(isa, image);
  };
  const TriageResult result = triage(*test, "t", options);
  ASSERT_TRUE(result.fails);
  EXPECT_EQ(result.stage, TriageStage::Executor) << to_json({result});
  ASSERT_FALSE(result.culprits.empty());
  EXPECT_EQ(result.culprits[0].kind, CulpritKind::Executor);
  EXPECT_EQ(result.culprits[0].name, "unicorn-x64");
  EXPECT_EQ(result.severity_text, "no: the compiler's code is not to blame");
}

// What the wrong code can do: a store where nothing was given, a load, a value.
TEST(Triage, SeveritySaysWhetherMemoryIsInDanger) {
  if (isa::find_isa(IsaKind::x64) == nullptr) GTEST_SKIP() << "no x64 backend in this build";
  const auto test = parse_case("test run\nfunction %f(i64) -> i64 {\nblock0(v0: i64):\n" + std::string(kRoomy) +
                                   "    return v7\n}\n; print: %f(77)\n",
                               "t");
  ASSERT_TRUE(test.has_value()) << render(test.error());
  const auto severity = [&](std::vector<uint8_t> bytes) {
    TriageOptions options;
    options.seconds = 4;
    options.harness.isas = {IsaKind::x64};
    options.harness.opt_levels = {machine::OptLevel::None};
    options.harness.native = false;
    options.harness.milliseconds = 20;
    options.harness.tamper = replace_code(std::move(bytes));
    return triage(*test, "t", options).severity;
  };
  EXPECT_EQ(severity({0x48, 0x89, 0x3c, 0x25, 0, 0, 0x10, 0, 0xc3}), Severity::WritesOutside);  // mov [0x100000], rdi
  EXPECT_EQ(severity({0x48, 0x8b, 0x04, 0x25, 0, 0, 0x10, 0, 0xc3}), Severity::ReadsOutside);   // mov rax, [0x100000]
  EXPECT_EQ(severity({0x31, 0xc0, 0xc3}), Severity::WrongValue);                                // xor eax, eax
  EXPECT_EQ(severity({0x31, 0xdb, 0x48, 0x89, 0xf8, 0xc3}), Severity::Abi);                     // xor ebx, ebx
}

// Sometimes it fails, sometimes not.
TEST(Triage, FlakyIsSaid) {
  if (isa::find_isa(IsaKind::riscv64) == nullptr) GTEST_SKIP() << "no riscv64 backend in this build";
  TriageOptions options;
  options.harness.isas = {IsaKind::riscv64};
  options.harness.opt_levels = {machine::OptLevel::None};
  options.repeats = 12;
  options.harness.tamper = [](IsaKind, oracles::Image& image) {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    if (now.tv_nsec / 1000 % 2 == 0) image.traps.clear(), image.bytes[0] = image.bytes[1] = 0;
  };
  const TriageResult result = triage(the_case(), "t", options);
  if (!result.fails) GTEST_SKIP() << "it did not fail this time";
  EXPECT_EQ(result.is_flaky, result.failures != result.runs && result.failures != 0);
}

TEST(Triage, EqualCausesAreOneGroup) {
  std::vector<TriageResult> results(4);
  for (TriageResult& result : results) result.fails = true;
  results[0].group = results[2].group = "virtual rule riscv64 a";
  results[1].group = "virtual rule riscv64 b";
  results[3].fails = false;
  const auto groups = group_by_cause(results);
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_EQ(groups[0].size(), 2u);
  EXPECT_EQ(groups[0][1], &results[2]);
  EXPECT_EQ(file_stem(results[0]), "virtual-rule-riscv64-a");
}

TEST(Triage, TextsOfInstructionsAreCompared) {
  EXPECT_EQ(normalised("add\tx1, x2, #0x10"), normalised("ADD x1, x2, #16"));
  EXPECT_NE(normalised("add x1, x2, #16"), normalised("add x1, x2, #17"));
  EXPECT_NE(normalised("add x1, x12"), normalised("add x11, x2"));
}

[[noreturn]] void crashing_prologue(const machine::FrameLayout&, machine::InstList&) { std::abort(); }

// A backend that dies while it emits code: the stage, and who it was.
TEST(Triage, ACrashOfTheCompilerHasAPlace) {
  const machine::TargetIsa* known = isa::find_isa(IsaKind::riscv64);
  if (known == nullptr) GTEST_SKIP() << "no riscv64 backend in this build";
  machine::TargetIsa isa = *known;
  isa.prologue = crashing_prologue;
  auto test = parse_case(
      "test run\nfunction %f(i64) -> i64 {\n  ss0 = explicit_slot 8\nblock0(v0: i64):\n"
      "  v1 = stack_addr.i64 ss0\n  store v0, v1\n  return v0\n}\n; print: %f(1)\n",
      "t");
  ASSERT_TRUE(test.has_value());
  const CrashTrace crash = trace_compiler_crash(*test, isa, {});
  EXPECT_TRUE(crash.crashed);
  EXPECT_EQ(crash.stage, machine::Stage::Emit);
  if (!crash.frames.empty()) {
    const auto is_named = [](const SourceFrame& frame) {
      return frame.function.find("crashing_prologue") != std::string::npos;
    };
    EXPECT_TRUE(std::ranges::any_of(crash.frames, is_named)) << crash.frames[0].function;
  }
  EXPECT_FALSE(trace_compiler_crash(*test, *known, {}).crashed);
}

// The table of decisions names functions that are there.
TEST(Triage, DecisionsHaveTheirFunctions) {
  for (size_t d = 0; d < size_t(Decision::Count); ++d) {
    for (IsaKind isa : kAllIsas) {
      const DecisionPlace place = place_of(Decision(d), isa);
      EXPECT_NE(line_of(place.file, place.function), 0u) << place.function << " is not in " << place.file;
    }
  }
  for (const std::span<const opt::Change> changes :
       {std::span<const opt::Change>(opt::kChanges), std::span<const opt::Change>(opt::kAudited)}) {
    for (const opt::Change& change : changes) {
      const std::string file(change.file), function(change.function);
      EXPECT_NE(line_of(file, function), 0u) << function << " is not in " << file;
    }
  }
}

// Of a rule that is applied three times, the second is left out: another serves there, and it is back everywhere after.
TEST(Triage, OneApplicationOfARuleIsLeftOut) {
  const machine::TargetIsa* isa = isa::find_isa(IsaKind::riscv64);
  if (isa == nullptr) GTEST_SKIP() << "no riscv64 backend in this build";
  const auto test = parse_case(
      "function %f(i64) -> i64 {\nblock0(v0: i64):\n    v1 = iconst.i64 1\n    v2 = iconst.i64 2\n    v3 = iconst.i64 "
      "3\n"
      "    v4 = iadd v0, v1\n    v5 = bxor v4, v0\n    v6 = iadd v5, v2\n    v7 = bxor v6, v0\n    v8 = iadd v7, v3\n"
      "    return v8\n}\n; print: %f(5)\n",
      "f");
  ASSERT_TRUE(test) << test.error().message;
  machine::Compiler compiler(*isa);
  isle::RuleState& rules = compiler.rules();
  const isle::RuleId immediate = rules.find_rule("iadd_imm"), registers = rules.find_rule("iadd_reg");
  const auto fired = [&] {
    rules.reset_counts();
    EXPECT_TRUE(compiler.compile(test->functions[0], {.opt_level = machine::OptLevel::None}));
    return std::pair(rules.count(immediate), rules.count(registers));
  };
  EXPECT_EQ(fired(), std::pair(uint64_t{3}, uint64_t{0}));
  rules.pass_over_once(immediate, 1);
  EXPECT_EQ(fired(), std::pair(uint64_t{2}, uint64_t{1}));
  EXPECT_EQ(fired(), std::pair(uint64_t{3}, uint64_t{0}));
  rules.enable_rule(immediate, true);
  EXPECT_EQ(fired(), std::pair(uint64_t{3}, uint64_t{0}));
}

// Whatever the compiler does, it keeps the contracts of functions.
TEST(Triage, NoContractIsBroken) {
  unsigned checked = 0;
  for (uint64_t seed = 0; seed < 80; ++seed) {
    Random random(seed);
    Program program;
    generate(random, {}, program);
    Case test;
    test.functions = program.functions;
    test.entry = static_cast<uint32_t>(test.functions.size() - 1);
    test.regions = program.regions;
    test.inputs.push_back({.args = program.inputs.at(0)});
    for (IsaKind isa : kAllIsas) {
      if (isa::find_isa(isa) == nullptr) continue;
      TriageOptions options;
      options.harness.optimize = false;  // it is the function lowered that is held to its contract
      TriageResult result;
      StageTraces traces(test, isa, machine::OptLevel::Speed, seed % 3 == 0 ? 0 : seed, options.harness);
      if (!traces.problem().empty()) continue;
      TriageContext context{test, options, isa, machine::OptLevel::Speed, interpret(test), traces, result};
      ++checked;
      EXPECT_FALSE(blame_contract(context)) << "seed " << seed << ", " << name(isa) << ": " << result.divergence;
    }
  }
  EXPECT_GT(checked, 100u);
}

// What is checked of calls: room for copies of structs, and the registers that a function of the library overwrites.
TEST(Triage, BrokenContractsAreSeen) {
  const auto test = parse_case(
      "test run\nfunction %f(i64, f64) -> f64 {\n    sig0 = (i64 sarg(40)) -> f64\n    fn0 = %g sig0\n"
      "block0(v0: i64, v1: f64):\n    v2 = call fn0(v0)\n    v3 = fma v1, v1, v2\n    return v3\n}\n"
      "; region: 0x20000000 4096 fill 7\n; print: %f(0x20000000, 0x1.0p0)\n"
      "function %g(i64 sarg(40)) -> f64 {\nblock0(v0: i64):\n    v1 = load.f64 v0\n    return v1\n}\n",
      "t");
  ASSERT_TRUE(test.has_value()) << render(test.error());
  struct Breach {
    void (*make)(machine::VCode& code, uint32_t library_call);
    const char* text;  // nothing: none
  };
  const Breach breaches[] = {
      {[](machine::VCode&, uint32_t) {}, ""},
      {[](machine::VCode& code, uint32_t) { code.outgoing_size = 32; }, "a call needs 40 bytes for stack arguments"},
      {[](machine::VCode& code, uint32_t call) { code.insts[call].clobbers = 0; }, "a callee may overwrite"},
  };
  for (const Breach& breach : breaches) {
    TriageOptions options;
    options.harness.optimize = false;
    TriageResult result;
    StageTraces traces(*test, IsaKind::x64, machine::OptLevel::Speed, 0, options.harness);
    ASSERT_EQ(traces.problem(), "");
    // The session owns it and nothing else is made of it any more.
    auto& code = const_cast<machine::VCode&>(traces.session().stage(oracles::ExecutorKind::Virtual, 0).code);
    uint32_t call = 0;
    for (uint32_t i = 0; i < code.insts.size(); ++i) {
      const ir::Inst source(code.insts[i].source);
      const bool is_of_fma =
          source.index < test->functions[0].inst_count() && test->functions[0].inst(source).opcode == ir::Opcode::kFma;
      if (code.insts[i].clobbers != 0 && is_of_fma) call = i;
    }
    ASSERT_NE(call, 0u);
    breach.make(code, call);
    TriageContext context{*test, options, IsaKind::x64, machine::OptLevel::Speed, interpret(*test), traces, result};
    EXPECT_EQ(blame_contract(context), *breach.text != 0) << breach.text;
    EXPECT_NE(result.divergence.find(breach.text), std::string::npos) << result.divergence;
  }
}

// The interpreter's operations are asked about wherever they are, not only in the entry function.
TEST(Triage, OperationsOfCalleesAreAskedAbout) {
  const auto test = parse_case(
      "test run\nfunction %g(i32) -> i64 {\nblock0(v0: i32):\n    v1 = bmask.i64 v0\n    return v1\n}\n"
      "function %f(i32) -> i64 {\n    sig0 = (i32) -> i64\n    fn0 = colocated %g sig0\nblock0(v0: i32):\n"
      "    v1 = call fn0(v0)\n    return v1\n}\n; print: %f(3)\n",
      "t");
  ASSERT_TRUE(test.has_value()) << render(test.error());
  TriageOptions options;
  options.check_operation = [](const std::string& name) { return Opinion{true, name != "bmask", "differs"}; };
  TriageResult result;
  ASSERT_TRUE(blame_reference(*test, options, ir::Endianness::kLittle, result));
  ASSERT_EQ(result.culprits.size(), 2u);
  EXPECT_EQ(result.culprits[1].kind, CulpritKind::Operation);
  EXPECT_EQ(result.culprits[1].name, "bmask");
}

// The second walk through a function and the interpreter agree, on what both know.
TEST(Triage, SecondOpinion) {
  unsigned compared = 0;
  for (uint64_t seed = 0; seed < 600; ++seed) {
    Random random(seed);
    Program program;
    GenerateOptions generator;
    generator.max_functions = 1;
    generate(random, generator, program);
    Case test;
    test.functions = program.functions;
    test.entry = static_cast<uint32_t>(test.functions.size() - 1);
    test.regions = program.regions;
    test.inputs.push_back({.args = program.inputs.at(0)});
    std::vector<std::vector<uint8_t>> memory;
    const auto second = second_opinion(test, ir::Endianness::kLittle, memory);
    if (!second) continue;
    const interpreter::Outcome first = interpret(test);
    if (first.kind != interpreter::OutcomeKind::Returned && first.kind != interpreter::OutcomeKind::Trapped) continue;
    ++compared;
    EXPECT_EQ(second->kind, first.kind) << "seed " << seed << "\n" << ir::print(test.functions.back());
    EXPECT_EQ(second->results, first.results) << "seed " << seed;
    EXPECT_EQ(second->trap, first.trap) << "seed " << seed;
  }
  EXPECT_GT(compared, 50u);
}

}  // namespace
}  // namespace assay::fuzz
