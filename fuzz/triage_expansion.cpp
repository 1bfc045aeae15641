// What no machine has instructions for becomes other CLIF before lowering (machine/expand.h). The interpreter says
// whether that does the same; what was expanded says who made it.
#include <algorithm>

#include "compiler/ir/printer.h"
#include "compiler/machine/expand.h"
#include "compiler/machine/expand_division.h"
#include "fuzz/mutate_case.h"
#include "fuzz/reduce_edits.h"
#include "fuzz/triage_parts.h"

namespace assay::fuzz {

namespace {

constexpr unsigned kDeepest = 8;  // of calls that were followed

Decision expander_of(const ir::Function& f, ir::Inst inst) {
  const ir::OperationInfo& info = f.info(inst);
  if (machine::is_wide_division(f.inst(inst))) return Decision::WideDivision;
  if ((info.effects & (ir::kCanLoad | ir::kCanStore)) != 0) return Decision::ExpandedAtomics;
  const auto args = f.args(inst);
  const bool is_wide = std::ranges::any_of(args, [&](ir::Value v) { return f.value_type(v) == ir::kI128; });
  return is_wide ? Decision::WideConversion : Decision::ExpandedFloats;
}

}  // namespace

bool blame_expansion(TriageContext& context) {
  const machine::TargetIsa& isa = context.traces.isa();
  Case expanded = context.test;
  std::vector<std::pair<uint32_t, ir::Inst>> concerned;
  for (uint32_t i = 0; i < expanded.functions.size(); ++i) {
    ir::Function& function = expanded.functions[i];
    if (!machine::needs_expansion(function, isa, false)) continue;
    std::vector<ir::Inst> origins;
    machine::expand(function, isa, false, origins);
    // Types that the machine has not are others afterwards, in signatures too: that is not compared.
    if (!(function.signature == context.test.functions[i].signature)) return false;
    for (const ir::Inst origin : origins) {
      const std::pair place(i, origin);
      if (std::ranges::find(concerned, place) == concerned.end()) concerned.push_back(place);
    }
  }
  if (concerned.empty() || context.depth > kDeepest) return false;
  oracles::HarnessOptions interpreter_only;
  interpreter_only.isas.clear();
  interpreter_only.order = byte_order(context.isa);
  oracles::Harness harness(interpreter_only);
  std::vector<oracles::Finding> findings;
  check_preserving(harness, context.test, expanded, findings);
  if (findings.empty()) {
    if (!fails_before_allocation(context, expanded)) return false;
    // What is lowered: its library calls, and what loops compute, are values by their own names.
    context.note("what the machine has no instructions for is expanded rightly; looked at is what it becomes");
    StageTraces traces(expanded, context.isa, context.level, context.traces.options().choice_seed,
                       context.options.harness);
    if (!traces.problem().empty()) return false;
    TriageContext inner{
        expanded, context.options, context.isa,      context.level, interpret(expanded, byte_order(context.isa)),
        traces,   context.result,  context.depth + 1};
    blame_lowering(inner);
    return true;
  }
  context.note("the interpreter sees a difference as soon as what the machine has no instructions for is expanded");
  context.result.divergence = findings[0].text;
  for (const auto& [function, inst] : concerned) {
    const ir::Function& f = context.test.functions[function];
    context.blame(expander_of(f, inst), "its expansion does something else: " + ir::print_inst(f, inst));
  }
  return true;
}

}  // namespace assay::fuzz
