// `assay fuzz`: a differential campaign that keeps nothing but its findings. Random programs, compiled for every ISA at
// every optimisation level, run everywhere on the same inputs, held against the interpreter.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "cli/campaign_options.h"
#include "cli/command.h"
#include "fuzz/campaign.h"
#include "fuzz/campaign_print.h"

namespace assay::cli {

namespace {

struct Options {
  CampaignFlags flags;
  std::string out = "findings";
};

int run_fuzz(const Options& options) {
  auto campaign = campaign_options(options.flags);
  if (!campaign) return report(campaign.error());
  campaign->out = options.out;
  const auto result = [&] {
    const CampaignProgress progress(options.flags, *campaign);
    return fuzz::run_campaign(*campaign);
  }();
  if (!result) return report(result.error());
  std::fputs(options.flags.json ? (fuzz::to_json(*result) + "\n").c_str() : fuzz::to_text(*result).c_str(), stdout);
  return result->findings != 0 ? kFinding : kNothingWrong;
}

}  // namespace

void add_fuzz(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("fuzz", "Run a differential campaign on random programs");
  add_campaign_flags(*command, options->flags);
  command->add_option("--out", options->out, "folder for findings");
  add_example(*command, "assay fuzz --seconds 60 --jobs 2 --out findings");
  command->callback([options, &action] { action = [options] { return run_fuzz(*options); }; });
}

}  // namespace assay::cli
