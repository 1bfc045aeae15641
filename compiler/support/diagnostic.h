// Errors as values: what went wrong, where, and what to do next.
//
// Every fallible function of the project returns Expected<T> (or a Diagnostics list where it can report several
// errors at once). Exceptions do not cross library boundaries. There is one way to print a diagnostic, render().
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace assay {

// Where something is. Fields that do not apply are empty or 0; lines and columns count from 1, columns in bytes.
struct Place {
  std::string file;
  uint32_t line = 0;
  uint32_t column = 0;
  std::string function;     // "%name" of the CLIF function, if any
  std::string instruction;  // "inst3" or its text, if any

  bool operator==(const Place&) const = default;
};

struct Diagnostic {
  Place place;
  std::string message;  // what is wrong, lower case, no full stop
  std::string hint;     // the next step or what was expected; may be empty

  bool operator==(const Diagnostic&) const = default;
};

using Diagnostics = std::vector<Diagnostic>;

template <class T>
using Expected = std::expected<T, Diagnostic>;

// Convenience for `return fail(...)` from a function that returns Expected<T>.
inline std::unexpected<Diagnostic> fail(Place place, std::string message, std::string hint = {}) {
  return std::unexpected(Diagnostic{std::move(place), std::move(message), std::move(hint)});
}
inline std::unexpected<Diagnostic> fail(std::string message, std::string hint = {}) {
  return fail(Place{}, std::move(message), std::move(hint));
}

// Text that may hold any bytes, for people: control characters and bytes that are not UTF-8 become \xNN, but for those
// in `keep`. The rest, backslashes too, is as it was.
std::string printable(std::string_view text, std::string_view keep = {});

// One line, `file:line:column: error: message`, then, if `source` (the whole file's text) is given and the place has
// a line, that line and a caret below the column, then `hint: …`. Ends with a newline. What is not printable is
// escaped.
std::string render(const Diagnostic& diagnostic, std::string_view source = {});

// Whole-file access for programs. Both name the file in their error.
Expected<std::string> read_file(const std::string& path);
Expected<void> write_file(const std::string& path, std::string_view contents);

}  // namespace assay
