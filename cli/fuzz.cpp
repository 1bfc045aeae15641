// `assay fuzz`: a differential campaign. Random programs, compiled for every ISA at every optimisation level, run
// everywhere on the same inputs, held against the interpreter.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "fuzz/campaign.h"

namespace assay::cli {

namespace {

struct Options {
  double seconds = 60;
  uint64_t programs = 0;
  unsigned jobs = 1;
  uint64_t seed = 1;
  unsigned inputs = 4;
  unsigned max_instructions = 40;
  unsigned max_registers = 0;
  std::vector<std::string> targets;
  std::string out = "findings";
  bool qemu = false;
  bool no_native = false;
  bool json = false;
};

uint64_t outcome_count(const fuzz::CampaignReport& report, interpreter::OutcomeKind kind) {
  return report.stats.interpreted[static_cast<size_t>(kind)];
}

std::vector<std::string> rules_never_fired(const fuzz::CampaignReport& report) {
  std::vector<std::string> out;
  for (const auto& [rule, count] : report.rules_fired) {
    if (count == 0) out.push_back(rule);
  }
  return out;
}

nlohmann::json to_json(const fuzz::CampaignReport& report) {
  const auto& stats = report.stats;
  nlohmann::json executors = nlohmann::json::object();
  for (const auto& [name, executor] : stats.executors) {
    executors[name] = {{"executions", executor.runs}, {"seconds", static_cast<double>(executor.nanoseconds) * 1e-9}};
  }
  nlohmann::json files = nlohmann::json::array();
  for (size_t i = 0; i < report.files.size(); ++i) {
    files.push_back({{"file", report.files[i]}, {"what", report.descriptions[i]}});
  }
  nlohmann::json outcomes = nlohmann::json::object();
  for (size_t i = 0; i < stats.interpreted.size(); ++i) {
    outcomes[interpreter::name(static_cast<interpreter::OutcomeKind>(i))] = stats.interpreted[i];
  }
  return {{"functions", stats.functions},
          {"programs", report.programs},
          {"seconds", report.seconds},
          {"functions_per_second", report.functions_per_second()},
          {"compiles", stats.compiles},
          {"executions", stats.executions},
          {"executions_per_second", report.seconds > 0 ? static_cast<double>(stats.executions) / report.seconds : 0},
          {"findings", report.findings},
          {"findings_by_key", report.by_key},
          {"files", files},
          {"outcomes", outcomes},
          {"executors", executors},
          {"not_run", stats.not_run},
          {"never_exercised", report.never},
          {"rules_never_fired", rules_never_fired(report)}};
}

void print_text(const fuzz::CampaignReport& report) {
  using Kind = interpreter::OutcomeKind;
  const auto& stats = report.stats;
  for (size_t i = 0; i < report.files.size(); ++i) {
    std::printf("finding: %s\n  %s\n", report.files[i].c_str(), report.descriptions[i].c_str());
  }
  std::printf("%llu functions in %.1f s: %.0f functions/s, each compiled for every ISA at every level\n",
              static_cast<unsigned long long>(stats.functions), report.seconds, report.functions_per_second());
  std::printf("%llu compiles, %llu executions (%.0f/s)\n", static_cast<unsigned long long>(stats.compiles),
              static_cast<unsigned long long>(stats.executions),
              report.seconds > 0 ? static_cast<double>(stats.executions) / report.seconds : 0);
  for (const auto& [name, executor] : stats.executors) {
    std::printf("  %-16s %9llu executions, %6.2f us each\n", name.c_str(), static_cast<unsigned long long>(executor.runs),
                executor.runs != 0 ? static_cast<double>(executor.nanoseconds) * 1e-3 / static_cast<double>(executor.runs) : 0);
  }
  uint64_t inputs = stats.depends;
  for (uint64_t count : stats.interpreted) inputs += count;
  const auto percent = [&](uint64_t count) {
    return inputs != 0 ? 100.0 * static_cast<double>(count) / static_cast<double>(inputs) : 0;
  };
  std::printf("inputs: %.1f %% return, %.1f %% trap, %.1f %% run out of fuel, %.1f %% cannot be compared\n",
              percent(outcome_count(report, Kind::Returned)), percent(outcome_count(report, Kind::Trapped)),
              percent(outcome_count(report, Kind::OutOfFuel)),
              percent(outcome_count(report, Kind::UndefinedBehaviour) + outcome_count(report, Kind::Unsupported) + stats.depends));
  for (const auto& [reason, count] : stats.not_run) {
    std::printf("not run: %s (%llu inputs)\n", reason.c_str(), static_cast<unsigned long long>(count));
  }
  if (report.never.empty()) {
    std::printf("every operation of the subset was exercised at every type\n");
  } else {
    std::printf("never exercised:");
    for (const std::string& operation : report.never) std::printf(" %s", operation.c_str());
    std::printf("\n");
  }
  const auto quiet = rules_never_fired(report);
  std::printf("rules: %zu of %zu fired\n", report.rules_fired.size() - quiet.size(), report.rules_fired.size());
  std::printf("findings: %llu\n", static_cast<unsigned long long>(report.findings));
}

int run_fuzz(const Options& options) {
  fuzz::CampaignOptions campaign{.seconds = options.seconds,
                                 .programs = options.programs,
                                 .jobs = options.jobs,
                                 .seed = options.seed,
                                 .out = options.out};
  campaign.generate.inputs = options.inputs;
  campaign.generate.max_instructions = options.max_instructions;
  campaign.harness.max_registers = options.max_registers;
  campaign.harness.qemu = options.qemu;
  campaign.harness.native = !options.no_native;
  if (!options.targets.empty()) campaign.harness.isas.clear();
  for (const std::string& text : options.targets) {
    const auto isa = isa_from_name(text);
    if (!isa) return report(Diagnostic{{}, "no ISA is called " + text, "use x64, aarch64, riscv64 or s390x"});
    campaign.harness.isas.push_back(*isa);
  }
  const bool show = !options.json && is_terminal(STDERR_FILENO);
  if (show) {
    campaign.progress = [](const fuzz::CampaignReport& now) {
      std::fprintf(stderr, "\r\033[K%.0f s, %llu functions (%.0f/s), %llu findings", now.seconds,
                   static_cast<unsigned long long>(now.stats.functions), now.functions_per_second(),
                   static_cast<unsigned long long>(now.findings));
    };
  }
  const auto result = fuzz::run_campaign(campaign);
  if (show) std::fprintf(stderr, "\r\033[K");
  if (!result) return report(result.error());
  if (options.json) {
    std::printf("%s\n", to_json(*result).dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
  } else {
    print_text(*result);
  }
  return result->findings != 0 ? kFinding : kNothingWrong;
}

}  // namespace

void add_fuzz(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("fuzz", "Run a differential campaign on random programs");
  command->add_option("--seconds", options->seconds, "how long")->check(CLI::Range(0.0, 1e9));
  command->add_option("--programs", options->programs, "stop after so many programs");
  command->add_option("--jobs", options->jobs, "worker processes")->check(CLI::Range(1, 256));
  command->add_option("--seed", options->seed, "the programs follow from it");
  command->add_option("--inputs", options->inputs, "sets of arguments for each program")->check(CLI::Range(1, 1000));
  command->add_option("--max-instructions", options->max_instructions, "of a function, roughly")->check(CLI::Range(4, 100000));
  command->add_option("--max-registers", options->max_registers, "allocate with so few registers (0: all)");
  command->add_option("--target", options->targets, "x64, aarch64, riscv64, s390x; several; default: all");
  command->add_option("--out", options->out, "folder for findings");
  command->add_flag("--qemu", options->qemu, "run everything under user-mode QEMU too");
  command->add_flag("--no-native", options->no_native, "do not run x64 code on this processor");
  command->add_flag("--json", options->json, "one JSON object on standard output");
  add_example(*command, "assay fuzz --seconds 60 --jobs 2 --out findings");
  command->callback([options, &action] { action = [options] { return run_fuzz(*options); }; });
}

}  // namespace assay::cli
