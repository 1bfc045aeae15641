// See campaign.h.
#include "fuzz/campaign.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <queue>
#include <set>
#include <unordered_map>
#include <utility>

#include "compiler/isa/registry.h"
#include "compiler/machine/features.h"
#include "fuzz/campaign_cases.h"
#include "fuzz/case.h"
#include "fuzz/coverage.h"
#include "fuzz/worker_report.h"
#include "oracles/worker_pool.h"

namespace assay::fuzz {

namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

// One piece of a worker's work: a program, or a seed, which is a file.
struct Item {
  std::string origin;   // for people: "seed 1, program 5"
  std::string stem;     // of findings' names
  uint64_t number = 0;  // of the program; for a seed the next program's
};

Item program_item(const CampaignOptions& options, uint64_t number) {
  return {.origin = "seed " + std::to_string(options.seed) + ", program " + std::to_string(number),
          .stem = "seed" + std::to_string(options.seed) + "_program" + std::to_string(number),
          .number = number};
}

Item seed_item(const std::string& path, const std::string& hash, uint64_t number) {
  return {.origin = path, .stem = "input_" + hash, .number = number};
}

std::string file_of(const Item& item, size_t count) { return item.stem + "_" + std::to_string(count) + ".clif"; }

std::vector<std::string> head_of(const Item& item, const oracles::Finding& finding) {
  return {oracles::describe(finding), item.origin + "; key " + finding.key()};
}

// The program that a finding's file is of, if it is one of this campaign's.
std::optional<uint64_t> program_of(const CampaignOptions& options, const std::string& file) {
  const std::string stem = "seed" + std::to_string(options.seed) + "_program";
  if (!file.starts_with(stem) || !file.ends_with(".clif")) return std::nullopt;
  const std::string digits = file.substr(stem.size(), file.find('_', stem.size()) - stem.size());
  if (digits.empty() || digits.find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
  return std::strtoull(digits.c_str(), nullptr, 10);
}

std::string key_in(const std::string& text) {
  constexpr std::string_view kMark = "; key ";
  const size_t at = text.find(kMark);
  if (at == std::string::npos) return "unknown";
  return text.substr(at + kMark.size(), text.find('\n', at) - at - kMark.size());
}

// Of every key, the programs of which files were written.
using FileNumbers = std::map<std::string, std::vector<uint64_t>>;

// What a worker process does.
class Worker {
 public:
  // `files` and `seen`: as they are in the process that was started, which knows all programs before those to come.
  Worker(const CampaignOptions& options, const std::string& out, const std::string& store, FileNumbers files,
         std::unordered_map<uint32_t, uint64_t> seen)
      : out_(out),
        keeps_corpus_(!store.empty()),
        files_(std::move(files)),
        seen_(std::move(seen)),
        harness_(options.harness),
        cases_(options, store) {}

  std::string run_program(const Item& item) {
    report_.mutated = cases_.make(item.number, test_);
    return run(item);
  }

  std::string run_seed(const Item& item, const Case& test) {
    test_ = test;
    return run(item);
  }

 private:
  std::string run(const Item& item) {
    findings_.clear();
    check_case(harness_, test_, findings_);
    report_.stats = harness_.stats();
    harness_.clear_stats();
    take_features(harness_, test_, report_.features);
    bool is_new = false;
    for (const FeatureCount& f : report_.features) {
      // Not new is what an earlier program has; a later one may have been run before this (C5).
      uint64_t& first = seen_.try_emplace(f.feature.bits(), std::numeric_limits<uint64_t>::max()).first->second;
      is_new |= first > item.number;
      first = std::min(first, item.number);
    }
    if (is_new && keeps_corpus_ && findings_.empty()) report_.text = print_case(test_, harness_, {});
    if (!findings_.empty()) record(item);
    return encode(std::exchange(report_, {}));
  }

  // C1, C3.
  void record(const Item& item) {
    std::set<std::string> seen;
    for (const oracles::Finding& finding : findings_) {
      ReportedFinding reported{.key = finding.key(), .description = oracles::describe(finding), .file = {}};
      std::vector<uint64_t>& earlier = files_[reported.key];
      const auto before = std::count_if(earlier.begin(), earlier.end(), [&](uint64_t n) { return n < item.number; });
      if (seen.insert(reported.key).second && before < kFilesPerKey) {
        const std::string file = file_of(item, seen.size() - 1);
        const std::string text = print_case(test_, harness_, head_of(item, finding));
        if (auto wrote = write_file(out_ + "/" + file, text); wrote) {
          earlier.push_back(item.number);
          reported.file = file;
        } else {
          report_.error = out_ + "/" + file + ": " + wrote.error().message;
        }
      }
      report_.findings.push_back(std::move(reported));
    }
  }

  std::string out_;
  bool keeps_corpus_;
  FileNumbers files_;
  std::unordered_map<uint32_t, uint64_t> seen_;  // by feature: the first program that had it
  oracles::Harness harness_;
  CampaignCases cases_;
  Case test_;
  std::vector<oracles::Finding> findings_;
  WorkerReport report_;
};

// What the process that was started does: hands out programs, sums up in order, and writes down who died.
class Campaign {
 public:
  Campaign(const CampaignOptions& options, CampaignStore* store)
      : options_(options), store_(store), out_(store != nullptr ? store->findings_folder() : options.out) {}

  Expected<CampaignReport> run() {
    std::error_code error;
    std::filesystem::create_directories(out_, error);
    if (error) return fail(Place{.file = out_}, "cannot make the folder: " + error.message());
    pool_.jobs = std::max(1u, options_.jobs);
    pool_.queue = 32;
    pool_.until = begin_ + std::chrono::milliseconds(static_cast<int64_t>(options_.seconds * 1000));
    if (store_ != nullptr) {
      take_over();
      find_orphans();
      if (auto done = import_seeds(); !done) return std::unexpected(done.error());
    }
    if (!failure_ && !run_programs()) return fail("no worker process could be started");
    if (store_ != nullptr && !failure_) {
      commit();
    }
    if (failure_) return std::unexpected(*failure_);
    return finished();
  }

  CampaignReport stored() {
    take_over();
    return finished();
  }

 private:
  struct Known {
    uint32_t id = 0;
    uint64_t count = 0;
    bool changed = false;
  };

  // ---- what earlier runs did ----

  void take_over() {
    totals_ = store_->totals();
    earlier_seconds_ = totals_.seconds;
    for (const StoredFeature& f : store_->features()) {
      next_feature_ = std::max(next_feature_, f.id + 1);
      if (f.feature) features_[f.feature->bits()] = {.id = f.id, .count = f.count};
    }
    corpus_ = store_->corpus();
    next_entry_ = store_->next_entry_id();
    report_.by_key = store_->by_key();
    report_.targets = store_->targets();
    for (const StoredFinding& f : store_->findings()) list(f);
  }

  void list(const StoredFinding& finding) {
    files_[finding.key].push_back(0);  // of a program before any to come
    known_files_.insert(finding.file);
    report_.files.push_back(out_ + "/" + finding.file);
    report_.descriptions.push_back(finding.description);
  }

  // S2 of campaign_store.h.
  void find_orphans() {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(out_, error)) {
      const std::string file = entry.path().filename();
      const auto number = program_of(options_, file);
      if (number && !known_files_.contains(file)) orphans_[*number].push_back(file);
    }
    while (!orphans_.empty() && orphans_.begin()->first < totals_.programs) {
      for (const std::string& file : orphans_.begin()->second) adopt(file);
      orphans_.erase(orphans_.begin());
    }
  }

  void adopt(const std::string& file) {
    const auto text = read_file(out_ + "/" + file);
    if (!text) return;
    const StoredFinding finding{file, key_in(*text), "seen once, not again when the program was repeated"};
    ++totals_.findings;
    batch_.by_key[finding.key] = ++report_.by_key[finding.key];
    batch_.findings.push_back(finding);
    list(finding);
  }

  // A program is done again that had been running when the campaign was killed: files it left are superfluous if what
  // they show was found again.
  void settle_orphans(uint64_t number, const std::vector<ReportedFinding>& again) {
    const auto it = orphans_.find(number);
    if (it == orphans_.end()) return;
    for (const std::string& file : it->second) {
      if (known_files_.contains(file)) continue;
      const std::string key = key_in(read_file(out_ + "/" + file).value_or(""));
      if (std::ranges::find(again, key, &ReportedFinding::key) == again.end()) {
        adopt(file);
      } else {
        batch_.findings.push_back({file, key, "", false});
      }
    }
    orphans_.erase(it);
  }

  // ---- seeds ----

  Expected<void> import_seeds() {
    std::vector<std::string> paths = options_.seeds;
    const std::vector<std::string> foreign = store_->foreign_files();
    paths.insert(paths.end(), foreign.begin(), foreign.end());
    std::vector<Item> items;
    std::vector<Case> cases;
    std::vector<std::string> hashes;
    std::set<std::string> seen;
    for (const std::string& path : paths) {
      const auto text = read_file(path);
      if (!text) return std::unexpected(text.error());
      const std::string hash = content_hash(*text);
      if (store_->was_imported(hash) || !seen.insert(hash).second) continue;
      auto test = parse_case(*text, path);
      if (!test) {
        batch_.imported.push_back(hash);  // not a case: nothing to run
        continue;
      }
      items.push_back(seed_item(path, hash, totals_.programs));
      hashes.push_back(hash);
      cases.push_back(std::move(*test));
    }
    if (items.empty()) return {};
    std::map<size_t, Expected<std::string>> waiting;
    size_t next = 0;
    const auto done = [&](size_t i, const Expected<std::string>& result) {
      waiting.emplace(i, result);
      for (auto it = waiting.begin(); it != waiting.end() && it->first == next; it = waiting.erase(it), ++next) {
        batch_.imported.push_back(hashes[next]);
        if (!it->second) {
          crashed(items[next], it->second.error().message, &cases[next]);
        } else {
          merge(*it->second, totals_.programs == 0 ? -1 : static_cast<int64_t>(totals_.programs));
        }
        if (since(last_commit_) >= options_.commit_seconds) commit();
      }
    };
    std::unique_ptr<Worker> worker;
    oracles::WorkerPoolOptions pool = pool_;
    pool.until = Clock::time_point::max();
    const auto work = [&](size_t i) { return mine(worker).run_seed(items[i], cases[i]); };
    if (!oracles::run_isolated(items.size(), pool, work, done)) return fail("no worker process could be started");
    commit();
    return {};
  }

  // ---- programs ----

  Worker& mine(std::unique_ptr<Worker>& worker) {
    if (worker == nullptr) {
      std::unordered_map<uint32_t, uint64_t> seen;
      if (store_ != nullptr) {
        for (const auto& [bits, known] : features_) seen[bits] = 0;
      }
      worker =
          std::make_unique<Worker>(options_, out_, store_ != nullptr ? store_->folder() : "", files_, std::move(seen));
    }
    return *worker;
  }

  bool run_programs() {
    const uint64_t first = totals_.programs;
    if (options_.programs != 0 && options_.programs <= first) return true;
    const size_t count =
        options_.programs != 0 ? options_.programs - first : std::numeric_limits<size_t>::max() - first;
    std::unique_ptr<Worker> worker;  // of this process: stays empty in the one that was started
    const auto done = [&](size_t i, Expected<std::string> result) {
      waiting_.emplace(first + i, std::move(result));
      for (auto it = waiting_.begin(); it != waiting_.end() && it->first == totals_.programs && !failure_;
           it = waiting_.erase(it)) {
        if (!it->second) {
          crashed(program_item(options_, it->first), it->second.error().message, nullptr);
        } else {
          merge(*it->second, static_cast<int64_t>(it->first));
        }
        ++totals_.programs;
        end_program();
      }
    };
    const auto work = [&](size_t i) { return mine(worker).run_program(program_item(options_, first + i)); };
    return oracles::run_isolated(count, pool_, work, done);
  }

  void end_program() {
    const bool generation_ends = store_ != nullptr && totals_.programs % options_.generation == 0;
    if (generation_ends) minimise();
    if (generation_ends || (store_ != nullptr && since(last_commit_) >= options_.commit_seconds)) commit();
    if (!options_.progress || since(last_progress_) < 1) return;
    last_progress_ = Clock::now();
    report_.programs = totals_.programs;
    report_.mutated = totals_.mutated;
    report_.seconds = earlier_seconds_ + since(begin_);
    report_.stats = totals_.stats;
    report_.findings = totals_.findings;
    report_.corpus = corpus_.size();
    options_.progress(report_);
  }

  void merge(const std::string& bytes, int64_t number) {
    auto news = decode_report(bytes);
    if (!news) return stop({{}, "a worker process wrote nonsense", ""});
    if (!news->error.empty()) stop({{}, news->error, ""});
    std::vector<uint32_t> ids;
    bool is_new = false;
    for (const FeatureCount& f : news->features) {
      const auto [it, inserted] = features_.try_emplace(f.feature.bits());
      Known& known = it->second;
      if (inserted) known.id = next_feature_++;
      is_new |= inserted;
      known.count += f.count;
      if (!std::exchange(known.changed, true)) changed_.push_back(f.feature.bits());
      if (!news->text.empty()) ids.push_back(known.id);
    }
    if (is_new && store_ != nullptr && !news->text.empty()) {
      std::sort(ids.begin(), ids.end());
      CorpusEntry entry{.id = next_entry_++,
                        .hash = content_hash(news->text),
                        .text = {},
                        .features = std::move(ids),
                        .size = news->text.size(),
                        .added = number};
      corpus_.push_back(entry);
      entry.text = std::move(news->text);
      batch_.entries.push_back(std::move(entry));
    }
    totals_.stats += news->stats;
    totals_.mutated += news->mutated;
    const uint64_t program = static_cast<uint64_t>(std::max<int64_t>(number, 0));
    for (const ReportedFinding& finding : news->findings) add(finding, program);
    if (!orphans_.empty()) settle_orphans(program, news->findings);
  }

  void add(const ReportedFinding& finding, uint64_t number) {
    ++totals_.findings;
    batch_.by_key[finding.key] = ++report_.by_key[finding.key];
    if (finding.file.empty()) return;
    const bool keep = files_[finding.key].size() < kFilesPerKey;  // several workers may have found it at once
    batch_.findings.push_back({finding.file, finding.key, finding.description, keep});
    known_files_.insert(finding.file);
    if (!keep) {
      std::error_code ignored;
      if (store_ == nullptr) std::filesystem::remove(out_ + "/" + finding.file, ignored);
      return;
    }
    files_[finding.key].push_back(number);
    report_.files.push_back(out_ + "/" + finding.file);
    report_.descriptions.push_back(finding.description);
  }

  // C4. `test`: of a seed; a program is made again.
  void crashed(const Item& item, const std::string& reason, const Case* test) {
    const oracles::Finding finding = crash_finding(reason);
    ReportedFinding reported{.key = finding.key(), .description = oracles::describe(finding), .file = {}};
    if (files_[reported.key].size() < kFilesPerKey) {
      reported.file = file_of(item, 0);
      const std::vector<std::string> head = head_of(item, finding);
      const auto text = oracles::run_isolated([&] {
        Case made;
        if (test == nullptr) CampaignCases(options_, store_ != nullptr ? store_->folder() : "").make(item.number, made);
        return print_crashing_case(test != nullptr ? *test : made, options_.harness, head);
      });
      const std::string lines = "; " + head[0] + "\n; " + head[1] + "\n; the generator crashed too\n";
      if (auto wrote = write_file(out_ + "/" + reported.file, text ? *text : lines); !wrote) stop(wrote.error());
    }
    add(reported, item.number);
    if (!orphans_.empty()) settle_orphans(item.number, {reported});
  }

  // ---- the corpus and the store ----

  // Whenever it has doubled. Only between generations, so that C5 holds.
  void minimise() {
    constexpr size_t kLeast = 256;
    if (corpus_.size() < std::max(kLeast, 2 * totals_.minimised)) return;
    batch_.dropped = superfluous(corpus_);
    const std::set<int64_t> dropped(batch_.dropped.begin(), batch_.dropped.end());
    std::erase_if(corpus_, [&](const CorpusEntry& e) { return dropped.contains(e.id); });
    totals_.minimised = corpus_.size();
  }

  void commit() {
    last_commit_ = Clock::now();
    totals_.seconds = earlier_seconds_ + since(begin_);
    batch_.totals = totals_;
    for (uint32_t bits : changed_) {
      Known& known = features_[bits];
      known.changed = false;
      batch_.features.push_back({known.id, Feature(bits), known.count});
    }
    changed_.clear();
    if (auto done = store_->commit(batch_); !done) stop(done.error());
    batch_ = {};
  }

  void stop(const Diagnostic& reason) {
    failure_ = reason;
    pool_.until = Clock::now();
  }

  // ---- the report ----

  CampaignReport finished() {
    CampaignReport& r = report_;
    r.programs = totals_.programs;
    r.mutated = totals_.mutated;
    r.seconds = earlier_seconds_ + since(begin_);
    r.stats = totals_.stats;
    r.findings = totals_.findings;
    r.corpus = corpus_.size();
    for (const std::string& rule : rule_names(options_.harness.isas)) r.rules_fired[rule] = 0;
    for (const auto& [bits, known] : features_) {
      const Feature feature(bits);
      const std::string text = to_string(feature);
      r.features[text] = known.count;
      if (feature.kind() == FeatureKind::Operation && !feature.isa()) {
        r.exercised[operation_name(feature)] += known.count;
      } else if (feature.kind() == FeatureKind::Rule) {
        r.rules_fired[rule_name(feature)] += known.count;
      }
    }
    for (const std::string& wanted : wanted_operations()) {
      if (!r.exercised.contains(wanted)) r.never.push_back(wanted);
    }
    return std::move(r);
  }

  const CampaignOptions& options_;
  CampaignStore* store_;
  std::string out_;
  const Clock::time_point begin_ = Clock::now();
  Clock::time_point last_commit_ = begin_, last_progress_ = begin_;
  double earlier_seconds_ = 0;
  oracles::WorkerPoolOptions pool_;
  std::map<uint64_t, Expected<std::string>> waiting_;  // done before the one that is next
  CampaignTotals totals_;
  std::unordered_map<uint32_t, Known> features_;  // by Feature::bits
  std::vector<uint32_t> changed_;                 // since the last commit
  uint32_t next_feature_ = 0;
  std::vector<CorpusEntry> corpus_;  // in use, without texts
  int64_t next_entry_ = 1;
  FileNumbers files_;
  std::set<std::string> known_files_;
  std::map<uint64_t, std::vector<std::string>> orphans_;  // by program: files of findings without a row
  CampaignBatch batch_;
  CampaignReport report_;
  std::optional<Diagnostic> failure_;
};

}  // namespace

