// A fence less, or in the wrong place, or a weaker one, is refused, though no execution on one thread shows it.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "verify/rule_sources.h"
#include "verify/verify.h"

namespace assay::verify {
namespace {

struct Mistake {
  IsaKind isa;
  std::string from, to;  // in the rules or the instructions
  std::string rule;
  std::string lack;
};

class OrderingTest : public testing::TestWithParam<Mistake> {};

TEST_P(OrderingTest, IsRefused) {
  const Mistake& mistake = GetParam();
  const RuleSources* original = rule_sources(mistake.isa);
  if (original == nullptr) GTEST_SKIP();
  size_t changed = 0;
  const auto edit = [&](std::span<const RuleSource> sources, std::vector<std::string>& texts) {
    std::vector<RuleSource> out;
    for (const RuleSource& source : sources) texts.emplace_back(source.text);
    for (size_t i = 0; i < texts.size(); ++i) {
      if (const size_t at = texts[i].find(mistake.from); at != std::string::npos) {
        texts[i].replace(at, mistake.from.size(), mistake.to);
        ++changed;
      }
      out.push_back({sources[i].name, texts[i]});
    }
    return out;
  };
  std::vector<std::string> rule_texts, instruction_texts;
  const std::vector<RuleSource> rules = edit(original->rules, rule_texts);
  const std::vector<RuleSource> instructions = edit(original->instructions, instruction_texts);
  ASSERT_EQ(changed, 1u) << mistake.from;
  const auto unit = verify_sources(mistake.isa, {rules, instructions, original->operations},
                                   {.jobs = 1, .rules = {mistake.rule}, .functions = false});
  ASSERT_TRUE(unit.has_value()) << unit.error().message;
  bool is_refused = false;
  for (const RuleResult& rule : unit->rules) {
    is_refused |= rule.state == RuleState::Failed && rule.counterexample.find(mistake.lack) != std::string::npos;
  }
  EXPECT_TRUE(is_refused);
}

const Mistake kMistakes[] = {
    {IsaKind::x64, "(amode_disp p 0) flags))) (x64_mfence)))", "(amode_disp p 0) flags))) (no_code)))",
     "atomic_store_little", "a fence stands behind the access"},
    {IsaKind::x64, "asm   lock cmpxchg{sz}", "asm   cmpxchg{sz}", "atomic_cas_little", "the exchange is one step"},
    {IsaKind::aarch64, "(rule fence (lower (fence)) (a64_dmb))", "(rule fence (lower (fence)) (no_code))", "fence",
     "all accesses are ordered by a fence"},
    {IsaKind::aarch64, "asm   dmb ish", "asm   dmb ishst", "fence", "all accesses are ordered by a fence"},
    {IsaKind::aarch64, "asm   ldar{k}", "asm   ldapr{k}", "atomic_load_little", "the load acquires"},
    {IsaKind::riscv64, "(amode_disp p 0) flags))\n        (_ Unit (rv_fence)))", "(amode_disp p 0) flags)))",
     "atomic_load_little", "a fence stands behind the access"},
    {IsaKind::riscv64, "(let ((_ Unit (rv_fence))\n        (_ Unit (rv_store", "(let ((_ Unit (rv_store",
     "atomic_store_little", "a fence stands before the access"},
    {IsaKind::riscv64, "lr.{w}.aqrl", "lr.{w}", "atomic_cas_little", "the exchange is one step"},
    {IsaKind::x64, "asm   lock xadd{sz}", "asm   xadd{sz}", "atomic_add_little", "the exchange is one step"},
    {IsaKind::aarch64, "asm   {op}al{k}", "asm   {op}a{k}", "atomic_rmw_lse_little", "the exchange is one step"},
    {IsaKind::riscv64, "asm   {op}.{w}.aqrl", "asm   {op}.{w}.aq", "atomic_rmw_little", "the exchange is one step"},
    // What one thread sees is the same: the sum is stored, the old number is the result.
    {IsaKind::s390x, "(s390_interlocked (Interlocked.Laa) sz x (amode_disp p 0) flags))",
     "(let ((was Reg (s390_load (load_kind ty) (amode_disp p 0) flags))\n"
     "      (_ Unit (s390_store (store_kind ty) (s390_agrk was x) (amode_disp p 0) flags))) was))",
     "atomic_add_big", "the exchange is one step"},
    {IsaKind::s390x, "asm   bcr 14, %r0", "asm   bcr 0, %r0", "fence", "all accesses are ordered by a fence"},
};
INSTANTIATE_TEST_SUITE_P(All, OrderingTest, testing::ValuesIn(kMistakes));

}  // namespace
}  // namespace assay::verify
