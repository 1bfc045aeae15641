// `assay mutants`: small mistakes in rules, specs and instruction definitions, each held before prover, disassembler
// and machines; tells which nobody notices.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/command.h"
#include "cli/yardstick.h"
#include "fuzz/seeded_mistake.h"
#include "verify/mutants.h"
#include "verify/rule_sources.h"

namespace assay::cli {

namespace {

using verify::MutantState;

constexpr char kExplanations[] = "corpus/mutants/rules.txt";
constexpr unsigned kFirstPatch = 1000;

struct Options {
  std::vector<std::string> isas, units;
  std::vector<std::string> kinds = {"rules", "specs"};
  std::vector<std::string> rules;
  size_t count = 0;
  uint64_t seed = 1;
  unsigned jobs = 0;
  double timeout = 5;
  std::string explanations;
  std::string table;
  std::string patches;
  bool list = false;
  bool json = false;
  SeededArguments seeded;
};

nlohmann::json to_json(const verify::MutantReport& report, bool list) {
  nlohmann::json out = {{"derived", report.derived},
                        {"mutants", report.results.size()},
                        {"killed", report.killed()},
                        {"seconds", report.seconds}};
  if (!list) {
    for (const auto& [name, state] : {std::pair{"invalid", MutantState::Invalid},
                                      {"refuted", MutantState::Refuted},
                                      {"noticed", MutantState::Noticed},
                                      {"equivalent", MutantState::Equivalent},
                                      {"explained", MutantState::Explained},
                                      {"survived", MutantState::Survived},
                                      {"unjudged", MutantState::Unjudged}}) {
      out[name] = report.count(state);
    }
  }
  nlohmann::json all = nlohmann::json::array();
  for (const verify::MutantResult& result : report.results) {
    nlohmann::json entry = {{"id", result.mutant.id},
                            {"subject", result.mutant.subject},
                            {"kind", to_string(result.mutant.kind)},
                            {"change", result.mutant.change}};
    if (!list) {
      entry["state"] = to_string(result.state);
      entry["judge"] = result.judge;
      entry["reason"] = result.reason;
      entry["seconds"] = result.seconds;
    }
    all.push_back(std::move(entry));
  }
  out["all"] = std::move(all);
  return out;
}

void print_mutant(const verify::Mutant& mutant) {
  std::printf("%s\n  %s: %s\n", mutant.id.c_str(), mutant.subject.c_str(), mutant.change.c_str());
}

void print_text(const verify::MutantReport& report) {
  for (const verify::MutantResult& result : report.results) {
    if (result.state != MutantState::Survived) continue;
    std::printf("survived: ");
    print_mutant(result.mutant);
  }
  const size_t judged = report.results.size() - report.count(MutantState::Invalid);
  std::printf(
      "%-8s %zu mutants of %zu: %zu refuted, %zu noticed, %zu survived, %zu survived and explained, %zu equivalent, "
      "%zu not judged; %.1f %% killed\n",
      report.unit.c_str(), judged, report.derived, report.count(MutantState::Refuted),
      report.count(MutantState::Noticed), report.count(MutantState::Survived), report.count(MutantState::Explained),
      report.count(MutantState::Equivalent), report.count(MutantState::Unjudged), 100 * report.killed());
  std::printf("         %zu more are refused (parser, types, the notation's checks); %.1f s, %.3f s each\n",
              report.count(MutantState::Invalid), report.seconds,
              report.seconds / static_cast<double>(std::max<size_t>(1, report.results.size())));
}

// Each refuted mutant that compiled code can show, as a seeded mistake: what is noticed by the judges of rules is
// something that fuzzing should find and triage should name, too. Numbers go on from `number`.
Expected<void> write_patches(const std::string& folder, const verify::RuleSources& sources,
                             const verify::MutantReport& report, unsigned& number) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return fail(Place{.file = folder}, "cannot make the folder: " + error.message());
  for (const verify::MutantResult& result : report.results) {
    const verify::Mutant& mutant = result.mutant;
    if (result.state != MutantState::Refuted || mutant.is_meaning || verify::is_of_spec(mutant.kind)) continue;
    const bool is_instruction = verify::is_of_instruction(mutant.kind);
    const verify::RuleSource& source = (is_instruction ? sources.instructions : sources.rules)[mutant.file];
    if (!std::string_view(source.name).starts_with("compiler/")) continue;  // made by the build
    const bool is_optimizer = report.unit == "opt";
    const std::string text = "Title: " + mutant.change + "\nArea: " +
                             (is_instruction ? "encoder"
                              : is_optimizer ? "mid-end"
                                             : "rules") +
                             "\nISA: " + (is_optimizer ? "all" : report.unit) + "\nStage: " +
                             (is_instruction ? "bytes"
                              : is_optimizer ? "optimized"
                                             : "virtual") +
                             "\nCulprit: " + mutant.subject + "\nOrigin: -\n\n" +
                             fuzz::diff_of(source.name, source.text, verify::mutated_text(mutant, source.text));
    const std::string path = folder + "/" + std::to_string(number++) + "-" + to_string(mutant.kind) + ".patch";
    if (auto written = write_file(path, text); !written) return std::unexpected(written.error());
  }
  return {};
}

int run_mutants(const Options& options) {
  if (options.kinds == std::vector<std::string>{"seeded"}) {
    SeededArguments seeded = options.seeded;
    seeded.list = options.list;
    seeded.json = options.json;
    seeded.options.seed = options.seed;
    return run_seeded(seeded);
  }
  auto chosen = named_units(options.isas, options.units);
  if (!chosen) return report(chosen.error());
  verify::MutantOptions mutant_options{.subjects = options.rules,
                                       .count = options.count,
                                       .seed = options.seed,
                                       .jobs = options.jobs,
                                       .timeout_ms = static_cast<unsigned>(options.timeout * 1000),
                                       .derive_only = options.list};
  mutant_options.kinds = {.rules = false, .specs = false};
  for (const std::string& kind : options.kinds) {
    verify::MutationOptions& kinds = mutant_options.kinds;
    bool* wanted = kind == "rules" ? &kinds.rules : kind == "specs" ? &kinds.specs : nullptr;
    if (kind == "encodings") wanted = &kinds.encodings;
    if (wanted == nullptr) {
      return report(
          Diagnostic{{}, "no mutants are called " + kind, "use rules, specs, encodings, or several with commas"});
    }
    *wanted = true;
  }
  const std::string file = options.explanations.empty() ? kExplanations : options.explanations;
  if (!options.explanations.empty() || std::filesystem::exists(file)) {
    const auto text = read_file(file);
    if (!text) return report(text.error());
    auto explanations = verify::parse_explanations(file, *text);
    if (!explanations) return report(explanations.error(), *text);
    mutant_options.explanations = std::move(*explanations);
  }
  size_t done = 0;
  const bool show = !options.json && is_terminal(STDERR_FILENO);
  if (show) {
    mutant_options.progress = [&](const verify::MutantResult& result) {
      std::fprintf(stderr, "\r\033[K%zu %s %s", ++done, result.mutant.subject.c_str(), to_string(result.state));
    };
  }
  nlohmann::json units = nlohmann::json::object();
  int status = kNothingWrong;
  unsigned patch_number = kFirstPatch;
  std::vector<std::optional<IsaKind>> parts(chosen->isas.begin(), chosen->isas.end());
  if (chosen->optimizer) parts.push_back({});
  for (const std::optional<IsaKind> isa : parts) {
    const verify::RuleSources* sources = isa ? verify::rule_sources(*isa) : &verify::optimizer_sources();
    if (sources == nullptr)
      return report(Diagnostic{{}, std::string("no rules for ") + name(*isa) + " in this build", ""});
    verify::MutantOptions unit_options = mutant_options;
    if (!isa) {  // the mid-end has no instructions
      unit_options.kinds.encodings = false;
      if (!unit_options.kinds.rules && !unit_options.kinds.specs) continue;
    }
    const auto result = isa ? verify::judge_mutants(*isa, *sources, unit_options)
                            : verify::judge_optimizer_mutants(*sources, unit_options);
    if (show) std::fprintf(stderr, "\r\033[K");
    if (!result) return report(result.error());
    if (result->results.empty() && !options.rules.empty()) {
      return report(
          Diagnostic{{}, "no rule or term of " + result->unit + " has a name like that", "assay mutants --list"});
    }
    if (result->count(MutantState::Survived) != 0) status = kFinding;
    if (!options.patches.empty()) {
      const auto written = write_patches(options.patches, *sources, *result, patch_number);
      if (!written) return report(written.error());
    }
    if (!options.table.empty()) {
      const auto page = read_file(options.table);
      if (!page) return report(page.error());
      const auto changed = verify::with_table_rows(*page, *result);
      if (!changed) return report(changed.error());
      if (!(std::ofstream(options.table) << *changed)) {
        return report(Diagnostic{{.file = options.table}, "cannot write the file", ""});
      }
    }
    if (options.json) {
      units[result->unit] = to_json(*result, options.list);
    } else if (options.list) {
      for (const verify::MutantResult& r : result->results) print_mutant(r.mutant);
    } else {
      print_text(*result);
    }
  }
  if (options.json) std::printf("%s\n", nlohmann::json{{"units", units}}.dump(2).c_str());
  return status;
}

}  // namespace

