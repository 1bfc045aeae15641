// Mutants of rules and specs that do what the original does: asked of the solver, over all inputs.
//
// Two sets of rules are compared by what the machine does, not by what the CLIF operation asks for: each instantiation
// of an edited rule must, for every input, give what some instantiation of the original rules gives for that input: the
// same results in the bits that the type has, the same trap, the same memory accesses in the same order, the same
// target. The original's rule may be another one; so a guard may be gone whose work is also done elsewhere.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "verify/rule_sources.h"

namespace assay::verify {

// Belongs to one thread. Keeps what it has found out about the original.
class RuleEquivalence {
 public:
  // `original` must outlive this.
  RuleEquivalence(const RuleSources& original, unsigned timeout_ms);
  ~RuleEquivalence();

  enum class Answer : uint8_t {
    No,            // or the solver gave up
    WhereApplied,  // the edited rules match fewer inputs, perhaps, or others
    Everywhere,
  };
  // Whether the rules of these names (those that are proven themselves) do the same in `mutated`; if `helper` is not
  // empty, only where the rule of that name takes part.
  Answer rules_do_the_same(const RuleSources& mutated, const std::vector<std::string>& rules,
                           const std::string& helper);

  // Whether the term's spec says the same in `mutated` for arguments of all types; or, if the term always succeeds,
  // asks more of its users (who have been proven to give it) and says the same then; or, if it only says what holds
  // where the term succeeds (partial_spec), says nothing that does not follow from the original.
  bool specs_say_the_same(const RuleSources& mutated, const std::string& term);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace assay::verify
