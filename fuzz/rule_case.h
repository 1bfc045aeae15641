// A plan for a rule as a small case by itself: what the plan leaves open are arguments, what it computes is returned.
#pragma once

#include "fuzz/case.h"
#include "fuzz/rule_shapes.h"

namespace assay::fuzz {

// The plan has nodes.
ir::Function function_of(const RulePlan& plan, Random& random);
Case case_of(const RulePlan& plan, unsigned inputs, Random& random);

}  // namespace assay::fuzz
