// Generated C++ against the rule interpreter: the example unit over all its inputs, with every rule switched off in
// turn; and the text of generated files.
#include "compiler/isle/codegen.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "compiler/isle/rule_interpreter.h"
#include "compiler/isle/test_util.h"
#include "compiler/isle/testdata/example_context.h"
#include "isle/example/example_isle_interpret.h"

namespace assay::isle {
namespace {

using example::Context;
using example::Node;
using example::Op;
using example::Width;

// The example's external functions for the interpreter, forwarded to the context that the generated code uses.
class ExampleExterns : public Externs {
 public:
  explicit ExampleExterns(const Program& program) : program_(program), counts(program.rules.size()) {}

  static RuleValue of(uint8_t value) { return RuleValue::of_int(value); }
  static uint8_t byte(const RuleValue& value) { return static_cast<uint8_t>(value.integer); }

  std::vector<RuleValue> construct(const Term& term, std::span<const RuleValue> arguments) override {
    const std::string& f = term.constructor_function;
    if (f == "plus") return {of(context.plus(byte(arguments[0]), byte(arguments[1])))};
    if (f == "half") {
      auto result = context.half(byte(arguments[0]));
      return result ? std::vector{of(*result)} : std::vector<RuleValue>();
    }
    if (f == "emit") {
      emitted.push_back(arguments[0].variant == 1 ? byte(arguments[0].field_values()[0]) : 255);
      return {RuleValue::of_handle(0)};
    }
    Results<uint8_t> results;
    context.neighbour(byte(arguments[0]), results);
    return bytes(results);
  }

  std::vector<RuleValues> extract(const Term& term, const RuleValue& value) override {
    const std::string& f = term.extractor_function;
    if (f == "node_op") return {{op(context.nodes[value.handle].op)}};
    if (f == "width_of") return {{RuleValue::of_variant(static_cast<uint32_t>(context.nodes[value.handle].width), {})}};
    if (f == "is_even") return context.is_even(byte(value)) ? std::vector<RuleValues>(1) : std::vector<RuleValues>();
    if (f == "small") {
      return context.small(byte(value)) ? std::vector<RuleValues>{{value}} : std::vector<RuleValues>();
    }
    if (f == "nibbles") {
      auto result = context.nibbles(byte(value));
      if (!result) return {};
      return {{of(std::get<0>(*result)), of(std::get<1>(*result))}};
    }
    Results<uint8_t> results;
    context.divisor(byte(value), results);
    std::vector<RuleValues> matches;
    for (uint8_t d : results) matches.push_back({of(d)});
    return matches;
  }

  RuleValue constant(const Constant& constant) override {
    return of(constant.name == "ZERO" ? example::ZERO : example::LIMIT);
  }
  bool rule_enabled(const Rule& rule) override { return rule.id != disabled; }
  void rule_fired(const Rule& rule) override { counts[rule.id.index]++; }

  static RuleValue op(const Op& op) {
    auto node = [](Node n) { return RuleValue::of_handle(n.index); };
    uint32_t variant = static_cast<uint32_t>(op.kind());
    switch (op.kind()) {
      case Op::Kind::Const:
        return RuleValue::of_variant(variant, {of(op.as_Const().value)});
      case Op::Kind::Add:
        return RuleValue::of_variant(variant, {node(op.as_Add().a), node(op.as_Add().b)});
      case Op::Kind::Sub:
        return RuleValue::of_variant(variant, {node(op.as_Sub().a), node(op.as_Sub().b)});
      case Op::Kind::Neg:
        return RuleValue::of_variant(variant, {node(op.as_Neg().a)});
      case Op::Kind::Nop:
        return RuleValue::of_variant(variant, {});
    }
    return {};
  }

  static std::vector<RuleValue> bytes(const Results<uint8_t>& results) {
    std::vector<RuleValue> values;
    for (uint8_t value : results) values.push_back(of(value));
    return values;
  }

