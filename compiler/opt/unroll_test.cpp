// Which loops are unrolled, and how; that they do the same is what the fuzz target `optimize` and corpus/programs
// judge.
#include "compiler/ir/builder.h"
#include "compiler/opt/changes.h"
#include "compiler/opt/optimize.h"
#include "compiler/opt/test_support.h"
#include "compiler/opt/unroll_audit.h"

namespace assay::opt {
namespace {

// Sums what is loaded from v0 on, `rounds` times.
std::string loop(const std::string& limit, const std::string& condition = "icmp ult v3, v6") {
  return R"(function %f(i64, i64) -> i64 {
block0(v0: i64, v1: i64):
    v2 = iconst.i64 0
    jump block1(v2, v2)
block1(v3: i64, v4: i64):
    v6 = )" +
         limit + R"(
    v7 = )" +
         condition + R"(
    brif v7, block2, block3
block2:
    v8 = iadd.i64 v0, v3
    v9 = uload8.i64 v8
    v10 = iadd.i64 v4, v9
    v11 = iconst.i64 1
    v12 = iadd.i64 v3, v11
    jump block1(v12, v10)
block3:
    return v4
})";
}

TEST(Unroll, AFewRoundsNeedNoLoop) {
  const std::string text = optimized(loop("iconst.i64 5"));
  EXPECT_EQ(count(text, "uload8"), 5u) << text;
  EXPECT_EQ(count(text, "brif"), 0u) << text;
  EXPECT_EQ(count(optimized(loop("iconst.i64 5"), {.unroll = false}), "uload8"), 1u);
}

TEST(Unroll, WhatIsNotKnownTakesFourRoundsAtOnce) {
  const std::string text = optimized(loop("iadd.i64 v1, v0"));  // in the loop: not a constant that does not change
  EXPECT_EQ(count(text, "uload8"), 1u) << text;
  for (const char* condition : {"icmp ult v3, v1", "icmp ne v3, v1", "icmp sle v3, v1", "icmp ugt v1, v3"}) {
    const std::string four = optimized(loop("iconst.i64 0", condition));
    EXPECT_EQ(count(four, "uload8"), 5u) << four;  // and the rest
    EXPECT_EQ(count(four, "brif"), 2u) << four;
  }
}

TEST(Unroll, ALoopThatMovesAwayFromItsLimitStays) {
  for (const char* condition : {"icmp ugt v3, v1", "icmp sge v3, v1", "icmp eq v3, v1"}) {
    const std::string text = optimized(loop("iconst.i64 0", condition));
    EXPECT_EQ(count(text, "uload8"), 1u) << text;
  }
}

// Four steps of a counter of few bits may come round to where it was.
TEST(Unroll, NarrowCountersTakeOneRoundAtATime) {
  for (const char* type : {"i8", "i16", "i32"}) {
    for (const char* condition : {"ult", "slt", "ne"}) {
      const std::string text = optimized("function %f(i64, " + std::string(type) + ", " + type + R"() -> i64 {
block0(v0: i64, v1: )" + type +
                                         ", v2: " + type + R"():
    jump block1(v2, v0)
block1(v3: )" + type + R"(, v4: i64):
    v7 = icmp )" + condition + R"( v3, v1
    brif v7, block2, block3
block2:
    v9 = load.i64 v4
    v11 = iconst.)" + type + R"( 1
    v12 = iadd v3, v11
    jump block1(v12, v9)
block3:
    return v4
})");
      EXPECT_EQ(count(text, "load"), std::string(type) == "i32" ? 5u : 1u) << text;
    }
  }
}

TEST(Unroll, NestedLoopsFromTheInsideOut) {
  const std::string text = optimized(R"(function %f(i64) -> i64 {
block0(v0: i64):
    v1 = iconst.i64 0
    jump block1(v1, v0)
block1(v2: i64, v3: i64):
    v4 = iconst.i64 3
    v5 = icmp slt v2, v4
    brif v5, block2, block5
block2:
    v6 = iconst.i64 0
    jump block3(v6, v3)
block3(v7: i64, v8: i64):
    v9 = iconst.i64 2
    v10 = icmp slt v7, v9
    brif v10, block4, block6
block4:
    v11 = imul.i64 v8, v8
    v12 = iconst.i64 1
    v13 = iadd.i64 v7, v12
    jump block3(v13, v11)
block6:
    v14 = iconst.i64 1
    v15 = iadd.i64 v2, v14
    jump block1(v15, v8)
block5:
    return v3
})");
  EXPECT_EQ(count(text, "imul"), 6u) << text;
  EXPECT_EQ(count(text, "block"), 1u) << text;
}