double CampaignReport::functions_per_second() const {
  return seconds > 0 ? static_cast<double>(stats.functions) / seconds : 0;
}

Expected<CampaignReport> run_campaign(const CampaignOptions& options, CampaignStore* store) {
  return Campaign(options, store).run();
}

CampaignReport campaign_report(const CampaignOptions& options, CampaignStore& store) {
  return Campaign(options, &store).stored();
}

std::string settings_of(const CampaignOptions& o) {
  std::string out = "--seed " + std::to_string(o.seed) + " --inputs " + std::to_string(o.generate.inputs) +
                    " --max-instructions " + std::to_string(o.generate.max_instructions) + " --max-registers " +
                    std::to_string(o.harness.max_registers) + " --mutated " + std::to_string(o.mutated_percent) +
                    " --choices " + std::to_string(o.choices_percent) + " --focus " + std::to_string(o.focus_percent);
  out += " --target";
  for (const IsaKind isa : o.harness.isas) out += std::string(" ") + name(isa);
  std::string features;
  for (const IsaKind isa : o.harness.isas) {
    const machine::TargetIsa* target = isa::find_isa(isa);
    if (target == nullptr) continue;
    const std::string names = machine::feature_names(*target->insts, o.harness.features[static_cast<size_t>(isa)]);
    if (!names.empty()) features += (features.empty() ? "" : " ") + names;
  }
  std::ranges::replace(features, ' ', ',');
  if (!features.empty()) out += " --features " + features;
  if (o.harness.opt_levels != oracles::HarnessOptions().opt_levels) {
    out += " --opt-level";
    for (const machine::OptLevel level : o.harness.opt_levels) out += " " + std::string(machine::name(level));
  }
  if (o.harness.qemu) out += " --qemu";
  if (!o.harness.native) out += " --no-native";
  return out;
}

