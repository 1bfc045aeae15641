// Source text to nested lists: the lexical level of ISLE.
//
// Tokens are parentheses, `@`, symbols and integers; `;` starts a comment to the end of the line, `(;` … `;)` is a
// comment that nests. The reader does not recurse, and refuses lists nested deeper than kMaxNesting, so that everything
// after it may. One pass, linear in the text.
#pragma once

#include <string_view>
#include <vector>

#include "compiler/isle/ast.h"
#include "compiler/support/diagnostic.h"

namespace assay::isle {

inline constexpr uint32_t kMaxNesting = 1000;
inline constexpr size_t kMaxErrors = 1000;

// A list or an atom. `text` points into the source text.
struct Sexpr {
  enum class Kind : uint8_t { List, Symbol, Int, At };
  Kind kind = Kind::List;
  Position position;
  std::string_view text;        // atoms: as written
  Int128 value = 0;             // Int: the low 128 bits
  std::vector<Sexpr> children;  // List

  bool is_list() const { return kind == Kind::List; }
  bool is_symbol() const { return kind == Kind::Symbol; }
  bool is_symbol(std::string_view name) const { return kind == Kind::Symbol && text == name; }
  bool is_int() const { return kind == Kind::Int; }
};

// An error at a position, before it has a file name.
struct PositionedError {
  Position position;
  std::string message;
  std::string hint;
};

// The top-level lists of a file. Forms with an error in them are left out and reported. A form that is not closed ends
// where the next line begins with "(rule", "(decl" and the like, so that one missing parenthesis is one error.
std::vector<Sexpr> read_sexprs(uint32_t file, std::string_view text, std::vector<PositionedError>& errors);

// Parses an integer as ISLE writes it: [-] decimal, 0x, 0o, 0b, underscores anywhere after the first digit; of a
// magnitude below 2^128, taken modulo 2^128. False if it is malformed or does not fit.
bool parse_int(std::string_view text, Int128& value);

}  // namespace assay::isle
