// A thin layer over SQLite for the campaign's folder: statements with values bound in order. Included by few:
// sqlite3.h.
#pragma once

#include <sqlite3.h>

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace assay::fuzz {

class Statement {
 public:
  Statement(sqlite3* database, const char* sql) {
    if (sqlite3_prepare_v2(database, sql, -1, &statement_, nullptr) != SQLITE_OK) statement_ = nullptr;
  }
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  // Values for the question marks, from the first on.
  template <class... Values>
  Statement& bind(const Values&... values) {
    sqlite3_reset(statement_);
    [[maybe_unused]] int at = 0;
    (set(++at, values), ...);
    return *this;
  }
  // The next row: false at the end, or if there is none because of an error.
  bool next() { return sqlite3_step(statement_) == SQLITE_ROW; }
  // For statements without rows.
  bool run() { return sqlite3_step(statement_) == SQLITE_DONE; }

  int64_t integer(int column) { return sqlite3_column_int64(statement_, column); }
  double real(int column) { return sqlite3_column_double(statement_, column); }
  std::string text(int column) {
    const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_, column));
    return bytes == nullptr ? "" : std::string(bytes, static_cast<size_t>(sqlite3_column_bytes(statement_, column)));
  }

 private:
  void set(int at, std::integral auto value) { sqlite3_bind_int64(statement_, at, static_cast<int64_t>(value)); }
  void set(int at, double value) { sqlite3_bind_double(statement_, at, value); }
  void set(int at, std::string_view text) {
    sqlite3_bind_text(statement_, at, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT);
  }

  sqlite3_stmt* statement_ = nullptr;
};

}  // namespace assay::fuzz
