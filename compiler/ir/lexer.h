// CLIF text to tokens, one at a time. Never fails: what it does not know becomes a kUnknown token. Comments are not
// tokens; they are collected in order for the parser to hand out.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "compiler/ir/parser.h"

namespace assay::ir {

struct Token {
  enum class Kind : uint8_t {
    kEnd,
    kWord,         // iadd, v12, block3, i32x4, cold
    kName,         // %foo
    kString,       // "text", the text without its quotes
    kNumber,       // 12, -3, +8, 0x1.8p3, Inf, -NaN:0x1
    kHexName,      // #0a1b
    kLocation,     // @00c7
    kArrow,        // ->
    kPunctuation,  // one character: ( ) { } [ ] < > , . : = * @ ! + -
    kUnknown
  };
  Kind kind = Kind::kEnd;
  std::string_view text;
  uint32_t line = 1;
  uint32_t column = 1;

  bool is(Kind k) const { return kind == k; }
  bool is_word(std::string_view word) const { return kind == Kind::kWord && text == word; }
  bool is(char c) const { return kind == Kind::kPunctuation && text[0] == c; }
};

class Lexer {
 public:
  // Starts at byte `offset` of `text`, which is the beginning of line `line`.
  Lexer(std::string_view text, size_t offset, uint32_t line)
      : text_(text), position_(offset), line_begin_(offset), line_(line) {}

  Token next();
  // Where the last token began.
  size_t token_offset() const { return token_offset_; }
  // The comments seen since the last call.
  std::vector<Comment> take_comments();

 private:
  void skip_space_and_comments();
  Token make(Token::Kind kind, size_t begin, size_t end);
  size_t number_end(size_t begin) const;

  std::string_view text_;
  size_t position_;
  size_t line_begin_;
  uint32_t line_;
  size_t token_offset_ = 0;
  std::vector<Comment> comments_;
};

// `v12` with prefix "v" is 12: decimal without leading zeros, below 2^32 - 1. Nothing else has a number.
std::optional<uint32_t> entity_number(std::string_view word, std::string_view prefix);

}  // namespace assay::ir
