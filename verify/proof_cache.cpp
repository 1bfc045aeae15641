// See proof_cache.h. All verdicts are read at once: there are a few ten thousand, 16 bytes each.
#include "verify/proof_cache.h"

#include <sqlite3.h>

#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>

namespace assay::verify {

namespace {

struct HashOfKey {
  size_t operator()(const QueryKey& key) const { return static_cast<size_t>(key.low); }
};

constexpr const char* kSchema =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
    "CREATE TABLE IF NOT EXISTS verdicts (low INTEGER NOT NULL, high INTEGER NOT NULL, satisfiable INTEGER NOT NULL,"
    " about TEXT NOT NULL, solver TEXT NOT NULL, seconds REAL NOT NULL, PRIMARY KEY (low, high)) WITHOUT ROWID;";

}  // namespace

struct ProofCache::State {
  sqlite3* database = nullptr;
  sqlite3_stmt* insert = nullptr;
  mutable std::shared_mutex mutex;
  std::unordered_map<QueryKey, bool, HashOfKey> verdicts;
  std::string error;

  ~State() {
    sqlite3_finalize(insert);
    sqlite3_close(database);
  }
};

ProofCache::ProofCache(std::unique_ptr<State> state) : state_(std::move(state)) {}
ProofCache::~ProofCache() = default;

Expected<std::unique_ptr<ProofCache>> ProofCache::open(const std::string& path) {
  const auto failed = [&](const std::string& why) {
    return std::unexpected(Diagnostic{
        {.file = path}, "cannot use the proof cache: " + why, "name another file with --cache, or use --no-cache"});
  };
  std::error_code error;
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (!folder.empty()) std::filesystem::create_directories(folder, error);
  if (error) return failed(error.message());
  auto state = std::make_unique<State>();
  if (sqlite3_open(path.c_str(), &state->database) != SQLITE_OK) return failed(sqlite3_errmsg(state->database));
  sqlite3_busy_timeout(state->database, 10'000);  // another run may be writing
  sqlite3_stmt* select = nullptr;
  if (sqlite3_exec(state->database, kSchema, nullptr, nullptr, nullptr) != SQLITE_OK ||
      sqlite3_prepare_v2(state->database, "INSERT OR REPLACE INTO verdicts VALUES (?, ?, ?, ?, ?, ?)", -1,
                         &state->insert, nullptr) != SQLITE_OK ||
      sqlite3_prepare_v2(state->database, "SELECT low, high, satisfiable FROM verdicts", -1, &select, nullptr) !=
          SQLITE_OK) {
    return failed(sqlite3_errmsg(state->database));
  }
  int step = SQLITE_ROW;
  while ((step = sqlite3_step(select)) == SQLITE_ROW) {
    state->verdicts[{static_cast<uint64_t>(sqlite3_column_int64(select, 0)),
                     static_cast<uint64_t>(sqlite3_column_int64(select, 1))}] = sqlite3_column_int(select, 2) != 0;
  }
  sqlite3_finalize(select);
  if (step != SQLITE_DONE) return failed(sqlite3_errmsg(state->database));
  return std::unique_ptr<ProofCache>(new ProofCache(std::move(state)));
}

std::optional<bool> ProofCache::find(const QueryKey& key) const {
  const std::shared_lock lock(state_->mutex);
  const auto it = state_->verdicts.find(key);
  if (it == state_->verdicts.end()) return std::nullopt;
  return it->second;
}

void ProofCache::add(const QueryKey& key, bool satisfiable, const std::string& about, const std::string& solver,
                     double seconds) {
  const std::unique_lock lock(state_->mutex);
  state_->verdicts[key] = satisfiable;
  sqlite3_stmt* insert = state_->insert;
  sqlite3_bind_int64(insert, 1, static_cast<sqlite3_int64>(key.low));
  sqlite3_bind_int64(insert, 2, static_cast<sqlite3_int64>(key.high));
  sqlite3_bind_int(insert, 3, satisfiable);
  sqlite3_bind_text(insert, 4, about.data(), static_cast<int>(about.size()), SQLITE_TRANSIENT);
  sqlite3_bind_text(insert, 5, solver.data(), static_cast<int>(solver.size()), SQLITE_TRANSIENT);
  sqlite3_bind_double(insert, 6, seconds);
  if (sqlite3_step(insert) != SQLITE_DONE && state_->error.empty()) state_->error = sqlite3_errmsg(state_->database);
  sqlite3_reset(insert);
}

std::string ProofCache::error() const {
  const std::shared_lock lock(state_->mutex);
  return state_->error;
}

std::string default_cache_path() {
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache != nullptr && cache[0] == '/') {
    return std::string(cache) + "/assay/proofs.sqlite";
  }
  const char* home = std::getenv("HOME");
  return home != nullptr && home[0] == '/' ? std::string(home) + "/.cache/assay/proofs.sqlite" : "";
}

}  // namespace assay::verify
