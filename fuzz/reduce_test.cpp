// Reduction with a property of our own: no machine is needed to see that cases shrink to the point.
#include "fuzz/reduce.h"

#include <gtest/gtest.h>

#include "compiler/ir/printer.h"
#include "compiler/ir/verifier.h"

namespace assay::fuzz {
namespace {

// An operation of that kind whose result is used: what nobody uses, reduction may drop along with anything else.
bool contains(const Case& test, ir::Opcode opcode) {
  for (const ir::Function& f : test.functions) {
    for (ir::Block block : f.blocks()) {
      for (ir::Inst inst : f.insts(block)) {
        bool uses = false;
        f.for_each_use(inst, [&](ir::Value v) {
          const ir::Inst def = f.def_inst(f.resolve(v));
          uses |= !def.is_none() && f.inst(def).opcode == opcode;
        });
        if (uses) return true;
      }
    }
  }
  return false;
}

TEST(Reduce, KeepsWhatThePropertyNeedsAndLittleElse) {
  unsigned reduced = 0;
  for (uint64_t seed = 0; seed < 200 && reduced < 10; ++seed) {
    Random random(seed);
    Program program;
    generate(random, {}, program);
    Case test;
    test.functions = program.functions;
    test.entry = static_cast<uint32_t>(test.functions.size() - 1);
    test.regions = program.regions;
    for (auto& args : program.inputs) test.inputs.push_back({.args = args});
    if (!contains(test, ir::Opcode::kSmulhi)) continue;
    ++reduced;
    const ReduceResult result = reduce(test, [](const Case& c) { return contains(c, ir::Opcode::kSmulhi); });
    EXPECT_TRUE(contains(result.reduced, ir::Opcode::kSmulhi));
    for (const ir::Function& f : result.reduced.functions) EXPECT_TRUE(ir::verify(f).empty());
    // A pure operation is only kept alive by its use: constants or parameters, smulhi, what uses it, return. Blocks that
    // go round in a circle may stay.
    EXPECT_LE(result.instructions, 12u) << "seed " << seed << "\n" << ir::print(result.reduced.functions.back());
    EXPECT_EQ(result.reduced.inputs.size(), 1u);
  }
  EXPECT_EQ(reduced, 10u);
}

TEST(Reduce, ACaseWithoutAFindingIsRefused) {
  const auto test = parse_case("test run\nfunction %f() -> i32 {\nblock0:\n v0 = iconst.i32 1\n return v0\n}\n; run: %f() == 1\n", "t");
  ASSERT_TRUE(test.has_value());
  oracles::Harness harness({.isas = {}});
  EXPECT_FALSE(reduce(harness, *test).has_value());
}

}  // namespace
}  // namespace assay::fuzz
