// Every operation that rules may match, of constants of every type: what the interpreter says it gives is what is left
// of it. Driven by the table of operations, so that a new one is asked about, too; what is not folded stands in a list
// here, with the reason, and the list holds no more than that.
#include <gtest/gtest.h>

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

constexpr const char* kFloats = "the compiler has no arithmetic of floats";
constexpr const char* kNoRule = "there is no rule; no program in the corpus has one";

// By operation; "of floats", if it is folded at integers.
const std::map<std::string, const char*>& not_folded() {
  static const std::map<std::string, const char*> table = [] {
    std::map<std::string, const char*> out;
    for (const char* name : {"fadd",
                             "fsub",
                             "fmul",
                             "fdiv",
                             "sqrt",
                             "fma",
                             "fmin",
                             "fmax",
                             "ceil",
                             "floor",
                             "trunc",
                             "nearest",
                             "fcmp",
                             "fpromote",
                             "fdemote",
                             "fcvt_to_uint",
                             "fcvt_to_sint",
                             "fcvt_from_uint",
                             "fcvt_from_sint",
                             "fcvt_to_uint_sat",
                             "fcvt_to_sint_sat"}) {
      out[std::string(name) + " of floats"] = kFloats;
    }
    out["fcvt_from_uint"] = out["fcvt_from_sint"] = kFloats;
    out.erase("fcvt_from_uint of floats");
    out.erase("fcvt_from_sint of floats");
    out["select_spectre_guard"] = out["select_spectre_guard of floats"] = "speculation must not see what it chooses";
    for (const char* name : {"band of floats", "bor of floats", "bxor of floats", "bnot of floats",
                             "bitselect of floats", "bitselect", "iconcat", "bitcast", "bitcast of floats"}) {
      out[name] = kNoRule;
    }
    return out;
  }();
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
  static const std::vector<uint64_t> floats32 = {0, 0x80000000, 0x3f800000, 0xc0200000, 0x7f800000, 0x42c80000};
  static const std::vector<uint64_t> floats64 = {
      0, uint64_t{1} << 63, 0x3ff0000000000000, 0xc004000000000000, 0x7ff0000000000000, 0x4059000000000000};
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
  if (before.kind != interpreter::OutcomeKind::Returned || !before.free_bits.empty()) return Asked::Nothing;
  after = optimized(text);
  const auto again = ir::parse_function(after);
  interpreter::Program other;
  other.add(*again);
  other.link();
  EXPECT_EQ(interpreter.run(other, 0, {}), before) << text << after;
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

}  // namespace
}  // namespace assay::opt
