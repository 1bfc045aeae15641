// Plans for rules: they are expressions, and most of them make the rule fire that they are for.
#include "fuzz/rule_shapes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <set>

#include "compiler/ir/operations.h"
#include "compiler/ir/printer.h"
#include "compiler/ir/verifier.h"
#include "compiler/isa/registry.h"
#include "compiler/machine/compile.h"
#include "compiler/machine/features.h"
#include "compiler/opt/optimize.h"
#include "fuzz/rule_case.h"
#include "fuzz/rule_conditions.h"

namespace assay::fuzz {
namespace {

const std::vector<ir::Type>& all_types() {
  static const std::vector<ir::Type> types = {ir::kI8,  ir::kI16, ir::kI32, ir::kI64, ir::kI128,
                                              ir::kF16, ir::kF32, ir::kF64, ir::kF128};
  return types;
}

// Operands come first and are of the types that the operations ask for.
void expect_expression(const std::vector<ShapeNode>& plan) {
  for (size_t n = 0; n < plan.size(); ++n) {
    const ShapeNode& node = plan[n];
    if (node.kind != ShapeNode::Kind::Operation) {
      ASSERT_TRUE(node.type.is_valid());
      continue;
    }
    size_t operand = 0;
    for (const ir::OperandInfo& input : ir::operation_info(node.opcode).inputs) {
      if (input.kind != ir::OperandKind::kValue) continue;
      ASSERT_LT(operand, node.operands.size());
      ASSERT_LT(node.operands[operand], n);
      EXPECT_TRUE(input.type.allows(plan[node.operands[operand++]].type, node.controlling));
    }
  }
}

struct Tally {
  unsigned planned = 0, fired = 0;
  std::set<ir::Opcode> roots;
};

// `run` is given a function, and says by what state of rules to see what has fired.
template <class Run>
Tally tally(const RuleShapes& shapes, unsigned tries, const Run& run) {
  Random random(1);
  Tally out;
  for (unsigned i = 0; i < tries; ++i) {
    const RulePlan plan = shapes.plan(random, all_types());
    if (plan.nodes.empty()) continue;
    ++out.planned;
    out.roots.insert(plan.nodes.back().opcode);
    expect_expression(plan.nodes);
    ir::Function f = function_of(plan, random);
    const Diagnostics errors = ir::verify(f);
    EXPECT_TRUE(errors.empty()) << plan.rule << ": " << render(errors[0]) << ir::print(f);
    if (!errors.empty()) break;
    const isle::RuleState& rules = run(f);
    for (uint32_t r = 0; r < rules.rules().size(); ++r) {
      if (rules.rules()[r].name == plan.rule) out.fired += rules.count(isle::RuleId(r)) != 0;
    }
  }
  return out;
}

TEST(RuleShapes, RulesOfTheMidEndFire) {
  opt::Optimizer optimizer;
  constexpr unsigned kTries = 5000;
  const Tally found = tally(RuleShapes::of_optimizer(), kTries, [&](ir::Function& f) -> const isle::RuleState& {
    optimizer.rules().reset_counts();
    optimizer.run(f);
    return optimizer.rules();
  });
  EXPECT_GT(RuleShapes::of_optimizer().size(), 1000u);
  EXPECT_GT(found.planned, kTries * 9 / 10);
  EXPECT_GT(found.fired, kTries * 3 / 4);
  EXPECT_GT(found.roots.size(), 40u);
}

TEST(RuleShapes, RulesOfMachinesFire) {
  size_t number = 0;
  for (const IsaKind kind : kAllIsas) {
    const machine::TargetIsa* isa = isa::find_isa(kind);
    if (isa == nullptr) continue;
    machine::Compiler compiler(*isa);
    machine::CompileOptions options;
    options.optimize = false;
    options.features = machine::all_features(*isa->insts);
    constexpr unsigned kTries = 1500;
    const RuleShapes& shapes = RuleShapes::of_machines()[number++];
    const Tally found = tally(shapes, kTries, [&](ir::Function& f) -> const isle::RuleState& {
      compiler.rules().reset_counts();
      (void)compiler.compile(f, options);
      return compiler.rules();
    });
    EXPECT_GT(shapes.size(), 400u) << name(kind);
    EXPECT_GT(found.planned, kTries * 5 / 6) << name(kind);
    // Some are for byte orders or places in memory that plans do not ask for, or what a feature's rule takes first.
    EXPECT_GT(found.fired, kTries * 3 / 5) << name(kind);
    EXPECT_GT(found.roots.size(), 60u) << name(kind);
  }
}

// What a guard leaves out is planned now and then, and said to be for machines with a feature.
TEST(RuleShapes, TypesAreOfTheGuardMostly) {
  const RuleShapes* shapes = RuleShapes::of_machine(IsaKind::riscv64);
  if (shapes == nullptr) GTEST_SKIP() << "riscv64 is not part of this build";
  Random random(1);
  unsigned guarded = 0, others = 0;
  for (unsigned i = 0; i < 1000; ++i) {
    const RulePlan plan = shapes->plan_for("band_bext", random, all_types());  // $I64, Zbs
    if (plan.nodes.empty()) continue;
    EXPECT_TRUE(plan.needs_features);
    (plan.nodes.back().type == ir::kI64 ? guarded : others) += 1;
  }
  EXPECT_GT(guarded, 800u);
  EXPECT_GT(others, 10u);
  EXPECT_FALSE(shapes->plan_for("iadd", random, all_types()).needs_features);
}

// ---- conditions ----

class Conditions : public ::testing::Test {
 protected:
  // Whether (t k) yields something, as far as is known.
  std::optional<bool> yields(const std::string& rules, uint64_t k, ir::Type type = ir::kI16) {
    const std::string text =
        "(type u64 (primitive u64)) (type i64 (primitive i64)) (type u8 (primitive u8))"
        "(type bool (primitive bool)) (type Type (primitive Type)) (extern const $I16 Type)"
        "(decl pure partial signed_fits (u8 i64) i64)"
        "(extern constructor signed_fits signed_fits)"
        "(decl pure u64_and (u64 u64) u64) (extern constructor u64_and u64_and)"
        "(decl pure u64_eq (u64 u64) bool) (extern constructor u64_eq u64_eq)"
        "(decl pure ty_mask (Type) u64) (extern constructor ty_mask ty_mask)"
        "(decl pure odd (u64) u64) (extern constructor odd odd)" +
        rules;
    const isle::CheckResult checked = isle::check_program({{"test.isle", text}});
    EXPECT_TRUE(checked.ok()) << isle::render_errors(checked);
    if (!checked.ok()) return {};
    const isle::Rule& rule = checked.program->rules[checked.program->terms[checked.program->find_term("t")].rules[0]];
    RuleConditions conditions(*checked.program);
    KnownVariables variables(rule.variables.size());
    limits_ = conditions.limits(rule);
    const Known arguments[] = {Known::of(type), Known::of(k)};
    for (size_t i = 0; i < 2; ++i) {
      if (conditions.matches(rule.arguments[i], arguments[i], variables) == false) return false;
    }
    return conditions.hold(rule, variables);
  }

