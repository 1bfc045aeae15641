// The rung "select" of the ladder: the generated decision trees select what the rules say. Functions are lowered twice,
// by the trees and by the rule interpreter, and must become the same machine code over virtual registers by the same
// rules.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>

#include "compiler/ir/function.h"
#include "compiler/machine/compile.h"
#include "compiler/machine/isa.h"

namespace assay::fuzz {

class SelectionChecker {
 public:
  explicit SelectionChecker(const machine::TargetIsa& isa);

  // Without and with optimisation. The first lines that differ, empty if there are none.
  std::string compare(const ir::Function& function);

  // The same rules, on both sides.
  void enable_rule(isle::RuleId rule, bool enabled);
  machine::Compiler& trees() { return trees_; }
  machine::Compiler& rules() { return rules_; }

 private:
  std::unique_ptr<machine::TargetIsa> interpreted_;
  machine::Compiler trees_, rules_;
};

// What came out for many functions.
struct Selection {
  size_t functions = 0;
  std::map<std::string, uint64_t> applied;   // by rule: how often the trees applied it
  std::map<std::string, std::string> wrong;  // by rule: a difference that it has a part in
};

// Of `programs` random ones as campaigns make them, and of all functions in `texts`, which are CLIF.
Selection check_selection(const machine::TargetIsa& isa, unsigned programs, uint64_t seed,
                          std::span<const std::string> texts = {});

}  // namespace assay::fuzz
