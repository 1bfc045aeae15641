// See campaign_store.h.
#include "fuzz/campaign_store.h"

#include <fcntl.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <thread>
#include <unordered_set>

#include "fuzz/database.h"
#include "fuzz/packed.h"
#include "fuzz/worker_report.h"

namespace assay::fuzz {

namespace fs = std::filesystem;

namespace {

constexpr const char* kSchema =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
    "CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, value) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS features (id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL, count INTEGER NOT NULL);"
    "CREATE TABLE IF NOT EXISTS corpus (id INTEGER PRIMARY KEY, hash TEXT UNIQUE NOT NULL, text TEXT NOT NULL,"
    " features BLOB NOT NULL, added INTEGER NOT NULL, dropped INTEGER);"
    "CREATE TABLE IF NOT EXISTS keys (key TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS findings (file TEXT PRIMARY KEY, key TEXT NOT NULL, description TEXT NOT NULL,"
    " kept INTEGER NOT NULL);"
    "CREATE TABLE IF NOT EXISTS imported (hash TEXT PRIMARY KEY) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS targets (name TEXT PRIMARY KEY, slices INTEGER NOT NULL, executions INTEGER NOT NULL,"
    " findings INTEGER NOT NULL, seconds REAL NOT NULL) WITHOUT ROWID;";

constexpr const char* kInUse =
    "SELECT id, hash, features, added, length(CAST(text AS BLOB)) FROM corpus"
    " WHERE dropped IS NULL ORDER BY id";

std::string encode_ids(const std::vector<uint32_t>& ids) {
  Packer io;
  uint32_t last = 0;
  io.list(ids, [&](uint32_t id) {
    io(id - last);
    last = id;
  });
  return io.take();
}

std::vector<uint32_t> decode_ids(std::string_view bytes) {
  Unpacker io(bytes);
  std::vector<uint32_t> ids;
  uint32_t last = 0;
  io.list(ids, [&](uint32_t& id) {
    io(id);
    last = id += last;
  });
  return ids;
}

}  // namespace

std::string content_hash(std::string_view text) {
  const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
  char out[33];
  std::snprintf(out, sizeof out, "%016llx%016llx", static_cast<unsigned long long>(hash.high64),
                static_cast<unsigned long long>(hash.low64));
  return out;
}

// ---- opening ----

Expected<std::unique_ptr<CampaignStore>> CampaignStore::open(const std::string& folder, const std::string& settings) {
  std::error_code error;
  for (const char* below : {"", "/corpus", "/findings"}) fs::create_directories(folder + below, error);
  if (error) return fail(Place{.file = folder}, "cannot make the folder: " + error.message());
  std::unique_ptr<CampaignStore> store(new CampaignStore(folder));
  if (auto locked = store->lock(); !locked) return std::unexpected(locked.error());

  const std::string path = folder + "/campaign.sqlite";
  const bool opened = sqlite3_open(path.c_str(), &store->database_) == SQLITE_OK;
  sqlite3* database = store->database_;
  sqlite3_busy_timeout(database, 10'000);
  if (!opened || sqlite3_exec(database, kSchema, nullptr, nullptr, nullptr) != SQLITE_OK) {
    return fail(Place{.file = path}, std::string("cannot be used: ") + sqlite3_errmsg(database));
  }
  const std::string layout = std::to_string(kReportLayout);
  for (const auto& [what, ours] : {std::pair<std::string, std::string>{"layout", layout}, {"settings", settings}}) {
    Statement(database, "INSERT OR IGNORE INTO state VALUES (?, ?)").bind(what, ours).run();
    Statement select(database, "SELECT value FROM state WHERE name = ?");
    const std::string theirs = select.bind(what).next() ? select.text(0) : "";
    if (theirs == ours) continue;
    if (what == "layout") {
      return fail(Place{.file = path}, "was written by another version, which stored other statistics",
                  "begin a new folder; --seeds " + folder + "/corpus takes the corpus over");
    }
    return fail(Place{.file = folder}, "was begun with " + theirs + "; not with " + ours,
                "use the same options, or another folder");
  }
  if (auto done = store->read(); !done) return std::unexpected(done.error());
  if (auto done = store->mend_files(); !done) return std::unexpected(done.error());
  return store;
}

CampaignStore::~CampaignStore() {
  sqlite3_close(database_);
  if (lock_ >= 0) close(lock_);
}

// S4. Locks of this kind are the process's own: the workers it forks do not hold them.
Expected<void> CampaignStore::lock() {
  const std::string path = folder_ + "/lock";
  lock_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (lock_ < 0) return fail(Place{.file = path}, "cannot be written");
  struct flock whole{};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  if (fcntl(lock_, F_SETLK, &whole) != 0) {
    return fail(Place{.file = folder_}, "another campaign works in this folder", "wait for it, or use another folder");
  }
  return {};
}

Expected<void> CampaignStore::read() {
  Statement state(database_, "SELECT name, value FROM state");
  while (state.next()) {
    const std::string name = state.text(0);
    if (name == "programs") totals_.programs = static_cast<uint64_t>(state.integer(1));
    if (name == "mutated") totals_.mutated = static_cast<uint64_t>(state.integer(1));
    if (name == "findings") totals_.findings = static_cast<uint64_t>(state.integer(1));
    if (name == "minimised") totals_.minimised = static_cast<uint64_t>(state.integer(1));
    if (name == "seconds") totals_.seconds = state.real(1);
    if (name != "stats") continue;
    auto stats = decode_stats(state.text(1));
    if (!stats) return fail(Place{.file = folder_ + "/campaign.sqlite"}, "its statistics cannot be read");
    totals_.stats = std::move(*stats);
  }
  Statement features(database_, "SELECT id, name, count FROM features ORDER BY id");
  while (features.next()) {
    features_.push_back({.id = static_cast<uint32_t>(features.integer(0)),
                         .feature = parse_feature(features.text(1)),
                         .count = static_cast<uint64_t>(features.integer(2))});
  }
  Statement corpus(database_, kInUse);
  while (corpus.next()) {
    corpus_.push_back({.id = corpus.integer(0),
                       .hash = corpus.text(1),
                       .text = {},
                       .features = decode_ids(corpus.text(2)),
                       .size = static_cast<size_t>(corpus.integer(4)),
                       .added = corpus.integer(3)});
  }
  Statement last(database_, "SELECT max(id) FROM corpus");
  if (last.next()) next_entry_id_ = last.integer(0) + 1;
  Statement keys(database_, "SELECT key, count FROM keys");
  while (keys.next()) by_key_[keys.text(0)] = static_cast<uint64_t>(keys.integer(1));
  Statement findings(database_, "SELECT file, key, description, kept FROM findings ORDER BY rowid");
  while (findings.next()) {
    findings_.push_back({findings.text(0), findings.text(1), findings.text(2), findings.integer(3) != 0});
  }
  Statement targets(database_, "SELECT name, slices, executions, findings, seconds FROM targets");
  while (targets.next()) {
    targets_[targets.text(0)] = {.slices = static_cast<uint64_t>(targets.integer(1)),
                                 .executions = static_cast<uint64_t>(targets.integer(2)),
                                 .findings = static_cast<uint64_t>(targets.integer(3)),
                                 .seconds = targets.real(4)};
  }
  return {};
}

// S2, S3.
Expected<void> CampaignStore::mend_files() {
  std::error_code ignored;
  for (const StoredFinding& finding : findings_) {
    if (!finding.kept) fs::remove(findings_folder() + "/" + finding.file, ignored);
  }
  std::erase_if(findings_, [](const StoredFinding& f) { return !f.kept; });
  Statement all(database_, "SELECT hash, text, dropped IS NULL FROM corpus");
  while (all.next()) {
    const std::string path = folder_ + "/corpus/" + all.text(0) + ".clif";
    if (all.integer(2) == 0) {
      fs::remove(path, ignored);
    } else if (!fs::exists(path, ignored)) {
      if (auto wrote = write_file(path, all.text(1)); !wrote) return wrote;
    }
  }
  return {};
}

bool CampaignStore::was_imported(const std::string& hash) const {
  return Statement(database_, "SELECT 1 FROM imported WHERE hash = ?").bind(hash).next();
}

std::vector<std::string> CampaignStore::foreign_files() const {
  std::unordered_set<std::string> known;
  Statement all(database_, "SELECT hash FROM corpus");
  while (all.next()) known.insert(all.text(0) + ".clif");
  std::vector<std::string> out;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder_ + "/corpus", error)) {
    if (entry.path().extension() == ".clif" && !known.contains(entry.path().filename())) out.push_back(entry.path());
  }
  std::sort(out.begin(), out.end());
  return out;
}

