// See optimize_case.h.
#include "fuzz/optimize_case.h"

#include "compiler/ir/verifier.h"
#include "compiler/opt/optimize.h"
#include "fuzz/mutate_case.h"

namespace assay::fuzz {

Case optimize_case(const Case& test, opt::Optimizer& optimizer, const opt::OptimizeOptions& options,
                   std::string& error) {
  Case optimized = test;
  error.clear();
  for (ir::Function& function : optimized.functions) {
    optimizer.run(function, options);
    for (const Diagnostic& found : ir::verify(function)) {
      if (error.empty()) error = to_string(function.name) + ": " + found.message;
    }
  }
  return optimized;
}

void check_optimized(oracles::Harness& harness, const Case& test, opt::Optimizer& optimizer,
                     const opt::OptimizeOptions& options, std::vector<oracles::Finding>& findings) {
  std::string error;
  const Case optimized = optimize_case(test, optimizer, options, error);
  if (!error.empty()) {
    oracles::Finding finding{
        .kind = oracles::FindingKind::Compiler, .executor = "mid-end", .opt_level = machine::OptLevel::Speed};
    finding.text = "the optimised function does not verify: " + error;
    finding.sort = "optimized";
    findings.push_back(std::move(finding));
    return;
  }
  check_preserving(harness, test, optimized, findings);
}

}  // namespace assay::fuzz
