// The ladder of trust as a value: every rule, instruction, helper term and operation, and how far each judge vouches
// for it. print.h makes JSON and a page of it.
//
// A rule is proven from the meanings of the operations it matches, the specs of the C++ terms it calls and the meanings
// of the instructions it may emit, so these are rungs of the rule too: each is as good as the weakest judgement below.
// What a rule rests on is read from it and from the rules of the terms it builds, all the way down.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "compiler/machine/isa.h"
#include "compiler/machine/isa_kind.h"
#include "compiler/support/diagnostic.h"
#include "verify/judgement.h"
#include "verify/rule_classes.h"
#include "verify/totality.h"
#include "verify/verify.h"

namespace assay::verify {

struct RuleSources;
struct WitnessReport;

namespace report {

// What a rule rests on, on one rung.
struct Rung {
  JudgementState state = JudgementState::Holds;
  size_t judged = 0;              // of those below, how many have a verdict
  size_t of = 0;                  // 0: it rests on nothing here
  std::vector<std::string> open;  // the names of those that fail or are not judged
};

struct RuleRow {
  RuleResult result;
  std::string text;  // as it stands in its file, with the comment directly above it
  std::vector<std::string> operations, helpers, instructions;
  Rung meaning, helper, encoding, machine;
  std::optional<uint64_t> fired;  // times, in a campaign; nothing if there was none
  // A function in which the compiler applied it, as `reproducer`, or why there is none; nothing if none was looked for.
  std::optional<Judgement> witness;
  // Whether the generated C++ selects it where the rule says, by the rule interpreter; nothing if that was not asked.
  std::optional<Judgement> selection;
  std::optional<ClassifiedRule> growth;  // of the mid-end's: its class and its law
};

struct InstructionRow {
  std::string name;
  std::string term;  // of the rules
  std::string file;
  uint32_t line = 0;
  std::string text;                 // its definition
  Judgement encoding;               // by LLVM's disassembler and assembler
  Judgement determined;             // its meaning determines all that it defines (determinism.h)
  std::vector<Judgement> machines;  // Judgement::name is the executor
  size_t rules = 0;                 // that may emit it
};

struct IsaReport {
  UnitResult totals;  // its `rules` moved into the rows
  std::vector<RuleRow> rules;
  std::vector<InstructionRow> instructions;
  std::vector<Judgement> helpers;
  unsigned from_lemmas = 0;  // of totals.proven
  Totality totality;
  std::optional<RuleClasses> classes;  // of the mid-end, its `rules` moved into the rows
};

struct Campaign {
  double seconds = 0;
  uint64_t functions = 0;
  uint64_t findings = 0;
  std::map<std::string, uint64_t> rules_fired;  // "x64: iadd_imm" -> times
};

// The generated C++ against the rule interpreter, function by function.
struct Selection {
  size_t functions = 0;
  std::map<std::string, uint64_t> applied;   // by rule
  std::map<std::string, std::string> wrong;  // by rule: a difference that it has a part in
};

struct Report {
  std::vector<Judgement> operations;
  std::vector<IsaReport> isas;
  std::optional<Campaign> campaign;

  // Rules that are not proven or trusted, judgements that fail or are missing, findings.
  size_t open() const;
};

struct ReportOptions {
  std::vector<IsaKind> isas;
  bool optimizer = true;  // the mid-end's rules, too
  VerifyOptions verify;
  std::optional<Campaign> campaign;
  bool witnesses = false;  // look for them: half a minute an ISA
};

// Runs all judges. Errors: as verify_isa; an ISA is not part of the build.
Expected<Report> make_report(const ReportOptions& options);

// The parts of it. Encodings and meanings of every instruction of an ISA.
std::vector<InstructionRow> judge_instructions(const machine::TargetIsa& isa, const RuleSources& sources);
// An ISA's rows from what its judges said. Errors: the rules do not parse.
Expected<IsaReport> make_isa_report(UnitResult unit, const RuleSources& sources,
                                    const std::vector<Judgement>& operations, std::vector<Judgement> helpers,
                                    std::vector<InstructionRow> instructions);
// Fills in RuleRow::fired; RuleRow::witness; RuleRow::selection.
void add_campaign(IsaReport& report, const Campaign& campaign);
void add_witnesses(IsaReport& report, const WitnessReport& witnesses);
void add_selection(IsaReport& report, const Selection& selection);
// Fills in RuleRow::growth and IsaReport::classes.
void add_classes(IsaReport& report, RuleClasses classes);

}  // namespace report
}  // namespace assay::verify
