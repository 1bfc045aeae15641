// The harness on modules whose behaviour is known, and on code that was spoiled on purpose: what it must notice.
#include <gtest/gtest.h>

#include "compiler/ir/parser.h"
#include "compiler/isa/registry.h"
#include "compiler/machine/features.h"
#include "oracles/abi_facts.h"
#include "oracles/harness.h"

namespace assay::oracles {
namespace {

using ir::DataValue;

// The functions of `text`; the entry is the first.
struct Module {
  ir::File file;
  std::vector<const ir::Function*> functions;

  explicit Module(const std::string& text) {
    auto parsed = ir::parse_file(text, "test.clif");
    if (!parsed) {
      ADD_FAILURE() << render(parsed.error().front(), text);
      return;
    }
    file = std::move(*parsed);
    for (const ir::ParsedFunction& function : file.functions) functions.push_back(&function.function);
  }
  std::vector<Finding> check(Harness& harness, const std::vector<TestInput>& inputs,
                             const std::vector<Region>& regions = {}) const {
    std::vector<Finding> findings;
    harness.check({.functions = functions, .entry = 0, .regions = regions, .inputs = inputs}, findings);
    return findings;
  }
};

std::string texts(const std::vector<Finding>& findings) {
  std::string out;
  for (const Finding& finding : findings) out += describe(finding) + "\n";
  return out;
}

DataValue i32(uint64_t v) { return DataValue(ir::kI32, v); }
DataValue i64(uint64_t v) { return DataValue(ir::kI64, v); }

constexpr char kAdd[] = R"(function %f(i32, i32) -> i32 {
block0(v0: i32, v1: i32):
    v2 = iadd v0, v1
    return v2
})";

// Skips where no backend is built.
class HarnessCheck : public testing::Test {
 protected:
  void SetUp() override {
    if (isa::all_isas().empty()) GTEST_SKIP() << "no backend in this build";
  }
};

