// What solvers have said before: an SQLite file of verdicts, by canonical query and solver.
//
// A verdict is added as soon as it is known, so an interrupted run loses nothing. The key is a hash of the whole query
// (query_key.h) and of the solver's name and version: an edited rule asks other queries, all others are found.
// Only decided queries are kept, and of them only those whose model nobody needs.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "compiler/support/diagnostic.h"

namespace assay::verify {

struct QueryKey {
  uint64_t low = 0, high = 0;
  bool operator==(const QueryKey&) const = default;
};

class ProofCache {
 public:
  // Makes the file and its folder if need be. Error: neither can be read and written, or it is no such file.
  static Expected<std::unique_ptr<ProofCache>> open(const std::string& path);
  ~ProofCache();

  // Whether the query can be satisfied, if it is known. Both may be called from any thread.
  std::optional<bool> find(const QueryKey& key) const;
  // `about` tells people what was asked, `solver` who said so, `seconds` how long it took.
  void add(const QueryKey& key, bool satisfiable, const std::string& about, const std::string& solver, double seconds);

  // What went wrong in writing; empty if nothing did.
  std::string error() const;

 private:
  struct State;
  explicit ProofCache(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// $XDG_CACHE_HOME/assay/proofs.sqlite, or the same in ~/.cache; empty if there is no home.
std::string default_cache_path();

}  // namespace assay::verify
