// Mutants of rules for an invented machine: which there are, where they are, which rules judge them, and what becomes
// of them; and that those of the real rules are all different and nearly all parse.
#include "verify/mutate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "compiler/isle/sema.h"
#include "verify/mutants.h"
#include "verify/source_text.h"
#include "verify/toy_rules.h"

namespace assay::verify {
namespace {

constexpr std::string_view kMachine = R"(
isa toy
  prefix  t
  order   little
  flags   2
  regname gpr 0..31 r{}
enum Bits
  B = 0 "b" where bits=8
  H = 1 "h" where bits=16
inst add
  asm   add {rd}, {a}, {b}
  regs  def rd: gpr; use a: gpr; use b: gpr
  bits  rd:5 a:5 b:5 00000000000000001
  sem   rd := a + b
inst sub
  asm   sub {rd}, {a}, {b}
  regs  def rd: gpr; use a: gpr; use b: gpr
  bits  rd:5 a:5 b:5 00000000000000010
  sem   rd := a - b
inst addi
  asm   addi {rd}, {a}, {k}
  regs  def rd: gpr; use a: gpr; imm k: s12
  bits  rd:5 a:5 k:12 0000000011
  sem   rd := a + k
inst zext(sz: Bits)
  asm   zext{sz} {rd}, {a}
  regs  def rd: gpr; use a: gpr
  bits  rd:5 a:5 sz:2 00000000000000000110
  sem   rd := zext(64, a[sz.bits-1:0])
)";

constexpr std::string_view kCommon = R"(
(decl jump_table (Reg MachLabelSlice) Unit)
(extern constructor jump_table jump_table)
(rule common_nop (lower (nop)) (no_code))
(rule common_jump (lower_branch (jump) (one_target l)) (emit_jump l))
)";

// The rules together with what all ISAs share.
class Toy {
 public:
  explicit Toy(std::string rules)
      : rules_(std::move(rules)), toy_(kMachine, {{"common.isle", kCommon}, {"rules.isle", rules_}}) {}
  const RuleSources& sources() const { return toy_.sources(); }

  std::vector<Mutant> derive() const {
    auto mutants = derive_mutants(sources());
    EXPECT_TRUE(mutants.has_value()) << (mutants ? "" : render(mutants.error(), rules_));
    return mutants ? std::move(*mutants) : std::vector<Mutant>();
  }
  // "kind: change" of the subject's mutants, in order.
  std::vector<std::string> changes(const std::string& subject) const {
    std::vector<std::string> out;
    for (const Mutant& m : derive()) {
      if (m.subject == subject) out.push_back(std::string(to_string(m.kind)) + ": " + m.change);
    }
    return out;
  }

 private:
  std::string rules_;
  ToyRules toy_;
};

void expect_changes(const Toy& toy, const std::string& subject, const std::vector<std::string>& wanted) {
  const std::vector<std::string> changes = toy.changes(subject);
  for (const std::string& change : wanted) {
    EXPECT_NE(std::find(changes.begin(), changes.end(), change), changes.end())
        << change << "\nthere are:\n"
        << [&] {
             std::string all;
             for (const std::string& c : changes) all += "  " + c + "\n";
             return all;
           }();
  }
}

TEST(SourceText, FindsTheEndOfListsAndAtoms) {
  const SourceText text("(a (b ; (\n c) (; ) ;) d)@ e");
  EXPECT_EQ(text.end_of(0), 24u);
  EXPECT_EQ(text.end_of(3), 13u);
  EXPECT_EQ(text.end_of(1), 2u);
  EXPECT_EQ(text.offset({.file = 0, .line = 2, .column = 2}), 11u);
  EXPECT_EQ(normalized(text.text()), "(a (b c) d) @ e");
  EXPECT_EQ(edit_distance("zext", "sext64"), 3u);
}

