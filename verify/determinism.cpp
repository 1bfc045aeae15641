// See determinism.h.
#include "verify/determinism.h"

#include <algorithm>
#include <set>

#include "compiler/isle/notation/definition.h"
#include "verify/processor_limit.h"
#include "verify/smt.h"

namespace assay::verify {

namespace {

using notation::InputKind;
using notation::InstDef;
using notation::NodeId;
using notation::Semantics;

constexpr unsigned kMilliseconds = 10'000;

class Checker {
 public:
  explicit Checker(const notation::Definitions& definitions) : definitions_(definitions), terms_(context_) {}

  Judgement check(const InstDef& def, std::span<const unsigned> params) {
    Judgement row{.name = def.name, .state = JudgementState::Holds, .cases = 1};
    for (size_t i = 0; i < params.size(); ++i) {
      const notation::EnumDef& type = definitions_.library.enums[def.params[i].enumeration];
      row.types += (i == 0 ? "" : ", ") + type.enumerators[params[i]].name;
    }
    Semantics semantics;
    Diagnostics errors;
    if (!notation::instantiate(definitions_, def, params, semantics, errors)) {
      return failed(row, errors.empty() ? "no meaning" : errors[0].message);
    }
    if (!def.has_sem && semantics.traps.empty()) {
      row.state = JudgementState::NotJudged;
      row.reason = "it has no `sem`; the prover takes it for what may do anything";
      return row;
    }
    const auto is_assigned = [&](uint32_t id) {
      return std::ranges::any_of(semantics.results,
                                 [&](const notation::Assignment& result) { return result.id == id; });
    };
    for (const notation::OperandDef& operand : def.operands) {
      if (operand.is_def && !is_assigned(operand.slot)) return failed(row, operand.name + " is not assigned");
    }
    if (def.flags_def && !is_assigned(notation::kFlagsId)) return failed(row, "the flags are not assigned");
    compare(semantics, row);
    return row;
  }

 private:
  static Judgement failed(Judgement row, std::string reason) {
    row.state = JudgementState::Fails;
    row.reason = std::move(reason);
    return row;
  }

  // One outcome; everything but what is undefined is the same each time.
  z3::expr_vector outcome(const Semantics& semantics, const std::string& time) {
    const auto constant = [&](const std::string& name, unsigned width) {
      return width == 0 ? context_.bool_const(name.c_str()) : context_.bv_const(name.c_str(), width);
    };
    return translate(
        terms_, semantics,
        [&](uint32_t i) {
          const notation::Input& input = semantics.inputs[i];
          const std::string name = "input" + std::to_string(i);
          return constant(input.kind == InputKind::Undefined ? name + time : name, input.width);
        },
        [&](uint32_t event, const z3::expr&) {
          return constant("memory" + std::to_string(event), semantics.events[event].bits);
        });
  }

  void compare(const Semantics& semantics, Judgement& row) {
    if (std::ranges::none_of(semantics.inputs,
                             [](const notation::Input& input) { return input.kind == InputKind::Undefined; })) {
      return;
    }
    const z3::expr_vector one = outcome(semantics, "_one"), other = outcome(semantics, "_other");
    z3::expr valid = context_.bool_val(true);
    for (const NodeId required : semantics.required) valid = valid && one[required] && other[required];
    const auto may_differ = [&](NodeId node) {
      if (node == notation::kNoNode || z3::eq(one[node], other[node])) return false;
      z3::solver solver(context_, "QF_BV");
      solver.add(valid && one[node] != other[node]);
      return check_within(solver, kMilliseconds) != z3::unsat;
    };
    for (const notation::Trap& trap : semantics.traps) {
      if (may_differ(trap.condition)) row = failed(row, "whether it traps is not determined");
    }
    if (may_differ(semantics.branch)) row = failed(row, "whether it branches is not determined");
    for (const notation::Event& event : semantics.events) {
      if (may_differ(event.address)) row = failed(row, "an address is not determined");
      if (event.is_store && may_differ(event.value)) row = failed(row, "what it stores is not determined");
    }
    if (row.state == JudgementState::Fails) return;
    for (const notation::Assignment& result : semantics.results) {
      if (!may_differ(result.value)) continue;
      row.state = JudgementState::Weaker;
      row.reason += (row.reason.empty() ? "bits are undefined in " : ", ") +
                    (result.id == notation::kFlagsId ? std::string("the flags") : result.name);
    }
  }

  const notation::Definitions& definitions_;
  z3::context context_;
  Terms terms_;
};

}  // namespace

Expected<std::vector<Judgement>> check_determinism(const RuleSources& sources) {
  std::vector<notation::SourceFile> files;
  for (const RuleSource& source : sources.instructions) files.push_back({source.name, source.text});
  const notation::ParsedDefinitions parsed = notation::parse_definitions(files);
  if (!parsed.errors.empty()) return std::unexpected(parsed.errors.front());
  std::vector<Judgement> rows;
  try {
    Checker checker(parsed.definitions);
    for (const InstDef& def : parsed.definitions.insts) {
      notation::for_each_param_combination(parsed.definitions, def, [&](std::span<const unsigned> params) {
        rows.push_back(checker.check(def, params));
      });
    }
  } catch (const z3::exception& error) {
    return fail(std::string("Z3: ") + error.msg(), "this is a mistake in Assay's prover");
  }
  return rows;
}

}  // namespace assay::verify
