// What a process that runs cases tells the one that watches it, as bytes through a pipe; and statistics as bytes in a
// campaign's folder. Both ends are the same program: kReportLayout tells whether stored bytes still are.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/coverage.h"
#include "oracles/harness.h"

namespace assay::fuzz {

// A finding of a campaign: `file` is empty if it was only counted.
struct ReportedFinding {
  std::string key, description, file;
};

// What a campaign's worker did with one program.
struct WorkerReport {
  std::vector<ReportedFinding> findings;
  std::string error;  // a file that could not be written; the campaign ends
  oracles::HarnessStats stats;
  std::vector<FeatureCount> features;
  bool mutated = false;  // made from entries of the corpus
  std::string text;      // the case, if it may be new to the corpus
};

std::string encode(const WorkerReport& report);
// Nothing if it is cut short.
std::optional<WorkerReport> decode_report(std::string_view bytes);

inline constexpr int kReportLayout = 1;  // to be raised whenever HarnessStats changes
std::string encode(const oracles::HarnessStats& stats);
std::optional<oracles::HarnessStats> decode_stats(std::string_view bytes);

std::string encode(std::span<const oracles::Finding> findings);
std::vector<oracles::Finding> decode_findings(const std::string& text);

}  // namespace assay::fuzz
