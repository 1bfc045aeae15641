// The rule interpreter by itself: priorities, backtracking, limits.
#include "compiler/isle/rule_interpreter.h"

#include <gtest/gtest.h>

#include "compiler/isle/test_util.h"

namespace assay::isle {
namespace {

// `add` adds, `split` yields (x-1, 1), `each` yields x and x+1, `none` nothing.
class TestExterns : public Externs {
 public:
  std::vector<RuleValue> construct(const Term& term, std::span<const RuleValue> arguments) override {
    if (term.name == "none") return {};
    calls++;
    return {RuleValue::of_int(canonical_int(byte, arguments[0].integer + arguments[1].integer))};
  }
  std::vector<RuleValues> extract(const Term& term, const RuleValue& value) override {
    RuleValue next = RuleValue::of_int(value.integer + 1);
    if (term.name == "each") return {{value}, {next}};
    if (value.integer == 0) return {};
    return {{RuleValue::of_int(value.integer - 1), RuleValue::of_int(1)}};
  }
  RuleValue constant(const Constant&) override { return RuleValue::of_int(5); }
  void rule_fired(const Rule& rule) override { fired.push_back(rule.name); }

  Type byte{"u8", Type::Kind::Int, 8};
  int calls = 0;
  std::vector<std::string> fired;
};

const char* const kHead =
    "(decl pure add (u8 u8) u8) (extern constructor add add) (decl pure partial none () u8) (extern constructor none "
    "none)\n"
    "(decl split (u8 u8) u8) (extern extractor split split) (decl multi each (u8) u8) (extern extractor each each)\n"
    "(extern const $FIVE u8)\n";

// The result of term `f` applied to x: a number, "none", "error: …", or the list of numbers of a multi term.
std::string run_f(const std::string& rules, int x, TestExterns& externs) {
  CheckResult checked = check_text(kHead + rules);
  EXPECT_EQ(errors_of(checked), "");
  if (!checked.ok()) return "";
  RuleInterpreter interpreter(*checked.program, externs);
  RuleResult result = interpreter.apply(checked.program->find_term("f"), {RuleValue::of_int(x)});
  if (result.status == RuleResult::Status::Failed) return "error: " + result.error;
  if (result.status == RuleResult::Status::NoMatch) return "none";
  std::string text;
  for (const RuleValue& value : result.values) {
    text += (text.empty() ? "" : " ") + std::to_string(static_cast<int>(value.integer));
  }
  return text;
}
std::string run_f(const std::string& rules, int x) {
  TestExterns externs;
  return run_f(rules, x, externs);
}

TEST(RuleInterpreter, Priorities) {
  std::string rules = "(decl f (u8) u8) (rule 1 (f 3) 10) (rule 2 (f $FIVE) 20) (rule (f x) (add x 1))";
  EXPECT_EQ(run_f(rules, 3), "10");
  EXPECT_EQ(run_f(rules, 5), "20");
  EXPECT_EQ(run_f(rules, 255), "0");
}

TEST(RuleInterpreter, PartialAndTotal) {
  EXPECT_EQ(run_f("(decl partial f (u8) u8) (rule (f 3) 10)", 4), "none");
  EXPECT_EQ(run_f("(decl f (u8) u8) (rule (f 3) 10)", 4), "error: no rule matched for 'f'");
  // A result that yields nothing does not try the next rule.
  EXPECT_EQ(run_f("(decl partial f (u8) u8) (rule 1 (f 3) (none)) (rule (f x) x)", 3), "none");
  EXPECT_EQ(run_f("(decl partial f (u8) u8) (rule 1 (f 3) (if (none)) 9) (rule (f x) x)", 3), "3");
}

TEST(RuleInterpreter, ExtractorsAndEqualVariables) {
  std::string rules = "(decl f (u8) u8) (rule 1 (f (split a a)) 7) (rule (f (split a b)) (add a b)) (rule -1 (f _) 0)";
  EXPECT_EQ(run_f(rules, 2), "7");
  EXPECT_EQ(run_f(rules, 9), "9");
  EXPECT_EQ(run_f(rules, 0), "0");
}

TEST(RuleInterpreter, Multi) {
  EXPECT_EQ(run_f("(decl multi f (u8) u8) (rule (f (each x)) x) (rule (f x) 9)", 3), "3 4 9");
  EXPECT_EQ(run_f("(decl multi f (u8) u8) (rule (f (and (each x) (each y))) (add x y))", 3), "6 7 7 8");
  EXPECT_EQ(run_f("(decl multi f (u8) u8) (rule (f 1) 9)", 3), "");
}

TEST(RuleInterpreter, EachCallOnce) {
  TestExterns externs;
  EXPECT_EQ(run_f("(decl f (u8) u8) (rule r (f x) (let ((y u8 (add x x)) (z u8 (add y y))) (add z y)))", 3, externs),
            "18");
  EXPECT_EQ(externs.calls, 3);
  EXPECT_EQ(externs.fired, std::vector<std::string>{"r"});
}

TEST(RuleInterpreter, Limits) {
  EXPECT_NE(run_f("(decl rec f (u8) u8) (rule (f x) (f (add x 1)))", 1).find("error: "), std::string::npos);
  EXPECT_NE(run_f("(decl rec multi f (u8) u8) (rule (f (each x)) (f x))", 1).find("error: "), std::string::npos);
}

}  // namespace
}  // namespace assay::isle