// ---- writing ----

Expected<void> CampaignStore::commit(const CampaignBatch& batch) {
  std::string error;
  const auto must = [&](bool done) {
    if (!done && error.empty()) error = sqlite3_errmsg(database_);
  };
  const auto execute = [&](const char* sql) {
    must(sqlite3_exec(database_, sql, nullptr, nullptr, nullptr) == SQLITE_OK);
  };
  execute("BEGIN IMMEDIATE");
  Statement state(database_, "INSERT OR REPLACE INTO state VALUES (?, ?)");
  const CampaignTotals& totals = batch.totals;
  must(state.bind("programs", totals.programs).run());
  must(state.bind("mutated", totals.mutated).run());
  must(state.bind("findings", totals.findings).run());
  must(state.bind("minimised", totals.minimised).run());
  must(state.bind("seconds", totals.seconds).run());
  must(state.bind("stats", encode(totals.stats)).run());
  Statement insert(database_,
                   "INSERT INTO features VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET count = excluded.count");
  for (const StoredFeature& f : batch.features) must(insert.bind(f.id, to_string(f.feature.value()), f.count).run());
  Statement add(database_, "INSERT OR IGNORE INTO corpus (id, hash, text, features, added) VALUES (?, ?, ?, ?, ?)");
  for (const CorpusEntry& e : batch.entries)
    must(add.bind(e.id, e.hash, e.text, encode_ids(e.features), e.added).run());
  Statement drop(database_, "UPDATE corpus SET dropped = ? WHERE id = ?");
  for (int64_t id : batch.dropped) must(drop.bind(totals.programs, id).run());
  Statement key(database_, "INSERT OR REPLACE INTO keys VALUES (?, ?)");
  for (const auto& [name, count] : batch.by_key) must(key.bind(name, count).run());
  Statement found(database_, "INSERT OR REPLACE INTO findings VALUES (?, ?, ?, ?)");
  for (const StoredFinding& f : batch.findings) must(found.bind(f.file, f.key, f.description, int{f.kept}).run());
  Statement import(database_, "INSERT OR IGNORE INTO imported VALUES (?)");
  for (const std::string& hash : batch.imported) must(import.bind(hash).run());
  Statement target(database_, "INSERT OR REPLACE INTO targets VALUES (?, ?, ?, ?, ?)");
  for (const auto& [name, t] : batch.targets) {
    must(target.bind(name, t.slices, t.executions, t.findings, t.seconds).run());
  }
  if (error.empty()) execute("COMMIT");
  if (!error.empty()) {
    sqlite3_exec(database_, "ROLLBACK", nullptr, nullptr, nullptr);
    return fail(Place{.file = folder_ + "/campaign.sqlite"}, "cannot be written: " + error);
  }

  std::error_code ignored;
  for (const CorpusEntry& e : batch.entries) {
    if (auto wrote = write_file(folder_ + "/corpus/" + e.hash + ".clif", e.text); !wrote) return wrote;
  }
  Statement hash(database_, "SELECT hash FROM corpus WHERE id = ?");
  for (int64_t id : batch.dropped) {
    if (hash.bind(id).next()) fs::remove(folder_ + "/corpus/" + hash.text(0) + ".clif", ignored);
  }
  for (const StoredFinding& f : batch.findings) {
    if (!f.kept) fs::remove(findings_folder() + "/" + f.file, ignored);
  }
  return {};
}

