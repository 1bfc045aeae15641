// What generate.h promises: programs verify, print and read back, and the interpreter runs them to an end.
#include "fuzz/generate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <optional>
#include <set>

#include "compiler/ir/operations.h"
#include "compiler/ir/parser.h"
#include "compiler/ir/printer.h"
#include "compiler/ir/verifier.h"
#include "fuzz/case.h"

namespace assay::fuzz {
namespace {

TEST(Generate, EveryProgramVerifiesAndReadsBack) {
  Program program;
  for (uint64_t seed = 0; seed < 500; ++seed) {
    Random random(seed);
    generate(random, {}, program);
    for (const ir::Function& f : program.functions) {
      const Diagnostics errors = ir::verify(f);
      ASSERT_TRUE(errors.empty()) << "seed " << seed << ": " << render(errors[0]) << ir::print(f);
      const std::string text = ir::print(f);
      const auto again = ir::parse_function(text);
      ASSERT_TRUE(again.has_value()) << render(again.error()[0]) << text;
      ASSERT_EQ(ir::print(*again), text);
    }
  }
}

// Without machines: only the interpreter judges what a program does.
TEST(Generate, ProgramsEndAndMostReturn) {
  oracles::Harness harness({.isas = {}});
  Program program;
  for (uint64_t seed = 0; seed < 500; ++seed) {
    Random random(seed);
    generate(random, {}, program);
    Case test;
    test.functions = program.functions;
    test.entry = static_cast<uint32_t>(test.functions.size() - 1);
    test.regions = program.regions;
    for (auto& args : program.inputs) test.inputs.push_back({.args = args, .seed = 1});
    std::vector<oracles::Finding> findings;
    check_case(harness, test, findings);
    EXPECT_TRUE(findings.empty());
  }
  using Kind = interpreter::OutcomeKind;
  const auto count = [&](Kind kind) { return harness.stats().interpreted[static_cast<size_t>(kind)]; };
  const uint64_t all = 500 * 4;
  EXPECT_EQ(count(Kind::UndefinedBehaviour), 0u);
  EXPECT_EQ(count(Kind::Unsupported), 0u);
  EXPECT_LE(count(Kind::OutOfFuel), all / 20);
  EXPECT_GE(count(Kind::Returned), all / 2);
  EXPECT_GE(count(Kind::Trapped), all / 50);
  EXPECT_EQ(harness.stats().depends, 0u);
}

TEST(Generate, TheSameSeedGivesTheSameProgram) {
  Program one, two;
  Random a(7), b(7);
  generate(a, {}, one);
  generate(b, {}, two);
  ASSERT_EQ(one.functions.size(), two.functions.size());
  for (size_t i = 0; i < one.functions.size(); ++i) EXPECT_EQ(ir::print(one.functions[i]), ir::print(two.functions[i]));
  EXPECT_EQ(one.inputs, two.inputs);
}

TEST(Generate, BytesSteerAndEveryLengthWorks) {
  std::set<std::string> texts;
  std::vector<uint8_t> bytes;
  Program program;
  for (unsigned length = 0; length < 64; ++length) {
    Random random{std::span<const uint8_t>(bytes)};
    generate(random, {}, program);
    for (const ir::Function& f : program.functions) ASSERT_TRUE(ir::verify(f).empty());
    texts.insert(ir::print(program.functions.back()));
    bytes.push_back(static_cast<uint8_t>(length * 37));
  }
  EXPECT_GT(texts.size(), 48u);
}

// What seeded mistakes were missed by before it was generated on purpose: a minute's campaign must have thousands of
// each.
class Shapes {
 public:
  std::map<std::string, unsigned> counts;

  void count(const ir::Function& f) {
    f_ = &f;
    for (ir::Block block : f.blocks()) {
      for (ir::Inst inst : f.insts(block)) {
        const ir::Opcode opcode = f.inst(inst).opcode;
        if (opcode == ir::Opcode::kSmulOverflow || opcode == ir::Opcode::kUmulOverflow) product(inst);
        if (opcode == ir::Opcode::kIcmp) comparison(inst);
        if (opcode == ir::Opcode::kCall || opcode == ir::Opcode::kCallIndirect) call(block, inst);
        if (opcode == ir::Opcode::kBrif) back_edge(block, inst);
      }
    }
  }

