// See mutants_instructions.h.
#include "verify/mutants_instructions.h"

#include <algorithm>
#include <set>

#include "compiler/isa/registry.h"
#include "compiler/isle/notation/generate.h"
#include "compiler/isle/sema.h"
#include "compiler/machine/features.h"
#include "verify/conformance.h"
#include "verify/encoding_check.h"
#include "verify/interpreted_insts.h"
#include "verify/mutants_equivalence.h"
#include "verify/operand_cases.h"
#include "verify/rule_users.h"

namespace assay::verify {

namespace {

// Enough to see each register and edge of an immediate; most mistakes show in the first few.
constexpr size_t kEncodingCases = 150;
constexpr size_t kThoroughCases = 5'000;  // what those have passed that seem to be right
constexpr size_t kMostThorough = 4;       // instructions concerned, beyond which that takes too long
constexpr size_t kConformanceCases = 200;
constexpr size_t kSameCases = 600;
constexpr unsigned kEquivalenceMs = 10'000;  // of each combination of parameters

}  // namespace

int declarations_of(const RuleSources& sources) {
  for (size_t i = 0; i < sources.rules.size(); ++i) {
    if (std::string_view(sources.rules[i].name).ends_with("/insts.isle")) return static_cast<int>(i);
  }
  return -1;
}

InstructionJudge::InstructionJudge(IsaKind isa, const RuleSources& sources) : isa_(isa), sources_(sources) {
  machines_.push_back(oracles::make_unicorn(isa));
  // Unicorn may not judge the condition code of overflows on s390x; nor, anywhere, what it has no instructions for.
  machines_.push_back(oracles::make_qemu(isa));
  if (auto host = oracles::make_native(); host->isa() == isa) machines_.push_back(std::move(host));
  std::erase_if(machines_, [](const auto& machine) { return !machine->unavailable().empty(); });

  std::vector<isle::SourceFile> files;
  for (const RuleSource& source : sources.rules) files.push_back({source.name, std::string(source.text)});
  const isle::CheckResult checked = isle::check_program(std::move(files), {.check_overlap = false});
  std::vector<notation::SourceFile> texts;
  for (const RuleSource& source : sources.instructions) texts.push_back({source.name, source.text});
  original_ = std::make_unique<InterpretedInsts>(isa, texts);
  if (!checked.ok()) return;
  const RuleUsers users(*checked.program);
  for (const notation::InstDef& inst : original_->definitions().insts) {
    for (const std::string& name : {inst.term, inst.term + "_multi"}) {
      const auto term = checked.program->find_term(name);
      if (!term) continue;
      for (std::string& rule : users.judges_of_spec(term)) rules_[inst.name].push_back(std::move(rule));
    }
  }
}

std::vector<std::string> InstructionJudge::rules_of(const std::vector<std::string>& instructions) const {
  std::set<std::string> out;
  for (const std::string& instruction : instructions) {
    if (const auto it = rules_.find(instruction); it != rules_.end()) out.insert(it->second.begin(), it->second.end());
  }
  return {out.begin(), out.end()};
}

bool InstructionJudge::encodes_the_same(const InterpretedInsts& mutated,
                                        const std::vector<std::string>& instructions) const {
  bool is_tried = false;
  const InterpretedInsts* versions[] = {original_.get(), &mutated};
  for (const InterpretedInsts* version : versions) {
    const InterpretedInsts::Scope scope(*version);
    OperandCases cases(isa_, version->set(), version->definitions(), 1);
    for (uint16_t opcode = 0; opcode < version->set().descs.size(); ++opcode) {
      if (!is_wanted(instructions, version->set().descs[opcode].name)) continue;
      std::vector<std::vector<machine::Operand>> lists = cases.systematic(opcode, kSameCases);
      const auto around = cases.around_shorts(opcode, kThoroughCases);
      lists.insert(lists.end(), around.begin(), around.end());
      for (const auto& operands : lists) {
        is_tried = true;
        if (original_->print(opcode, operands) != mutated.print(opcode, operands)) return false;
        for (const machine::FeatureSet features : {machine::FeatureSet(0), machine::all_features(version->set())}) {
          machine::EncodedInst a, b;
          const machine::EncodeContext context{.features = features};
          const auto before = original_->encode(opcode, operands, context, a);
          if (before != mutated.encode(opcode, operands, context, b)) return false;
          if (before == machine::EncodeError::None &&
              (!std::equal(a.bytes, a.bytes + a.size, b.bytes, b.bytes + b.size) || a.trap_offset != b.trap_offset)) {
            return false;
          }
        }
      }
    }
  }
  return is_tried;
}

bool InstructionJudge::narrows(const InterpretedInsts& mutated, const std::vector<std::string>& instructions) const {
  const InterpretedInsts::Scope scope(mutated);
  OperandCases cases(isa_, mutated.set(), mutated.definitions(), 1);
  for (uint16_t opcode = 0; opcode < mutated.set().descs.size(); ++opcode) {
    if (!is_wanted(instructions, mutated.set().descs[opcode].name)) continue;
    std::vector<std::vector<machine::Operand>> lists = cases.systematic(opcode, kThoroughCases);
    const auto edges = cases.edges(opcode);
    lists.insert(lists.end(), edges.begin(), edges.end());
    for (const auto& operands : lists) {
      machine::EncodedInst a, b;
      if (mutated.encode(opcode, operands, {}, b) != machine::EncodeError::None) continue;
      if (original_->encode(opcode, operands, {}, a) != machine::EncodeError::None ||
          !std::equal(a.bytes, a.bytes + a.size, b.bytes, b.bytes + b.size) ||
          original_->print(opcode, operands) != mutated.print(opcode, operands)) {
        return false;
      }
    }
  }
  return true;
}

bool InstructionJudge::judge(MutantResult& out, const std::string& mutated, std::string& declarations) {
  std::vector<notation::SourceFile> files;
  for (const RuleSource& source : sources_.instructions) files.push_back({source.name, source.text});
  files[out.mutant.file].text = mutated;
  const InterpretedInsts insts(isa_, files);
  if (!insts.errors().empty()) {
    out.state = MutantState::Invalid;
    out.judge = "notation";
    out.reason = insts.errors().front().message;
    return true;
  }
  const InterpretedInsts::Scope scope(insts);
  const std::vector<std::string>& only = out.mutant.judges;
  EncodingReport encodings;
  const auto refuted_by_disassembler = [&](size_t cases) {
    encodings = check_encodings(isa_, insts.set(),
                                {.cases_per_instruction = cases, .only = only, .hatches = isa::find_isa(isa_)});
    if (encodings.mismatches.empty()) return false;
    const EncodingMismatch& m = encodings.mismatches.front();
    out.state = MutantState::Refuted;
    out.judge = "disassembler";
    out.reason = m.instruction + ": " + m.ours + " is " + m.bytes + ", read as " + m.theirs;
    return true;
  };
  if (refuted_by_disassembler(kEncodingCases)) return true;
  const auto refuted_by_machine = [&](size_t cases) {
    for (const auto& machine : machines_) {
      const bool only_features = std::string_view(machine->name()).starts_with("qemu") && !qemu_judges_all(isa_);
      const ConformanceReport meanings = check_conformance(
          isa_, insts.set(), *machine, {.cases_per_instruction = cases, .only = only, .only_features = only_features});
      if (meanings.mismatches.empty()) continue;
      const ConformanceMismatch& m = meanings.mismatches.front();
      out.state = MutantState::Refuted;
      out.judge = machine->name();
      out.reason = m.text + ": " + m.problem;
      return true;
    }
    return false;
  };
  if (refuted_by_machine(kConformanceCases)) return true;
  const MutationKind kind = out.mutant.kind;
  const bool is_seen = kind == MutationKind::Bits || kind == MutationKind::Condition || kind == MutationKind::Range ||
                       kind == MutationKind::Text;
  if (is_seen && refuted_by_disassembler(kThoroughCases)) return true;
  const bool is_written = kind == MutationKind::Bits || kind == MutationKind::Condition || kind == MutationKind::Text;
  if (is_written && encodings.not_checked.empty() && encodes_the_same(insts, only)) {
    out.state = MutantState::Equivalent;
    out.judge = "encoder";
    out.reason = "the same bytes and texts for all operands that were tried";
    return true;
  }
  // Texts of hatches are not assembled.
  const bool is_assembled = encodings.cases != 0 && encodings.by_text + encodings.by_assembler == encodings.cases;
  if (kind == MutationKind::Text && is_assembled && encodings.not_checked.empty()) {
    out.state = MutantState::Equivalent;
    out.judge = "assembler";
    out.reason = "the text assembles to the same bytes";
    return true;
  }
  if (kind == MutationKind::Role && out.mutant.is_meaning && rules_of(only).empty()) {
    out.state = MutantState::Equivalent;
    out.reason = "the order of a term's arguments, and no rule uses it";
    return true;
  }
  if (out.mutant.is_meaning && mean_the_same(original_->definitions(), insts.definitions(), only, kEquivalenceMs)) {
    out.state = MutantState::Equivalent;
    out.judge = "solver";
    out.reason = "means the same";
    return true;
  }
  // An order of operands may show where both are NaNs alone.
  const bool is_worth_it = only.size() <= kMostThorough &&
                           (kind == MutationKind::Meaning || kind == MutationKind::Trap || kind == MutationKind::Role);
  if (is_worth_it && refuted_by_machine(kThoroughCases)) return true;
  declarations = notation::generate_isle(insts.definitions());
  narrows_ = kind == MutationKind::Condition && narrows(insts, only);
  if (kind == MutationKind::Bits || kind == MutationKind::Text || kind == MutationKind::Place) {
    out.state = MutantState::Survived;  // nothing that a proof could see
  }
  return false;
}

}  // namespace assay::verify
