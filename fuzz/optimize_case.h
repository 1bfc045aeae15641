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
// `originals`: by function and instruction of what came out, which instruction it was, or is a copy of.
Case optimize_case(const Case& test, opt::Optimizer& optimizer, const opt::OptimizeOptions& options, std::string& error,
                   std::vector<std::vector<ir::Inst>>* originals = nullptr);

// On the first input, as the interpreter says: are bits of a result open with `optimized`, where all were promised
// before? That is not compared otherwise, as what a NaN goes through may say less of it.
bool leaves_more_open(const Case& test, const Case& optimized);

// On the first input, as the interpreter says: does the case end, and `optimized` not? That is not compared either.
bool no_longer_ends(const Case& test, const Case& optimized);

// Optimises the case and runs both versions on the interpreter. What differs, or no longer verifies, becomes a finding.
void check_optimized(oracles::Harness& harness, const Case& test, opt::Optimizer& optimizer,
                     const opt::OptimizeOptions& options, std::vector<oracles::Finding>& findings);

}  // namespace assay::fuzz