  const Program& program_;
  Context context;
  RuleId disabled;
  std::vector<uint8_t> emitted;
  std::vector<uint64_t> counts;
};

RuleValue value_of(const example::Operand& operand) {
  using example::Operand;
  auto of = ExampleExterns::of;
  switch (operand.kind()) {
    case Operand::Kind::None:
      return RuleValue::of_variant(0, {});
    case Operand::Kind::Reg:
      return RuleValue::of_variant(1, {of(operand.as_Reg().reg)});
    case Operand::Kind::Imm:
      return RuleValue::of_variant(2, {of(operand.as_Imm().value)});
    case Operand::Kind::Pair:
      return RuleValue::of_variant(3, {of(operand.as_Pair()._0), of(operand.as_Pair()._1)});
  }
  return {};
}
RuleValue value_of(uint8_t value) { return ExampleExterns::of(value); }
RuleValue value_of(const example::Point& p) { return RuleValue::of_variant(0, {value_of(p.x), value_of(p.y)}); }

// Runs a generated constructor as the interpreter would report it.
template <class Call>
RuleResult run(Call call) {
  RuleResult result;
  try {
    call(result);
    result.status = RuleResult::Status::Value;
  } catch (const NoRuleMatched& error) {
    result.status = RuleResult::Status::Failed;
    result.error = std::string("no rule matched for '") + error.term() + "'";
  }
  return result;
}
template <class T>
void put(RuleResult& result, const T& value) {
  result.values = {value_of(value)};
}
void expect_same(const RuleResult& a, const RuleResult& b, const std::string& what) {
  ASSERT_EQ(a.status, b.status) << what << ": " << a.error << " / " << b.error;
  ASSERT_EQ(a.values, b.values) << what;
  ASSERT_EQ(a.error, b.error) << what;
}

class ExampleTest : public testing::Test {
 protected:
  void SetUp() override {
    checked_ = check_files({"compiler/isle/testdata/example.isle"});
    ASSERT_EQ(render_errors(checked_), "");
    externs_ = std::make_unique<ExampleExterns>(*checked_.program);
    interpreter_ = std::make_unique<RuleInterpreter>(*checked_.program, *externs_);
    make_nodes(context_);
    make_nodes(externs_->context);
  }

  // Constants, and every operation over every pair of the first few nodes, at every width.
  static void make_nodes(Context& context) {
    auto add = [&](Op op, Width width) { context.nodes.push_back({op, width}); };
    for (uint8_t value : {0, 1, 3, 15, 16, 255}) add(Op(Op::Kind::Const, {}, {}, value), Width::W8);
    for (Width width : {Width::W8, Width::W16, Width::W32}) {
      add(Op(Op::Kind::Nop, {}, {}, 0), width);
      for (uint32_t a = 0; a < 7; a++) {
        add(Op(Op::Kind::Neg, Node{a}, {}, 0), width);
        for (uint32_t b = 0; b < 7; b++) {
          add(Op(Op::Kind::Add, Node{a}, Node{b}, 0), width);
          add(Op(Op::Kind::Sub, Node{a}, Node{b}, 0), width);
        }
      }
    }
  }

  RuleResult interpret(const char* term, std::vector<RuleValue> arguments) {
    RuleResult result = interpreter_->apply(checked_.program->find_term(term), std::move(arguments));
    if (result.status == RuleResult::Status::NoMatch) result.status = RuleResult::Status::Value;  // as run() has it
    return result;
  }

  // Over every `step`-th byte.
  void compare_all(int step) {
    for (uint32_t n = 0; n < context_.nodes.size(); n++) {
      for (int k = 0; k < 256; k += step) compare_select(n, static_cast<uint8_t>(k));
    }
    for (int x = 0; x < 256; x += step) {
      uint8_t byte = static_cast<uint8_t>(x);
      compare_byte(byte);
      for (int y = 0; y < 256; y += 5) compare_bytes(byte, static_cast<uint8_t>(y));
      compare_bytes(byte, byte);
    }
    for (uint32_t i = 0; i < externs_->counts.size(); i++) {
      EXPECT_EQ(externs_->counts[i], context_.rules.count(RuleId(i))) << checked_.program->rules[RuleId(i)].name;
    }
    EXPECT_EQ(externs_->emitted, context_.emitted);
  }

