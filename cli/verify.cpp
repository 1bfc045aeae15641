// `assay verify`: proves the lowering rules of the given ISAs and those of the mid-end with an SMT solver.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <future>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/judges.h"
#include "cli/sweep.h"
#include "cli/witnesses.h"
#include "compiler/isa/registry.h"
#include "compiler/isle/sema.h"
#include "verify/helper_check.h"
#include "verify/helper_table.h"
#include "verify/proof_cache.h"
#include "verify/rule_classes.h"
#include "verify/rule_sources.h"
#include "verify/spec_changes.h"
#include "verify/totality.h"
#include "verify/verify.h"

namespace assay::cli {

namespace {

struct Options {
  std::vector<std::string> isas;
  std::vector<std::string> units;
  std::vector<std::string> rules;
  unsigned jobs = 0;
  double timeout = 60;
  std::string export_directory;
  std::string tree;
  WitnessArguments witnesses;
  JudgeArguments judges;
  SweepArguments sweep;
  std::string cache = verify::default_cache_path();
  bool no_cache = false;
  double recheck = 0;
  bool cross_check = false;
  bool list = false;
  bool json = false;
};

nlohmann::json to_json(const verify::UnitResult& unit) {
  nlohmann::json rules = nlohmann::json::array(), trusted = nlohmann::json::array();
  nlohmann::json one_input = nlohmann::json::array();
  for (const verify::RuleResult& rule : unit.rules) {
    if (rule.has_one_input) one_input.push_back(rule.name);
    if (rule.state == verify::RuleState::Trusted) trusted.push_back({{"name", rule.name}, {"reason", rule.reason}});
  }
  for (const verify::RuleResult& rule : unit.rules) {
    if (rule.state == verify::RuleState::Proven || rule.state == verify::RuleState::Trusted) continue;
    rules.push_back({{"name", rule.name},
                     {"file", rule.file},
                     {"line", rule.line},
                     {"state", to_string(rule.state)},
                     {"reason", rule.reason},
                     {"counterexample", rule.counterexample},
                     {"function", rule.function}});
  }
  return {{"rules", unit.rules.size()},
          {"proven", unit.proven},
          {"trusted", unit.trusted},
          {"failed", unit.failed},
          {"unknown", unit.unknown},
          {"instantiations", unit.instantiations},
          {"settled", unit.settled},
          {"queries", unit.queries},
          {"known", unit.known},
          {"confirmed", unit.confirmed},
          {"unconfirmed", unit.unconfirmed},
          {"seconds", unit.seconds},
          {"cpu_seconds", unit.cpu_seconds},
          {"one_input", one_input},
          {"open", rules},
          {"contracts", trusted}};
}

void print_text(const verify::UnitResult& unit, bool list) {
  for (const verify::RuleResult& rule : unit.rules) {
    if (rule.state == verify::RuleState::Failed) {
      std::printf("%s:%u: rule %s does not hold\n%s", rule.file.c_str(), rule.line, rule.name.c_str(),
                  rule.counterexample.c_str());
      if (!rule.function.empty()) {
        std::printf("  for `assay test`:\n%s\n", rule.function.c_str());
      } else {
        std::printf("  no function shows it: %s\n", rule.obstacle.c_str());
      }
    }
  }
  unsigned from_lemmas = 0;
  for (const verify::RuleResult& rule : unit.rules) {
    const bool proven = rule.state == verify::RuleState::Proven;
    if (proven && !rule.lemmas.empty()) ++from_lemmas;
    if (rule.has_one_input) {
      std::printf("%s:%u: rule %s fires for one input only\n", rule.file.c_str(), rule.line, rule.name.c_str());
    }
    if (rule.state == verify::RuleState::Unknown || (list && rule.state == verify::RuleState::Trusted)) {
      std::printf("%s:%u: rule %s %s: %s\n", rule.file.c_str(), rule.line, rule.name.c_str(),
                  rule.state == verify::RuleState::Trusted ? "trusted" : "not proven", rule.reason.c_str());
    } else if (list && proven) {
      std::string lemmas;
      for (const std::string& lemma : rule.lemmas) lemmas += (lemmas.empty() ? ", from the specs of " : ", ") + lemma;
      std::printf("%s:%u: rule %s proven, %u instantiations, %.2f s%s\n", rule.file.c_str(), rule.line,
                  rule.name.c_str(), rule.applicable, rule.seconds, lemmas.c_str());
    }
  }
  const std::string known = unit.known != 0 ? "; " + std::to_string(unit.known) + " of " +
                                                  std::to_string(unit.queries) + " queries asked before"
                                            : "";
  std::printf(
      "%-8s %zu rules: %u proven (%u of them from lemmas), %u trusted, %u failed, %u unknown; %llu instantiations in "
      "%.1f s "
      "(%.0f per core-second%s)\n",
      unit.unit.c_str(), unit.rules.size(), unit.proven, from_lemmas, unit.trusted, unit.failed, unit.unknown,
      static_cast<unsigned long long>(unit.instantiations), unit.seconds,
      static_cast<double>(unit.instantiations) / (unit.cpu_seconds > 0 ? unit.cpu_seconds : 1), known.c_str());
  if (unit.confirmed + unit.unconfirmed != 0) {
    std::printf("%-8s cvc5 confirms %llu proofs and gave up on %llu\n", "",
                static_cast<unsigned long long>(unit.confirmed), static_cast<unsigned long long>(unit.unconfirmed));
  }
}

nlohmann::json to_json(const verify::Totality& totality) {
  nlohmann::json holes = nlohmann::json::array();
  for (const verify::Hole& hole : totality.holes) holes.push_back({{"what", hole.what}, {"reason", hole.reason}});
  nlohmann::json overlaps = nlohmann::json::array();
  for (const verify::Hole& overlap : totality.overlaps)
    overlaps.push_back({{"what", overlap.what}, {"reason", overlap.reason}});
  return {{"covered", totality.covered.size()}, {"holes", holes}, {"pairs", totality.pairs}, {"overlaps", overlaps}};
}

void print_text(const verify::Totality& totality) {
  std::printf("%-8s some rule always matches: %zu operations and helper terms at their types%s\n", "",
              totality.covered.size(), totality.holes.empty() ? "" : ", but not");
  for (const verify::Hole& overlap : totality.overlaps)
    std::printf("%-8s overlap: %s: %s\n", "", overlap.what.c_str(), overlap.reason.c_str());
  for (const verify::Hole& hole : totality.holes)
    std::printf("%-10s %s: %s\n", "", hole.what.c_str(), hole.reason.c_str());
}

nlohmann::json to_json(const verify::RuleClasses& classes) {
  nlohmann::json cycles = nlohmann::json::array(), rules = nlohmann::json::object();
  for (const verify::RuleCycle& cycle : classes.cycles) {
    cycles.push_back({{"class", to_string(cycle.rule_class)}, {"rules", cycle.rules}});
  }
  for (const verify::ClassifiedRule& rule : classes.rules) {
    rules[rule.name] = {{"class", to_string(rule.rule_class)},
                        {"left_cost", rule.left_cost},
                        {"right_cost", rule.right_cost},
                        {"law", rule.law}};
    if (!rule.reason.empty()) rules[rule.name]["reason"] = rule.reason;
  }
  return {{"shrinking", classes.shrinking}, {"reordering", classes.reordering},
          {"growing", classes.growing},     {"families", classes.families},
          {"steps", classes.steps},         {"feeds", classes.feeds},
          {"ended", classes.ended},         {"cycles", cycles},
          {"lawless", classes.lawless},     {"rules", rules}};
}

void print_text(const verify::RuleClasses& classes, bool list) {
  for (const verify::ClassifiedRule& rule : classes.rules) {
    if (!list) break;
    std::printf("%-8s %s: %s, costs %u -> %u%s%s\n", "", rule.name.c_str(), to_string(rule.rule_class), rule.left_cost,
                rule.right_cost, rule.reason.empty() ? "" : ": ", rule.reason.c_str());
  }
  std::printf("%-8s %u rules are shrinking, %u reordering, %u growing; %u families\n", "", classes.shrinking,
              classes.reordering, classes.growing, classes.families);
  for (const verify::RuleCycle& cycle : classes.cycles) {
    std::printf("%-8s %s cycle, perhaps without end:", "", to_string(cycle.rule_class));
    for (const std::string& rule : cycle.rules) std::printf(" %s ->", rule.c_str());
    std::printf(" %s\n", cycle.rules.front().c_str());
  }
  if (classes.cycles.empty()) std::printf("%-8s no rules feed each other for ever\n", "");
  for (const std::string& rule : classes.lawless) {
    std::printf("%-8s no line above rule %s states its law\n", "", rule.c_str());
  }
}

// Specs of C++ terms that the C++ in this program does not keep: what is proven from them is worth nothing. Only asked
// of those of a source tree that are not the build's; these are held by helper_check_test.
Expected<std::vector<verify::Judgement>> broken_specs(std::optional<IsaKind> isa, const verify::RuleSources& built,
                                                      const verify::RuleSources& sources) {
  const verify::SpecChanges changes = verify::changed_specs(built, sources);
  if (changes.none()) return {};
  verify::HelperCheckOptions options;
  if (!changes.all) options.only = changes.terms;
  const machine::TargetIsa* target = isa ? isa::find_isa(*isa) : nullptr;
  auto rows = target != nullptr ? verify::check_helpers(*target, sources, verify::helper_table(*isa), options)
                                : verify::check_optimizer_helpers(sources, options);
  if (rows) std::erase_if(*rows, [](const verify::Judgement& row) { return !is_failure(row.state); });
  return rows;
}

nlohmann::json to_json(const std::vector<verify::Judgement>& rows) {
  nlohmann::json out = nlohmann::json::array();
  for (const verify::Judgement& row : rows) out.push_back({{"name", row.name}, {"reason", row.reason}});
  return out;
}

int run_verify(const Options& options) {
  const bool all = options.isas.empty() && options.units.empty();
  const auto chosen = named_units(options.isas, options.units);
  if (!chosen) return report(chosen.error());
  const std::vector<IsaKind>& isas = chosen->isas;
  const bool optimizer = chosen->optimizer;
  if (options.sweep.wanted) {
    SweepArguments arguments = options.sweep;
    arguments.options.isas = isas;
    arguments.options.only = options.rules;
    arguments.options.seed = options.judges.seed;
    arguments.seconds = options.judges.seconds;
    arguments.jobs = options.jobs;
    arguments.list = options.list;
    arguments.json = options.json;
    return run_sweep(arguments);
  }
  if (options.judges.conformance || options.judges.encodings) {
    JudgeArguments arguments = options.judges;
    arguments.instructions = options.rules;
    arguments.jobs = options.jobs;
    arguments.tree = options.tree;
    arguments.list = options.list;
    arguments.json = options.json;
    return run_judges(arguments, isas);
  }
  if (!options.witnesses.directory.empty()) {
    if (!options.tree.empty()) {
      return report(Diagnostic{{}, "witnesses are compiled: --tree cannot judge them", "build the tree first"});
    }
    WitnessArguments arguments = options.witnesses;
    arguments.rules = options.rules;
    arguments.optimizer = optimizer;
    arguments.json = options.json;
    return run_witnesses(arguments, isas);
  }
  if (!options.export_directory.empty()) {
    std::error_code error;
    std::filesystem::create_directories(options.export_directory, error);
    if (error)
      return report(Diagnostic{{.file = options.export_directory}, "cannot make the folder: " + error.message(), ""});
  }
  verify::VerifyOptions verify_options{.jobs = options.jobs,
                                       .timeout_ms = static_cast<unsigned>(options.timeout * 1000),
                                       .rules = options.rules,
                                       .with_users = true,
                                       .export_directory = options.export_directory,
                                       .cache = options.no_cache ? "" : options.cache,
                                       .recheck = options.recheck,
                                       .cross_check = options.cross_check};
  unsigned done = 0;
  if (!options.json && is_terminal(STDERR_FILENO)) {
    verify_options.progress = [&](const verify::RuleResult& rule) {
      std::fprintf(stderr, "\r\033[K%u %s", ++done, rule.name.c_str());
    };
  }
  nlohmann::json units = nlohmann::json::object();
  int status = kNothingWrong;
  std::vector<std::optional<IsaKind>> wanted(isas.begin(), isas.end());
  if (optimizer) wanted.emplace_back();
  size_t found = 0;
  for (const std::optional<IsaKind> isa : wanted) {
    std::unique_ptr<verify::SourceTree> tree;
    const verify::RuleSources* built = isa ? verify::rule_sources(*isa) : &verify::optimizer_sources();
    const verify::RuleSources* sources = built;
    if (built == nullptr)
      return report(Diagnostic{{}, std::string("no rules for ") + name(*isa) + " in this build", ""});
    if (!options.tree.empty()) {
      auto read = verify::SourceTree::read(*sources, options.tree);
      if (!read) return report(read.error());
      tree = *std::move(read);
      sources = &tree->sources();
      // The prover takes any priorities; of rules that overlap the build would say so.
      std::vector<isle::SourceFile> files;
      for (const verify::RuleSource& source : sources->rules) files.push_back({source.name, std::string(source.text)});
      const isle::CheckResult checked = isle::check_program(std::move(files));
      if (!checked.ok()) return report(checked.errors.front());
    }
    const bool whole = options.rules.empty() && isa;
    std::future<Expected<verify::Totality>> asked;
    if (whole) {
      asked = std::async(options.jobs == 1 ? std::launch::deferred : std::launch::async,
                         [sources] { return verify::check_totality(*sources); });
    }
    const auto unit = isa ? verify::verify_sources(*isa, *sources, verify_options)
                          : verify::verify_optimizer(*sources, verify_options);
    if (verify_options.progress) std::fprintf(stderr, "\r\033[K");
    if (!unit) return report(unit.error());
    found += unit->rules.size();
    if (unit->rules.empty() && !options.rules.empty()) {
      // Of all units some may have no such rule.
      if (all && (isa || found != 0)) continue;
      return report(Diagnostic{{}, "no rule of " + unit->unit + " has a name like that", "assay verify --list"});
    }
    if (unit->failed != 0) status = kFinding;
    std::optional<verify::RuleClasses> classes;
    if (!isa && options.rules.empty()) {
      auto classified = verify::classify_rules(*sources);
      if (!classified) return report(classified.error());
      classes = *std::move(classified);
      if (!classes->cycles.empty() || !classes->lawless.empty()) status = kFinding;
    }
    const auto totality = whole ? asked.get() : verify::Totality{};
    if (!totality) return report(totality.error());
    if (!totality->holes.empty() || !totality->overlaps.empty()) status = kFinding;
    std::vector<verify::Judgement> broken;
    if (tree != nullptr) {
      auto rows = broken_specs(isa, *built, *sources);
      if (!rows) return report(rows.error());
      broken = std::move(*rows);
      if (!broken.empty()) status = kFinding;
    }
    if (options.json) {
      units[unit->unit] = to_json(*unit);
      if (whole) units[unit->unit]["totality"] = to_json(*totality);
      if (classes) units[unit->unit]["classes"] = to_json(*classes);
      if (tree != nullptr) units[unit->unit]["broken_specs"] = to_json(broken);
    } else {
      print_text(*unit, options.list);
      for (const verify::Judgement& row : broken) {
        std::printf("%-8s spec of %s, which is C++: %s\n", "", row.name.c_str(), row.reason.c_str());
      }
      if (whole) print_text(*totality);
      if (classes) print_text(*classes, options.list);
    }
  }
  if (options.json) std::printf("%s\n", nlohmann::json{{"units", units}}.dump(2).c_str());
  return status;
}

}  // namespace

void add_verify(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("verify", "Prove the rules: of lowering, of the mid-end");
  command->add_option("--isa,--target", options->isas, "x64, aarch64, riscv64, s390x; several; default: all");
  command->add_option("--unit", options->units, "the same, or opt: the mid-end; several; default: all");
  command->add_option("--rule", options->rules, "only rules whose name contains this; several");
  command
      ->add_option("--tree", options->tree, "take the rules and instructions from this source tree, not those built in")
      ->check(CLI::ExistingDirectory);
  command->add_option("--jobs", options->jobs, "threads; default: one per processor");
  command->add_option("--timeout", options->timeout, "seconds of processor time per query")
      ->check(CLI::Range(0.001, 86400.0));
  command->add_option("--export-smt", options->export_directory, "write each query into this folder as SMT-LIB");
  command->add_option("--witnesses", options->witnesses.directory,
                      "instead: write functions that make each rule fire into this folder, ISA.clif, and run them");
  command->add_option("--per-rule", options->witnesses.per_rule, "witnesses of a rule, at most")->capture_default_str();
  command->add_flag(
      "--conformance", options->judges.conformance,
      "instead: run the instructions on emulators and the host, against their definitions; --rule chooses");
  command->add_flag("--encodings", options->judges.encodings,
                    "instead: hold the instructions' bytes and texts against a disassembler; --rule chooses");
  command->add_flag(
      "--operations", options->sweep.wanted,
      "instead: run single operations on very many operands, interpreter against machines; --rule chooses");
  command->add_option("--patterns", options->sweep.options.patterns, "with --operations: of each")
      ->capture_default_str();
  command
      ->add_option("--seconds", options->judges.seconds, "with these three: for how long; default: one round of each")
      ->check(CLI::Range(0.0, 1e9));
  command->add_option("--seed", options->judges.seed, "with these three: the cases follow from it")
      ->capture_default_str();
  command->add_option("--cache", options->cache, "file with the verdicts of earlier runs")->capture_default_str();
  command->add_flag("--no-cache", options->no_cache, "ask the solver everything");
  command->add_option("--recheck", options->recheck, "share of the known verdicts to ask again")
      ->check(CLI::Range(0.0, 1.0));
  command->add_flag("--cross-check", options->cross_check, "have cvc5 confirm each proof");
  command->add_flag("--list", options->list, "the whole ledger: proven and trusted rules too");
  command->add_flag("--json", options->json, "one JSON object on standard output");
  add_example(*command, "assay verify --isa riscv64 --rule iadd");
  command->callback([options, &action] { action = [options] { return run_verify(*options); }; });
}

}  // namespace assay::cli
