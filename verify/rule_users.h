// Which rules use which terms, and which proofs therefore depend on a rule or a spec.
//
// A rule is proven itself if its term is lower, lower_branch or simplify or has a spec (verify.h); any other is proven
// in the rules that reach its term through terms without a spec. Over the program with its extractor macros expanded.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "compiler/isle/sema.h"
#include "compiler/machine/isa_kind.h"

namespace assay::verify {

// The terms that an expression builds, that a pattern matches.
void collect_terms(const isle::Expr& expr, std::set<uint32_t>& terms);
void collect_terms(const isle::Pattern& pattern, std::set<uint32_t>& terms);

// The rules that may lead lowering to a rule, for runs at random that look for it (expand.h).
struct LeadingRules {
  LeadingRules(const isle::Program& program, const isle::Rule& rule);

  std::vector<bool> preferred;        // by rule: it leads there, or is that rule
  std::vector<isle::RuleId> entries;  // of them those of the roots below
};

// Where the compiler enters the rules: lower, lower_branch; simplify in the mid-end.
bool is_entry(const isle::Term& term);

class RuleUsers {
 public:
  explicit RuleUsers(const isle::Program& program);

  bool is_root(isle::TermId term) const;
  // Can lowering come to the term?
  bool reached(isle::TermId term) const { return reached_[term.index]; }
  // The names of the rules whose proof depends on this rule; on the spec of this term.
  std::vector<std::string> judges_of_rule(const isle::Rule& rule) const;
  std::vector<std::string> judges_of_spec(isle::TermId term) const;

 private:
  std::set<uint32_t> roots_over(std::vector<isle::RuleId> rules) const;
  std::vector<std::string> names(const std::set<uint32_t>& rules) const;

  const isle::Program& program_;
  std::vector<std::vector<isle::RuleId>> built_by_, matched_by_;  // by term
  std::vector<bool> reached_;
};

// RuleUsers::judges_of_rule for the rules that this program was built with, of an ISA or, without one, of the mid-end;
// nothing if there is no such rule.
std::vector<std::string> judges_of_rule(std::optional<IsaKind> isa, const std::string& rule);

}  // namespace assay::verify
