// Every operation that rules may match, of constants of every type: what the interpreter says it gives is what is left
// of it. Driven by the table of operations, so that a new one is asked about, too; what is not folded stands in a list
// here, with the reason, and the list holds no more than that.
#include <gtest/gtest.h>

#include <cfenv>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "compiler/ir/immediates.h"
#include "compiler/opt/node.h"
#include "compiler/opt/test_support.h"
#include "interpreter/interpreter.h"

namespace assay::opt {
namespace {

// By operation; "of floats", if it is folded at integers.
const std::map<std::string, const char*>& not_folded() {
  static constexpr const char* kGuard = "speculation must not see what it chooses";
  static const std::map<std::string, const char*> table = {{"select_spectre_guard", kGuard},
                                                           {"select_spectre_guard of floats", kGuard}};
  return table;
}

constexpr ir::Type kTypes[] = {ir::kI8, ir::kI16, ir::kI32, ir::kI64, ir::kF32, ir::kF64};

const std::vector<uint64_t>& numbers(ir::Type type) {
  static const std::vector<uint64_t> integers = {0,
                                                 1,
                                                 2,
                                                 3,
                                                 7,
                                                 8,
                                                 100,
                                                 ~uint64_t{0},
                                                 0x80,
                                                 0x8000,
                                                 0x80000000,
                                                 uint64_t{1} << 63,
                                                 0x7f,
                                                 0x7fff,
                                                 0x7fffffff,
                                                 ~uint64_t{0} >> 1,
                                                 0xfedcba9876543210};
  static const std::vector<uint64_t> floats32 = {0,          0x80000000, 0x3f800000, 0xc0200000,
                                                 0x7f800000, 0x42c80000, 0x3eaaaaab, 0x7fc00000,
                                                 0xff800001, 1,          0x4f000000, 0xdf000001};
  static const std::vector<uint64_t> floats64 = {0,
                                                 uint64_t{1} << 63,
                                                 0x3ff0000000000000,
                                                 0xc004000000000000,
                                                 0x7ff0000000000000,
                                                 0x4059000000000000,
                                                 0x3fd5555555555555,
                                                 0x7ff8000000000000,
                                                 0xfff0000000000001,
                                                 1,
                                                 0x41e0000000000000,
                                                 0xc3e0000000000001};
  return type == ir::kF32 ? floats32 : type == ir::kF64 ? floats64 : integers;
}

std::string constant(ir::Type type, uint64_t bits) {
  if (type == ir::kF32) return "f32const " + ir::float_to_string(bits, 32);
  if (type == ir::kF64) return "f64const " + ir::float_to_string(bits, 64);
  const unsigned unused = 64 - type.bits();
  return "iconst." + type.to_string() + " " + std::to_string(static_cast<int64_t>(bits << unused) >> unused);
}

// Functions that each compute the operation of constants, at each choice of their types; `pick` chooses the constants.
// None: the operation takes something else.
std::vector<std::string> functions(ir::Opcode opcode, uint64_t pick) {
  const ir::OperationInfo& info = ir::operation_info(opcode);
  std::vector<std::string> out;
  for (const ir::Type controlling : kTypes) {
    if (info.polymorphic ? !info.controlling.contains(controlling) : controlling != ir::kI8) continue;
    // The types of operands and results, all choices.
    std::vector<std::vector<ir::Type>> choices(1);
    const auto extend = [&](const ir::TypeConstraint& constraint) {
      std::vector<std::vector<ir::Type>> next;
      for (const auto& choice : choices) {
        for (const ir::Type type : kTypes) {
          if (!constraint.allows(type, info.polymorphic ? controlling : ir::Type())) continue;
          next.push_back(choice);
          next.back().push_back(type);
        }
      }
      choices = std::move(next);
    };
    for (const ir::OperandInfo& input : info.inputs) {
      if (input.kind == ir::OperandKind::kValue) extend(input.type);
    }
    for (const ir::OperandInfo& result : info.results) extend(result.type);
    static constexpr const char* kIntCodes[] = {"eq", "ne", "slt", "sge", "sgt", "sle", "ult", "uge", "ugt", "ule"};
    static constexpr const char* kFloatCodes[] = {"ord", "uno", "eq", "ne",  "one", "ueq", "lt",
                                                  "le",  "gt",  "ge", "ult", "ule", "ugt", "uge"};
    for (const auto& types : choices) {
      std::string body, operands, code, returned, results;
      size_t value = 0;
      uint64_t choice = pick;
      bool known = true;
      for (const ir::OperandInfo& input : info.inputs) {
        std::string operand;
        switch (input.kind) {
          case ir::OperandKind::kValue: {
            const auto& all = numbers(types[value]);
            body += "    v" + std::to_string(value) + " = " + constant(types[value], all[choice % all.size()]) + "\n";
            choice = choice / all.size() + choice * 7;
            operand = "v" + std::to_string(value++);
            break;
          }
          case ir::OperandKind::kIntCC:
            code = std::string(" ") + kIntCodes[pick % std::size(kIntCodes)];
            continue;
          case ir::OperandKind::kFloatCC:
            code = std::string(" ") + kFloatCodes[pick % std::size(kFloatCodes)];
            continue;
          case ir::OperandKind::kMemFlags:
            code = " little";
            continue;
          case ir::OperandKind::kTrapCode:
            operand = "user1";
            break;
          default:
            known = false;
        }
        operands += (operands.empty() ? " " : ", ") + operand;
      }
      if (!known || value == 0) return {};
      for (size_t i = 0; i < info.results.size(); ++i) {
        returned += (i == 0 ? "v" : ", v") + std::to_string(value + i);
        results += (i == 0 ? "" : ", ") + types[value + i].to_string();
      }
      const bool spelled = info.polymorphic && (!info.infers_type || info.needs_type_operand);
      out.push_back("function %f() -> " + results + " {\nblock0:\n" + body + "    " + returned + " = " +
                    std::string(info.name) + (spelled ? "." + controlling.to_string() : "") + code + operands +
                    "\n    return " + returned + "\n}\n");
    }
  }
  return out;
}

// The function without the operation, or why that cannot be asked.
enum class Asked { Folded, Kept, Nothing };
Asked ask(const std::string& text, std::string& after) {
  auto parsed = ir::parse_function(text);
  if (!parsed) {
    ADD_FAILURE() << render(parsed.error().front(), text) << text;
    return Asked::Nothing;
  }
  if (!ir::verify(*parsed).empty()) return Asked::Nothing;  // a bitcast between widths
  interpreter::Program program;
  program.add(*parsed);
  program.link();
  interpreter::Interpreter interpreter;
  const interpreter::Outcome before = interpreter.run(program, 0, {});
  if (before.kind != interpreter::OutcomeKind::Returned) return Asked::Nothing;
  after = optimized(text);
  const auto again = ir::parse_function(after);
  interpreter::Program other;
  other.add(*again);
  other.link();
  const interpreter::Outcome outcome = interpreter.run(other, 0, {});
  if (before.free_bits.empty()) {
    EXPECT_EQ(outcome, before) << text << after;
  } else {  // a NaN
    EXPECT_EQ(outcome.kind, before.kind);
    for (size_t i = 0; i < before.results.size(); ++i) {
      EXPECT_TRUE(((outcome.results[i].bits() ^ before.results[i].bits()) & ~before.free_bits[i]) == 0)
          << text << after;
    }
  }
  for (const ir::Block block : again->blocks()) {
    for (const ir::Inst inst : again->insts(block)) {
      const ir::OperationInfo& info = again->info(inst);
      if (!info.is_terminator() && !info.name.ends_with("const")) return Asked::Kept;
    }
  }
  return Asked::Folded;
}

TEST(Folding, WhatConstantsGiveIsAConstant) {
  std::set<std::string> kept;
  unsigned asked = 0;
  for (unsigned number = 0; number < ir::kOpcodeCount; ++number) {
    const auto opcode = static_cast<ir::Opcode>(number);
    if (!NodeData::is_node(opcode) && !NodeData::may_trap(opcode) && !NodeData::has_two_results(opcode)) continue;
    const ir::OperationInfo& info = ir::operation_info(opcode);
    for (uint64_t pick = 0; pick < 300; ++pick) {
      for (const std::string& text : functions(opcode, pick)) {
        std::string after;
        const Asked answer = ask(text, after);
        asked += answer != Asked::Nothing;
        if (answer != Asked::Kept) continue;
        const bool floats = text.find("f32const") != std::string::npos || text.find("f64const") != std::string::npos;
        const std::string name = std::string(info.name) + (floats ? " of floats" : "");
        if (kept.insert(name).second) EXPECT_TRUE(not_folded().contains(name)) << name << "\n" << text << after;
      }
    }
  }
  EXPECT_GT(asked, 10'000u);
  for (const auto& [name, reason] : not_folded()) EXPECT_TRUE(kept.contains(name)) << name << " is folded now";
}

// Whatever the program around the compiler has made of the processor's mode.
TEST(Folding, FloatsAreFoldedToNearest) {
  const std::string text =
      "function %f() -> f64, f32 {\nblock0:\n    v0 = f64const 0x1.0\n    v1 = f64const 0x1.8p1\n    v2 = fdiv v0, v1\n"
      "    v3 = f32const -0x1.8p1\n    v4 = f32const 0x1.0\n    v5 = fdiv v4, v3\n    return v2, v5\n}\n";
  const std::string expected = optimized(text);
  EXPECT_NE(expected.find("f64const 0x1.5555555555555p-2"), std::string::npos) << expected;
  EXPECT_NE(expected.find("f32const -0x1.555556p-2"), std::string::npos) << expected;
  for (const int mode : {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO}) {
    ASSERT_EQ(std::fesetround(mode), 0);
    const std::string here = optimized(text);
    EXPECT_EQ(std::fegetround(), mode);
    std::fesetround(FE_TONEAREST);
    EXPECT_EQ(here, expected);
  }
}

}  // namespace
}  // namespace assay::opt