  std::vector<uint64_t> limits_;
};

TEST_F(Conditions, RangesAndTheirLimits) {
  const std::string rules = "(decl pure partial t (Type i64) i64) (rule (t _ k) (if-let n (signed_fits 12 k)) n)";
  EXPECT_EQ(yields(rules, 2047), true);
  EXPECT_EQ(yields(rules, 2048), false);
  EXPECT_EQ(yields(rules, uint64_t(-2048)), true);
  EXPECT_EQ(yields(rules, uint64_t(-2049)), false);
  for (const uint64_t limit : {uint64_t(2047), uint64_t(2048), uint64_t(-2048), uint64_t(-2049)}) {
    EXPECT_TRUE(std::ranges::count(limits_, limit)) << limit;
  }
}

TEST_F(Conditions, TypesHelpersAndWhatIsUnknown) {
  const std::string mask =
      "(decl pure partial t (Type u64) u64)"
      "(rule (t ty k) (if-let true (u64_eq (u64_and k (ty_mask ty)) (ty_mask ty))) k)";
  EXPECT_EQ(yields(mask, 0x1ffff), true);
  EXPECT_EQ(yields(mask, 0x7fff), false);
  const std::string helper =
      "(decl pure partial few (u64) u64) (rule (few 1) 1) (rule (few 3) 3)"
      "(decl pure partial t (Type u64) u64) (rule (t $I16 k) (if-let n (few k)) n)";
  EXPECT_EQ(yields(helper, 3), true);
  EXPECT_EQ(yields(helper, 2), false);
  EXPECT_EQ(yields(helper, 3, ir::kI32), false);
  EXPECT_TRUE(std::ranges::count(limits_, 3u));
  // What an external term makes of it is not known: it may hold.
  EXPECT_EQ(yields("(decl pure partial t (Type u64) u64) (rule (t _ k) (if-let 5 (odd k)) k)", 1), true);
}

}  // namespace
}  // namespace assay::fuzz
