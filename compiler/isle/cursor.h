// Walks the items of one list, with errors that say what was expected. Private to the parser.
//
// A failed expectation throws FormError, which parse_file catches once a form; it never leaves the library.
#pragma once

#include <string>
#include <string_view>

#include "compiler/isle/ast.h"
#include "compiler/isle/reader.h"

namespace assay::isle {

struct FormError {
  PositionedError error;
};

class Cursor {
 public:
  explicit Cursor(const Sexpr& list) : list_(list) {}

  bool at_end() const { return next_ == list_.children.size(); }
  size_t remaining() const { return list_.children.size() - next_; }
  const Sexpr& peek() const { return list_.children[next_]; }
  // Of the next item; at the end, of the list.
  Position position() const { return at_end() ? list_.position : peek().position; }
  void back() { next_--; }

  [[noreturn]] void fail(std::string message, std::string hint) const {
    throw FormError{{position(), std::move(message), std::move(hint)}};
  }

  const Sexpr& next(std::string_view expected) {
    if (at_end()) fail("expected " + std::string(expected) + " before the end of this form", "");
    return list_.children[next_++];
  }

  // The next item, if it is this word.
  bool eat(std::string_view word) {
    if (at_end() || !peek().is_symbol(word)) return false;
    next_++;
    return true;
  }
  bool eat_at() {
    if (at_end() || peek().kind != Sexpr::Kind::At) return false;
    next_++;
    return true;
  }

  const Sexpr& list(std::string_view expected) {
    const Sexpr& item = next(expected);
    if (!item.is_list()) {
      next_--;
      fail("expected " + std::string(expected) + " but found '" + std::string(item.text.substr(0, 60)) + "'", "");
    }
    return item;
  }

  // A name: letters, digits, '_', '.', '$'; not starting with a digit or '.'.
  ast::Ident ident(std::string_view expected) {
    const Sexpr& item = next(expected);
    if (!item.is_symbol()) {
      next_--;
      fail("expected " + std::string(expected) +
               (item.is_list() ? " but found a list" : " but found '" + std::string(item.text.substr(0, 60)) + "'"),
           "");
    }
    check_ident(item.text, item.position);
    return {std::string(item.text), item.position};
  }

  static void check_ident(std::string_view text, Position position) {
    auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$'; };
    bool is_good = !text.empty() && is_letter(text[0]);
    for (char c : text) is_good = is_good && (is_letter(c) || (c >= '0' && c <= '9') || c == '.');
    if (!is_good) {
      throw FormError{{position, "'" + std::string(text.substr(0, 60)) + "' is not a name",
                       "names are made of letters, digits, '_', '.' and '$'"}};
    }
  }

  void end() const {
    if (!at_end()) fail("unexpected item: the form should end here", "");
  }

 private:
  const Sexpr& list_;
  size_t next_ = 0;
};

}  // namespace assay::isle
