// The steps of triage, one a stage. Each adds culprits, evidence and the first divergence to the result; those added
// earlier are the more likely.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/triage.h"
#include "fuzz/triage_culprits.h"
#include "fuzz/triage_trace.h"

namespace assay::fuzz {

// What the steps share: the reduced case on the ISA and level that is looked at, and the reference for it.
struct TriageContext {
  const Case& test;
  const TriageOptions& options;
  IsaKind isa{};
  machine::OptLevel level{};
  interpreter::Outcome expected;
  StageTraces& traces;
  TriageResult& result;
  unsigned depth = 0;  // of calls that were followed

  const ir::Function& entry() const { return test.functions[test.entry]; }
  void blame(CulpritKind kind, std::string name, std::string file, uint32_t line, std::string reason);
  void blame(Decision decision, std::string reason);
  void note(std::string text) { result.evidence.push_back(std::move(text)); }
};

// Of a rule or change that makes a difference, so many applications are left out one by one, to find the one that does.
inline constexpr uint64_t kMostApplications = 32;
// The part of a reason that says so: number `decisive`, from 1, of `times`.
inline std::string application_that_matters(uint64_t times, uint64_t decisive) {
  return "; of " + std::to_string(times) + " times it is number " + std::to_string(decisive) + " that matters";
}

// ---- triage_contract.cpp ----
// Does a function of the case break what callers, callees and frames promise each other? Sets the stage and blames.
bool blame_contract(TriageContext& context);

// ---- triage_optimizer.cpp ----
// Does the mid-end change what the case does, on the interpreter? Blames the rule or change with which it does. With
// `sees_open_bits` it is a change, too, if a result that was promised no longer is.
bool blame_optimizer(const Case& test, const TriageOptions& options, const opt::OptimizeOptions& passes,
                     TriageResult& result, bool sees_open_bits = false);
// The mid-end crashes on the case: blames the rule or change with which it does, if there is one.
bool blame_optimizer_crash(const Case& test, const opt::OptimizeOptions& passes, TriageResult& result);

// ---- triage_expansion.cpp ----
// Is there something in the case that the machine has no instructions for? Blames who expanded it, if that does
// something else; otherwise looks at the lowering of what it is expanded to, if that fails as well. False: neither.
bool blame_expansion(TriageContext& context);

// ---- triage_lowering.cpp: code over virtual registers is wrong ----
// Has `look` see whom a call calls by itself, on the arguments that it is passed, and returns its answer: is it the
// callee's fault? False if who that is, or what is passed, cannot be told.
bool look_into_callee(TriageContext& context, ir::Inst call, const std::function<bool(TriageContext&)>& look);
void blame_lowering(TriageContext& context);
// The solver is asked about the rules blamed so far: those it refutes come first. If it refutes none, what proofs rest
// on does: the C++ that rules call, the definitions of instructions.
// False: no judge finds anything. `complained_of`: the rule that made what a check complains of; empty: no check does.
bool ask_judges(TriageContext& context, std::string_view complained_of = {});
// A check of the code over virtual registers, or the emitter, refused what lowering made.
void blame_refused(TriageContext& context, const std::string& message);

// ---- triage_rules.cpp ----
inline constexpr char kFixesCase[] = "without it the case passes";  // begins the reason for blaming such a rule
enum class RuleVerdict : uint8_t { Fixes, Refused, Innocent };      // what becomes of the case without the rule
struct RuleSuspect {
  isle::RuleId rule;
  RuleVerdict verdict = RuleVerdict::Innocent;
  uint64_t times = 0;     // it was applied
  uint64_t decisive = 0;  // without this application alone, counted from 1, the case passes; 0: no such one is known
};
// Does code over virtual registers for the case differ from CLIF, or is there none?
bool fails_before_allocation(const TriageContext& context, const Case& test);
// Every rule that fired for the case, switched off by itself, with the code over virtual registers judged; of one that
// makes a difference and was applied several times, each application.
std::vector<RuleSuspect> bisect_rules(const TriageContext& context);
// Adds the rules among `suspects` that are likely to blame; `emitted` are those that made the first wrong value,
// innermost first, `concerned` all that made code for the same CLIF instruction. False: none is.
bool blame_rules(TriageContext& context, std::span<const RuleSuspect> suspects, std::span<const isle::RuleId> emitted,
                 std::span<const isle::RuleId> concerned);
// Do the decision trees and the rule interpreter select differently? Then the rule compiler is to blame.
bool blame_selection(TriageContext& context);

// ---- triage_allocation.cpp ----
void blame_allocation(TriageContext& context, const std::string& complaint);

// ---- triage_bytes.cpp ----
void blame_bytes(TriageContext& context);
// Blames instructions of a stage's code that their own tests say are encoded wrongly, or mean something else. The first
// `most` different ones are asked, those of the entry first. False: none is.
bool blame_definitions(TriageContext& context, oracles::ExecutorKind stage, size_t most);
// The emitter refused what the stages before made.
void blame_emission(TriageContext& context, const std::string& message);
// Text of an instruction without what different printers spell differently.
std::string normalised(std::string_view text);

// ---- triage_doubts.cpp ----
// Where a C++ function is blamed: is there another one of the stage whose decisions, had they been others, mend the
// case and all like it and leave the rest alone? That comes first. `test` is what the stage was given.
void doubt_culprits(const Case& test, const TriageOptions& options, IsaKind isa, machine::OptLevel level,
                    TriageResult& result);

// ---- triage_reference.cpp ----
// The entry function's outcome on the first input by a second reading of CLIF: operations as their definitions say, and
// control flow and memory by a plain walk. Nothing if it meets what it does not know.
std::optional<interpreter::Outcome> second_opinion(const Case& test, ir::Endianness order,
                                                   std::vector<std::vector<uint8_t>>& memory);
// The operation at which interpreter and second opinion part: blames it. False if they agree.
bool blame_reference(const Case& test, const TriageOptions& options, ir::Endianness order, TriageResult& result);

// The line of `file` (relative to the working directory) on which `function` is defined; 0 if that cannot be told.
uint32_t line_of(const std::string& file, const std::string& function);

}  // namespace assay::fuzz
