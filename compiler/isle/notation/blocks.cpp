// See blocks.h.
#include "compiler/isle/notation/blocks.h"

#include <algorithm>
#include <span>

namespace assay::notation {

namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r'; }

constexpr std::string_view kInstKeywords[] = {"asm",     "regs", "when",   "bits", "short", "form",  "trap",
                                              "trap_at", "sem",  "invert", "is",   "hatch", "reloc", "needs"};
constexpr std::string_view kIsaKeywords[] = {"prefix",    "order",  "flags",   "regname",
                                             "immprefix", "floats", "feature", "preset"};
constexpr std::string_view kAmodeKeywords[] = {"asm"};
constexpr std::string_view kBlockKeywords[] = {"isa", "enum", "fn", "amode", "inst", "regname"};

std::span<const std::string_view> line_keywords(std::string_view block) {
  if (block == "inst") return kInstKeywords;
  if (block == "isa") return kIsaKeywords;
  if (block == "amode") return kAmodeKeywords;
  return {};
}

bool contains(std::span<const std::string_view> list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

std::string_view first_word(std::string_view text) {
  size_t end = 0;
  while (end < text.size() && !is_space(text[end]) && text[end] != '#') ++end;
  return text.substr(0, end);
}

// How many brackets the line opens more than it closes.
int open_brackets(std::string_view line) {
  int open = 0;
  for (char c : without_comment(line)) {
    if (c == '(' || c == '[') ++open;
    if (c == ')' || c == ']') --open;
  }
  return open;
}

}  // namespace

std::string_view without_comment(std::string_view line, bool assembly) {
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '#' && (!assembly || i + 1 == line.size() || is_space(line[i + 1]))) return line.substr(0, i);
  }
  return line;
}

std::string_view comment_of(std::string_view line) {
  const size_t at = line.find('#');
  return at == std::string_view::npos ? std::string_view() : trimmed(line.substr(at + 1));
}

Place advanced(const Place& start, std::string_view text, size_t offset) {
  Place place = start;
  for (size_t i = 0; i < offset && i < text.size(); ++i) {
    if (text[i] == '\n') {
      ++place.line;
      place.column = 1;
    } else {
      ++place.column;
    }
  }
  return place;
}

std::vector<Block> split_blocks(std::string_view file, std::string_view text, Diagnostics& errors) {
  std::vector<Block> blocks;
  uint32_t number = 0;
  int open = 0;
  size_t at = 0;
  bool skipping = false;  // below a line that began no known block
  while (at < text.size()) {
    ++number;
    size_t end = text.find('\n', at);
    if (end == std::string_view::npos) end = text.size();
    const std::string_view line = text.substr(at, end - at);
    const size_t begin = at;
    at = end + 1;
    if (trimmed(without_comment(line)).empty()) continue;
    size_t indent = 0;
    while (indent < line.size() && is_space(line[indent])) ++indent;
    const std::string_view rest = line.substr(indent);
    const std::string_view word = first_word(rest);
    Place place;
    place.file = file;
    place.line = number;
    place.column = static_cast<uint32_t>(indent + 1);
    Place behind = place;
    behind.column += static_cast<uint32_t>(word.size());
    auto view = [&](size_t offset) { return text.substr(begin + offset, end - begin - offset); };
    if (indent == 0) {
      open = 0;
      skipping = !contains(kBlockKeywords, word);
      if (skipping) {
        errors.push_back({place, "'" + std::string(word.substr(0, 40)) + "' begins no block",
                          "isa, enum, fn, amode or inst; lines inside a block are indented"});
        continue;
      }
      blocks.push_back({word, view(word.size()), place, behind, {}});
      if (word == "fn") open = 0;
      continue;
    }
    if (skipping) continue;
    if (blocks.empty()) {
      errors.push_back({place, "an indented line before the first block", ""});
      continue;
    }
    Block& block = blocks.back();
    auto extend = [&](std::string_view& target) {
      target = std::string_view(target.data(), static_cast<size_t>(text.data() + end - target.data()));
    };
    if (block.keyword == "fn" || block.keyword == "regname") {
      extend(block.head);
      continue;
    }
    if (block.keyword == "enum") {
      block.lines.push_back({{}, view(indent), place, place});
      continue;
    }
    if (open <= 0 && contains(line_keywords(block.keyword), word)) {
      block.lines.push_back({word, view(indent + word.size()), place, behind});
      open = word == "asm" ? 0 : open_brackets(line);
    } else if (block.lines.empty()) {
      std::string hint;
      for (std::string_view keyword : line_keywords(block.keyword))
        hint += (hint.empty() ? "" : " ") + std::string(keyword);
      errors.push_back(
          {place, "'" + std::string(word.substr(0, 40)) + "' begins no line of " + std::string(block.keyword), hint});
    } else {
      extend(block.lines.back().text);
      if (block.lines.back().keyword != "asm") open += open_brackets(line);
    }
  }
  return blocks;
}

namespace {

// Calls `visit(offset, c, depth)` for every character outside of comments.
template <class Visit>
void scan(std::string_view text, Visit visit) {
  int depth = 0;
  bool comment = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\n') comment = false;
    if (c == '#') comment = true;
    if (comment) {
      visit(i, ' ', depth);
      continue;
    }
    if (c == ')' || c == ']') --depth;
    visit(i, c, depth);
    if (c == '(' || c == '[') ++depth;
  }
}

}  // namespace

std::vector<Piece> split(std::string_view text, const Place& place, char separator) {
  std::vector<Piece> pieces;
  size_t begin = std::string_view::npos;  // of the first non-space character
  size_t end = 0;                         // behind the last one
  auto flush = [&](size_t here) {
    if (begin == std::string_view::npos) begin = end = here;
    pieces.push_back({text.substr(begin, end - begin), advanced(place, text, begin)});
    begin = std::string_view::npos;
  };
  scan(text, [&](size_t i, char c, int depth) {
    if (c == separator && depth == 0) {
      flush(i);
    } else if (!is_space(c) && c != '\n') {
      if (begin == std::string_view::npos) begin = i;
      end = i + 1;
    }
  });
  flush(text.size());
  return pieces;
}

std::vector<Piece> words(std::string_view text, const Place& place) {
  std::vector<Piece> pieces;
  size_t begin = std::string_view::npos;
  auto flush = [&](size_t end) {
    if (begin != std::string_view::npos)
      pieces.push_back({text.substr(begin, end - begin), advanced(place, text, begin)});
    begin = std::string_view::npos;
  };
  scan(text, [&](size_t i, char c, int depth) {
    if ((is_space(c) || c == '\n') && depth <= 0) {
      flush(i);
    } else if (begin == std::string_view::npos) {
      begin = i;
    }
  });
  flush(text.size());
  return pieces;
}

size_t find_if(std::string_view text, bool assembly) {
  size_t result = std::string_view::npos;
  auto look = [&](size_t i) {
    if (i > 0 && i + 3 <= text.size() && text.substr(i, 2) == "if" && (is_space(text[i - 1]) || text[i - 1] == '\n') &&
        (is_space(text[i + 2]) || text[i + 2] == '\n')) {
      result = i;
    }
  };
  if (assembly) {
    const size_t size = without_comment(text, true).size();
    for (size_t i = 0; i < size; ++i) look(i);
  } else {
    scan(text, [&](size_t i, char c, int depth) {
      // The first one: an expression behind it may contain `if` again.
      if (c == 'i' && depth == 0 && result == std::string_view::npos) look(i);
    });
  }
  return result;
}

}  // namespace assay::notation