TEST_F(HarnessCheck, RightCodeHasNoFindings) {
  Harness harness;
  const Module module(kAdd);
  const auto findings = module.check(harness, {{{i32(1), i32(2)}}, {{i32(0xffff'ffff), i32(1)}, 7}});
  EXPECT_TRUE(findings.empty()) << texts(findings);
  EXPECT_EQ(harness.references()[0].outcome.results[0], i32(3));
  EXPECT_TRUE(harness.references()[1].comparable);
  uint64_t runs = 0;
  for (const auto& [name, stats] : harness.stats().executors) runs += stats.runs;
  EXPECT_GE(runs, 2 * isa::all_isas().size());
}

TEST_F(HarnessCheck, OneMachineIfAskedFor) {
  Harness harness;
  const Module module(kAdd);
  const std::vector<TestInput> inputs = {{{i32(1), i32(2)}}};
  const IsaKind only = isa::all_isas().back()->kind;
  std::vector<Finding> findings;
  harness.check({.functions = module.functions, .entry = 0, .regions = {}, .inputs = inputs, .only_isa = only},
                findings);
  EXPECT_TRUE(findings.empty()) << texts(findings);
  EXPECT_EQ(harness.stats().compiles, harness.options().opt_levels.size());
  for (const auto& [executor, stats] : harness.stats().executors) {
    if (!executor.ends_with(name(only))) EXPECT_EQ(stats.runs, 0u) << executor;
  }
}

TEST_F(HarnessCheck, TrapsAndMemoryAgree) {
  Harness harness;
  const Module module(R"(function %f(i64, i32, i32) -> i32 {
    fn0 = %g(i32, i32) -> i32
block0(v0: i64, v1: i32, v2: i32):
    store.i32 v1, v0
    v3 = call fn0(v1, v2)
    store.i32 big v3, v0+4
    return v3
}
function %g(i32, i32) -> i32 {
block0(v0: i32, v1: i32):
    v2 = udiv v0, v1
    return v2
})");
  const std::vector<Region> regions = {{.address = 0x2000'0000, .bytes = std::vector<uint8_t>(4096, 9)}};
  const auto findings = module.check(harness,
                                     {{{i64(0x2000'0000), i32(100), i32(7)}},
                                      {{i64(0x2000'0000), i32(100), i32(0)}},
                                      {{i64(0x2000'0fff), i32(1), i32(1)}},
                                      {{i64(0), i32(1), i32(1)}}},
                                     regions);
  EXPECT_TRUE(findings.empty()) << texts(findings);
  EXPECT_EQ(harness.references()[1].outcome.trap, ir::kIntegerDivisionByZero);
  EXPECT_EQ(harness.references()[2].outcome.trap, ir::kHeapOutOfBounds);
  EXPECT_EQ(harness.stats().interpreted[static_cast<size_t>(interpreter::OutcomeKind::Trapped)], 3u);
}

TEST_F(HarnessCheck, WhatDependsOnAddressesIsLetGo) {
  Harness harness;
  const Module module(R"(function %f() -> i64, i64 {
    ss0 = explicit_slot 8
block0:
    v0 = stack_addr.i64 ss0
    v1 = load.i64 v0
    return v0, v1
})");
  const auto findings = module.check(harness, {{{}}});
  EXPECT_TRUE(findings.empty()) << texts(findings);
  EXPECT_FALSE(harness.references()[0].comparable);
  EXPECT_EQ(harness.stats().depends, 1u);
}

// Programs whose results one other place of everything does not change, but where machines put things does.
TEST_F(HarnessCheck, WhatDependsOnFewBitsOfAddressesIsLetGo) {
  for (const char* const text : {// Where a slot lies beside one of 128 bytes' alignment.
                                 R"(function %f() -> i8 {
    ss0 = explicit_slot 40, align = 128
    ss1 = explicit_slot 8
block0:
    v0 = stack_addr.i64 ss1
    v1 = ireduce.i8 v0
    return v1
})",
                                 // Which slot is above the other.
                                 R"(function %f() -> i8 {
    ss0 = explicit_slot 8
    ss1 = explicit_slot 8
block0:
    v0 = stack_addr.i64 ss0
    v1 = stack_addr.i64 ss1
    v2 = icmp ult v0, v1
    return v2
})",
                                 // How far calls are apart.
                                 R"(function %f() -> i64 {
    fn0 = %g(i64) -> i64
block0:
    v0 = get_return_address.i64
    v1 = call fn0(v0)
    return v1
}
function %g(i64) -> i64 {
block0(v0: i64):
    v1 = get_return_address.i64
    v2 = isub v0, v1
    return v2
})",
                                 // Whether an address times 40 is a positive number.
                                 R"(function %f() -> i8 {
block0:
    v0 = get_return_address.i64
    v1 = iconst.i64 40
    v2, v3 = smul_overflow v0, v1
    return v3
})",
                                 // Whether the stack is aligned to 16 bytes: s390x aligns it to 8.
                                 R"(function %f() -> i8 {
block0:
    v0 = get_stack_pointer.i64
    v1 = iconst.i64 8
    v2 = band v0, v1
    v3 = ireduce.i8 v2
    return v3
})",
                                 R"(function %f() -> i8 {
block0:
    v0 = get_frame_pointer.i64
    v1 = iconst.i64 8
    v2 = band v0, v1
    v3 = ireduce.i8 v2
    return v3
})"}) {
    Harness harness;
    const auto findings = Module(text).check(harness, {{{}}});
    EXPECT_TRUE(findings.empty()) << text << texts(findings);
    EXPECT_FALSE(harness.references()[0].comparable) << text;
  }
}

// What is in the return addresses' upper bits is no part of where a caller goes on.
TEST_F(HarnessCheck, ExceptionsPassFramesWithSignedReturnAddresses) {
  HarnessOptions options{.isas = {IsaKind::aarch64}, .unicorn = false, .qemu = true};
  const machine::TargetIsa* const isa = isa::find_isa(IsaKind::aarch64);
  ASSERT_NE(isa, nullptr);
  options.features[static_cast<size_t>(IsaKind::aarch64)] =
      machine::features_by_name(*isa->insts, "sign_return_address_all");
  Harness harness(options);
  const Module module(R"(function %f(i64) -> i64 tail {
    sig0 = (i64) tail
    fn0 = %thrower sig0
block0(v0: i64):
    try_call fn0(v0), sig0, block1, [ tag1: block2(exn0) ]
block1:
    v1 = iconst.i64 0
    return v1
block2(v2: i64):
    return v2
}
function %thrower(i64) tail {
    sig0 = (i64) tail
    fn0 = %raise sig0
block0(v0: i64):
    call fn0(v0)
    return
}
function %raise(i64) tail {
    sig0 = (i64, i64, i64, i32, i64, i64) system_v
    fn0 = %__cranelift_throw sig0
block0(v0: i64):
    v1 = iconst.i64 0
    v2 = iconst.i32 1
    call fn0(v1, v1, v1, v2, v0, v0)
    return
})");
  const auto findings = module.check(harness, {{{i64(42)}}});
  EXPECT_TRUE(findings.empty()) << texts(findings);
  EXPECT_EQ(harness.references()[0].outcome.results[0], i64(42));
  if (!harness.stats().executors.contains("qemu-aarch64")) GTEST_SKIP() << "qemu-aarch64 does not run here";
}

// More than a megabyte of code, of tables, between a handler and who asks for its address, both ways.
TEST_F(HarnessCheck, AddressesOfHandlersThatAreFarAway) {
  std::string text = R"(function %f(i64) -> i64 tail {
    sig0 = (i64, i64, i64, i64) system_v
    fn0 = %__assay_resume sig0
block0(v0: i64):
    v1 = get_exception_handler_address.i64 block2, 1
    v2 = ireduce.i32 v0
    brif v0, block2, block10
)";
  constexpr unsigned kTables = 5, kEntries = 60000;
  for (unsigned i = 10; i < 10 + kTables; ++i) {
    const std::string next = i + 1 < 10 + kTables ? "block" + std::to_string(i + 1) : "block1";
    text += "block" + std::to_string(i) + ":\n    br_table v2, " + next + ", [block5";
    for (unsigned entry = 1; entry < kEntries; entry += 2) text += ", " + next + ", block5";
    text += "]\n";
  }
  text += R"(block1:
    v3 = get_exception_handler_address.i64 block2, 0
    jump block3(v3)
block2:
    v4 = get_frame_pointer.i64
    try_call fn0(v4, v1, v0, v0), sig0, block5, [ tag1: block5, tag2: block3(exn1) ]
block3(v5: i64):
    v6 = iadd v5, v0
    return v6
block5:
    trap user1
})";
  Harness harness;
  const auto findings = Module(text).check(harness, {{{i64(42)}}});
  EXPECT_TRUE(findings.empty()) << texts(findings);
  EXPECT_TRUE(harness.references()[0].comparable);
  EXPECT_EQ(harness.references()[0].outcome.results[0], i64(84));
}