 private:
  std::string name(ir::Inst inst) const {
    return std::string(f_->info(inst).name) + "." + f_->inst(inst).type.to_string();
  }
  // Of a constant, also one that has zero bits of something else mixed in.
  std::optional<uint64_t> constant(ir::Value v) const {
    const ir::Inst def = f_->def_inst(v);
    if (def.is_none()) return std::nullopt;
    if (f_->inst(def).opcode == ir::Opcode::kIconst) return f_->inst(def).imm;
    return f_->inst(def).opcode == ir::Opcode::kBor ? constant(f_->arg(def, 0)) : std::nullopt;
  }
  // Just below the limit or just above it: changing the smaller factor by one changes the answer, or nearly.
  void product(ir::Inst inst) {
    const auto a = constant(f_->arg(inst, 0)), b = constant(f_->arg(inst, 1));
    if (!a || !b) return;
    const bool is_signed = f_->inst(inst).opcode == ir::Opcode::kSmulOverflow;
    const unsigned width = f_->inst(inst).type.bits();
    const auto magnitude = [&](uint64_t x) -> unsigned __int128 {
      const bool negative = is_signed && (x >> (width - 1) & 1) != 0;
      return !negative ? x : (static_cast<unsigned __int128>(1) << width) - x;
    };
    const unsigned __int128 x = magnitude(*a), y = magnitude(*b);
    const unsigned __int128 limit = static_cast<unsigned __int128>(1) << (is_signed ? width - 1 : width);
    const unsigned __int128 distance = x * y > limit ? x * y - limit : limit - x * y;
    if (x < 2 || y < 2 || distance > 2 * std::max(x, y)) return;
    const bool other_sign = is_signed && (*a >> (width - 1)) != (*b >> (width - 1));
    ++counts[name(inst) + (other_sign ? " negative" : "") + (x * y < limit ? " below" : " from the limit")];
  }
  void comparison(ir::Inst inst) {
    for (ir::Value v : f_->args(inst)) {
      const ir::Inst def = f_->def_inst(v);
      if (def.is_none()) continue;
      const ir::Opcode opcode = f_->inst(def).opcode;
      if (opcode != ir::Opcode::kUextend && opcode != ir::Opcode::kSextend) continue;
      ++counts["icmp of " + name(def) + " from " + f_->value_type(f_->arg(def, 0)).to_string()];
    }
  }
  // Values of one block that are no constants, from before the call, used after it.
  void call(ir::Block block, ir::Inst call) {
    std::set<uint32_t> before, across;
    bool seen = false;
    for (ir::Inst inst : f_->insts(block)) {
      if (seen)
        f_->for_each_use(inst, [&](ir::Value v) {
          if (before.contains(v.index)) across.insert(v.index);
        });
      seen |= inst == call;
      if (seen || f_->inst(inst).opcode == ir::Opcode::kIconst) continue;
      for (ir::Value v : f_->results(inst)) before.insert(v.index);
    }
    for (unsigned least : {4u, 12u, 24u}) {
      if (across.size() >= least) ++counts["call, alive over it " + std::to_string(least)];
    }
  }
  // The block's own parameters, given to it again in other places: the longest cycle, and how many are moved.
  void back_edge(ir::Block block, ir::Inst branch) {
    for (const ir::BlockCall& call : f_->block_calls(branch)) {
      if (call.block != block) continue;
      const auto params = f_->block_params(block);
      std::map<uint32_t, uint32_t> from;  // by number of the parameter
      for (uint32_t i = 0; i < params.size(); ++i) {
        for (uint32_t k = 0; k < params.size(); ++k) {
          if (f_->args(call)[i].value() == params[k] && i != k) from[i] = k;
        }
      }
      size_t longest = 0;
      for (const auto& [first, unused] : from) {
        size_t length = 1;
        uint32_t at = from.at(first);
        for (; at != first && from.contains(at) && length <= from.size(); ++length) at = from.at(at);
        if (at == first) longest = std::max(longest, length);
      }
      if (longest == 2) ++counts["loop, swap"];
      if (longest >= 3) ++counts["loop, cycle"];
      if (longest >= 3 && from.size() >= 14) ++counts["loop, cycle among many"];
    }
  }
  const ir::Function* f_ = nullptr;
};

TEST(Generate, MakesTheShapesThatFindMistakes) {
  Shapes shapes;
  Program program;
  unsigned functions = 0;
  for (uint64_t seed = 0; functions < 30000; ++seed) {
    Random random(seed);
    generate(random, {}, program);
    functions += static_cast<unsigned>(program.functions.size());
    for (const ir::Function& f : program.functions) shapes.count(f);
  }
  std::vector<std::string> wanted = {
      "call, alive over it 4", "call, alive over it 12", "call, alive over it 24", "loop, swap",
      "loop, cycle",           "loop, cycle among many"};
  for (const char* type : {"i8", "i16", "i32", "i64"}) {
    for (const char* where : {" below", " from the limit"}) {
      wanted.push_back(std::string("umul_overflow.") + type + where);
      wanted.push_back(std::string("smul_overflow.") + type + where);
      wanted.push_back(std::string("smul_overflow.") + type + " negative" + where);
    }
  }
  for (const char* extension : {"uextend", "sextend"}) {
    for (const char* types : {"i32 from i8", "i32 from i16", "i64 from i8", "i64 from i16", "i64 from i32"}) {
      wanted.push_back(std::string("icmp of ") + extension + "." + types);
    }
  }
  for (const std::string& shape : wanted) EXPECT_GE(shapes.counts[shape], 15u) << shape;
  if (HasFailure()) {
    for (const auto& [shape, count] : shapes.counts) std::printf("%6u %s\n", count, shape.c_str());
  }
}

}  // namespace
}  // namespace assay::fuzz