TEST(Mutate, ChangesRules) {
  const Toy toy(R"(
(rule add 0 (lower (has_type (fits_in_32 ty) (iadd x y))) (t_add x y))
(rule sub 0 (lower (has_type $I32 (isub x y)))
  (if-let _ (signed_fits 12 3)) ; a guard
  (t_sub x y))
(decl bits (Type) Bits)
(rule bits_8 (bits $I8) (Bits.B))
(rule bits_16 (bits $I16) (Bits.H))
(decl sized (Reg Type) Reg)
(rule sized_rule (sized r ty) (t_zext (bits ty) r))
(rule extend (lower (uextend x @ (value_type (ty_8_or_16 ty)))) (sized (t_addi x 6) ty))
(rule add_imm 1 (lower (iadd x (iconst_sext n)))
  (if-let k (signed_fits 12 n))
  (t_addi x k))
)");
  expect_changes(toy, "add",
                 {"swap: (t_add x y) => (t_add y x)", "term: (t_add x y) => (t_sub x y)",
                  "type: (fits_in_32 ty) => (fits_in_64 ty)", "term: (iadd x y) => (isub x y)",
                  "guard: (has_type (fits_in_32 ty) (iadd x y)) => (has_type ty (iadd x y))",
                  "variable: (t_add x y) => (t_add x x)"});
  expect_changes(
      toy, "sub",
      {"type: (has_type $I32 (isub x y)) => (has_type $I64 (isub x y))",
       "guard: (lower (has_type $I32 (isub x y))) => (lower (isub x y))",
       "guard: (if-let _ (signed_fits 12 3)) => nothing", "integer: (signed_fits 12 3) => (signed_fits 13 3)",
       "integer: (signed_fits 12 3) => (signed_fits 12 4)", "term: (signed_fits 12 3) => (unsigned_fits 12 3)"});
  expect_changes(toy, "bits_8", {"enumerator: (Bits.B) => (Bits.H)"});
  expect_changes(toy, "extend",
                 {"unwrap: (sized (t_addi x 6) ty) => (t_addi x 6)", "integer: (t_addi x 6) => (t_addi x -6)",
                  "unwrap: (sized (t_addi x 6) ty) => (sized x ty)"});
  expect_changes(toy, "add_imm", {"guard: (if-let k (signed_fits 12 n)) => (if-let k n)"});

  for (const Mutant& m : toy.derive()) {
    const std::string root = m.subject == "bits_8" ? "extend" : m.subject;
    if (m.subject == "bits_8" || m.subject == "add") {
      EXPECT_EQ(m.judges, std::vector<std::string>{root}) << m.change;
    }
    // A guard that admits fewer types is no mistake; k is n.
    EXPECT_EQ(m.change.find("=> (fits_in_16 ty)"), std::string::npos);
    EXPECT_EQ(m.change.find("=> (signed_fits 11 "), std::string::npos);
    if (m.change == "(t_add x y) => (t_add y x)" || m.change == "(t_addi x k) => (t_addi x n)") {
      EXPECT_TRUE(m.is_equivalent) << m.change;
    } else if (m.kind == MutationKind::Swap) {
      EXPECT_FALSE(m.is_equivalent && m.subject == "sub") << m.change;
    }
  }
}