// Where symbols lie is the linker's affair.
TEST_F(HarnessCheck, WhatDependsOnSymbolsIsLetGo) {
  Harness harness;
  const Module module(
      "function %f() -> i64 {\n    gv0 = symbol colocated %f\nblock0:\n    v0 = symbol_value.i64 gv0\n"
      "    return v0\n}\n");
  const auto findings = module.check(harness, {{{}}});
  EXPECT_TRUE(findings.empty()) << texts(findings);
  EXPECT_EQ(harness.stats().depends, 1u);
}

TEST_F(HarnessCheck, EndlessLoopsAreLetGo) {
  Harness harness;
  const Module module("function %f() {\nblock0:\n    jump block1\nblock1:\n    jump block1\n}");
  EXPECT_TRUE(module.check(harness, {{{}}}).empty());
  EXPECT_EQ(harness.stats().interpreted[static_cast<size_t>(interpreter::OutcomeKind::OutOfFuel)], 1u);
}

TEST_F(HarnessCheck, SaysWhatIsNotSupported) {
  Harness harness;
  const Module module(
      "function %f(i32) -> i32 {\nblock0(v0: i32):\n    brif v0, block1, block2\nblock1:\n    return v0\nblock2:\n"
      "    v1 = splat.i32x4 v0\n    v2 = extractlane v1, 0\n    return v2\n}");
  EXPECT_TRUE(module.check(harness, {{{i32(1)}}}).empty());
  for (const auto& [reason, count] : harness.stats().not_run)
    EXPECT_TRUE(reason.starts_with("not supported on ")) << reason;
  EXPECT_FALSE(harness.stats().not_run.empty());
}

