// See reader.h. The lists that are open are kept on an explicit stack.
#include "compiler/isle/reader.h"

#include <array>
#include <string>

namespace assay::isle {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v'; }
bool is_delimiter(char c) { return is_space(c) || c == '(' || c == ')' || c == ';' || c == '@'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

class Reader {
 public:
  Reader(uint32_t file, std::string_view text, std::vector<PositionedError>& errors)
      : text_(text), errors_(errors), position_{file, 1, 1} {}

  std::vector<Sexpr> read() {
    while (skip_blanks()) read_token();
    if (!open_.empty()) abandon_open_form();
    return std::move(forms_);
  }

 private:
  void error(Position position, std::string message, std::string hint = {}) {
    if (errors_.size() < kMaxErrors) errors_.push_back({position, std::move(message), std::move(hint)});
    form_is_bad_ = true;
  }

  char peek(size_t ahead = 0) const { return offset_ + ahead < text_.size() ? text_[offset_ + ahead] : '\0'; }
  bool at_end() const { return offset_ >= text_.size(); }

  void advance() {
    if (text_[offset_++] == '\n') {
      position_.line++;
      position_.column = 1;
    } else {
      position_.column++;
    }
  }

  // False at the end of the text.
  bool skip_blanks() {
    while (!at_end()) {
      char c = peek();
      if (is_space(c)) {
        advance();
      } else if (c == ';') {
        while (!at_end() && peek() != '\n') advance();
      } else if (c == '(' && peek(1) == ';') {
        skip_block_comment();
      } else {
        return true;
      }
    }
    return false;
  }

  void skip_block_comment() {
    Position start = position_;
    size_t depth = 0;
    while (!at_end()) {
      if (peek() == '(' && peek(1) == ';') {
        depth++;
        advance();
        advance();
      } else if (peek() == ';' && peek(1) == ')') {
        depth--;
        advance();
        advance();
        if (depth == 0) return;
      } else {
        advance();
      }
    }
    error(start, "block comment is not closed", "close it with ;)");
  }

  void read_token() {
    Position start = position_;
    char c = peek();
    if (c == '(') {
      if (!open_.empty() && start.column == 1 && starts_definition()) abandon_open_form();
      advance();
      open_list(start);
    } else if (c == ')') {
      advance();
      close_list(start);
    } else if (c == '@') {
      size_t begin = offset_;
      advance();
      add(atom(Sexpr::Kind::At, start, text_.substr(begin, 1)));
    } else {
      size_t begin = offset_;
      while (!at_end() && !is_delimiter(peek())) advance();
      add_word(start, text_.substr(begin, offset_ - begin));
    }
  }

  // At a '(' in the first column: does a definition begin here? Forms that may stand inside another one, like `(type`,
  // are not asked about.
  bool starts_definition() const {
    static constexpr std::array<std::string_view, 9> kKeywords = {"rule", "decl",  "extractor",   "extern", "convert",
                                                                  "spec", "model", "instantiate", "form"};
    size_t begin = offset_ + 1, end = begin;
    while (end < text_.size() && !is_delimiter(text_[end])) end++;
    std::string_view word = text_.substr(begin, end - begin);
    for (std::string_view keyword : kKeywords) {
      if (word == keyword) return true;
    }
    return false;
  }

  static Sexpr atom(Sexpr::Kind kind, Position position, std::string_view text) {
    Sexpr result;
    result.kind = kind;
    result.position = position;
    result.text = text;
    return result;
  }

  void add_word(Position start, std::string_view word) {
    bool is_number = is_digit(word[0]) || (word[0] == '-' && word.size() > 1 && is_digit(word[1]));
    Sexpr result = atom(is_number ? Sexpr::Kind::Int : Sexpr::Kind::Symbol, start, word);
    if (is_number && !parse_int(word, result.value)) {
      error(start, "malformed integer '" + std::string(word.substr(0, 60)) + "'",
            "decimal, 0x, 0o or 0b, of at most 128 bits");
    }
    add(std::move(result));
  }

  void add(Sexpr item) {
    if (!open_.empty()) {
      open_.back().children.push_back(std::move(item));
    } else if (!stray_) {
      error(item.position, "expected '(' but found '" + std::string(item.text.substr(0, 60)) + "'",
            "a file is a list of forms in parentheses");
      stray_ = true;  // one error for a run of stray words
    }
  }

  void open_list(Position start) {
    if (open_.empty()) {
      form_is_bad_ = false;
      stray_ = false;
    }
    if (open_.size() >= kMaxNesting) {
      if (too_deep_++ == 0) {
        error(start, "parentheses are nested deeper than " + std::to_string(kMaxNesting) + " levels");
      }
      return;
    }
    Sexpr list;
    list.position = start;
    open_.push_back(std::move(list));
  }

  void close_list(Position start) {
    if (too_deep_ > 0) {
      too_deep_--;
      return;
    }
    if (open_.empty()) {
      if (!stray_) error(start, "')' without a '('");
      stray_ = true;
      return;
    }
    Sexpr list = std::move(open_.back());
    open_.pop_back();
    if (!open_.empty()) {
      open_.back().children.push_back(std::move(list));
    } else if (!form_is_bad_) {
      forms_.push_back(std::move(list));
    }
  }

  void abandon_open_form() {
    error(open_.back().position, "'(' is not closed",
          open_.size() == 1 ? "" : "the form that begins at line " + std::to_string(open_.front().position.line));
    open_.clear();
    too_deep_ = 0;
    form_is_bad_ = false;
  }

  std::string_view text_;
  std::vector<PositionedError>& errors_;
  Position position_;
  size_t offset_ = 0;
  std::vector<Sexpr> open_;
  std::vector<Sexpr> forms_;
  size_t too_deep_ = 0;
  bool form_is_bad_ = false;
  bool stray_ = false;
};

}  // namespace

std::vector<Sexpr> read_sexprs(uint32_t file, std::string_view text, std::vector<PositionedError>& errors) {
  return Reader(file, text, errors).read();
}

bool parse_int(std::string_view text, Int128& value) {
  bool is_negative = !text.empty() && text[0] == '-';
  if (is_negative) text.remove_prefix(1);
  unsigned radix = 10;
  if (text.size() > 2 && text[0] == '0') {
    char mark = text[1] | 0x20;
    radix = mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 10;
    if (radix != 10) text.remove_prefix(2);
  }
  Uint128 magnitude = 0;
  bool has_digit = false;
  for (char c : text) {
    if (c == '_' && has_digit) continue;
    unsigned digit = is_digit(c)                              ? unsigned(c - '0')
                     : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? unsigned((c | 0x20) - 'a') + 10
                                                              : 99;
    if (digit >= radix) return false;
    constexpr Uint128 kMax = ~Uint128(0);
    if (magnitude > (kMax - digit) / radix) return false;
    magnitude = magnitude * radix + digit;
    has_digit = true;
  }
  if (!has_digit) return false;
  if (is_negative) {
    value = static_cast<Int128>(~magnitude + 1);
  } else {
    value = static_cast<Int128>(magnitude);
  }
  return true;
}

}  // namespace assay::isle
