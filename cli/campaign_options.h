// What `assay fuzz` and `assay campaign` have in common: options of the programs, and progress on a terminal.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/command.h"
#include "fuzz/campaign.h"

namespace assay::cli {

struct CampaignFlags {
  double seconds = 60;
  uint64_t programs = 0;
  unsigned jobs = 1;
  uint64_t seed = 1;
  unsigned inputs = 8;
  unsigned max_instructions = 40;
  unsigned choices = 25;
  unsigned focus = 90;
  unsigned max_registers = 0;
  std::vector<std::string> opt_levels;  // none: as the harness has them
  std::vector<std::string> isas;
  std::string features;
  bool qemu = false;
  bool no_native = false;
  bool json = false;
};

// `flags` must live as long as `command`.
void add_campaign_flags(CLI::App& command, CampaignFlags& flags);

Expected<fuzz::CampaignOptions> campaign_options(const CampaignFlags& flags);

// Shows progress on standard error while it lives, if that is a terminal and the output is not for programs.
class CampaignProgress {
 public:
  CampaignProgress(const CampaignFlags& flags, fuzz::CampaignOptions& options);
  ~CampaignProgress();
  CampaignProgress(const CampaignProgress&) = delete;
  CampaignProgress& operator=(const CampaignProgress&) = delete;

 private:
  bool shown_;
};

}  // namespace assay::cli
