// See campaign_options.h.
#include "cli/campaign_options.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>

#include "compiler/isa/registry.h"

namespace assay::cli {

void add_campaign_flags(CLI::App& command, CampaignFlags& flags) {
  command.add_option("--seconds", flags.seconds, "how long")->check(CLI::Range(0.0, 1e9));
  command.add_option("--programs", flags.programs, "stop after so many programs");
  command.add_option("--jobs", flags.jobs, "worker processes")->check(CLI::Range(1, 256));
  command.add_option("--seed", flags.seed, "the programs follow from it");
  command.add_option("--inputs", flags.inputs, "sets of arguments for each program")->check(CLI::Range(1, 1000));
  command.add_option("--max-instructions", flags.max_instructions, "of a function, roughly")
      ->check(CLI::Range(4, 100000));
  command
      .add_option("--choices", flags.choices,
                  "share of the programs, in percent, for which the compiler also chooses at random")
      ->check(CLI::Range(0, 100));
  command
      .add_option("--focus", flags.focus,
                  "share of the programs, in percent, that are made for one machine and tried on that only")
      ->check(CLI::Range(0, 100));
  command.add_option("--max-registers", flags.max_registers, "allocate with so few registers (0: all)");
  command.add_option("--opt-level", flags.opt_levels, "none, speed or speed_and_size; several; default: none, speed")
      ->check(CLI::IsMember({"none", "speed", "speed_and_size"}));
  command.add_option("--target", flags.isas, "x64, aarch64, riscv64, s390x; several; default: all");
  command.add_option("--features", flags.features, kFeaturesHelp);
  command.add_flag("--qemu", flags.qemu, "run everything under user-mode QEMU too");
  command.add_flag("--no-native", flags.no_native, "do not run x64 code on this processor");
  command.add_flag("--json", flags.json, "one JSON object on standard output");
}

Expected<fuzz::CampaignOptions> campaign_options(const CampaignFlags& flags) {
  fuzz::CampaignOptions options{
      .seconds = flags.seconds, .programs = flags.programs, .jobs = flags.jobs, .seed = flags.seed};
  options.generate.inputs = flags.inputs;
  options.generate.max_instructions = flags.max_instructions;
  options.choices_percent = flags.choices;
  options.focus_percent = flags.focus;
  options.harness.max_registers = flags.max_registers;
  if (!flags.opt_levels.empty()) options.harness.opt_levels.clear();
  for (const std::string& level : flags.opt_levels) {
    options.harness.opt_levels.push_back(*machine::opt_level_from_name(level));
  }
  options.harness.qemu = flags.qemu;
  options.harness.native = !flags.no_native;
  auto isas = named_isas(flags.isas);
  if (!isas) return std::unexpected(isas.error());
  const auto features = named_features(flags.features, *isas);
  if (!features) return std::unexpected(features.error());
  options.harness.features = *features;
  // Where only some machines have them, a few programs do: the others say that they do not run those.
  const auto has_wide = [&](IsaKind kind) {
    const machine::TargetIsa* isa = isa::find_isa(kind);
    if (isa == nullptr) return true;
    machine::Expanded expanded = isa->expanded;
    if (isa->expanded_with != nullptr) isa->expanded_with((*features)[static_cast<size_t>(kind)], expanded);
    return expanded.wide_cas;
  };
  options.generate.wide_atomics = std::ranges::all_of(*isas, has_wide)   ? 100
                                  : std::ranges::any_of(*isas, has_wide) ? 10
                                                                         : 0;
  options.harness.isas = std::move(*isas);
  return options;
}

CampaignProgress::CampaignProgress(const CampaignFlags& flags, fuzz::CampaignOptions& options)
    : shown_(!flags.json && is_terminal(STDERR_FILENO)) {
  if (!shown_) return;
  options.progress = [](const fuzz::CampaignReport& now) {
    std::fprintf(stderr, "\r\033[K%.0f s, %llu functions (%.0f/s), %llu findings", now.seconds,
                 static_cast<unsigned long long>(now.stats.functions), now.functions_per_second(),
                 static_cast<unsigned long long>(now.findings));
  };
}

CampaignProgress::~CampaignProgress() {
  if (shown_) std::fprintf(stderr, "\r\033[K");
}

}  // namespace assay::cli
