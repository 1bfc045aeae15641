// `assay campaign`: a campaign that lives in a folder. It keeps a corpus, goes on where it stopped or was killed, runs
// the other libFuzzer targets too where they are built, and writes one report.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "cli/campaign_options.h"
#include "cli/command.h"
#include "fuzz/campaign_print.h"
#include "fuzz/campaign_session.h"

namespace assay::cli {

namespace {

struct Options {
  CampaignFlags flags;
  fuzz::SessionOptions session;
  std::vector<std::string> seeds;
  unsigned mutated_percent = fuzz::CampaignOptions().mutated_percent;
};

int run_campaign(const Options& options) {
  auto campaign = campaign_options(options.flags);
  if (!campaign) return report(campaign.error());
  auto seeds = expand_paths(options.seeds);
  if (!seeds) return report(seeds.error());
  campaign->seeds = std::move(*seeds);
  campaign->mutated_percent = options.mutated_percent;
  std::vector<std::string> notes;
  const auto result = [&] {
    const CampaignProgress progress(options.flags, *campaign);
    return fuzz::run_session(options.session, *campaign, notes);
  }();
  if (!result) return report(result.error());
  for (const std::string& note : notes) std::fprintf(stderr, "%s\n", note.c_str());
  if (options.flags.json) {
    std::printf("%s\n", fuzz::to_json(*result).c_str());
  } else {
    std::printf("%s%s/report.html\n%s/report.json\n", fuzz::to_text(*result).c_str(), options.session.folder.c_str(),
                options.session.folder.c_str());
  }
  return result->findings != 0 ? kFinding : kNothingWrong;
}

}  // namespace

void add_campaign(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("campaign", "Run, or go on with, a campaign whose corpus and findings live in a folder");
  command->add_option("folder", options->session.folder, "made if it does not exist")->required();
  add_campaign_flags(*command, options->flags);
  command
      ->add_option("--targets", options->session.targets,
                   "differential, and libFuzzer targets by name; default: differential and all that are built")
      ->delimiter(',');
  command->add_option("--fuzzers", options->session.fuzzers, "folder with the libFuzzer targets")
      ->capture_default_str();
  command->add_option("--seeds", options->seeds, "CLIF files or folders to begin with");
  command->add_option("--mutated", options->mutated_percent, "percent of the programs that are mutations")
      ->check(CLI::Range(0, 100));
  command->add_flag("--minimise", options->session.minimise, "first drop entries whose coverage others have");
  add_example(*command, "assay campaign nightly --seconds 3600 --jobs 2 --targets differential,regalloc,moves");
  command->callback([options, &action] { action = [options] { return run_campaign(*options); }; });
}

}  // namespace assay::cli
