// What a process that runs cases tells the one that watches it, as text through a pipe.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "oracles/harness.h"

namespace assay::fuzz {

// A finding of a campaign: `file` is empty if it was only counted.
struct ReportedFinding {
  std::string key, description, file;
};

// What a campaign's worker has done since its last report.
struct WorkerReport {
  std::vector<ReportedFinding> findings;
  std::string error;  // a file that could not be written; the campaign ends
  oracles::HarnessStats stats;
  std::map<std::string, uint64_t> exercised;    // as CampaignReport's
  std::map<std::string, uint64_t> rules_fired;  // as CampaignReport's
};

std::string encode(const WorkerReport& report);
WorkerReport decode_report(const std::string& text);

std::string encode(std::span<const oracles::Finding> findings);
std::vector<oracles::Finding> decode_findings(const std::string& text);

}  // namespace assay::fuzz
