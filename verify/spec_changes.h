// Which specs of a source tree are not those that this program was built with.
//
// The specs of the build are held against their C++ by helper_check_test. An edit of a rule leaves them alone, so that
// `assay verify --tree` need only hold those against it that the edit has changed.
#pragma once

#include <set>
#include <string>

#include "verify/rule_sources.h"

namespace assay::verify {

// What differs in all that a spec's meaning follows from. Rules, comments and blanks make no difference.
struct SpecChanges {
  bool all = false;  // what every spec may depend on: a type, a model, the instructions; or it does not parse
  std::set<std::string> terms;  // else: terms of which a declaration, a spec, an attribute or the C++ name differs
  bool none() const { return !all && terms.empty(); }
};
SpecChanges changed_specs(const RuleSources& before, const RuleSources& after);

}  // namespace assay::verify
