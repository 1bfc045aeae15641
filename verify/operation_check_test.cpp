// Every operation's meaning against the interpreter and the solver; and that wrong meanings are noticed.
#include "verify/operation_check.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "compiler/ir/operations.h"
#include "verify/rule_sources.h"

namespace assay::verify {
namespace {

TEST(OperationCheck, EveryOperation) {
  const auto rows = check_operations();
  ASSERT_TRUE(rows.has_value()) << rows.error().message;
  std::set<std::string> names;
  size_t judged = 0;
  for (const Judgement& row : *rows) {
    EXPECT_FALSE(is_failure(row.state)) << row.name << " (" << row.types << "): " << row.reason << "\n"
                                        << row.reproducer;
    names.insert(row.name);
    judged += row.state == JudgementState::Holds;
    if (row.state == JudgementState::Holds) EXPECT_GT(row.cases, 0u) << row.name;
    if (row.state == JudgementState::NotJudged) EXPECT_FALSE(row.reason.empty()) << row.name;
  }
  EXPECT_EQ(names.size(), ir::kOpcodeCount);
  EXPECT_GT(judged, 250u);
  std::printf("%s", describe(*rows).c_str());
}

std::string operations() {
  for (const IsaKind isa : kAllIsas) {
    if (const RuleSources* sources = rule_sources(isa)) return std::string(sources->operations);
  }
  return "";
}

// One meaning changed: the judge says so of that operation, with a case to run.
void notices(std::string operation, std::string_view right, std::string_view wrong) {
  std::string text = operations();
  const size_t begin = text.find("\nop " + operation + "(");
  ASSERT_NE(begin, std::string::npos) << operation;
  const size_t at = text.find(right, begin);
  ASSERT_LT(at, text.find("\nop ", begin + 1)) << operation << ": " << right;
  text.replace(at, right.size(), wrong);
  const auto rows = check_operations(text, {.only = operation});
  ASSERT_TRUE(rows.has_value()) << rows.error().message;
  const auto row = std::ranges::find(*rows, JudgementState::Fails, &Judgement::state);
  ASSERT_NE(row, rows->end()) << operation << ": " << wrong;
  EXPECT_TRUE(row->reproducer.contains("; run: %f(")) << row->reason;
}

TEST(OperationCheck, NoticesWrongMeanings) {
  notices("iadd", "x + y", "x | y");
  notices("umin", "x <u y", "x <s y");
  notices("icmp", "ule: x <=u y", "ule: x <u y");
  notices("smulhi", "sext(2 * width(x), y)", "zext(2 * width(x), y)");
  notices("sshr", "width(x) - 1)", "width(y) - 1)");
  notices("ssub_overflow_bin", "a := x - y - bool2bv(width(x), b_in != 0)", "a := x - y - zext(width(x), b_in[0:0])");
  notices("bitselect", "(c & x)", "x");
  notices("cls", "cls(x)", "clz(x)");
  notices("isplit", "lo := x[width(lo) - 1 : 0]", "lo := x[2 * width(lo) - 1 : width(lo)]");
  notices("fadd", "open_bits(a, is_odd(x) or is_odd(y))", "open_bits(a, is_odd(x))");
  notices("fmin", "else x | y", "else x");
  notices("fcmp", "ueq: not (flt(x, y) or flt(y, x))", "ueq: feq(x, y)");
  notices("fcvt_to_sint_sat", "float_to_sint", "float_to_uint");
  notices("iconst", "trunc(width(a), N)", "trunc(width(a), N >>u bv(64, 1))");
}

TEST(OperationCheck, NoticesWrongTraps) {
  notices("sdiv", "int_ovf when", "int_divz when");
  notices("sdiv", " and ~y = 0", "");
  notices("srem", "if ~y = 0 then bv(width(x), 0) else", "if y = x then y else");
  notices("trapz", "c = 0", "c != 0");
  notices("uadd_overflow_trap", "code when x + y <u x", "int_ovf when x + y <u x");
  notices("fcvt_to_sint", "not fits_sint(x, width(a))", "not flt(x, power(width(x), width(a) - 1))");
  notices("fcvt_to_uint", "bad_toint when fisnan(x)", "int_ovf when fisnan(x)");
  notices("udiv", "trap    int_divz when y = 0", "");
}

TEST(OperationCheck, WhatHasNoMeaningHasAReason) {
  const auto rows = check_operations("typevar Int = ints all\nop frobnicate(x: Int) -> a: Int \"?\"\n  format unary\n");
  ASSERT_TRUE(rows.has_value()) << rows.error().message;
  ASSERT_EQ(rows->size(), 1u);
  EXPECT_EQ((*rows)[0].state, JudgementState::Missing);
  EXPECT_TRUE((*rows)[0].reason.contains("write one in operations.ops")) << (*rows)[0].reason;
}

}  // namespace
}  // namespace assay::verify
