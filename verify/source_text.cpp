// See source_text.h. The lexical rules are those of isle/reader.h.
#include "verify/source_text.h"

#include <algorithm>

namespace assay::verify {

namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool ends_atom(char c) { return is_blank(c) || c == '(' || c == ')' || c == ';' || c == '@'; }

size_t skip(std::string_view text, size_t at) {
  while (at < text.size()) {
    if (is_blank(text[at])) {
      ++at;
    } else if (text[at] == ';') {
      at = std::min(text.find('\n', at), text.size());
    } else if (text.substr(at, 2) == "(;") {
      int depth = 0;
      do {
        const std::string_view two = text.substr(at, 2);
        depth += two == "(;" ? 1 : two == ";)" ? -1 : 0;
        at += two == "(;" || two == ";)" ? 2 : 1;
      } while (depth != 0 && at < text.size());
    } else {
      break;
    }
  }
  return at;
}

size_t atom_end(std::string_view text, size_t at) {
  if (at < text.size() && text[at] == '@') return at + 1;
  while (at < text.size() && !ends_atom(text[at])) ++at;
  return at;
}

}  // namespace

SourceText::SourceText(std::string_view text) : text_(text), lines_{0} {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n') lines_.push_back(i + 1);
  }
}

size_t SourceText::offset(isle::Position position) const {
  if (position.line == 0 || position.line > lines_.size()) return text_.size();
  return std::min(lines_[position.line - 1] + position.column - 1, text_.size());
}

size_t SourceText::skip_blanks(size_t at) const { return skip(text_, at); }

size_t SourceText::end_of(size_t begin) const {
  if (begin >= text_.size() || text_[begin] != '(') return atom_end(text_, begin);
  int depth = 0;
  for (size_t at = begin; at < text_.size();) {
    if (text_[at] == '(') {
      ++depth;
      ++at;
    } else if (text_[at] == ')') {
      ++at;
      if (--depth == 0) return at;
    } else {
      at = std::max(atom_end(text_, at), at + 1);
    }
    at = skip(text_, at);
  }
  return text_.size();
}

std::string normalized(std::string_view text) {
  std::string out;
  for (size_t at = skip(text, 0); at < text.size(); at = skip(text, at)) {
    const bool opens = text[at] == '(', closes = text[at] == ')';
    if (!closes && !out.empty() && out.back() != '(') out += ' ';
    const size_t end = opens || closes ? at + 1 : std::max(atom_end(text, at), at + 1);
    out += text.substr(at, end - at);
    at = end;
  }
  return out;
}

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace assay::verify
