// Calls of host functions: every ISA's ABI is followed, all that a callee may change is changed, and what a caller gets
// wrong is found.
#include "oracles/host_calls.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "compiler/ir/parser.h"
#include "compiler/ir/verifier.h"
#include "compiler/isa/registry.h"
#include "oracles/filetest_directive.h"
#include "oracles/harness.h"

namespace assay::oracles {
namespace {

std::vector<Finding> check(Harness& harness, const std::string& text, std::vector<TestInput> inputs,
                           const std::string& region = "") {
  std::vector<Finding> findings;
  const auto file = ir::parse_file(text, "test.clif");
  if (!file) {
    ADD_FAILURE() << render(file.error().front(), text);
    return findings;
  }
  std::vector<const ir::Function*> functions;
  for (const ir::ParsedFunction& parsed : file->functions) {
    EXPECT_TRUE(ir::verify(parsed.function).empty());
    functions.push_back(&parsed.function);
  }
  std::vector<Region> regions;
  if (!region.empty()) regions.push_back(make_region(**parse_region_directive(region)));
  harness.check({.functions = functions, .entry = 0, .regions = regions, .inputs = inputs}, findings);
  return findings;
}

std::string texts(const std::vector<Finding>& findings) {
  std::string out;
  for (const Finding& finding : findings) out += describe(finding) + "\n";
  return out;
}

ir::DataValue i64(uint64_t v) { return {ir::kI64, v}; }

constexpr char kRegion[] = "; region: 0x20000000 4096 seed 3";

class HostCalls : public testing::Test {
 protected:
  void SetUp() override {
    if (isa::all_isas().empty()) GTEST_SKIP() << "no backend in this build";
  }
};

// More arguments and results than there are registers, of every width and extension; values alive over the calls; loads
// and stores about them; from a loop and from a function that is called.
constexpr char kMany[] = R"(
function %main(i64, i64) -> i64 system_v {
    sig0 = (i64, i8 sext, i16 uext, i32 sext, i64, i8, i16, i32 uext, i64, i8 sext, i16, i32) -> i64, i8 sext, i16 uext, i32, i64, i8, i16 sext, i32 uext system_v
    sig1 = (i64) -> i64 system_v
    fn0 = %host_many sig0
    fn1 = colocated %inner sig1
    fn2 = %host_one sig1
block0(v0: i64, v1: i64):
    v2 = iconst.i32 3
    v3 = bxor v0, v1
    jump block1(v2, v3)
block1(v4: i32, v5: i64):
    v6 = ireduce.i8 v5
    v7 = ireduce.i16 v5
    v8 = ireduce.i32 v5
    v9 = imul v5, v0
    v10, v11, v12, v13, v14, v15, v16, v17 = call fn0(v5, v6, v7, v8, v9, v6, v7, v8, v9, v6, v7, v8)
    v18 = sextend.i64 v11
    v19 = uextend.i64 v12
    v20 = sextend.i64 v13
    v21 = sextend.i64 v15
    v22 = sextend.i64 v16
    v23 = uextend.i64 v17
    v24 = bxor v10, v18
    v25 = iadd v24, v19
    v26 = bxor v25, v20
    v27 = iadd v26, v21
    v28 = bxor v27, v22
    v29 = iadd v28, v23
    v30 = bxor v29, v14
    v31 = iconst.i64 0x2000_0010
    store little v30, v31
    v32 = call fn1(v30)
    v33 = load.i64 little v31+8
    v34 = bxor v32, v33
    v35 = bxor v34, v9
    v36 = iconst.i32 -1
    v37 = iadd v4, v36
    brif v37, block1(v37, v35), block2
block2:
    v38 = func_addr.i64 fn2
    v39 = call_indirect.i64 sig1, v38(v35)
    return v39
}
function %inner(i64) -> i64 system_v {
    sig0 = (i64) -> i64 system_v
    sig1 = () system_v
    fn0 = %host_one sig0
    fn1 = %host_none sig1
block0(v0: i64):
    v1 = call fn0(v0)
    call fn1()
    v2 = iadd v1, v0
    return v2
}
)";

TEST_F(HostCalls, AgreeEverywhere) {
  Harness harness;
  const auto findings =
      check(harness, kMany, {{.args = {i64(7), i64(~0ull)}}, {.args = {i64(1ull << 63), i64(5)}}}, kRegion);
  EXPECT_TRUE(findings.empty()) << texts(findings);
  const auto& calls = harness.references()[0].outcome.calls;
  ASSERT_EQ(calls.size(), 10u);  // three times three, and one
  EXPECT_EQ(calls[0].name, "%host_many");
  EXPECT_EQ(calls[0].args[1], 0xf8u);
  EXPECT_EQ(calls[9].name, "%host_one");
  EXPECT_TRUE(harness.stats().not_run.empty());
  EXPECT_EQ(harness.stats().executors.size(), isa::all_isas().size() + harness.stats().executors.count("native-x64"));
}

// What follows has v1, the host's result for v0.
constexpr char kCallsOne[] = R"(
function %main(i64) -> i64 system_v {
    sig0 = (i64) -> i64 system_v
    fn0 = %host_a sig0
block0(v0: i64):
    v1 = call fn0(v0)
)";

// The trace up to a trap counts, too; and a fault on memory after a call makes Unicorn run it all again.
TEST_F(HostCalls, BeforeATrap) {
  Harness harness;
  const auto findings = check(harness, kCallsOne + std::string(R"(    v2 = iconst.i64 0x2f00_0000
    v3 = load.i64 v2
    v4 = call fn0(v3)
    return v4
}
)"),
                              {{.args = {i64(9)}}}, kRegion);
  EXPECT_TRUE(findings.empty()) << texts(findings);
  EXPECT_EQ(harness.references()[0].outcome.calls.size(), 1u);
}

