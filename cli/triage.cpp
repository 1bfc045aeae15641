// `assay triage`: what is wrong with failing cases: minimal case, stage, culprit, and a page for each cause.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <set>

#include "cli/command.h"
#include "compiler/isa/interpreted.h"
#include "compiler/isa/registry.h"
#include "fuzz/doubts.h"
#include "fuzz/triage.h"
#include "fuzz/triage_report.h"
#include "verify/conformance.h"
#include "verify/encoding_check.h"
#include "verify/helper_check.h"
#include "verify/operation_check.h"
#include "verify/rule_repair.h"
#include "verify/rule_sources.h"
#include "verify/rule_users.h"
#include "verify/verify.h"

namespace assay::cli {

namespace {

struct Options {
  std::vector<std::string> paths;
  std::vector<std::string> targets;
  std::string out = "triage";
  double seconds = 15;
  unsigned max_registers = 0;
  bool prove = true;
  bool doubt = true;
  bool json = false;
};

// Rules with proofs of their own by these; others by the proofs that they take part in.
std::vector<fuzz::Opinion> prove_rules(IsaKind isa, const std::vector<std::string>& rules) {
  constexpr size_t kMostUsers = 10, kMostProofs = 48;  // of one rule; altogether, the first suspects' first
  std::vector<fuzz::Opinion> opinions(rules.size());
  std::vector<bool> has_own(rules.size());
  verify::VerifyOptions options;
  options.jobs = 1;
  options.timeout_ms = 2000;
  options.functions = false;
  options.whole_names = options.all_failures = true;
  std::set<std::string> users;
  for (size_t i = 0; i < rules.size(); ++i) {
    const std::vector<std::string> names = verify::judges_of_rule(isa, rules[i]);
    has_own[i] = names.empty() || (names.size() == 1 && names[0] == rules[i]);
    if (users.size() >= kMostProofs) continue;
    users.insert(names.begin(), names.begin() + static_cast<ptrdiff_t>(std::min(names.size(), kMostUsers)));
  }
  options.rules.assign(users.begin(), users.end());
  for (size_t i = 0; i < rules.size(); ++i) {
    if (!has_own[i]) options.rules.push_back(rules[i]);
  }
  const auto unit = verify::verify_isa(isa, options);
  if (!unit) return opinions;
  double failed = 0;
  for (const verify::RuleResult& result : unit->rules) failed += users.contains(result.name) ? result.failed : 0;
  for (size_t i = 0; i < rules.size(); ++i) {
    const auto found = std::ranges::find(unit->rules, rules[i], &verify::RuleResult::name);
    if (found == unit->rules.end()) continue;
    fuzz::Opinion& opinion = opinions[i];
    if (found->failed != 0) {
      opinion = {true, false, (has_own[i] ? "" : "in rules that it is part of: ") + found->counterexample, has_own[i],
                 found->failed / std::sqrt(failed * found->applicable)};
    } else if (found->state == verify::RuleState::Proven) {
      opinion = {true, true, has_own[i] ? "for all types it admits" : "as part of others", has_own[i]};
    }
  }
  return opinions;
}

std::vector<fuzz::ProposedRepair> repair_rules(IsaKind isa, const std::vector<std::string>& rules) {
  std::vector<fuzz::ProposedRepair> out;
  const verify::RuleSources* sources = verify::rule_sources(isa);
  if (sources == nullptr) return out;
  for (verify::RuleRepair& repair : verify::repair_rules(isa, *sources, rules)) {
    out.push_back({std::move(repair.rule), std::move(repair.change), repair.takes_away});
  }
  return out;
}

fuzz::Opinion prove_mid_end_rule(const std::string& rule) {
  verify::VerifyOptions options;
  options.jobs = 1;
  options.timeout_ms = 2000;
  options.functions = false;
  options.rules = {rule};
  const auto unit = verify::verify_optimizer(verify::optimizer_sources(), options);
  if (!unit) return {};
  for (const verify::RuleResult& result : unit->rules) {
    if (result.name != rule) continue;
    if (result.state == verify::RuleState::Proven) return {true, true, "for all types it admits"};
    if (result.state == verify::RuleState::Failed) return {true, false, result.counterexample};
  }
  return {};
}

std::string wrong_helper_rule(const std::string& rule, const std::vector<std::string>& helpers) {
  return verify::wrong_helper_rule(verify::optimizer_sources(), rule, helpers);
}

fuzz::Opinion check_instruction(IsaKind isa, const std::string& instruction) {
  const machine::TargetIsa* target = isa::find_isa(isa);
  if (target == nullptr) return {};
  const auto encoding = verify::check_encodings(isa, *target->insts, {.only = {instruction}});
  if (!encoding.mismatches.empty()) {
    const verify::EncodingMismatch& first = encoding.mismatches.front();
    return {true, false, "encoding: written `" + first.ours + "`, read `" + first.theirs + "` (" + first.bytes + ")"};
  }
  const auto executor = oracles::make_unicorn(isa);
  const auto meaning = verify::check_conformance(isa, *target->insts, *executor, {.only = {instruction}});
  if (!meaning.mismatches.empty()) {
    const verify::ConformanceMismatch& first = meaning.mismatches.front();
    return {true, false, "meaning: " + first.text + ": " + first.problem};
  }
  return {encoding.cases + meaning.cases != 0, true, ""};
}

fuzz::Opinion check_operation(const std::string& operation) {
  verify::OperationCheckOptions options;
  options.only = operation;
  options.exhaustive_bits = 8;
  options.solver_cases = 0;
  const auto rows = verify::check_operations(options);
  if (!rows) return {};
  fuzz::Opinion opinion;
  for (const verify::Judgement& row : *rows) {
    opinion.asked |= row.cases != 0;
    if (row.state == verify::JudgementState::Fails)
      return {true, false, row.name + " " + row.types + ": " + row.reason};
  }
  return opinion;
}

std::vector<std::string> wrong_helpers(IsaKind isa) {
  std::vector<std::string> wrong;
  const auto rows = verify::check_helpers(isa);
  if (!rows) return wrong;
  for (const verify::Judgement& row : *rows) {
    if (row.state == verify::JudgementState::Fails) wrong.push_back(row.name);
  }
  return wrong;
}

fuzz::TriageOptions triage_options(const Options& options, std::vector<IsaKind> isas) {
  fuzz::TriageOptions out;
  out.harness.max_registers = options.max_registers;
  out.harness.isas = std::move(isas);
  // Code that goes on for ever is met often: it need not be given long.
  out.harness.milliseconds = 20;
  out.seconds = options.seconds;
  out.doubt = options.doubt;
  if (options.prove) {
    out.prove_rules = prove_rules;
    out.prove_mid_end_rule = prove_mid_end_rule;
    out.repair_rules = repair_rules;
    out.wrong_helper_rule = wrong_helper_rule;
  }
  out.check_instruction = check_instruction;
  out.check_operation = check_operation;
  out.wrong_helpers = wrong_helpers;
  out.interpreted = isa::interpreted_isa;
  return out;
}

void print_text(const fuzz::TriageResult& result) {
  std::printf("%s:\n", result.file.c_str());
  if (!result.fails) {
    std::printf("  does not fail (%u runs)\n", result.runs);
    return;
  }
  if (result.is_flaky) std::printf("  flaky: %u of %u runs fail\n", result.failures, result.runs);
  std::printf("  %s\n  stage: %s\n", result.finding.c_str(), name(result.stage));
  for (const fuzz::Culprit& culprit : result.culprits) {
    std::printf("  %s %s", name(culprit.kind), culprit.name.c_str());
    if (!culprit.file.empty()) std::printf(" (%s:%u)", culprit.file.c_str(), culprit.line);
    std::printf(": %s\n", culprit.reason.c_str());
  }
  std::printf("  %u instructions, %.1f CPU seconds\n", result.instructions, result.cpu_seconds);
}

// Page and regression test of every group.
Expected<void> write_groups(const Options& options, const std::vector<fuzz::TriageResult>& results,
                            std::vector<std::string>& files) {
  const auto groups = fuzz::group_by_cause(results);
  if (groups.empty()) return {};
  std::error_code error;
  std::filesystem::create_directories(options.out, error);
  if (error) return fail(Place{.file = options.out}, "cannot make the folder: " + error.message());
  std::map<std::string, unsigned> taken;
  for (const auto& group : groups) {
    std::string stem = options.out + "/" + fuzz::file_stem(*group.front());
    if (const unsigned n = taken[stem]++; n != 0) stem += "-" + std::to_string(n + 1);
    const std::pair<const char*, std::string> written[] = {
        {".md", fuzz::to_markdown(group)}, {".html", fuzz::to_html(group)}, {".clif", group.front()->clif}};
    for (const auto& [suffix, text] : written) {
      if (auto wrote = write_file(stem + suffix, text); !wrote) return wrote;
      files.push_back(stem + suffix);
    }
  }
  return {};
}

// Goes on as the program beside this one whose compiler can be told to decide otherwise, with the same arguments.
// Returns if there is none: only clang makes one, and triage then says what it goes without.
void become_program_that_doubts() {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return;
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::string line{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  std::vector<char*> arguments;
  for (size_t i = 0; i < line.size(); i = line.find('\0', i) + 1) arguments.push_back(&line[i]);
  arguments.push_back(nullptr);
  execv((self.parent_path() / "assay-what-if").c_str(), arguments.data());
}

int run_triage(const Options& options) {
  if (options.doubt && !fuzz::can_doubt()) become_program_that_doubts();
  auto isas = named_isas(options.targets);
  if (!isas) return report(isas.error());
  const auto paths = expand_paths(options.paths);
  if (!paths) return report(paths.error());
  const fuzz::TriageOptions triage_options = cli::triage_options(options, std::move(*isas));
  std::vector<fuzz::TriageResult> results;
  for (const std::string& path : *paths) {
    const auto text = read_input(path);
    if (!text) return report(text.error());
    const auto test = fuzz::parse_case(*text, path);
    if (!test) return report(test.error(), *text);
    results.push_back(fuzz::triage(*test, path, triage_options));
    if (!options.json) print_text(results.back());
  }
  std::vector<std::string> files;
  if (auto wrote = write_groups(options, results, files); !wrote) return report(wrote.error());
  if (options.json) {
    std::printf("%s\n", fuzz::to_json(results).c_str());
  } else {
    for (const std::string& file : files) std::printf("wrote %s\n", file.c_str());
  }
  const bool fails = std::ranges::any_of(results, [](const fuzz::TriageResult& result) { return result.fails; });
  return fails ? kFinding : kNothingWrong;
}

}  // namespace

void add_triage(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("triage", "Find out what is wrong with failing cases");
  command->add_option("CASE", options->paths, "filetests that fail, or folders of them; - is standard input")
      ->required();
  command->add_option("--out", options->out, "folder for pages and regression tests")->capture_default_str();
  command->add_option("--target", options->targets, "only these ISAs");
  command->add_option("--seconds", options->seconds, "for one case, about")->check(CLI::Range(1.0, 1e6));
  command->add_option("--max-registers", options->max_registers, "allocate with so few registers (0: all)");
  command->add_flag("--prove,!--no-prove", options->prove, "ask the solver about rules that are to blame");
  command->add_flag("--doubt,!--no-doubt", options->doubt, "ask what the compiler's C++ might have decided");
  command->add_flag("--json", options->json, "one JSON object on standard output");
  add_example(*command, "assay triage findings/*.clif --out triage");
  command->callback([options, &action] { action = [options] { return run_triage(*options); }; });
}

}  // namespace assay::cli
