// Triage: what is wrong with a failing case, found without a person.
//
//   reproduce → reduce → run every stage on every machine → the first stage that differs → what in it is to blame
//
// The answer is a value (TriageResult): stage, culprits from the most likely on, and the evidence for each. It rests on
// executions and on switching rules off; judges that this library must not know (the prover, tests of instructions) are
// asked through TriageOptions if they are there. Everything works on copies and is deterministic.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fuzz/case.h"
#include "fuzz/reduce.h"

namespace assay::fuzz {

// The first stage whose outcome is not what CLIF says.
enum class TriageStage : uint8_t {
  Nothing,      // no stage: the case does not fail
  Interpreter,  // the reference itself: interpreter or an operation's definition
  Optimized,    // CLIF after the mid-end: its rules and passes
  Virtual,      // machine code over virtual registers: rules, lowering
  Allocated,    // over physical registers: the allocator
  Bytes,        // encoding, labels, frame
  Executor,     // nothing of Assay's compiler: an emulator is wrong
};
// "none", "interpreter", "optimized", "virtual", "allocated", "bytes", "executor".
const char* name(TriageStage stage);

enum class CulpritKind : uint8_t { Rule, RuleCompiler, Operation, Instruction, Function, Executor };
// "rule", "rule compiler", "operation", "instruction", "function", "executor".
const char* name(CulpritKind kind);

struct Culprit {
  CulpritKind kind = CulpritKind::Function;
  std::string name;  // "isub_imm", "Emitter::relax", "sshr.i16", "unicorn-s390x"
  std::string file;  // relative to the source tree; empty if it is not ours
  uint32_t line = 0;
  std::string reason;
  double share = 0;  // of a rule: how well it tells failing small programs from others, 0 to 1
};

// What the wrong code can do to whoever runs it.
enum class Severity : uint8_t { None, Refuses, WrongValue, WrongTrap, Hang, Abi, ReadsOutside, WritesOutside };
const char* name(Severity severity);

// One executor's verdict on the reduced case.
struct Observation {
  IsaKind isa{};
  machine::OptLevel level{};
  uint64_t choice_seed = 0;
  std::string executor;
  bool agrees = false;
  std::string text;  // what differs
};

struct TriageResult {
  std::string file;
  bool fails = false;
  bool is_flaky = false;
  unsigned runs = 0, failures = 0;  // of the case as it was given
  std::string key, finding;         // as fuzz and reduce have them; of the reduced case
  TriageStage stage = TriageStage::Nothing;
  std::vector<IsaKind> isas;  // that differ
  std::vector<Culprit> culprits;
  bool is_audited = false;   // an audit has found who is at fault: programs need not tell
  bool rules_stand = false;  // judges were asked about rules among the culprits, and have nothing against any
  Severity severity = Severity::None;
  std::string severity_text;  // can it write outside memory it was given?
  std::string group;          // equal for equal causes
  std::vector<std::string> evidence;
  std::vector<Observation> observations;
  std::string divergence;  // both sides where they first differ, several lines
  Case reduced;
  unsigned instructions = 0;
  std::string clif;         // the reduced case as a filetest
  std::string vcode;        // of its entry function, over virtual registers, with the rules
  std::string disassembly;  // and its bytes
  double cpu_seconds = 0;
};

// What somebody else says of one thing.
struct Opinion {
  bool asked = false;  // there was somebody who could tell
  bool holds = true;
  std::string text;
  bool is_own = true;  // of a rule: a proof of its own, not only as part of others
  // Of a rule: how well "it takes part" tells the proofs that fail from those that hold, 0 to 1 (Ochiai's coefficient).
  double share = 0;
};

// A small edit of a rule with which all proofs stand that failed.
struct ProposedRepair {
  std::string rule, change;
  bool takes_away = false;  // it only applies less often, or does less
};

struct TriageOptions {
  oracles::HarnessOptions harness;
  double seconds = 15;   // about so much for one case, reduction and judges included
  unsigned repeats = 3;  // runs of the case as it is given
  bool doubt = true;     // ask what the compiler's C++ might have decided, if the build can (fuzz/doubts.h)
  // Judges; each may be missing. Rules by their names, all that are suspected at once: one opinion for each; an
  // instruction and an operation by theirs.
  std::function<std::vector<Opinion>(IsaKind, const std::vector<std::string>&)> prove_rules;
  std::function<Opinion(const std::string&)> prove_mid_end_rule;
  // Of these helper rules of the mid-end the one whose users' proofs fail, not only that of this rule; empty: none.
  std::function<std::string(const std::string& rule, const std::vector<std::string>& helpers)> wrong_helper_rule;
  std::function<std::vector<ProposedRepair>(IsaKind, const std::vector<std::string>&)> repair_rules;
  std::function<Opinion(IsaKind, const std::string&)> check_instruction;
  std::function<Opinion(const std::string&)> check_operation;
  // The externs that the rules of an ISA call: which disagree with their specs, by term; empty if none does.
  std::function<std::vector<std::string>(IsaKind)> wrong_helpers;
  // The same machine with its rules applied by the rule interpreter.
  std::function<std::unique_ptr<machine::TargetIsa>(IsaKind)> interpreted;
};

// Must not be called while other threads run.
TriageResult triage(const Case& test, const std::string& file, const TriageOptions& options);

// Results with the same cause, each list in the order given; without those that do not fail.
std::vector<std::vector<const TriageResult*>> group_by_cause(const std::vector<TriageResult>& results);

}  // namespace assay::fuzz
