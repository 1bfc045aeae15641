// The campaign: random programs through the differential harness, for a time, in several processes.
//
// C1  A finding is on disk, as a filetest, before the next program runs.
// C2  What a program is depends on the seed and its number only, so any of them can be made again.
// C3  Findings with the same key are written once for each program, kFilesPerKey times in all, and counted after that.
// C4  A program that crashes the compiler, an executor or the interpreter, or takes longer than a minute, is a finding
//     like any other (FindingKind::Crash). Its worker process is replaced; what that one had counted since its last
//     report, up to a second's work, is not in the statistics.
// Must not be started while other threads run: the workers are forks.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "compiler/support/diagnostic.h"
#include "fuzz/generate.h"
#include "oracles/harness.h"

namespace assay::fuzz {

inline constexpr unsigned kFilesPerKey = 3;

struct CampaignOptions {
  double seconds = 60;
  uint64_t programs = 0;  // stop after so many; 0: no limit
  unsigned jobs = 1;      // worker processes
  uint64_t seed = 1;
  std::string out = "findings";  // folder of findings; made if it does not exist
  GenerateOptions generate;
  oracles::HarnessOptions harness;
  // Told about once a second by each worker's report.
  std::function<void(const struct CampaignReport&)> progress;
};

struct CampaignReport {
  uint64_t programs = 0;
  double seconds = 0;
  oracles::HarnessStats stats;
  uint64_t findings = 0;                        // all
  std::map<std::string, uint64_t> by_key;       // Finding::key -> how often
  std::vector<std::string> files;               // written
  std::vector<std::string> descriptions;        // of the findings written, parallel to files
  std::map<std::string, uint64_t> exercised;    // "iadd.i32" -> instructions generated
  std::vector<std::string> never;               // "operation.type" of the subset not generated
  std::map<std::string, uint64_t> rules_fired;  // "x64: iadd_imm" -> times; rules that never fired have 0

  double functions_per_second() const;
};

// Errors: the folder cannot be made or written, or no process be started.
Expected<CampaignReport> run_campaign(const CampaignOptions& options);

}  // namespace assay::fuzz