// A function that does not restore where it returns to is lost on every executor: the callee has overwritten it.
TEST_F(HostCalls, TheLinkIsOverwrittenToo) {
  HarnessOptions options;
  options.isas = {IsaKind::aarch64};
  options.qemu = true;
  unsigned changed = 0;
  options.tamper = [&](IsaKind, Image& image) {
    constexpr std::array<uint8_t, 4> kBoth = {0xfd, 0x7b, 0xc1, 0xa8};  // ldp x29, x30, [sp], #16
    constexpr std::array<uint8_t, 4> kOne = {0xfd, 0x07, 0x41, 0xf8};   // ldr x29, [sp], #16
    const auto found = std::ranges::search(image.bytes, kBoth);
    if (found.empty()) return;
    ++changed;
    std::ranges::copy(kOne, found.begin());
  };
  Harness harness(options);
  const auto findings = check(harness, kCallsOne + std::string(R"(    v2 = iadd v1, v0
    return v2
}
)"),
                              {{.args = {i64(9)}}});
  ASSERT_NE(changed, 0u);
  for (const auto& [executor, stats] : harness.stats().executors) {
    EXPECT_TRUE(std::ranges::any_of(findings, [&](const Finding& f) { return f.executor == executor; }))
        << executor << '\n'
        << texts(findings);
  }
  EXPECT_EQ(harness.stats().executors.size(), 2u);
}

TEST_F(HostCalls, OneNameWithTwoSignaturesIsNotSupported) {
  Harness harness;
  check(harness, R"(
function %main(i64) -> i64 system_v {
    sig0 = (i64) -> i64 system_v
    sig1 = () -> i64 system_v
    fn0 = %host_a sig0
    fn1 = colocated %other sig1
block0(v0: i64):
    v1 = call fn0(v0)
    v2 = call fn1()
    return v1
}
function %other() -> i64 system_v {
    sig0 = () -> i64 system_v
    fn0 = %host_a sig0
block0:
    v0 = call fn0()
    return v0
}
)",
        {{.args = {i64(9)}}});
  EXPECT_FALSE(harness.stats().not_run.empty());
}

// Calls that a machine makes otherwise than the interpreter: spoiled by compiling another function than is interpreted
// is not possible here, so the handler itself is asked with a caller's mistakes.
class Handler : public testing::Test {
 protected:
  static constexpr uint64_t kSp = memory_map::kCallerSp - 0x800;

  Handler() : stack_(memory_map::kStackSize) {
    state_.integer[4] = kSp - 8;
    const uint64_t return_address = 0x10000040;
    std::memcpy(stack_.data() + (kSp - 8 - memory_map::kStackLow), &return_address, 8);
    EXPECT_TRUE(functions_.add("%host_f", {.params = {{.type = ir::kI8, .extension = ir::Extension::kSext}},
                                           .returns = {{.type = ir::kI8, .extension = ir::Extension::kUext}},
                                           .call_conv = ir::CallConv::kSystemV}));
    state_.integer[7] = ~uint64_t{0};  // rdi: -1
    for (int i = 0; i < 16; ++i) {
      if (i != 4 && i != 7) state_.integer[i] = 1000 + static_cast<uint64_t>(i);
    }
  }
  std::string call() {
    functions_.begin();
    return functions_.call(0, context_);
  }