// Code whose first bytes trap instead.
TEST_F(HarnessCheck, NoticesSpoiledCode) {
  HarnessOptions options;
  options.native = false;
  options.tamper = [](IsaKind isa, Image& image) {
    const std::vector<uint8_t> trap = isa == IsaKind::x64       ? std::vector<uint8_t>{0x0f, 0x0b}
                                      : isa == IsaKind::aarch64 ? std::vector<uint8_t>{0x1f, 0xc1, 0x00, 0x00}
                                      : isa == IsaKind::riscv64 ? std::vector<uint8_t>{0x73, 0x10, 0x00, 0xc0}
                                                                : std::vector<uint8_t>{0x00, 0x00};
    std::copy(trap.begin(), trap.end(), image.bytes.begin());
  };
  Harness harness(options);
  const Module module(kAdd);
  const auto findings = module.check(harness, {{{i32(1), i32(2)}}});
  ASSERT_GE(findings.size(), isa::all_isas().size());
  for (const Finding& finding : findings) {
    EXPECT_EQ(finding.kind, FindingKind::Fault) << describe(finding);
    EXPECT_TRUE(finding.key().starts_with(std::string("fault ") + assay::name(finding.isa) + ": ")) << finding.key();
    EXPECT_TRUE(finding.key().ends_with(", should return")) << finding.key();
  }
}

// A wrong trap table is a wrong outcome.
// Code that is never reached needs no frame for its calls.
TEST_F(HarnessCheck, CallsThatAreNeverReachedNeedNoFrame) {
  Harness harness;
  const Module module(R"(function %f(i32) -> i32 {
    fn0 = colocated %f(i32) -> i32
block0(v0: i32):
    return v0
block1:
    v1 = iconst.i32 1
    v2 = call fn0(v1)
    return v2
})");
  const auto findings = module.check(harness, {{.args = {i32(7)}}});
  EXPECT_TRUE(findings.empty()) << texts(findings);
}

// The return address that x64 pushes counts.
TEST(AbiFacts, FramesKeepTheStackAligned) {
  EXPECT_TRUE(is_aligned_frame(IsaKind::x64, 24));
  EXPECT_FALSE(is_aligned_frame(IsaKind::x64, 16));
  EXPECT_FALSE(is_aligned_frame(IsaKind::x64, 0));
  EXPECT_TRUE(is_aligned_frame(IsaKind::aarch64, 32));
  EXPECT_FALSE(is_aligned_frame(IsaKind::riscv64, 40));
  EXPECT_TRUE(is_aligned_frame(IsaKind::s390x, 168));
  EXPECT_FALSE(is_aligned_frame(IsaKind::s390x, 164));
}

TEST_F(HarnessCheck, NoticesAWrongTrapSite) {
  HarnessOptions options;
  options.tamper = [](IsaKind, Image& image) {
    for (TrapSite& site : image.traps) ++site.inst;
  };
  Harness harness(options);
  const Module module("function %f(i32) -> i32 {\nblock0(v0: i32):\n    trapz v0, user1\n    return v0\n}");
  std::vector<Finding> findings = module.check(harness, {{{i32(1)}}});
  EXPECT_TRUE(findings.empty()) << texts(findings);
  findings = module.check(harness, {{{i32(0)}}});
  ASSERT_FALSE(findings.empty());
  EXPECT_EQ(findings[0].kind, FindingKind::Outcome);
  EXPECT_NE(findings[0].text.find("`return v0`"), std::string::npos) << findings[0].text;
  EXPECT_EQ(findings[0].sort, "place of a trap");
}

