// See report.h.
#include "verify/report/report.h"

#include <algorithm>
#include <set>

#include "compiler/isa/registry.h"
#include "compiler/isle/sema.h"
#include "verify/helper_check.h"
#include "verify/operation_check.h"
#include "verify/rule_sources.h"
#include "verify/rule_users.h"
#include "verify/source_text.h"
#include "verify/witness.h"

namespace assay::verify::report {

namespace {

// Several verdicts on one name: a failure outweighs all, any verdict outweighs none.
JudgementState combine(JudgementState a, JudgementState b) {
  if (is_failure(a) || is_failure(b)) return is_failure(a) ? a : b;
  if (a == JudgementState::NotJudged) return b;
  if (b == JudgementState::NotJudged) return a;
  return std::max(a, b);
}

using States = std::map<std::string, JudgementState, std::less<>>;

void add(States& states, const std::string& name, JudgementState state) {
  const auto [it, inserted] = states.emplace(name, state);
  if (!inserted) it->second = combine(it->second, state);
}

Rung rung(const std::vector<std::string>& names, const States& states) {
  Rung out{.of = names.size()};
  bool weaker = false, fails = false;
  for (const std::string& name : names) {
    const JudgementState state = states.at(name);
    fails |= is_failure(state);
    weaker |= state == JudgementState::Weaker;
    out.judged += state != JudgementState::NotJudged && state != JudgementState::Missing;
    if (is_failure(state) || state == JudgementState::NotJudged) out.open.push_back(name);
  }
  out.state = fails                            ? JudgementState::Fails
              : out.of != 0 && out.judged == 0 ? JudgementState::NotJudged
              : weaker                         ? JudgementState::Weaker
                                               : JudgementState::Holds;
  return out;
}

// What the rules of a program rest on. Trees of expressions and patterns are bounded in depth by the rule reader.
class Foundations {
 public:
  Foundations(const isle::Program& program, const States& operations, const States& helpers,
              const std::vector<InstructionRow>& instructions)
      : program_(program), operations_(operations), helpers_(helpers) {
    for (const InstructionRow& row : instructions) {
      instruction_by_term_[row.term] = row.name;
      instruction_by_term_[row.term + "_multi"] = row.name;
    }
  }

  void fill(RuleRow& row) const {
    const isle::RuleId id = program_.find_rule(row.result.name);
    if (!id) return;
    std::set<uint32_t> seen, work;
    add_rule(program_.rules[id], work);
    std::set<std::string> operations, helpers, instructions;
    while (!work.empty()) {
      const uint32_t index = *work.begin();
      work.erase(work.begin());
      if (!seen.insert(index).second) continue;
      const isle::Term& term = program_.terms[isle::TermId(index)];
      if (operations_.contains(term.name)) {
        operations.insert(term.name);
        continue;
      }
      if (helpers_.contains(term.name)) helpers.insert(term.name);
      if (const auto it = instruction_by_term_.find(term.name); it != instruction_by_term_.end()) {
        instructions.insert(it->second);
        continue;
      }
      for (const isle::RuleId rule : term.rules) add_rule(program_.rules[rule], work);
      if (term.is_macro()) add_macro(term.macro->body, work);
    }
    row.operations.assign(operations.begin(), operations.end());
    row.helpers.assign(helpers.begin(), helpers.end());
    row.instructions.assign(instructions.begin(), instructions.end());
  }

 private:
  // Without the rule's own term, so that a root does not lead to all other rules.
  void add_rule(const isle::Rule& rule, std::set<uint32_t>& work) const {
    for (const isle::Pattern& argument : rule.arguments) collect_terms(argument, work);
    for (const isle::IfLet& if_let : rule.if_lets) {
      collect_terms(if_let.pattern, work);
      collect_terms(if_let.value, work);
    }
    collect_terms(rule.result, work);
  }

  void add_macro(const isle::ast::Pattern& pattern, std::set<uint32_t>& work) const {
    if (pattern.kind == isle::ast::Pattern::Kind::Term) {
      if (const isle::TermId term = program_.find_term(pattern.name.text); term) work.insert(term.index);
    }
    for (const isle::ast::Pattern& child : pattern.children) add_macro(child, work);
  }