  void compare_select(uint32_t n, uint8_t k) {
    expect_same(run([&](RuleResult& r) {
                  if (auto v = constructor_select(context_, Node{n}, k)) put(r, *v);
                }),
                interpret("select", {RuleValue::of_handle(n), value_of(k)}), "select " + std::to_string(n));
  }

  void compare_byte(uint8_t x) {
    for (bool flag : {false, true}) {
      expect_same(run([&](RuleResult& r) { put(r, constructor_digit(context_, x, flag)); }),
                  interpret("digit", {value_of(x), RuleValue::of_int(flag)}), "digit");
    }
    if (x < 40 && counts_end_) {
      expect_same(run([&](RuleResult& r) { put(r, constructor_count(context_, x)); }),
                  interpret("count", {value_of(x)}), "count");
    }
    expect_same(run([&](RuleResult& r) {
                  Results<uint8_t> results;
                  constructor_related(context_, x, results);
                  r.values = sorted(ExampleExterns::bytes(results));
                }),
                sorted(interpret("related", {value_of(x)})), "related");
  }

  void compare_bytes(uint8_t x, uint8_t y) {
    using example::Colour, example::Operand, example::Point;
    for (Colour colour : {Colour::Red, Colour::Green, Colour::Blue}) {
      RuleValue variant = RuleValue::of_variant(static_cast<uint32_t>(colour), {});
      expect_same(run([&](RuleResult& r) { put(r, constructor_mirror(context_, Point{x, y}, colour)); }),
                  interpret("mirror", {value_of(Point{x, y}), variant}), "mirror");
    }
    for (const Operand& operand :
         {Operand::make_None(), Operand::make_Reg(x), Operand::make_Imm(x), Operand::make_Pair(x, y)}) {
      expect_same(run([&](RuleResult& r) {
                    if (auto v = constructor_weight(context_, operand)) put(r, *v);
                  }),
                  interpret("weight", {value_of(operand)}), "weight");
    }
  }

  // Multi terms promise no order.
  static std::vector<RuleValue> sorted(std::vector<RuleValue> values) {
    std::sort(values.begin(), values.end(), [](const auto& a, const auto& b) { return a.integer < b.integer; });
    return values;
  }
  static RuleResult sorted(RuleResult result) {
    result.values = sorted(std::move(result.values));
    return result;
  }