// Code of our own instead of the compiler's, and what is wrong with it.
class HarnessForged : public HarnessCheck {
 protected:
  std::string check(const std::string& text, const std::vector<TestInput>& inputs, std::vector<uint8_t> code,
                    const std::vector<Region>& regions = {}) {
    HarnessOptions options;
    options.isas = {IsaKind::x64};
    options.opt_levels = {machine::OptLevel::Speed};
    options.native = false;
    options.tamper = [&](IsaKind, Image& image) {
      image.bytes.resize(std::max(image.bytes.size(), image.functions[0].begin + code.size()));
      std::copy(code.begin(), code.end(), image.bytes.begin() + image.functions[0].begin);
    };
    Harness harness(options);
    if (harness.compiler(IsaKind::x64) == nullptr) return "no backend";
    const auto findings = Module(text).check(harness, inputs, regions);
    return findings.size() == 1 ? findings[0].key() : texts(findings);
  }
};

TEST_F(HarnessForged, EveryRegionCounts) {
  const char* text = R"(function %f(i64, i64) {
block0(v0: i64, v1: i64):
    v2 = iconst.i8 1
    store v2, v0
    store v2, v1
    return
})";
  const std::vector<TestInput> inputs = {{{i64(0x2000'0000), i64(0x2001'0000)}}};
  const std::vector<Region> regions = {{.address = 0x2000'0000, .bytes = std::vector<uint8_t>(4096)},
                                       {.address = 0x2001'0000, .bytes = std::vector<uint8_t>(4096)}};
  // mov byte [rdi], a; mov byte [rsi], b; ret
  const auto stores = [](uint8_t a, uint8_t b) { return std::vector<uint8_t>{0xc6, 7, a, 0xc6, 6, b, 0xc3}; };
  EXPECT_EQ(check(text, inputs, stores(1, 1), regions), "");
  EXPECT_EQ(check(text, inputs, stores(2, 1), regions), "memory x64: bytes");
  EXPECT_EQ(check(text, inputs, stores(1, 2), regions), "memory x64: bytes");
}

TEST_F(HarnessForged, KeysSayWhatDiffers) {
  const std::string returns = "function %f(i8 uext) -> i8 uext {\nblock0(v0: i8):\n    return v0\n}";
  const std::string traps =
      "function %f(i8 uext) -> i8 uext {\nblock0(v0: i8):\n    trapnz v0, user1\n    return v0\n}";
  const std::vector<TestInput> inputs = {{{DataValue(ir::kI8, 5)}}};
  const std::vector<uint8_t> mov7 = {0xb8, 7, 0, 0, 0, 0xc3}, mov105 = {0xb8, 5, 1, 0, 0, 0xc3}, hlt = {0xf4},
                             loop = {0xeb, 0xfe}, zero_rbx = {0x31, 0xdb, 0x89, 0xf8, 0xc3},
                             wild = {0x8b, 4, 0x25, 0, 0, 0, 0, 0xc3};
  EXPECT_EQ(check(returns, inputs, mov7), "result x64: value");
  EXPECT_EQ(check(returns, inputs, mov105), "result x64: extension");
  EXPECT_EQ(check(traps, inputs, mov7), "outcome x64: returned, should trap");
  EXPECT_EQ(check(returns, inputs, wild), "fault x64: read, should return");
  EXPECT_EQ(check(traps, inputs, wild), "fault x64: read, should trap");
  EXPECT_EQ(check(returns, inputs, loop), "hang x64: goes on, should return");
  EXPECT_EQ(check(returns, inputs, zero_rbx), "abi x64: preserved register rbx changed from # to #");
  EXPECT_NE(check(returns, inputs, hlt), "");
}

}  // namespace
}  // namespace assay::oracles