  MachineState state_;
  std::vector<uint8_t> stack_;
  HostContext context_{.state = state_, .stack = stack_.data(), .memory = {}};
  HostFunctions functions_{IsaKind::x64};
};

TEST_F(Handler, KeepsWhatACalleeKeepsAndNothingElse) {
  EXPECT_EQ(call(), "");
  EXPECT_EQ(context_.pc, 0x10000040u);
  EXPECT_EQ(state_.integer[4], kSp);
  EXPECT_LE(state_.integer[0], 0xffu);  // rax, extended
  ASSERT_EQ(functions_.calls().size(), 1u);
  EXPECT_EQ(functions_.calls()[0].args, (std::vector<uint64_t>{0xff}));
  for (const int kept : {3, 5, 12, 13, 14, 15}) EXPECT_EQ(state_.integer[kept], 1000u + static_cast<unsigned>(kept));
  for (const int lost : {1, 2, 6, 7, 8, 9, 10, 11}) EXPECT_GT(state_.integer[lost], 0xffffffffu) << lost;
}

TEST_F(Handler, NoticesAnArgumentThatIsNotExtended) {
  state_.integer[7] = 0xff;
  EXPECT_NE(call().find("argument 0 is not extended"), std::string::npos) << call();
}

TEST_F(Handler, NoticesAStackThatIsNotAligned) {
  state_.integer[4] = kSp;
  EXPECT_NE(call().find("not aligned"), std::string::npos);
}

TEST_F(Handler, NoticesAStackPointerElsewhere) {
  state_.integer[4] = 0x20000008;
  EXPECT_NE(call().find("not in the stack"), std::string::npos);
}

// What the harness forgives about stores that trap.
TEST(PartlyWritten, OnlyTheFirstPageOfAStoreIntoTwo) {
  const auto f = ir::parse_function(
      "function %f(i64, i64) {\nblock0(v0: i64, v1: i64):\n  store v0, v1\n  istore16 v0, v1\n  v2 = load.i64 v1\n"
      "  istore8 v0, v1\n  atomic_store v0, v1\n  v3 = atomic_cas v1, v0, v2\n  v4 = atomic_load.i64 v1\n  "
      "return\n}\n");
  ASSERT_TRUE(f.has_value());
  const ir::Inst store(0), narrow(1), load(2), byte(3), atomic_store(4), atomic_cas(5), atomic_load(6);
  constexpr uint64_t kEnd = 0x20001000;
  EXPECT_FALSE(may_be_partly_written(*f, store, kEnd - 3, kEnd - 4));
  EXPECT_TRUE(may_be_partly_written(*f, store, kEnd - 3, kEnd - 3));
  EXPECT_TRUE(may_be_partly_written(*f, store, kEnd - 3, kEnd - 1));
  EXPECT_FALSE(may_be_partly_written(*f, store, kEnd - 3, kEnd));
  EXPECT_FALSE(may_be_partly_written(*f, store, kEnd - 8, kEnd - 1));  // all in one page
  EXPECT_FALSE(may_be_partly_written(*f, store, kEnd, kEnd));
  EXPECT_TRUE(may_be_partly_written(*f, narrow, kEnd - 1, kEnd - 1));
  EXPECT_FALSE(may_be_partly_written(*f, narrow, kEnd - 2, kEnd - 1));
  EXPECT_FALSE(may_be_partly_written(*f, load, kEnd - 3, kEnd - 3));
  EXPECT_FALSE(may_be_partly_written(*f, byte, kEnd - 1, kEnd - 1));
  // Not aligned.
  EXPECT_TRUE(may_be_partly_written(*f, atomic_store, kEnd - 1, kEnd - 1));
  EXPECT_TRUE(may_be_partly_written(*f, atomic_cas, kEnd - 7, kEnd - 1));
  EXPECT_FALSE(may_be_partly_written(*f, atomic_load, kEnd - 1, kEnd - 1));
}

}  // namespace
}  // namespace assay::oracles
