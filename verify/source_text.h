// Where the parts of a rule file stand in its text: from positions to bytes. Internal to verify/.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/isle/ast.h"

namespace assay::verify {

// Bytes [begin, end) of a file.
struct Span {
  uint32_t file = 0;
  size_t begin = 0, end = 0;
};

class SourceText {
 public:
  explicit SourceText(std::string_view text);

  std::string_view text() const { return text_; }
  size_t offset(isle::Position position) const;
  // The end of the atom or list that begins at `begin`.
  size_t end_of(size_t begin) const;
  // The first byte from `at` on that is neither blank nor in a comment.
  size_t skip_blanks(size_t at) const;

 private:
  std::string_view text_;
  std::vector<size_t> lines_;  // where each begins
};

// One blank between the parts of lists, none inside parentheses, no comments.
std::string normalized(std::string_view text);

// The number of letters to insert, delete or replace to get from one to the other.
size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace assay::verify
