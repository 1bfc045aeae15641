// A rule broken on purpose: the prover shows its place, its text, its variables and both sides, and a function that
// passes in a compiler with the right rule and fails in one with the broken rule, which the rule interpreter makes.
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "compiler/isa/interpreted.h"
#include "compiler/isa/registry.h"
#include "oracles/filetest.h"
#include "verify/edited_rules.h"
#include "verify/rule_sources.h"
#include "verify/verify.h"

namespace assay::verify {
namespace {

struct Edit {
  IsaKind isa;
  const char* rule;  // that does not hold then
  const char* from;
  const char* to;
  const char* goal;  // that fails
};

void PrintTo(const Edit& edit, std::ostream* out) { *out << name(edit.isa) << " " << edit.rule; }

// An ISA's rules with one text put for another, and the program that they are.
class EditedProgram {
 public:
  explicit EditedProgram(const Edit& edit) : rules_(*rule_sources(edit.isa), edit.from, edit.to) {
    EXPECT_TRUE(rules_.found()) << "not in the rules: " << edit.from;
    std::vector<isle::SourceFile> files;
    for (const RuleSource& source : rules_.sources().rules) files.push_back({source.name, std::string(source.text)});
    isle::CheckOptions options;
    options.check_overlap = false;
    checked_ = isle::check_program(std::move(files), options);
    EXPECT_TRUE(checked_.ok());
  }
  const RuleSources& sources() const { return rules_.sources(); }
  const isle::Program& program() const { return *checked_.program; }

 private:
  EditedRules rules_;
  isle::CheckResult checked_;
};

class CounterexampleTest : public testing::TestWithParam<Edit> {};

TEST_P(CounterexampleTest, FailsWhereTheRuleIsCompiledIn) {
  const Edit& edit = GetParam();
  const auto broken = isa::interpreted_isa(edit.isa);
  if (broken == nullptr) GTEST_SKIP() << name(edit.isa) << " is not part of this build";
  const EditedProgram edited(edit);
  const auto unit = verify_sources(edit.isa, edited.sources(), {.jobs = 1, .timeout_ms = 20'000, .rules = {edit.rule}});
  ASSERT_TRUE(unit.has_value()) << unit.error().message;
  const RuleResult* result = nullptr;
  for (const RuleResult& rule : unit->rules) {
    if (rule.name == edit.rule) result = &rule;
  }
  ASSERT_NE(result, nullptr);
  ASSERT_EQ(result->state, RuleState::Failed) << result->reason;
  EXPECT_NE(result->line, 0u);
  EXPECT_TRUE(result->counterexample.starts_with("  (rule " + result->name)) << result->counterexample;
  EXPECT_NE(result->counterexample.find(std::string("does not hold: ") + edit.goal), std::string::npos)
      << result->counterexample;
  ASSERT_FALSE(result->function.empty()) << result->obstacle;

  oracles::FiletestRunner right({});
  const oracles::FiletestReport passes = right.run_text(result->function, "counterexample.clif");
  EXPECT_TRUE(passes.errors.empty()) << passes.errors.front().message << "\n" << result->function;
  EXPECT_FALSE(passes.has_failures()) << passes.failures.front().message << "\n" << result->function;
  EXPECT_GT(passes.executors[1 + static_cast<size_t>(edit.isa)].passed, 0u) << result->function;

  isa::set_interpreted_rules(edit.isa, &edited.program());
  oracles::FiletestOptions options;
  options.targets[static_cast<size_t>(edit.isa)] = broken.get();
  oracles::FiletestRunner wrong(options);
  const oracles::FiletestReport fails = wrong.run_text(result->function, "counterexample.clif");
  isa::set_interpreted_rules(edit.isa, nullptr);
  EXPECT_TRUE(fails.has_failures()) << result->counterexample << result->function;
}

INSTANTIATE_TEST_SUITE_P(
    Rules, CounterexampleTest,
    testing::Values(
        // An access that is too wide; bytes in the wrong order; a part of the value.
        Edit{IsaKind::x64, "uload8", "(load_zext $I8 (address p offset)", "(load_zext $I16 (address p offset)",
             "memory access 1 is of the same kind, size"},
        Edit{IsaKind::x64, "store", "(x64_store (size ty) (swap_bytes ty r)", "(x64_store (size ty) r",
             "memory access 1: the stored bytes"},
        Edit{IsaKind::x64, "iadd", "(x64_add_rr (wide_size ty) x y)", "(x64_sub_rr (wide_size ty) x y)", "result 0"},
        // The other target; a wrong number; a trap that does not strike.
        Edit{IsaKind::aarch64, "brif_negative", "(a64_tb (Zero.Nz) x (ty_shift_mask ty)",
             "(a64_tb (Zero.Z) x (ty_shift_mask ty)", "target"},
        Edit{IsaKind::aarch64, "smulhi_32", "(a64_smull x y) 32", "(a64_smull x y) 31", "result 0"},
        Edit{IsaKind::aarch64, "sdiv_narrow", "(ImmShift.Lsl0) r 128)", "(ImmShift.Lsl0) r 129)", "traps"},
        // The wrong extension; an address without one of its parts; a helper with a spec, which only its users reach.
        Edit{IsaKind::riscv64, "udiv", "(nonzero_divisor (zext64 y))", "(nonzero_divisor (sext64 y))", "result 0"},
        Edit{IsaKind::riscv64, "load", "(if-let k (signed_fits 12 (i64_add n (offset_as_i64 offset))))",
             "(if-let k (signed_fits 12 n))", "memory access 1: the address"},
        Edit{IsaKind::riscv64, "sext64_i8", "(rv_srai (rv_slli x 56) 56)", "(rv_srai (rv_slli x 57) 57)", "the spec"},
        // A register too few; a bit too few; a constant out of range.
        Edit{IsaKind::s390x, "store", "(offset_as_i64 offset)))\n  (amode_index x y 0 k)",
             "(offset_as_i64 offset)))\n  (amode_disp x k)", "memory access 1: the address"},
        Edit{IsaKind::s390x, "ushr_imm_narrow", "amount) 191", "amount) 190", "result 0"},
        Edit{IsaKind::s390x, "brif_icmp_imm8", "(if-let k (signed_fits 8 n))", "(if-let k (signed_fits 9 n))",
             "operands of compare_branch_imm are in range"}));

}  // namespace
}  // namespace assay::verify