// ---- reading along ----

CorpusReader::CorpusReader(const std::string& folder) {
  if (sqlite3_open((folder + "/campaign.sqlite").c_str(), &database_) == SQLITE_OK) {
    sqlite3_busy_timeout(database_, 10'000);
  }
}

CorpusReader::~CorpusReader() { sqlite3_close(database_); }

std::vector<int64_t> CorpusReader::entries_after(uint64_t programs) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point patience = Clock::now() + std::chrono::seconds(50);  // a worker has a minute
  Statement done(database_, "SELECT value FROM state WHERE name = 'programs'");
  const auto are_done = [&] { return done.bind().next() && static_cast<uint64_t>(done.integer(0)) >= programs; };
  while (programs != 0 && !are_done() && Clock::now() < patience) {
    done.bind();  // ends the read, so that the next one sees what is new
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  done.bind();
  Statement entries(database_,
                    "SELECT id FROM corpus WHERE added < ?1 AND (dropped IS NULL OR dropped > ?1) ORDER BY id");
  std::vector<int64_t> out;
  entries.bind(programs);
  while (entries.next()) out.push_back(entries.integer(0));
  return out;
}

std::string CorpusReader::text_of(int64_t id) {
  Statement text(database_, "SELECT text FROM corpus WHERE id = ?");
  return text.bind(id).next() ? text.text(0) : "";
}

std::vector<Feature> CorpusReader::features_of(int64_t id) {
  std::vector<Feature> out;
  Statement entry(database_, "SELECT features FROM corpus WHERE id = ?");
  if (!entry.bind(id).next()) return out;
  Statement name(database_, "SELECT name FROM features WHERE id = ?");
  for (const uint32_t number : decode_ids(entry.text(0))) {
    const auto [known, is_new] = features_.try_emplace(number);
    if (is_new && name.bind(number).next()) known->second = parse_feature(name.text(0));
    if (known->second) out.push_back(*known->second);
  }
  return out;
}

}  // namespace assay::fuzz
