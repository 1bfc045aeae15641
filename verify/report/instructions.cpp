// The instructions' rungs: meanings that determine what they define (determinism.h), encodings by LLVM
// (encoding_check.h), meanings by machines (conformance.h).
#include <algorithm>

#include "oracles/executor.h"
#include "verify/conformance.h"
#include "verify/determinism.h"
#include "verify/encoding_check.h"
#include "verify/report/report.h"
#include "verify/rule_sources.h"

namespace assay::verify::report {

namespace {

using Cases = std::map<std::string, size_t>;
using Reasons = std::map<std::string, std::string>;

// One verdict on each instruction.
Judgement verdict(const std::string& judge, const std::string& instruction, const Cases& cases, const Reasons& wrong,
                  const Reasons& not_judged) {
  Judgement out{.name = judge};
  if (const auto it = cases.find(instruction); it != cases.end()) out.cases = it->second;
  if (const auto it = wrong.find(instruction); it != wrong.end()) {
    out.state = JudgementState::Fails;
    out.reason = it->second;
  } else if (out.cases != 0) {
    out.state = JudgementState::Holds;
  } else {
    const auto reason = not_judged.find(instruction);
    out.state = JudgementState::NotJudged;
    out.reason = reason == not_judged.end() ? "no case could be made" : reason->second;
  }
  return out;
}

void append(Reasons& reasons, const std::string& name, const std::string& text) {
  std::string& reason = reasons[name];
  reason += (reason.empty() ? "" : "\n") + text;
}

// The definition around `line`, which may be that of one of its forms: from the line before that is not indented up to
// the next such line.
std::string block_at(std::string_view text, uint32_t line) {
  size_t begin = 0;
  for (uint32_t i = 1; i < line && begin < text.size(); ++i) begin = std::min(text.find('\n', begin), text.size()) + 1;
  if (begin >= text.size()) return "";
  while (begin != 0 && text[begin] == ' ') begin = begin < 2 ? 0 : text.rfind('\n', begin - 2) + 1;  // npos + 1 is 0
  size_t end = begin;
  do {
    end = std::min(text.find('\n', end), text.size() - 1) + 1;
  } while (end < text.size() && text[end] == ' ');
  while (end > begin && text[end - 1] == '\n') --end;
  return std::string(text.substr(begin, end - begin));
}

}  // namespace

std::vector<InstructionRow> judge_instructions(const machine::TargetIsa& isa, const RuleSources& sources) {
  std::vector<InstructionRow> rows;
  for (const machine::InstDesc& desc : isa.insts->descs) {
    InstructionRow& row =
        rows.emplace_back(InstructionRow{.name = desc.name, .term = desc.term, .file = desc.file, .line = desc.line});
    for (const RuleSource& source : sources.instructions) {
      if (row.file == source.name) row.text = block_at(source.text, row.line);
    }
  }

  // One verdict on all combinations of its parameters: the worst.
  const auto determined = check_determinism(sources);
  for (InstructionRow& row : rows) {
    row.determined = {.name = "determined", .state = JudgementState::NotJudged};
    if (!determined) row.determined.reason = determined.error().message;
    bool seen = false;
    for (size_t i = 0; determined && i < determined->size(); ++i) {
      const Judgement& one = (*determined)[i];
      if (one.name != row.name) continue;
      row.determined.cases += one.cases;
      if (seen && one.state <= row.determined.state) continue;
      seen = true;
      row.determined.state = one.state;
      row.determined.reason = one.reason;
    }
  }

  {
    const EncodingReport report = check_encodings(isa.kind, *isa.insts);
    Reasons wrong, not_judged;
    for (const EncodingMismatch& m : report.mismatches) {
      append(wrong, m.instruction,
             m.ours + " is " + m.bytes + ", read as " + m.theirs + (m.problem.empty() ? "" : " (" + m.problem + ")"));
    }
    for (const std::string& entry : report.not_checked) {
      const size_t blank = entry.find(" (");
      not_judged[entry.substr(0, blank)] =
          blank == std::string::npos ? "it has no bits of its own" : entry.substr(blank + 2, entry.size() - blank - 3);
    }
    // A mismatch without an instruction is the judge's own failure.
    for (InstructionRow& row : rows) {
      if (wrong.contains("")) wrong[row.name] = wrong[""];
      row.encoding = verdict("LLVM", row.name, report.cases_of, wrong, not_judged);
    }
  }

  std::vector<std::unique_ptr<oracles::Executor>> executors;
  executors.push_back(oracles::make_unicorn(isa.kind));
  if (auto native = oracles::make_native(); native->isa() == isa.kind) executors.push_back(std::move(native));
  if (auto qemu = oracles::make_qemu(isa.kind); qemu->unavailable().empty()) executors.push_back(std::move(qemu));
  for (const auto& executor : executors) {
    const bool only_features = isa.kind != IsaKind::s390x && std::string_view(executor->name()).starts_with("qemu");
    const ConformanceReport report =
        check_conformance(isa.kind, *isa.insts, *executor, {.only_features = only_features});
    Reasons wrong, not_judged;
    for (const ConformanceMismatch& m : report.mismatches) append(wrong, m.instruction, m.text + ": " + m.problem);
    for (const std::string& entry : report.not_run) {
      const size_t colon = entry.find(": ");
      not_judged[entry.substr(0, colon)] = colon == std::string::npos ? "" : entry.substr(colon + 2);
    }
    for (InstructionRow& row : rows) {
      if (not_judged.contains("everything")) not_judged[row.name] = not_judged["everything"];
      row.machines.push_back(verdict(report.executor, row.name, report.cases_of, wrong, not_judged));
    }
  }
  return rows;
}

}  // namespace assay::verify::report
