// Mutants of instruction definitions before the judges that need no solver: the notation's checks, the disassembler
// (encoding_check.h), machines (conformance.h). What passes all of them is left to the proofs of the rules that use the
// instructions. Bytes come from the mutated text by InterpretedInsts: nothing is rebuilt.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "compiler/machine/isa_kind.h"
#include "oracles/executor.h"
#include "verify/interpreted_insts.h"
#include "verify/mutants.h"
#include "verify/rule_sources.h"

namespace assay::verify {

// Belongs to one thread.
class InstructionJudge {
 public:
  InstructionJudge(IsaKind isa, const RuleSources& sources);

  // True if a judge has decided: `out` says who. Otherwise `declarations` are the ISLE terms that the mutated text
  // makes.
  bool judge(MutantResult& out, const std::string& mutated, std::string& declarations);
  // Whether the mutant that was judged last only encodes fewer operands than the original.
  bool narrows() const { return narrows_; }
  // The rules whose proof relies on these instructions.
  std::vector<std::string> rules_of(const std::vector<std::string>& instructions) const;

 private:
  // Whether original and mutant give the same bytes, texts and refusals in every systematic case of either.
  bool encodes_the_same(const InterpretedInsts& mutated, const std::vector<std::string>& instructions) const;

  // Whether the original gives the same bytes and text for all that the mutant encodes, in every systematic case.
  bool narrows(const InterpretedInsts& mutated, const std::vector<std::string>& instructions) const;

  IsaKind isa_;
  const RuleSources& sources_;
  std::unique_ptr<InterpretedInsts> original_;
  std::vector<std::unique_ptr<oracles::Executor>> machines_;  // the emulator first
  std::map<std::string, std::vector<std::string>> rules_;     // by instruction
  bool narrows_ = false;
};

// The place of the declarations among RuleSources::rules, or -1.
int declarations_of(const RuleSources& sources);

}  // namespace assay::verify
