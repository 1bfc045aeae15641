// A case before and after the mid-end: what fuzzing, tests and triage ask of it.
#pragma once

#include <string>
#include <vector>

#include "compiler/opt/options.h"
#include "fuzz/case.h"

namespace assay::opt {
class Optimizer;
}

namespace assay::fuzz {

// The case with its functions optimised. `error`: what the IR verifier says of what came out, else empty.
Case optimize_case(const Case& test, opt::Optimizer& optimizer, const opt::OptimizeOptions& options,
                   std::string& error);

// Optimises the case and runs both versions on the interpreter. What differs, or no longer verifies, becomes a finding.
void check_optimized(oracles::Harness& harness, const Case& test, opt::Optimizer& optimizer,
                     const opt::OptimizeOptions& options, std::vector<oracles::Finding>& findings);

}  // namespace assay::fuzz
