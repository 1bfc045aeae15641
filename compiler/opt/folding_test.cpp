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
#include "compiler/support/softfloat.h"
#include "interpreter/interpreter.h"

namespace assay::opt {
namespace {

// By operation; "of floats", if it is folded at integers.
const std::map<std::string, const char*>& not_folded() {
  static constexpr const char* kGuard = "speculation must not see what it chooses";
  static constexpr const char* kWide = "no meaning in the expression language to prove it by";
  static const std::map<std::string, const char*> table = {
      {"fcvt_from_uint of i128", kWide}, {"fcvt_from_sint of i128", kWide},         {"fcvt_to_uint of i128", kWide},
      {"fcvt_to_sint of i128", kWide},   {"fcvt_to_uint_sat of i128", kWide},       {"fcvt_to_sint_sat of i128", kWide},
      {"select_spectre_guard", kGuard},  {"select_spectre_guard of floats", kGuard}};
  return table;
}

constexpr ir::Type kTypes[] = {ir::kI8, ir::kI16, ir::kI32, ir::kI64, ir::kI128, ir::kF16, ir::kF32, ir::kF64};

// Signs, small numbers and fractions, the largest, infinities, NaNs, the least that is no integer type's.
std::vector<Word128> floats(FloatFormat format) {
  const Word128 one = Word128{static_cast<unsigned>(format.bias())} << format.fraction_bits(),
                unit = format.fraction_mask() + 1;
  const Word128 sign = format.sign_bit(), quiet = format.quiet_bit();
  return {0,
          sign,
          one,
          sign | (one + unit + quiet / 2),
          format.infinity(),
          one + 6 * unit + quiet,
          one - 2 * unit + format.fraction_mask() / 3,
          format.canonical_nan(),
          sign | format.infinity() | 1,
          1,
          one + 15 * unit,
          sign | (one + 14 * unit + 1),
          format.infinity() - 1};
}

const std::vector<Word128>& numbers(ir::Type type) {
  static std::map<std::string, std::vector<Word128>> floats_of;
  static const std::vector<Word128> integers = {0,
                                                1,
                                                2,
                                                3,
                                                7,
                                                8,
                                                100,
                                                ~Word128{0},
                                                0x80,
                                                0x8000,
                                                0x80000000,
                                                Word128{1} << 63,
                                                Word128{1} << 127,
                                                0x7f,
                                                0x7fff,
                                                0x7fffffff,
                                                ~uint64_t{0} >> 1,
                                                ~Word128{0} >> 1,
                                                Word128{0xfedcba9876543210} << 64 | 0x0123456789abcdef};
  if (type.is_int()) return integers;
  std::vector<Word128>& list = floats_of[type.to_string()];
  if (list.empty()) list = floats(float_format(type.bits()));
  return list;
}

// Instructions that make a constant, the value called `name`: an i128 by its halves or, if that gives it, extended.
std::string constant(const std::string& name, ir::Type type, Word128 bits) {
  if (type.is_float()) {
    return "    " + name + " = " + type.to_string() + "const " + ir::float_to_string(bits, type.bits()) + "\n";
  }
  const auto integer = [](const std::string& to, ir::Type of, Word128 number) {
    const unsigned unused = 64 - of.bits();
    return "    " + to + " = iconst." + of.to_string() + " " +
           std::to_string(static_cast<int64_t>(static_cast<uint64_t>(number) << unused) >> unused) + "\n";
  };
  if (type.bits() <= 64) return integer(name, type, bits);
  const auto half = static_cast<int64_t>(bits);
  const std::string low = "v8" + name.substr(1), high = "v9" + name.substr(1);
  if (bits == static_cast<uint64_t>(bits)) {
    return integer(low, ir::kI64, bits) + "    " + name + " = uextend.i128 " + low + "\n";
  }
  if (static_cast<__int128>(bits) == half) {
    return integer(low, ir::kI64, bits) + "    " + name + " = sextend.i128 " + low + "\n";
  }
  return integer(low, ir::kI64, bits) + integer(high, ir::kI64, bits >> 64) + "    " + name + " = iconcat " + low +
         ", " + high + "\n";
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
            body += constant("v" + std::to_string(value), types[value], all[choice % all.size()]);
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
      const bool is_constant =
          info.name.ends_with("const") || info.name == "iconcat" || info.name == "uextend" || info.name == "sextend";
      if (!info.is_terminator() && !is_constant) return Asked::Kept;
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
    for (uint64_t pick = 0; pick < 120; ++pick) {
      for (const std::string& text : functions(opcode, pick)) {
        std::string after;
        const Asked answer = ask(text, after);
        asked += answer != Asked::Nothing;
        if (answer != Asked::Kept) continue;
        const bool floats = text.find("const 0x") != std::string::npos || text.find("const -0x") != std::string::npos ||
                            text.find("NaN") != std::string::npos || text.find("Inf") != std::string::npos;
        const bool is_wide_conversion = info.name.starts_with("fcvt") && (text.find("i128") != std::string::npos ||
                                                                          text.find("iconcat") != std::string::npos);
        const std::string name = std::string(info.name) + (is_wide_conversion ? " of i128"
                                                           : floats           ? " of floats"
                                                                              : "");
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
