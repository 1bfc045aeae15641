// See lexer.h.
#include "compiler/ir/lexer.h"

#include <utility>

namespace assay::ir {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_word_char(char c) { return is_alpha(c) || is_digit(c); }
bool is_hex_digit(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

}  // namespace

std::vector<Comment> Lexer::take_comments() { return std::exchange(comments_, {}); }

void Lexer::skip_space_and_comments() {
  while (position_ < text_.size()) {
    const char c = text_[position_];
    if (c == '\n') {
      ++line_;
      line_begin_ = ++position_;
    } else if (c == ' ' || c == '\t' || c == '\r') {
      ++position_;
    } else if (c == ';') {
      size_t end = text_.find('\n', position_);
      if (end == std::string_view::npos) end = text_.size();
      std::string_view comment = text_.substr(position_, end - position_);
      if (comment.ends_with('\r')) comment.remove_suffix(1);
      comments_.push_back({line_, static_cast<uint32_t>(position_ - line_begin_ + 1), std::string(comment)});
      position_ = end;
    } else {
      break;
    }
  }
}

Token Lexer::make(Token::Kind kind, size_t begin, size_t end) {
  Token token{kind, text_.substr(begin, end - begin), line_, static_cast<uint32_t>(begin - line_begin_ + 1)};
  position_ = end;
  return token;
}

// A number may start with a sign; it goes on over digits, letters, `.`, `_`, and a `-` or `+` after the exponent's `p`.
size_t Lexer::number_end(size_t begin) const {
  size_t i = begin;
  if (text_[i] == '-' || text_[i] == '+') ++i;
  const std::string_view rest = text_.substr(i);
  for (std::string_view nan : {"NaN:0x", "sNaN:0x"}) {
    if (rest.starts_with(nan)) i += nan.size();
  }
  for (; i < text_.size(); ++i) {
    const char c = text_[i];
    if ((c == '-' || c == '+') && text_[i - 1] == 'p') continue;
    if (!is_word_char(c) && c != '.') break;
  }
  return i;
}

Token Lexer::next() {
  skip_space_and_comments();
  token_offset_ = position_;
  if (position_ >= text_.size()) return make(Token::Kind::kEnd, position_, position_);
  const size_t begin = position_;
  const char c = text_[begin];
  const char after = begin + 1 < text_.size() ? text_[begin + 1] : '\0';
  const std::string_view rest = text_.substr(begin);

  if (is_alpha(c)) {
    size_t end = begin;
    while (end < text_.size() && is_word_char(text_[end])) ++end;
    const std::string_view word = text_.substr(begin, end - begin);
    if (word == "Inf" || word == "NaN" || word == "sNaN") return make(Token::Kind::kNumber, begin, number_end(begin));
    return make(Token::Kind::kWord, begin, end);
  }
  if (is_digit(c)) return make(Token::Kind::kNumber, begin, number_end(begin));
  if (c == '-' && after == '>') return make(Token::Kind::kArrow, begin, begin + 2);
  if (c == '-' || c == '+') {
    const std::string_view unsigned_rest = rest.substr(1);
    if (is_digit(after) || unsigned_rest.starts_with("Inf") || unsigned_rest.starts_with("NaN") ||
        unsigned_rest.starts_with("sNaN")) {
      return make(Token::Kind::kNumber, begin, number_end(begin));
    }
    return make(Token::Kind::kPunctuation, begin, begin + 1);
  }
  if (c == '%' || c == '#') {
    size_t end = begin + 1;
    while (end < text_.size() && is_word_char(text_[end])) ++end;
    return make(c == '%' ? Token::Kind::kName : Token::Kind::kHexName, begin, end);
  }
  if (c == '@') {
    size_t end = begin + 1;
    while (end < text_.size() && is_hex_digit(text_[end])) ++end;
    if (end == begin + 1 || (end < text_.size() && is_word_char(text_[end]))) {
      return make(Token::Kind::kPunctuation, begin, begin + 1);
    }
    return make(Token::Kind::kLocation, begin, end);
  }
  if (c == '"') {
    const size_t end = text_.find('"', begin + 1);
    if (end == std::string_view::npos) return make(Token::Kind::kUnknown, begin, begin + 1);
    Token token = make(Token::Kind::kString, begin, end + 1);
    token.text = text_.substr(begin + 1, end - begin - 1);
    for (size_t i = begin; i < end; ++i) {
      if (text_[i] == '\n') {
        ++line_;
        line_begin_ = i + 1;
      }
    }
    return token;
  }
  if (std::string_view("(){}[]<>,.:=*!").find(c) != std::string_view::npos) {
    return make(Token::Kind::kPunctuation, begin, begin + 1);
  }
  // A whole UTF-8 character, so that messages stay readable.
  size_t end = begin + 1;
  while (end < text_.size() && (static_cast<unsigned char>(text_[end]) & 0xc0) == 0x80) ++end;
  return make(Token::Kind::kUnknown, begin, end);
}

std::optional<uint32_t> entity_number(std::string_view word, std::string_view prefix) {
  if (!word.starts_with(prefix)) return std::nullopt;
  const std::string_view digits = word.substr(prefix.size());
  if (digits.empty() || digits.size() > 10 || (digits[0] == '0' && digits.size() > 1)) return std::nullopt;
  uint64_t number = 0;
  for (char c : digits) {
    if (!is_digit(c)) return std::nullopt;
    number = number * 10 + static_cast<unsigned>(c - '0');
  }
  return number < 0xffffffffu ? std::optional(static_cast<uint32_t>(number)) : std::nullopt;
}

}  // namespace assay::ir