TEST(Unroll, CopiesKeepTheNameOfWhatTraps) {
  Optimizer optimizer;
  ir::Function f = *ir::parse_function(loop("iconst.i64 4"));
  const uint32_t before = static_cast<uint32_t>(f.inst_count());
  optimizer.run(f);
  std::vector<uint32_t> loads;
  for (const ir::Block block : f.blocks()) {
    for (const ir::Inst inst : f.insts(block)) {
      if (f.inst(inst).opcode == ir::Opcode::kUload8) loads.push_back(optimizer.original(inst).index);
    }
  }
  ASSERT_EQ(loads.size(), 4u);
  for (const uint32_t load : loads) {
    EXPECT_LT(load, before);
    EXPECT_EQ(load, loads[0]);
  }
}

// What the audit says of the loop of loop("iconst.i64 100"), four rounds of which are copied, if that is what was found
// out about it.
class UnrollAudit : public ::testing::Test {
 protected:
  void SetUp() override {
    set_function(loop("iconst.i64 100"));
    block_ = {Block(0), Block(1), Block(2), Block(3)};
    found_ = {.header = block_[1],
              .blocks = {block_[1], block_[2]},
              .exits = {block_[3]},
              .size = 8,
              .test = function_.terminator(block_[1]),
              .type = ir::kI64,
              .cc = ir::IntCC::kUlt,
              .limit = {},
              .constant = 100,
              .step = 1,
              .rounds = {},
              .copies = 4};
  }

  void set_function(const std::string& text) {
    auto parsed = ir::parse_function(text);
    ASSERT_TRUE(parsed) << text;
    function_ = *std::move(parsed);
    cfg_.compute(function_);
  }
  Responsible audit(uint64_t distance = 3) const {
    return audit_unrolling(function_, cfg_, found_, [&](ir::Function& f, const Counted& c) {
      ir::InstBuilder b(f);
      b.set_block(c.header);
      const ir::Value limit = c.limit.is_none() ? b.iconst(ir::kI64, *c.constant) : c.limit;
      const ir::Value first = b.iconst(ir::kI64, distance);
      return b.icmp(ir::IntCC::kUlt, f.block_params(c.header)[0], b.isub(b.umax(limit, first), first));
    });
  }
  std::string_view at_fault(uint64_t distance = 3) const {
    const Responsible found = audit(distance);
    return found.is_at_fault ? found.name : "";
  }

  using Block = ir::Block;
  ir::Function function_;
  ir::ControlFlowGraph cfg_;
  std::vector<Block> block_;
  Counted found_;
};

TEST_F(UnrollAudit, FindsNothingInWhatIsRight) {
  EXPECT_EQ(at_fault(), "");
  EXPECT_EQ(audit().name, kUnrollingInPart.function);
  found_.whole = true;
  found_.rounds = found_.copies = 100;
  EXPECT_EQ(at_fault(), "");
  EXPECT_EQ(audit().name, kUnrollingWholly.function);
}

TEST_F(UnrollAudit, NamesWhoDecidedWrongly) {
  const Counted right = found_;
  const auto with = [&](auto change) {
    found_ = right;
    change(found_);
    return at_fault();
  };
  EXPECT_EQ(with([](Counted& c) { c.stays = 1; }), kLoopTest.function);
  EXPECT_EQ(with([](Counted& c) { c.cc = ir::IntCC::kUle; }), kCounter.function);
  EXPECT_EQ(with([](Counted& c) { c.cc = ir::IntCC::kSlt; }), kCounter.function);
  EXPECT_EQ(with([](Counted& c) { c.constant = 99; }), kCounter.function);
  EXPECT_EQ(with([](Counted& c) { c.step = 2; }), kStep.function);
  EXPECT_EQ(with([](Counted& c) { c.rounds = 99; }), kRounds.function);
  EXPECT_EQ(with([](Counted& c) { c.copies = 1; }), kWorthwhile.function);
  EXPECT_EQ(with([](Counted& c) { c.copies = 5; }), kRoundsFollow.function);
  found_ = right;
  EXPECT_EQ(at_fault(2), kRoundsFollow.function);
  EXPECT_EQ(at_fault(4), "");  // a round fewer than there might be
}

// A limit that the loop itself computes may be another one in the next round.
TEST_F(UnrollAudit, ALimitMustNotChange) {
  set_function(loop("iadd.i64 v1, v0"));
  found_.test = function_.terminator(block_[1]);
  found_.constant = {};
  found_.limit = function_.arg(function_.def_inst(function_.arg(found_.test, 0)), 1);
  EXPECT_EQ(at_fault(), kCounter.function);
}

}  // namespace
}  // namespace assay::opt
