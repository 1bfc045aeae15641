// Terms whose trees are divided into several functions and files, against the rule interpreter.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>

#include "compiler/isle/rule_interpreter.h"
#include "compiler/isle/testdata/divided_context.h"

namespace assay::isle {
namespace {

using divided::Context;
using divided::Shape;
using divided::Size;

class DividedExterns : public Externs {
 public:
  explicit DividedExterns(Context& context) : context_(context) {}

  std::vector<RuleValue> construct(const Term& term, std::span<const RuleValue> arguments) override {
    auto byte = [&](size_t i) { return static_cast<uint8_t>(arguments[i].integer); };
    if (term.name == "sum") return {RuleValue::of_int(context_.sum(byte(0), byte(1)))};
    auto half = context_.halve(byte(0));
    return half ? std::vector{RuleValue::of_int(*half)} : std::vector<RuleValue>();
  }
  std::vector<RuleValues> extract(const Term& term, const RuleValue& value) override {
    if (term.name == "divisor") {
      Results<uint8_t> divisors;
      context_.divisor(static_cast<uint8_t>(value.integer), divisors);
      std::vector<RuleValues> all;
      for (const uint8_t divisor : divisors) all.push_back({RuleValue::of_int(divisor)});
      return all;
    }
    return context_.is_small(static_cast<uint8_t>(value.integer)) ? std::vector<RuleValues>{{value}}
                                                                  : std::vector<RuleValues>();
  }
  RuleValue constant(const Constant&) override { return {}; }
  bool rule_enabled(const Rule& rule) override { return context_.rule_enabled(rule.id); }
  void rule_fired(const Rule& rule) override {
    fired = rule.id;
    ++times[rule.id];
  }

  RuleId fired;
  std::map<RuleId, uint64_t> times;

 private:
  Context& context_;
};

class DividedTest : public testing::Test {
 protected:
  void SetUp() override {
    checked_ = check_files({"compiler/isle/testdata/divided.isle", "compiler/isle/testdata/divided_more.isle"});
    ASSERT_EQ(render_errors(checked_), "");
  }

  void compare(const Shape& shape, RuleValue value, uint8_t k) {
    DividedExterns externs(context_);
    RuleInterpreter interpreter(*checked_.program, externs);
    RuleResult expected =
        interpreter.apply(checked_.program->find_term("pick"), {std::move(value), RuleValue::of_int(k)});
    std::vector<uint64_t> before;
    for (const Rule& rule : checked_.program->rules) before.push_back(context_.rules.count(rule.id));
    std::optional<uint8_t> result = constructor_pick(context_, shape, k);
    ASSERT_NE(expected.status, RuleResult::Status::Failed) << expected.error;
    ASSERT_EQ(result.has_value(), !expected.values.empty());
    if (result) {
      ASSERT_EQ(*result, expected.values[0].integer);
    }
    for (const Rule& rule : checked_.program->rules) {
      ASSERT_EQ(context_.rules.count(rule.id) - before[rule.id.index], rule.id == externs.fired) << rule.name;
    }
  }

  void compare_every(const Shape& shape, RuleValue value, uint8_t k) {
    DividedExterns externs(context_);
    RuleInterpreter interpreter(*checked_.program, externs);
    const RuleResult expected =
        interpreter.apply(checked_.program->find_term("every"), {std::move(value), RuleValue::of_int(k)});
    ASSERT_NE(expected.status, RuleResult::Status::Failed) << expected.error;
    std::vector<uint64_t> before;
    for (const Rule& rule : checked_.program->rules) before.push_back(context_.rules.count(rule.id));
    Results<uint8_t> results;
    constructor_every(context_, shape, k, results);
    std::vector<int> found, wanted;
    for (const uint8_t result : results) found.push_back(result);
    for (const RuleValue& result : expected.values) wanted.push_back(static_cast<int>(result.integer));
    std::ranges::sort(found);
    std::ranges::sort(wanted);
    ASSERT_EQ(found, wanted);
    for (const Rule& rule : checked_.program->rules) {
      ASSERT_EQ(context_.rules.count(rule.id) - before[rule.id.index], externs.times[rule.id]) << rule.name;
    }
  }

  void compare_both(const Shape& shape, const RuleValue& value, uint8_t k) {
    if (cases_++ % one_of_ != 0) return;
    if (only_ != "every") compare(shape, value, k);
    if (only_ != "pick") compare_every(shape, value, k);
  }

  void compare_all() {
    auto of = [](int value) { return RuleValue::of_int(value); };
    for (uint8_t k : {0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 20, 40, 42, 43, 100}) {
      for (uint8_t a : {0, 1, 2, 3, 4, 5, 7, 8, 20, 21, 255}) {
        compare_both(Shape::make_Not(a), RuleValue::of_variant(3, {of(a)}), k);
        for (uint8_t b : {0, 1, 2, 3, 8, 20, 21}) {
          compare_both(Shape::make_Add(a, b), RuleValue::of_variant(0, {of(a), of(b)}), k);
          compare_both(Shape::make_Sub(a, b), RuleValue::of_variant(1, {of(a), of(b)}), k);
          compare_both(Shape::make_Shift(a, b), RuleValue::of_variant(2, {of(a), of(b)}), k);
          for (Size size : {Size::Small, Size::Large}) {
            RuleValue inner = RuleValue::of_variant(static_cast<uint32_t>(size), {});
            compare_both(Shape::make_Box(size, b), RuleValue::of_variant(4, {inner, of(b)}), k);
          }
        }
      }
    }
  }

  CheckResult checked_;
  Context context_;
  std::string only_;     // the term that is compared; empty: both
  unsigned one_of_ = 1;  // so many cases
  unsigned cases_ = 0;
};

TEST_F(DividedTest, AgreesWithInterpreter) {
  compare_all();
  for (const Rule& rule : checked_.program->rules) EXPECT_GT(context_.rules.count(rule.id), 0u) << rule.name;
}

TEST_F(DividedTest, AgreesWithEachRuleSwitchedOff) {
  one_of_ = 7;  // not the same ones for each rule
  for (const Rule& rule : checked_.program->rules) {
    context_.rules.enable_rule(rule.id, false);
    only_ = checked_.program->terms[rule.term].name;
    compare_all();
    if (HasFailure()) return;
    context_.rules.enable_rule(rule.id, true);
  }
}

}  // namespace
}  // namespace assay::isle
