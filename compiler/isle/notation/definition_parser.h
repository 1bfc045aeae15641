// Shared by the files that read definitions. Internal to the notation library.
#pragma once

#include "compiler/isle/notation/blocks.h"
#include "compiler/isle/notation/definition.h"
#include "compiler/isle/notation/lexer.h"

namespace assay::notation {

// Walks over the tokens of one line; the first error is reported and everything after it fails quietly.
class Cursor {
 public:
  Cursor(std::string_view text, const Place& place, Diagnostics& errors);

  bool failed() const { return failed_; }
  bool at_end() const { return current().kind == TokenKind::End; }
  const Token& current() const { return tokens_[position_]; }
  const Token& following() const { return tokens_[position_ + 1 < tokens_.size() ? position_ + 1 : position_]; }
  bool peek(std::string_view text) const {
    return current().kind != TokenKind::End && current().kind != TokenKind::Number && current().text == text;
  }
  bool accept(std::string_view text);
  void expect(std::string_view text);
  std::string name(std::string_view what);
  // A number, possibly negative.
  int64_t number(std::string_view what);
  // A name or number as written: for register numbers, enumerators' attributes.
  void finish();
  void error(std::string message, std::string hint = {});
  Place place() const;

 private:
  std::vector<Token> tokens_;
  size_t position_ = 0;
  std::string file_;
  Diagnostics& errors_;
  bool failed_ = false;
};

// An assembly text with its optional ` if CONDITION`.
AsmText parse_asm(Library& library, std::string_view text, const Place& place, Diagnostics& errors);
// One `bits` line; names are resolved against the instruction.
BitsLine parse_bits(Library& library, const InstDef& inst, std::string_view text, const Place& place,
                    Diagnostics& errors);
// What follows the second colon of a `form` line.
std::vector<X64Alternative> parse_x64_forms(Library& library, const InstDef& inst, std::string_view text,
                                            const Place& place, Diagnostics& errors);

// Checks that need the finished definitions: amodes, references, encodings, and `sem` under every parameter
// combination. Derives attributes.
void check_definitions(Definitions& definitions, Diagnostics& errors);

}  // namespace assay::notation
