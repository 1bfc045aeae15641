// Splits a definition file into blocks and logical lines, without looking inside them. Internal to the notation
// library.
//
// A block starts at a line with no white space before it; a line inside starts with one of the block's keywords, and
// goes on over lines that do not, or while a bracket is open. Texts are views into the file, so places stay exact;
// comments are still in them.
#pragma once

#include <string_view>
#include <vector>

#include "compiler/support/diagnostic.h"
#include "compiler/support/text.h"

namespace assay::notation {

struct Line {
  std::string_view keyword;  // empty in an enum
  std::string_view text;     // behind the keyword; may span several lines of the file
  Place keyword_place;
  Place place;  // of the text
};

struct Block {
  std::string_view keyword;  // isa, enum, fn, amode, inst
  std::string_view head;     // behind the keyword, with its comment
  Place keyword_place;
  Place place;  // of the head
  std::vector<Line> lines;
};

std::vector<Block> split_blocks(std::string_view file, std::string_view text, Diagnostics& errors);

// Behind `#`; in assembly text a `#` that a non-space follows is part of the text.
std::string_view without_comment(std::string_view line, bool assembly = false);
std::string_view comment_of(std::string_view line);
// The place `offset` bytes behind `start` in `text`, which begins at `start`.
Place advanced(const Place& start, std::string_view text, size_t offset);

// Splits at `separator` outside of brackets; drops comments. Each piece with its place; empty pieces are kept.
struct Piece {
  std::string_view text;  // trimmed
  Place place;
};
std::vector<Piece> split(std::string_view text, const Place& place, char separator);
// Splits at white space outside of brackets; drops comments and empty pieces.
std::vector<Piece> words(std::string_view text, const Place& place);
// The offset of the last ` if ` outside of brackets and comments, or npos.
size_t find_if(std::string_view text, bool assembly = false);

}  // namespace assay::notation
