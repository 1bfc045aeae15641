// See optimize_case.h.
#include "fuzz/optimize_case.h"

#include "compiler/ir/verifier.h"
#include "compiler/opt/optimize.h"
#include "fuzz/mutate_case.h"
#include "fuzz/reduce_edits.h"

namespace assay::fuzz {

Case optimize_case(const Case& test, opt::Optimizer& optimizer, const opt::OptimizeOptions& options, std::string& error,
                   std::vector<std::vector<ir::Inst>>* originals) {
  Case optimized = test;
  error.clear();
  for (ir::Function& function : optimized.functions) {
    optimizer.run(function, options);
    if (originals != nullptr) {
      std::vector<ir::Inst>& list = originals->emplace_back();
      for (uint32_t i = 0; i < function.inst_count(); ++i) list.push_back(optimizer.original(ir::Inst(i)));
    }
    for (const Diagnostic& found : ir::verify(function)) {
      if (error.empty()) error = to_string(function.name) + ": " + found.message;
    }
  }
  return optimized;
}

// Does the first input say so on a big-endian machine, to which the harness's reference does not belong?
static bool differs_on_big_endian(const Case& test, const Case& optimized) {
  if (test.inputs.empty()) return false;
  const interpreter::Outcome a = interpret(test, ir::Endianness::kBig);
  const interpreter::Outcome b = interpret(optimized, ir::Endianness::kBig);
  const auto is_comparable = [](const interpreter::Outcome& outcome) {
    const bool is_end =
        outcome.kind == interpreter::OutcomeKind::Returned || outcome.kind == interpreter::OutcomeKind::Trapped;
    return is_end && outcome.free_bits.empty();
  };
  if (!is_comparable(a) || !is_comparable(b)) return false;
  return a.kind != b.kind || !(a.results == b.results) || !(a.trap == b.trap);
}

bool leaves_more_open(const Case& test, const Case& optimized) {
  return !test.inputs.empty() && interpret(test).free_bits.empty() && !interpret(optimized).free_bits.empty();
}

bool no_longer_ends(const Case& test, const Case& optimized) {
  return interpret(optimized).kind == interpreter::OutcomeKind::OutOfFuel &&
         interpret(test).kind != interpreter::OutcomeKind::OutOfFuel;
}

void check_optimized(oracles::Harness& harness, const Case& test, opt::Optimizer& optimizer,
                     const opt::OptimizeOptions& options, std::vector<oracles::Finding>& findings) {
  std::string error;
  std::vector<std::vector<ir::Inst>> originals;
  const Case optimized = optimize_case(test, optimizer, options, error, &originals);
  if (!error.empty()) {
    oracles::Finding finding{
        .kind = oracles::FindingKind::Compiler, .executor = "mid-end", .opt_level = machine::OptLevel::Speed};
    finding.text = "the optimised function does not verify: " + error;
    finding.sort = "optimized";
    findings.push_back(std::move(finding));
    return;
  }
  check_preserving(harness, test, optimized, findings,
                   [&](uint32_t function, ir::Inst inst) { return originals[function][inst.index]; });
  if (findings.empty() && differs_on_big_endian(test, optimized)) {
    oracles::Finding finding{.kind = oracles::FindingKind::Meaning, .executor = "interpreter"};
    finding.sort = "big-endian";
    finding.text = "the optimised functions do something else where the machine's byte order is big";
    finding.input = 0;
    findings.push_back(std::move(finding));
  }
}

}  // namespace assay::fuzz
