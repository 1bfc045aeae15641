// A campaign's folder: what has been done, in an SQLite file, and the corpus and the findings as files beside it.
//
//   campaign.sqlite          the truth: everything below S1 to S4
//   corpus/HASH.clif         the entries that are in use, by a hash of their text; written again if they are missing
//   findings/                filetests, and inputs that crashed a libFuzzer target
//
// S1  Programs are numbered, and what is stored is always that of the first N of them: statistics, new entries and
//     findings of a stretch of programs are one transaction that also raises N. So after a kill the next run goes on
//     with program N; nothing is lost and nothing counted twice.
// S2  A finding's file is written before its program's row. What a kill leaves without a row belongs to a program that
//     will be run again, under the same name; one whose program is done and that did not come again is adopted.
// S3  Corpus files are written after their row, and again by open() if a kill came between.
// S4  One process at a time: the folder is locked while it is open.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "compiler/support/diagnostic.h"
#include "fuzz/coverage.h"
#include "oracles/harness.h"

struct sqlite3;

namespace assay::fuzz {

// Of one campaign since it was begun.
struct CampaignTotals {
  uint64_t programs = 0;  // the first so many are done (S1)
  uint64_t mutated = 0;   // of them
  double seconds = 0;     // while a process worked on it
  uint64_t findings = 0;
  uint64_t minimised = 0;  // entries in use after the corpus was last minimised
  oracles::HarnessStats stats;
};

struct StoredFeature {
  uint32_t id = 0;                 // in the order in which features were first seen, from 0
  std::optional<Feature> feature;  // nothing: this build does not know it
  uint64_t count = 0;
};

struct CorpusEntry {
  int64_t id = 0;
  std::string hash, text;          // the text is empty where only the rest is asked for
  std::vector<uint32_t> features;  // ids, rising
  size_t size = 0;                 // of the text
  int64_t added = 0;               // the program that it was or came from; -1: a seed that was there before the first
};

struct StoredFinding {
  std::string file;  // below findings/
  std::string key, description;
  bool kept = true;  // false: the file is to go, there are enough of its key
};

// A libFuzzer target's work.
struct TargetTotals {
  uint64_t slices = 0, executions = 0, findings = 0;
  double seconds = 0;
};

// What one transaction adds.
struct CampaignBatch {
  CampaignTotals totals;                        // as they are now
  std::vector<StoredFeature> features;          // new counts
  std::vector<CorpusEntry> entries;             // new
  std::vector<int64_t> dropped;                 // entries that others make superfluous
  std::map<std::string, uint64_t> by_key;       // new counts
  std::vector<StoredFinding> findings;          // new
  std::vector<std::string> imported;            // hashes of texts that were run as seeds
  std::map<std::string, TargetTotals> targets;  // new totals
};

class CampaignStore {
 public:
  // Makes the folder if need be. `settings` say what the programs follow from. Errors: it is in use, was begun with
  // other settings or by a version that stored other things, or cannot be read and written.
  static Expected<std::unique_ptr<CampaignStore>> open(const std::string& folder, const std::string& settings);
  ~CampaignStore();

  const std::string& folder() const { return folder_; }
  std::string findings_folder() const { return folder_ + "/findings"; }

  // As stored when it was opened.
  const CampaignTotals& totals() const { return totals_; }
  const std::vector<StoredFeature>& features() const { return features_; }
  const std::vector<CorpusEntry>& corpus() const { return corpus_; }  // in use, without texts
  int64_t next_entry_id() const { return next_entry_id_; }
  const std::map<std::string, uint64_t>& by_key() const { return by_key_; }
  const std::vector<StoredFinding>& findings() const { return findings_; }  // that have a file
  const std::map<std::string, TargetTotals>& targets() const { return targets_; }
  bool was_imported(const std::string& hash) const;
  // Files in corpus/ that no row knows: put there by people.
  std::vector<std::string> foreign_files() const;

  Expected<void> commit(const CampaignBatch& batch);

 private:
  explicit CampaignStore(std::string folder) : folder_(std::move(folder)) {}
  Expected<void> lock();
  Expected<void> read();
  Expected<void> mend_files();

  std::string folder_;
  int lock_ = -1;
  sqlite3* database_ = nullptr;
  CampaignTotals totals_;
  std::vector<StoredFeature> features_;
  std::vector<CorpusEntry> corpus_;
  int64_t next_entry_id_ = 1;
  std::map<std::string, uint64_t> by_key_;
  std::vector<StoredFinding> findings_;
  std::map<std::string, TargetTotals> targets_;
};

// What a worker process reads of the folder while the campaign runs.
class CorpusReader {
 public:
  explicit CorpusReader(const std::string& folder);
  ~CorpusReader();
  CorpusReader(const CorpusReader&) = delete;
  CorpusReader& operator=(const CorpusReader&) = delete;

  // The entries in use when the first `programs` programs were done: ids, rising. Waits for that, up to fifty seconds;
  // then it is those of now.
  std::vector<int64_t> entries_after(uint64_t programs);
  std::string text_of(int64_t id);  // empty if there is none
  // What the entry made happen; without features that this build does not know.
  std::vector<Feature> features_of(int64_t id);

 private:
  sqlite3* database_ = nullptr;
  std::unordered_map<uint32_t, std::optional<Feature>> features_;  // by id, those that were asked for
};

// 32 hexadecimal digits.
std::string content_hash(std::string_view text);

}  // namespace assay::fuzz