// Lazily greedy: an entry's gain only falls, so one that is still the best when its gain is counted again is the best.
std::vector<int64_t> superfluous(const std::vector<CorpusEntry>& corpus) {
  struct Candidate {
    size_t gain, size, index;
    bool operator<(const Candidate& other) const {
      return std::tuple(gain, other.size, other.index) < std::tuple(other.gain, size, index);
    }
  };
  std::priority_queue<Candidate> candidates;
  uint32_t end = 0;
  for (size_t i = 0; i < corpus.size(); ++i) {
    candidates.push({corpus[i].features.size(), corpus[i].size, i});
    for (uint32_t id : corpus[i].features) end = std::max(end, id + 1);
  }
  std::vector<bool> covered(end);
  std::vector<int64_t> out;
  while (!candidates.empty()) {
    Candidate best = candidates.top();
    candidates.pop();
    const CorpusEntry& entry = corpus[best.index];
    const auto gain =
        std::count_if(entry.features.begin(), entry.features.end(), [&](uint32_t id) { return !covered[id]; });
    if (gain == 0) {
      out.push_back(entry.id);
    } else if (static_cast<size_t>(gain) < best.gain) {
      best.gain = static_cast<size_t>(gain);
      candidates.push(best);
    } else {
      for (uint32_t id : entry.features) covered[id] = true;
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace assay::fuzz
