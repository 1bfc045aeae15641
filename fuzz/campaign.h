// The campaign: programs through the differential harness, for a time, in several processes. Without a store they are
// all generated, and nothing is kept but findings (`assay fuzz`); with one (`assay campaign`) what is new to the
// coverage becomes an entry of the corpus, a part of the programs are mutations of entries, and another run goes on
// where this one stopped, or was killed.
//
// C1  A finding is on disk, as a filetest, before the next program runs.
// C2  What a program is depends on the settings, the seed and its number only, so any of them can be made again.
//     Mutations take entries as they were when the generation of programs before the last was done.
// C3  Findings with the same key are written once for each program, kFilesPerKey times in all, those of the first
//     programs, and counted after that.
// C4  A program that crashes the compiler, an executor or the interpreter, or takes longer than a minute, is a finding
//     like any other (FindingKind::Crash). Its worker process is replaced; no other program is lost or done twice.
// C5  Programs are summed up in the order of their numbers, so the statistics, the corpus and the files are a function
//     of the settings, the seed and the number of programs, however many workers there were and whenever they were
//     killed.
// Must not be started while other threads run: the workers are forks.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "compiler/support/diagnostic.h"
#include "fuzz/campaign_store.h"
#include "fuzz/generate.h"
#include "oracles/harness.h"

namespace assay::fuzz {

inline constexpr unsigned kFilesPerKey = 3;

struct CampaignOptions {
  double seconds = 60;
  uint64_t programs = 0;  // stop after so many, those of earlier runs included; 0: no limit
  unsigned jobs = 1;      // worker processes
  uint64_t seed = 1;
  std::string out = "findings";  // folder of findings; made if it does not exist. With a store: the store's
  unsigned choices_percent = 0;  // of the programs are compiled once more, with random choices (Case::choice_seed)
  unsigned focus_percent = 0;    // … are made for one machine and tried on that only (Case::only_isa)
  GenerateOptions generate;
  oracles::HarnessOptions harness;
  // Told about once a second, without names and maps.
  std::function<void(const struct CampaignReport&)> progress;

  // With a store:
  std::vector<std::string> seeds;  // CLIF files to begin with; each is run once in the campaign's life
  unsigned mutated_percent = 50;   // of the programs, as soon as there are entries
  uint64_t generation = 2048;      // C2
  double commit_seconds = 1;       // at least so often
};

struct CampaignReport {
  uint64_t programs = 0;
  uint64_t mutated = 0;  // of them
  double seconds = 0;
  oracles::HarnessStats stats;
  uint64_t findings = 0;                        // all
  std::map<std::string, uint64_t> by_key;       // Finding::key -> how often
  std::vector<std::string> files;               // written
  std::vector<std::string> descriptions;        // of the findings written, parallel to files
  std::map<std::string, uint64_t> exercised;    // "iadd.i32" -> instructions in programs
  std::vector<std::string> never;               // "operation.type" of the subset that no program had
  std::map<std::string, uint64_t> rules_fired;  // "x64: iadd_imm" -> times; rules that never fired have 0
  std::map<std::string, uint64_t> features;     // to_string(Feature) -> times
  uint64_t corpus = 0;                          // entries in use
  std::map<std::string, TargetTotals> targets;  // other libFuzzer targets that have run

  double functions_per_second() const;
};

// Errors: the folder cannot be made or written, a seed cannot be read, or no process be started.
Expected<CampaignReport> run_campaign(const CampaignOptions& options, CampaignStore* store = nullptr);

// Of what the store holds, without running anything.
CampaignReport campaign_report(const CampaignOptions& options, CampaignStore& store);

// What programs follow from, as text: equal settings and seeds give equal programs.
std::string settings_of(const CampaignOptions& options);

// The least entries, greedily chosen, that have every feature which any of them has; smaller texts first among equals.
// Returns the ids of the others.
std::vector<int64_t> superfluous(const std::vector<CorpusEntry>& corpus);

}  // namespace assay::fuzz
