// Which of several rules is wrong, where proofs fail that all of them take part in? Often the one that a single small
// edit makes right: then all proofs hold that failed, and those that held still do. Of an edit of another rule that is
// seldom true, as that rule is part of other proofs, or of the same one twice. (Le Goues et al., "A Systematic Study of
// Automated Program Repair", ICSE 2012, look for repairs among mutants likewise.)
#pragma once

#include <string>
#include <vector>

#include "compiler/machine/isa_kind.h"
#include "verify/rule_sources.h"

namespace assay::verify {

struct RuleRepair {
  std::string rule;
  std::string change;       // "(rv_sub a b) => (rv_sub b a)"
  bool takes_away = false;  // it applies less often, or does less: that may just avoid what is wrong elsewhere
};

struct RepairOptions {
  double seconds = 10;         // of processor time, about; what has not been tried by then is not
  unsigned timeout_ms = 1000;  // for a query
};

// For those of the rules (whole names) that have one; an edit that takes nothing away is preferred. Empty, too, if no
// proof fails.
std::vector<RuleRepair> repair_rules(IsaKind isa, const RuleSources& sources, const std::vector<std::string>& rules,
                                     const RepairOptions& options = {});

// Of the mid-end's rules, of which edits are not tried: the first of `helpers` that `rule` uses and of whose other
// users (six are asked) at least half fail their proofs. Empty: there is none.
std::string wrong_helper_rule(const RuleSources& sources, const std::string& rule,
                              const std::vector<std::string>& helpers);

}  // namespace assay::verify