  bool counts_end_ = true;  // `count` without its first rule does not end
  CheckResult checked_;
  std::unique_ptr<ExampleExterns> externs_;
  std::unique_ptr<RuleInterpreter> interpreter_;
  Context context_;
};

TEST_F(ExampleTest, AgreesWithInterpreter) {
  compare_all(1);
  // Nothing in the example is left untried.
  for (const Rule& rule : checked_.program->rules) EXPECT_GT(context_.rules.count(rule.id), 0u) << rule.name;
}

TEST_F(ExampleTest, AgreesWithEachRuleSwitchedOff) {
  for (uint32_t i = 0; i < checked_.program->rules.size() && !HasFailure(); i++) {
    context_.rules.enable_rule(RuleId(i), false);
    externs_->disabled = RuleId(i);
    counts_end_ = context_.rules.rules()[i].term != "count";
    uint64_t before = context_.rules.count(RuleId(i));
    compare_all(10);
    EXPECT_EQ(context_.rules.count(RuleId(i)), before);
    context_.rules.enable_rule(RuleId(i), true);
  }
}

TEST_F(ExampleTest, NextRuleAppliesWhenOneIsOff) {
  EXPECT_EQ(constructor_digit(context_, 1, true), 11);
  auto digit = checked_.program->terms[checked_.program->find_term("digit")].rules;
  context_.rules.enable_rule(digit[1], false);
  EXPECT_EQ(constructor_digit(context_, 1, true), 15);
  for (uint32_t i = 0; i < context_.rules.rules().size(); i++) {
    if (context_.rules.rules()[i].term == "digit") context_.rules.enable_rule(RuleId(i), false);
  }
  EXPECT_THROW(constructor_digit(context_, 1, true), NoRuleMatched);
}

// The generated glue runs the interpreter in the real context.
TEST_F(ExampleTest, GeneratedGlueAgrees) {
  Context glued;
  make_nodes(glued);
  for (uint32_t n = 0; n < context_.nodes.size(); n++) {
    for (int k = 0; k < 256; k += 3) {
      auto a = constructor_select(context_, Node{n}, static_cast<uint8_t>(k));
      auto b = interpret_select(glued, Node{n}, static_cast<uint8_t>(k));
      ASSERT_EQ(a.has_value(), b.has_value());
      if (a) {
        ASSERT_EQ(value_of(*a), value_of(*b));
      }
    }
  }
  for (int x = 0; x < 256; x++) {
    uint8_t byte = static_cast<uint8_t>(x);
    ASSERT_EQ(constructor_digit(context_, byte, true), interpret_digit(glued, byte, true));
    example::Point point{byte, 3};
    ASSERT_EQ(value_of(constructor_mirror(context_, point, example::Colour::Red)),
              value_of(interpret_mirror(glued, point, example::Colour::Red)));
    Results<uint8_t> related, interpreted;
    constructor_related(context_, byte, related);
    interpret_related(glued, byte, interpreted);
    ASSERT_EQ(sorted(ExampleExterns::bytes(related)), sorted(ExampleExterns::bytes(interpreted)));
  }
  for (uint32_t i = 0; i < context_.rules.rules().size(); i++) {
    EXPECT_EQ(context_.rules.count(RuleId(i)), glued.rules.count(RuleId(i)));
  }
  EXPECT_EQ(context_.emitted, glued.emitted);
}

TEST_F(ExampleTest, RuleTable) {
  auto rules = example::example_rules();
  ASSERT_EQ(rules.size(), checked_.program->rules.size());
  for (uint32_t i = 0; i < rules.size(); i++) {
    const Rule& rule = checked_.program->rules[RuleId(i)];
    EXPECT_EQ(rules[i].name, rule.name);
    EXPECT_EQ(rules[i].file, "compiler/isle/testdata/example.isle");
    EXPECT_EQ(rules[i].line, rule.position.line);
    EXPECT_EQ(rules[i].priority, rule.priority);
    EXPECT_EQ(rules[i].term, checked_.program->terms[rule.term].name);
  }
  EXPECT_EQ(context_.rules.find_rule("neg_8"), checked_.program->find_rule("neg_8"));
}

CodegenResult generate(const std::string& a, const std::string& b) {
  std::vector<SourceFile> files;
  files.push_back({"a.isle", a});
  files.push_back({"b.isle", b});
  CheckResult checked = check_program(std::move(files));
  EXPECT_EQ(render_errors(checked), "");
  CodegenOptions options;
  options.unit = "u";
  options.name_space = "n";
  return generate_cpp(*checked.program, options);
}

TEST(Codegen, EditChangesOneFile) {
  std::string a = "(decl f (u8) u8)\n(rule (f 1) 1)\n", b = "(decl g (u8) u8)\n(rule (g 1) 1)\n";
  CodegenResult before = generate(a, b), after = generate(a, "(decl g (u8) u8)\n(rule (g 1) 2)\n");
  ASSERT_EQ(before.files.size(), after.files.size());
  for (size_t i = 0; i < before.files.size(); i++) {
    EXPECT_EQ(before.files[i].text == after.files[i].text, before.files[i].name != "u_isle_b.cpp")
        << before.files[i].name;
  }
}

TEST(Codegen, Errors) {
  EXPECT_NE(generate("(type A (struct (x B))) (type B (enum (Y (a A))))", "").errors.size(), 0u);
}

}  // namespace
}  // namespace assay::isle