  const isle::Program& program_;
  const States& operations_;
  const States& helpers_;
  std::map<std::string, std::string, std::less<>> instruction_by_term_;
};

// The form that begins on `line`, and the lines of comment right above it.
std::string form_at(const SourceText& source, uint32_t line) {
  const std::string_view text = source.text();
  size_t begin = source.offset({.line = line, .column = 1});
  const size_t end = source.end_of(source.skip_blanks(begin));
  while (begin != 0) {
    const size_t above = begin < 2 ? 0 : text.rfind('\n', begin - 2) + 1;  // npos + 1 is 0
    // Four semicolons are a heading.
    if (text.substr(above, 1) != ";" || text.substr(above, 4) == ";;;;") break;
    begin = above;
  }
  return std::string(text.substr(begin, end - begin));
}

}  // namespace

size_t Report::open() const {
  const auto failures = [](const std::vector<Judgement>& rows) {
    return static_cast<size_t>(std::ranges::count_if(rows, [](const Judgement& row) { return is_failure(row.state); }));
  };
  size_t count = failures(operations) + (campaign ? campaign->findings : 0);
  for (const IsaReport& isa : isas) {
    count += isa.totals.failed + isa.totals.unknown + failures(isa.helpers) + isa.totality.holes.size() +
             isa.totality.overlaps.size() + (isa.classes ? isa.classes->cycles.size() : 0);
    for (const InstructionRow& row : isa.instructions) {
      count += is_failure(row.encoding.state) + is_failure(row.determined.state) + failures(row.machines);
    }
    for (const RuleRow& row : isa.rules) {
      count += row.witness && is_failure(row.witness->state);
      count += row.selection && is_failure(row.selection->state);
    }
  }
  return count;
}

Expected<IsaReport> make_isa_report(UnitResult unit, const RuleSources& sources,
                                    const std::vector<Judgement>& operations, std::vector<Judgement> helpers,
                                    std::vector<InstructionRow> instructions) {
  std::vector<isle::SourceFile> files;
  std::map<std::string, SourceText, std::less<>> texts;
  for (const RuleSource& source : sources.rules) {
    files.push_back({source.name, std::string(source.text)});
    texts.emplace(source.name, SourceText(source.text));
  }
  const isle::CheckResult checked =
      isle::check_program(std::move(files), {.expand_macros = false, .check_overlap = false});
  if (!checked.ok()) return std::unexpected(checked.errors.front());

  States operation_states, helper_states, encodings, machines;
  for (const Judgement& row : operations) add(operation_states, row.name, row.state);
  for (const Judgement& row : helpers) add(helper_states, row.name, row.state);
  for (const InstructionRow& row : instructions) {
    add(encodings, row.name, row.encoding.state);
    add(machines, row.name, JudgementState::NotJudged);
    for (const Judgement& machine : row.machines) add(machines, row.name, machine.state);
  }

  const Foundations foundations(*checked.program, operation_states, helper_states, instructions);
  IsaReport out;
  std::map<std::string, size_t, std::less<>> users;
  out.rules.reserve(unit.rules.size());
  for (RuleResult& result : unit.rules) {
    RuleRow& row = out.rules.emplace_back();
    row.result = std::move(result);
    if (row.result.state == RuleState::Proven && !row.result.lemmas.empty()) ++out.from_lemmas;
    if (const auto it = texts.find(row.result.file); it != texts.end()) row.text = form_at(it->second, row.result.line);
    foundations.fill(row);
    row.meaning = rung(row.operations, operation_states);
    row.helper = rung(row.helpers, helper_states);
    row.encoding = rung(row.instructions, encodings);
    row.machine = rung(row.instructions, machines);
    for (const std::string& instruction : row.instructions) ++users[instruction];
  }
  for (InstructionRow& row : instructions) {
    const auto it = users.find(row.name);
    row.rules = it == users.end() ? 0 : it->second;
  }
  unit.rules.clear();
  out.totals = std::move(unit);
  out.helpers = std::move(helpers);
  out.instructions = std::move(instructions);
  return out;
}

void add_campaign(IsaReport& report, const Campaign& campaign) {
  const std::string prefix = report.totals.unit + ": ";
  for (RuleRow& row : report.rules) {
    if (const auto it = campaign.rules_fired.find(prefix + row.result.name); it != campaign.rules_fired.end()) {
      row.fired = it->second;
    }
  }
}

void add_witnesses(IsaReport& report, const WitnessReport& witnesses) {
  std::map<std::string, RuleRow*, std::less<>> rows;
  for (RuleRow& row : report.rules) rows[row.result.name] = &row;
  const auto set = [&](const std::string& rule, JudgementState state, const std::string& reason, std::string text) {
    const auto it = rows.find(rule);
    if (it == rows.end()) return;
    it->second->witness = Judgement{.name = "witness",
                                    .state = state,
                                    .cases = state == JudgementState::Holds,
                                    .reason = reason,
                                    .reproducer = std::move(text)};
  };
  for (const Witness& witness : witnesses.witnesses) {
    for (const std::string& rule : witness.first) set(rule, JudgementState::Holds, "", witness.text);
  }
  for (const RuleNote& note : witnesses.excused) set(note.rule, JudgementState::NotJudged, note.reason, "");
  for (const RuleNote& note : witnesses.missing) set(note.rule, JudgementState::Missing, note.reason, "");
  for (const RuleNote& note : witnesses.mismatches) set(note.rule, JudgementState::Fails, note.reason, "");
}

void add_selection(IsaReport& report, const Selection& selection) {
  for (RuleRow& row : report.rules) {
    const auto applied = selection.applied.find(row.result.name);
    Judgement judgement{
        .name = "selection", .state = JudgementState::NotJudged, .reason = "no function of the sample applies it"};
    if (applied != selection.applied.end() && applied->second != 0) {
      judgement = {.name = "selection", .state = JudgementState::Holds, .cases = static_cast<size_t>(applied->second)};
    }
    if (const auto wrong = selection.wrong.find(row.result.name); wrong != selection.wrong.end()) {
      judgement.state = JudgementState::Fails;
      judgement.reason = "generated C++ and rules differ";
      judgement.reproducer = wrong->second;
    }
    row.selection = std::move(judgement);
  }
}

void add_classes(IsaReport& report, RuleClasses classes) {
  std::map<std::string, RuleRow*, std::less<>> rows;
  for (RuleRow& row : report.rules) rows[row.result.name] = &row;
  for (ClassifiedRule& rule : classes.rules) {
    if (const auto it = rows.find(rule.name); it != rows.end()) it->second->growth = std::move(rule);
  }
  classes.rules.clear();
  report.classes = std::move(classes);
}

Expected<Report> make_report(const ReportOptions& options) {
  Report out{.campaign = options.campaign};
  auto operations = check_operations();
  if (!operations) return std::unexpected(operations.error());
  out.operations = std::move(*operations);
  for (const IsaKind kind : options.isas) {
    const machine::TargetIsa* isa = isa::find_isa(kind);
    const RuleSources* sources = rule_sources(kind);
    if (isa == nullptr || sources == nullptr) {
      return std::unexpected(Diagnostic{{}, std::string("no rules for ") + name(kind) + " in this build", ""});
    }
    auto unit = verify_isa(kind, options.verify);
    if (!unit) return std::unexpected(unit.error());
    auto helpers = check_helpers(kind);
    if (!helpers) return std::unexpected(helpers.error());
    auto report = make_isa_report(std::move(*unit), *sources, out.operations, std::move(*helpers),
                                  judge_instructions(*isa, *sources));
    if (!report) return std::unexpected(report.error());
    auto totality = check_totality(*sources);
    if (!totality) return std::unexpected(totality.error());
    report->totality = std::move(*totality);
    if (out.campaign) add_campaign(*report, *out.campaign);
    if (options.witnesses) {
      const auto witnesses = find_witnesses(kind);
      if (!witnesses) return std::unexpected(witnesses.error());
      add_witnesses(*report, *witnesses);
    }
    out.isas.push_back(std::move(*report));
  }
  if (!options.optimizer) return out;
  auto unit = verify_optimizer(optimizer_sources(), options.verify);
  if (!unit) return std::unexpected(unit.error());
  auto helpers = check_optimizer_helpers();
  if (!helpers) return std::unexpected(helpers.error());
  auto optimizer = make_isa_report(std::move(*unit), optimizer_sources(), out.operations, std::move(*helpers), {});
  if (!optimizer) return std::unexpected(optimizer.error());
  auto classes = classify_rules(optimizer_sources());
  if (!classes) return std::unexpected(classes.error());
  add_classes(*optimizer, *std::move(classes));
  if (out.campaign) add_campaign(*optimizer, *out.campaign);
  if (options.witnesses) {
    const auto witnesses = find_optimizer_witnesses();
    if (!witnesses) return std::unexpected(witnesses.error());
    add_witnesses(*optimizer, *witnesses);
  }
  out.isas.push_back(std::move(*optimizer));
  return out;
}

}  // namespace assay::verify::report
