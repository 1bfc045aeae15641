// Other libFuzzer targets in a campaign: programs that are started for a while, with a corpus of their own. Their crash
// files become findings of the campaign.
#pragma once

#include <string>
#include <vector>

#include "fuzz/campaign_store.h"

namespace assay::fuzz {

struct FuzzerTarget {
  std::string name;     // "regalloc"
  std::string program;  // …/regalloc_fuzzer; its dictionary and seeds lie beside it
};

// All NAME_fuzzer programs of a folder but `differential`, by name; none if there is no such folder.
std::vector<FuzzerTarget> built_targets(const std::string& folder);

// Runs each for `seconds`, `jobs` at a time, and stores what they did and found.
Expected<void> run_targets(const std::vector<FuzzerTarget>& targets, double seconds, unsigned jobs,
                           CampaignStore& store);

}  // namespace assay::fuzz