void add_mutants(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "mutants", "Hold small mistakes in rules, specs and instruction definitions before the judges");
  command->add_option("--isa,--target", options->isas, "x64, aarch64, riscv64, s390x; several; default: all");
  command->add_option("--unit", options->units, "of these rules: an ISA's, or opt for the mid-end's; several");
  command
      ->add_option("--kind", options->kinds,
                   "rules, specs, encodings; several with commas; default: rules,specs; or seeded")
      ->delimiter(',');
  command->add_option("--rule", options->rules, "only rules and specs whose name contains this; several");
  command->add_option("--count", options->count, "a random choice of so many; default: all");
  command->add_option("--seed", options->seed, "the choice follows from it");
  command->add_option("--jobs", options->jobs, "threads; default: one per processor");
  command->add_option("--timeout", options->timeout, "seconds of processor time per query")
      ->check(CLI::Range(0.001, 86400.0));
  command->add_option("--explanations", options->explanations,
                      std::string("why survivors are no holes; default: ") + kExplanations + ", if it is there");
  command->add_option("--page", options->table, "puts the figures into the table of this page (docs/mutants.md)");
  command->add_option("--patches", options->patches,
                      "write those that are refuted into this folder, as seeded mistakes for fuzzing and triage");
  command->add_flag("--list", options->list, "list the mutants, prove nothing");
  command->add_flag("--json", options->json, "one JSON object on standard output");
  add_seeded_options(*command, options->seeded);
  add_example(*command, "assay mutants --kind rules --isa riscv64 --rule iadd");
  command->callback([options, &action] { action = [options] { return run_mutants(*options); }; });
}

}  // namespace assay::cli
