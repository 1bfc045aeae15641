// A run of a campaign that lives in a folder: the differential target in this program, and the other libFuzzer targets
// as processes, take turns until the time is up; after each turn the report is written.
//
//   FOLDER/report.html, report.json     of everything since the campaign was begun
//   FOLDER/targets/NAME/                 a libFuzzer target's corpus, its last log, and crashes not yet looked at
#pragma once

#include <string>
#include <vector>

#include "fuzz/campaign.h"

namespace assay::fuzz {

struct SessionOptions {
  std::string folder;
  std::vector<std::string> targets;                 // names; empty: differential and all that are built
  std::string fuzzers = "build/fuzz/fuzz/targets";  // folder of NAME_fuzzer, NAME_fuzzer.dict, NAME_fuzzer_seeds
  bool minimise = false;                            // first
  double turn_seconds = 60;                         // of each kind of target
};

// `options.seconds` is the whole time. `notes` gets what people should know: targets that are not built.
Expected<CampaignReport> run_session(const SessionOptions& session, const CampaignOptions& options,
                                     std::vector<std::string>& notes);

}  // namespace assay::fuzz
