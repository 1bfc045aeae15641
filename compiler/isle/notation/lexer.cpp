// See lexer.h.
#include "compiler/isle/notation/lexer.h"

namespace assay::notation {

namespace {

bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_char(char c) { return is_name_start(c) || is_digit(c); }

int digit_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return 99;
}

// The length of the operator at the start of `text`, 0 if there is none.
size_t symbol_length(std::string_view text) {
  const char first = text[0];
  const char second = text.size() > 1 ? text[1] : '\0';
  // An operator followed by `u` or `s` takes it as its suffix unless a longer name begins there.
  auto with_suffix = [&](size_t length) {
    if (text.size() <= length || (text[length] != 'u' && text[length] != 's')) return length;
    if (text.size() > length + 1 && is_name_char(text[length + 1])) return length;
    return length + 1;
  };
  switch (first) {
    case '<':
      if (second == '<') return 2;
      return with_suffix(second == '=' ? 2 : 1);
    case '>':
      if (second == '>') return with_suffix(2);
      return with_suffix(second == '=' ? 2 : 1);
    case '/':
    case '%':
      return with_suffix(1);
    case '!':
    case ':':
      return second == '=' ? 2 : 1;
    case '+':
    case '-':
    case '*':
    case '&':
    case '|':
    case '^':
    case '~':
    case '=':
    case '(':
    case ')':
    case '[':
    case ']':
    case ',':
    case ';':
    case '.':
    case '?':
      return 1;
    default:
      return 0;
  }
}

}  // namespace

std::vector<Token> tokenize(std::string_view text, const Place& place, Diagnostics& errors) {
  std::vector<Token> tokens;
  uint32_t line = place.line;
  uint32_t column = place.column;
  size_t at = 0;
  auto advance = [&](size_t count) {
    at += count;
    column += static_cast<uint32_t>(count);
  };
  while (at < text.size()) {
    const char c = text[at];
    if (c == '\n') {
      ++at;
      ++line;
      column = 1;
      continue;
    }
    if (c == ' ' || c == '\t' || c == '\r') {
      advance(1);
      continue;
    }
    if (c == '#') {
      while (at < text.size() && text[at] != '\n') advance(1);
      continue;
    }
    Token token;
    token.line = line;
    token.column = column;
    size_t length = 0;
    if (is_name_start(c)) {
      while (at + length < text.size() && is_name_char(text[at + length])) ++length;
      token.kind = TokenKind::Name;
    } else if (is_digit(c)) {
      while (at + length < text.size() && is_name_char(text[at + length])) ++length;
      token.kind = TokenKind::Number;
      std::string_view digits = text.substr(at, length);
      int base = 10;
      if (digits.size() > 2 && digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'b')) {
        base = digits[1] == 'x' ? 16 : 2;
        digits.remove_prefix(2);
      }
      const char* problem = nullptr;
      for (char digit : digits) {
        if (digit == '_') continue;
        if (digit_value(digit) >= base) {
          problem = "malformed number";
          break;
        }
        if ((token.number >> 120) != 0) {
          problem = "number is too large";
          break;
        }
        token.number = token.number * base + digit_value(digit);
      }
      if (problem != nullptr) errors.push_back({{place.file, line, column, {}, {}}, problem, ""});
    } else {
      length = symbol_length(text.substr(at));
      token.kind = TokenKind::Symbol;
      if (length == 0) {
        std::string shown = c >= 32 && c < 127 ? std::string("'") + c + "'" : "byte " + std::to_string(c & 0xff);
        errors.push_back({{place.file, line, column, {}, {}}, "unexpected " + shown, ""});
        advance(1);
        continue;
      }
    }
    token.text = text.substr(at, length);
    tokens.push_back(token);
    advance(length);
  }
  tokens.push_back({TokenKind::End, {}, 0, line, column});
  return tokens;
}

}  // namespace assay::notation
