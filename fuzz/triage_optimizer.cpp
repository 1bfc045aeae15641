// Which rule or pass of the mid-end is to blame: each that did something is switched off by itself.
#include <algorithm>

#include "compiler/ir/printer.h"
#include "compiler/opt/optimize.h"
#include "fuzz/optimize_case.h"
#include "fuzz/triage_parts.h"

namespace assay::fuzz {

namespace {

// Where to look if a pass is to blame.
struct PassSource {
  std::string_view pass;
  const char* name;
  const char* file;
};
constexpr PassSource kSources[] = {
    {"rewrite", "EGraph", "compiler/opt/egraph.cpp"},
    {"hoist", "Elaborator::hoisted", "compiler/opt/elaborate.cpp"},
    {"memory", "Memory", "compiler/opt/memory.cpp"},
    {"control", "Control", "compiler/opt/control.cpp"},
};

}  // namespace

bool blame_optimizer(const Case& test, TriageResult& result) {
  oracles::HarnessOptions interpreter_only;
  interpreter_only.isas.clear();
  oracles::Harness harness(interpreter_only);
  opt::Optimizer optimizer;
  std::string difference;
  const auto fails = [&](const opt::OptimizeOptions& options) {
    std::vector<oracles::Finding> findings;
    check_optimized(harness, test, optimizer, options, findings);
    if (!findings.empty()) difference = findings[0].text;
    return !findings.empty();
  };
  if (!fails({})) return false;
  const std::string first = difference;
  result.evidence.push_back(
      "the interpreter sees a difference between the functions and what the mid-end makes of them");

  const std::span<const isle::RuleInfo> rules = optimizer.rules().rules();
  std::vector<uint64_t> fired;
  for (uint32_t i = 0; i < rules.size(); ++i) fired.push_back(optimizer.rules().count(isle::RuleId(i)));
  for (uint32_t i = 0; i < rules.size(); ++i) {
    if (fired[i] == 0 || rules[i].term != "simplify") continue;
    optimizer.rules().enable_rule(isle::RuleId(i), false);
    if (!fails({})) {
      result.culprits.push_back({CulpritKind::Rule, std::string(rules[i].name), std::string(rules[i].file),
                                 rules[i].line, "without this rule of the mid-end the functions do the same"});
    }
    optimizer.rules().enable_rule(isle::RuleId(i), true);
  }
  for (const opt::PassName& pass : opt::kPasses) {
    opt::OptimizeOptions options;
    options.*pass.on = false;
    if (fails(options)) continue;
    // Without rules at all no rule can be wrong.
    if (pass.name == "rewrite" && !result.culprits.empty()) continue;
    const auto source = std::ranges::find(kSources, pass.name, &PassSource::pass);
    result.culprits.push_back({CulpritKind::Function, source->name, source->file, line_of(source->file, source->name),
                               "without the pass `" + std::string(pass.name) + "` the functions do the same"});
  }
  if (result.culprits.empty()) {
    result.culprits.push_back({CulpritKind::Function, "Optimizer::run", "compiler/opt/optimize.cpp",
                               line_of("compiler/opt/optimize.cpp", "Optimizer::run"),
                               "no rule and no pass by itself is to blame"});
  }
  std::string error;
  const Case optimized = optimize_case(test, optimizer, {}, error);
  result.divergence += first + "\noptimised:\n";
  for (const ir::Function& function : optimized.functions) result.divergence += ir::print(function) + "\n";
  return true;
}

}  // namespace assay::fuzz