TEST(Mutate, ChangesSpecs) {
  const Toy toy(R"(
(decl helper (Value i64) Reg)
(spec (helper x n) (provide (= result (zero_ext 64 (bvsub x (extract 7 0 n))))) (require (bvult n #x0000000000000008)))
(rule helper_8 (helper x @ (value_type $I8) n) (t_zext (Bits.B) (t_sub x x)))
(rule use (lower (isub x (iconst_sext n))) (helper x n))
(rule same 1 (lower (isub x x)) (t_sub x x))
)");
  expect_changes(
      toy, "helper",
      {"spec-operator: (zero_ext 64 (bvsub x (extract 7 0 n))) => (sign_ext 64 (bvsub x (extract 7 0 n)))",
       "spec-operator: (bvsub x (extract 7 0 n)) => (bvadd x (extract 7 0 n))",
       "spec-swap: (bvsub x (extract 7 0 n)) => (bvsub (extract 7 0 n) x)",
       "spec-integer: (extract 7 0 n) => (extract 8 1 n)", "spec-variable: (extract 7 0 n) => (extract 7 0 x)",
       "spec-integer: (bvult n #x0000000000000008) => (bvult n #x0000000000000007)",
       "spec-require: (bvult n #x0000000000000008) => true"});
  for (const Mutant& m : toy.derive()) {
    if (m.subject != "helper") continue;
    EXPECT_EQ(m.judges, (std::vector<std::string>{"helper_8", "use"})) << m.change;
    EXPECT_FALSE(m.is_external);
  }
}

TEST(Mutate, RealRulesGiveDifferentMutantsThatParse) {
  for (const IsaKind isa : kAllIsas) {
    const RuleSources* sources = rule_sources(isa);
    if (sources == nullptr) continue;
    const auto mutants = derive_mutants(*sources);
    ASSERT_TRUE(mutants.has_value());
    EXPECT_GT(mutants->size(), 1000u) << name(isa);
    std::set<std::string> ids;
    size_t tried = 0, refused = 0;
    for (size_t i = 0; i < mutants->size(); ++i) {
      const Mutant& m = (*mutants)[i];
      EXPECT_TRUE(ids.insert(m.id).second) << m.id;
      EXPECT_FALSE(m.judges.empty()) << m.id;
      EXPECT_LT(m.begin, m.end) << m.id;
      if (i % 97 != 0) continue;
      std::vector<isle::SourceFile> files;
      for (const RuleSource& source : sources->rules) files.push_back({source.name, std::string(source.text)});
      files[m.file].text = mutated_text(m, files[m.file].text);
      ++tried;
      refused += !isle::check_program(std::move(files), {.check_overlap = false}).ok();
    }
    EXPECT_LE(refused * 10, tried) << name(isa);
  }
}

TEST(Mutants, AreJudged) {
  const Toy toy(R"(
(rule sub 0 (lower (has_type (fits_in_64 ty) (isub x y))) (t_sub x y))
(rule shifted 1 (lower (has_type (fits_in_64 ty) (isub x (iconst_sext n))))
  (if-let k (signed_fits 12 (i64_neg n)))
  (t_addi x k))
(rule reduced 0 (lower (has_type $I8 (ireduce x @ (value_type $I16)))) (t_zext (Bits.B) x))
(rule sum 0 (lower (has_type (ty_32_or_64 ty) (iadd x y))) (t_add x y))
(rule open (lower (return values)) (gen_return values))
)");
  MutantOptions options{.kinds = {.specs = false}, .jobs = 1};
  options.explanations = {{"*", "sum", "*", "(* (ty_32_or_64 ty) *) => (* *)", "right for narrow types too"},
                          {"*", "sum", "type", "(ty_32_or_64 ty) => (fits_in_64 ty)", "right for narrow types too"}};
  const auto report = judge_mutants(IsaKind::riscv64, toy.sources(), options);
  ASSERT_TRUE(report.has_value()) << render(report.error());
  const auto state = [&](const std::string& change) {
    for (const MutantResult& r : report->results) {
      if (r.mutant.change == change) return r.state;
    }
    ADD_FAILURE() << "no mutant " << change;
    return MutantState::Invalid;
  };
  EXPECT_EQ(state("(t_sub x y) => (t_sub y x)"), MutantState::Refuted);
  EXPECT_EQ(state("(t_sub x y) => (t_add x y)"), MutantState::Refuted);
  EXPECT_EQ(state("(signed_fits 12 (i64_neg n)) => (signed_fits 13 (i64_neg n))"), MutantState::Refuted);
  EXPECT_EQ(state("(t_zext (Bits.B) x) => (t_zext (Bits.H) x)"),
            MutantState::Equivalent);  // what lies above is arbitrary
  EXPECT_EQ(state("(ty_32_or_64 ty) => (fits_in_64 ty)"), MutantState::Explained);
  EXPECT_EQ(state("(value_type $I16) => (value_type $I32)"), MutantState::Noticed);  // no rule is left for i16
  EXPECT_EQ(report->count(MutantState::Refuted) + report->count(MutantState::Noticed) +
                report->count(MutantState::Explained) + report->count(MutantState::Survived) +
                report->count(MutantState::Invalid) + report->count(MutantState::Equivalent) +
                report->count(MutantState::Unjudged),
            report->results.size());
  EXPECT_GT(report->killed(), 0.5);
  EXPECT_LT(report->killed(), 1);

  options.explanations.clear();
  EXPECT_EQ(judge_mutants(IsaKind::riscv64, toy.sources(), options)->count(MutantState::Survived),
            report->count(MutantState::Explained) + report->count(MutantState::Survived));

  // A choice is the same for the same seed.
  options.count = 5;
  options.derive_only = true;
  const auto first = judge_mutants(IsaKind::riscv64, toy.sources(), options);
  const auto second = judge_mutants(IsaKind::riscv64, toy.sources(), options);
  ASSERT_EQ(first->results.size(), 5u);
  EXPECT_EQ(first->derived, report->derived);
  for (size_t i = 0; i < 5; ++i) EXPECT_EQ(first->results[i].mutant.id, second->results[i].mutant.id);
}

TEST(Mutants, ExplanationsHaveFiveParts) {
  const auto good = parse_explanations("e.txt", "# why\n\nx64 | add | swap | (a b) => (b a) | a | b is b | a\n");
  ASSERT_TRUE(good.has_value()) << render(good.error());
  ASSERT_EQ(good->size(), 1u);
  EXPECT_EQ((*good)[0].change, "(a b) => (b a)");
  EXPECT_EQ((*good)[0].reason, "a | b is b | a");
  const auto bad = parse_explanations("e.txt", "# why\nx64 | add | swap\n");
  ASSERT_FALSE(bad.has_value());
  EXPECT_EQ(bad.error().place.line, 2u);
}

}  // namespace
}  // namespace assay::verify
