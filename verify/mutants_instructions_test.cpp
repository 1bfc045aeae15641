// Mutants of instruction definitions: which judge notices what, on RISC-V's; and the table of docs/mutants.md.
#include "verify/mutants_instructions.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "verify/mutate_instructions.h"

namespace assay::verify {
namespace {

class InstructionMutants : public testing::Test {
 protected:
  void SetUp() override {
    sources_ = rule_sources(IsaKind::riscv64);
    if (sources_ == nullptr) GTEST_SKIP();
    auto derived = derive_instruction_mutants(sources_->instructions);
    ASSERT_TRUE(derived);
    mutants_ = std::move(*derived);
    judge_ = std::make_unique<InstructionJudge>(IsaKind::riscv64, *sources_);
  }

  // The verdict on the mutant of the instruction that puts `to` for `from`; Unjudged: left to proofs.
  MutantResult verdict(const std::string& subject, const std::string& from, const std::string& to) {
    MutantResult result{.state = MutantState::Unjudged};
    const auto it = std::find_if(mutants_.begin(), mutants_.end(), [&](const Mutant& mutant) {
      const std::string_view text = sources_->instructions[mutant.file].text;
      return mutant.subject == subject && text.substr(mutant.begin, mutant.end - mutant.begin) == from &&
             mutant.replacement == to;
    });
    if (it == mutants_.end()) {
      ADD_FAILURE() << "no mutant " << subject << ": " << from << " => " << to;
      return result;
    }
    result.mutant = *it;
    std::string declarations;
    judge_->judge(result, mutated_text(*it, sources_->instructions[it->file].text), declarations);
    return result;
  }

  const RuleSources* sources_ = nullptr;
  std::vector<Mutant> mutants_;
  std::unique_ptr<InstructionJudge> judge_;
};

TEST_F(InstructionMutants, AreNoticedByTheJudgeConcerned) {
  const MutantResult opcode = verdict("addi", "0010011", "0010010");
  EXPECT_EQ(opcode.judge, "disassembler") << opcode.reason;
  const MutantResult short_range = verdict("addi", "s6", "s7");
  EXPECT_EQ(short_range.judge, "disassembler") << short_range.reason;
  const MutantResult short_bits = verdict("sub", "100", "000");
  EXPECT_EQ(short_bits.judge, "disassembler") << short_bits.reason;
  const MutantResult short_condition = verdict("lui", "2", "3");
  EXPECT_EQ(short_condition.judge, "disassembler") << short_condition.reason;
  const MutantResult never_short = verdict("sub", ">>u", "<<");
  EXPECT_EQ(never_short.judge, "disassembler") << never_short.reason;
  const MutantResult meaning = verdict("xor", "^", "|");
  EXPECT_EQ(meaning.judge, "unicorn-riscv64") << meaning.reason;
  const MutantResult clobber = verdict("call_indirect", "; clobber 1", "");
  EXPECT_EQ(clobber.judge, "disassembler") << clobber.reason;
  const MutantResult place = verdict("call", "0", "1");
  EXPECT_EQ(place.judge, "disassembler") << place.reason;
  const MutantResult width = verdict("addi", "s12", "s13");
  EXPECT_EQ(width.state, MutantState::Invalid);
  EXPECT_EQ(width.judge, "notation") << width.reason;
}

TEST_F(InstructionMutants, AreEquivalentIfTheSolverSaysSo) {
  // Only the low half of the shifted product is taken.
  EXPECT_EQ(verdict("mulhu", ">>u", ">>s").judge, "solver");
  EXPECT_EQ(verdict("mulh", "sext", "zext").state, MutantState::Refuted);
}

TEST_F(InstructionMutants, OrderOfArgumentsIsLeftToTheProofs) {
  const MutantResult order = verdict("sltu", "use rs1: gpr; use rs2: gpr", "use rs2: gpr; use rs1: gpr");
  EXPECT_EQ(order.state, MutantState::Unjudged) << order.judge;
  EXPECT_FALSE(judge_->rules_of(order.mutant.judges).empty());
}

TEST(MutantsTable, PutsRowsInPlaceOfOldOnes) {
  MutantReport report{.unit = "x64"};
  for (int i = 0; i < 3; ++i) report.results.push_back({.state = MutantState::Refuted, .judge = "add"});
  report.results.push_back({.state = MutantState::Explained});
  const std::string page =
      "a\n<!-- mutants -->\n| ISA |\n| --- |\n| x64 | rules | 9 | old |\n| s390x | specs | 7 |\n<!-- end -->\nb\n";
  const auto changed = with_table_rows(page, report);
  ASSERT_TRUE(changed);
  EXPECT_NE(changed->find("| x64 | rules | 4 | 75.0 % | 3 | 0 | 0 | 0 | 0 | 1 | 0 | 0 | 0 |\n"), std::string::npos)
      << *changed;
  EXPECT_NE(changed->find("| s390x | specs | 7 |\n"), std::string::npos) << *changed;
  EXPECT_EQ(changed->find("old"), std::string::npos);
  EXPECT_TRUE(changed->starts_with("a\n<!-- mutants -->\n") && changed->ends_with("<!-- end -->\nb\n"));
  EXPECT_FALSE(with_table_rows("no table", report));
}

}  // namespace
}  // namespace assay::verify
