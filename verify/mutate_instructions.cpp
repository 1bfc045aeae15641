// See mutate_instructions.h.
#include "verify/mutate_instructions.h"

#include <algorithm>
#include <map>
#include <set>

#include "compiler/isle/notation/blocks.h"
#include "compiler/isle/notation/definition.h"
#include "compiler/isle/notation/lexer.h"
#include "verify/source_text.h"

namespace assay::verify {

namespace {

using notation::Block;
using notation::Line;
using notation::Piece;
using notation::Token;
using notation::TokenKind;

constexpr size_t kNeighbours = 2;  // replacements of a name at one place

// Operators that are easily taken for each other.
const std::vector<std::vector<std::string>>& operator_groups() {
  static const std::vector<std::vector<std::string>> groups = {{"+", "-"},
                                                               {"&", "|", "^"},
                                                               {"<<", ">>u", ">>s"},
                                                               {"/u", "/s"},
                                                               {"%u", "%s"},
                                                               {"=", "!="},
                                                               {"and", "or"},
                                                               {"<u", "<=u", "<s", ">u"},
                                                               {"<=u", "<u", "<=s"},
                                                               {">u", ">=u", ">s"},
                                                               {">=u", ">u", ">=s"},
                                                               {"<s", "<=s", "<u", ">s"},
                                                               {"<=s", "<s", "<=u"},
                                                               {">s", ">=s", ">u"},
                                                               {">=s", ">s", ">=u"},
                                                               {"<", "<="},
                                                               {"<=", "<"},
                                                               {">", ">="},
                                                               {">=", ">"},
                                                               {"zext", "sext"},
                                                               {"clz", "ctz", "cls", "popcnt"},
                                                               {"bitrev", "bswap"},
                                                               {"rotl", "rotr"},
                                                               {"load", "loadle", "loadbe"},
                                                               {"store", "storele", "storebe"}};
  return groups;
}

// Where things are: a file, its blocks, and what each block names.
struct File {
  uint32_t index = 0;
  std::string name;
  std::string_view text;
  std::vector<Block> blocks;
};

std::set<std::string> names_in(std::string_view text) {
  std::set<std::string> out;
  size_t at = 0;
  while (at < text.size()) {
    size_t end = at;
    while (end < text.size() && (std::isalnum(static_cast<unsigned char>(text[end])) || text[end] == '_')) ++end;
    if (end > at) out.emplace(text.substr(at, end - at));
    at = std::max(end, at + 1);
  }
  return out;
}

// The name that a block gives to something.
std::string block_name(const Block& block) {
  const std::string_view head = trimmed(notation::without_comment(block.head));
  size_t end = 0;
  while (end < head.size() && (std::isalnum(static_cast<unsigned char>(head[end])) || head[end] == '_')) ++end;
  return std::string(head.substr(0, end));
}

// The edits of one block's text.
class BlockDeriver {
 public:
  BlockDeriver(const File& file, const Block& block, const std::vector<std::pair<std::string, size_t>>& functions,
               Mutant subject, std::vector<Mutant>& out)
      : file_(file), block_(block), functions_(functions), subject_(std::move(subject)), out_(out) {}

  void derive() {
    if (block_.keyword == "inst") {
      collect_operands();
      for (const Line& line : block_.lines) inst_line(line);
    } else if (block_.keyword == "enum") {
      for (const Line& line : block_.lines) enumerator(line);
    } else if (block_.keyword == "fn") {
      function();
    } else if (block_.keyword == "amode") {
      ranges(block_.head);
      for (const Line& line : block_.lines) assembly(line.text);
    } else if (block_.keyword == "isa") {
      for (const Line& line : block_.lines) isa_line(line);
    }
  }

 private:
  // ---- edits ----

  size_t offset(std::string_view part) const { return static_cast<size_t>(part.data() - file_.text.data()); }

  void replace(MutationKind kind, std::string_view part, const std::string& replacement) {
    if (part == replacement) return;
    Mutant mutant = subject_;
    mutant.kind = kind;
    mutant.is_meaning = is_meaning_;
    mutant.begin = offset(part);
    mutant.end = mutant.begin + part.size();
    mutant.replacement = replacement;
    // The line around the edit shows it.
    const std::string_view text = file_.text;
    const size_t from = text.rfind('\n', mutant.begin == 0 ? 0 : mutant.begin - 1) + 1;
    const size_t to = std::min(text.find('\n', mutant.end), text.size());
    const size_t column = mutant.begin - from + 1;
    const std::string before(text.substr(from, to - from));
    const std::string after(std::string(text.substr(from, mutant.begin - from)) + replacement +
                            std::string(text.substr(mutant.end, to - mutant.end)));
    mutant.change = squeezed(before) + " => " + squeezed(after);
    mutant.line =
        1 + static_cast<uint32_t>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(from), '\n'));
    mutant.id = file_.name + ":" + std::to_string(mutant.line) + ":" + std::to_string(column) + " " + to_string(kind) +
                " " + squeezed(part) + " -> " + squeezed(replacement);
    if (!seen_.insert({mutant.begin, mutant.end, replacement}).second) return;
    out_.push_back(std::move(mutant));
  }
  // Two parts of the text in each other's place; `first` stands before `second`.
  void exchange(MutationKind kind, std::string_view first, std::string_view second) {
    if (first == second || std::string(first) + std::string(second) == std::string(second) + std::string(first)) return;
    const size_t begin = offset(first), middle = begin + first.size(), end = offset(second) + second.size();
    const std::string_view between = file_.text.substr(middle, offset(second) - middle);
    replace(kind, file_.text.substr(begin, end - begin),
            std::string(second) + std::string(between) + std::string(first));
  }
  // Without comments and runs of blanks.
  static std::string squeezed(std::string_view text) {
    std::string out;
    while (!text.empty()) {
      const size_t end = std::min(text.find('\n'), text.size());
      for (const char c : notation::without_comment(text.substr(0, end), true)) {
        if (c != ' ' || (!out.empty() && out.back() != ' ')) out += c;
      }
      text.remove_prefix(std::min(end + 1, text.size()));
      if (!text.empty() && !out.empty() && out.back() != ' ') out += ' ';
    }
    while (!out.empty() && out.back() == ' ') out.pop_back();
    return out;
  }

  // ---- what the block names ----

  void collect_operands() {
    for (const Line& line : block_.lines) {
      std::string_view text = line.text;
      if (line.keyword == "form") {
        text = form_operands(line);
      } else if (line.keyword != "regs") {
        continue;
      }
      for (const Piece& piece : notation::split(text, line.place, ';')) {
        const std::vector<Piece> words = notation::words(piece.text, piece.place);
        if (words.size() < 2) continue;
        std::string_view name = words[1].text;
        if (!name.empty() && name.back() == ':') name.remove_suffix(1);
        if (words[0].text == "use" || words[0].text == "imm") values_.emplace_back(name);
        if (words[0].text == "use" || words[0].text == "def") registers_.emplace_back(name);
      }
    }
  }
  // form SUFFIX: OPERANDS : ENCODING
  static std::string_view form_operands(const Line& line) {
    const size_t first = line.text.find(':');
    if (first == std::string_view::npos) return {};
    const size_t second = encoding_colon(line.text, first);
    return second == std::string_view::npos ? std::string_view() : line.text.substr(first + 1, second - first - 1);
  }
  // The colon before the encoding has a blank before it; those of operands do not.
  static size_t encoding_colon(std::string_view text, size_t first) {
    for (size_t at = text.find(':', first + 1); at != std::string_view::npos; at = text.find(':', at + 1)) {
      if (at > 0 && text[at - 1] == ' ') return at;
    }
    return std::string_view::npos;
  }

  // ---- lines of an instruction ----

  void inst_line(const Line& line) {
    is_meaning_ = line.keyword == "trap" || line.keyword == "sem";
    if (line.keyword == "asm") {
      assembly(line.text);
    } else if (line.keyword == "regs") {
      operands(line.text, line.place);
    } else if (line.keyword == "when") {
      expression(line.text, MutationKind::Condition);
      replace(MutationKind::Condition, code(line.text), "true");
    } else if (line.keyword == "bits") {
      bits(line.text, line.place);
    } else if (line.keyword == "short") {
      short_form(line);
    } else if (line.keyword == "form") {
      operands(form_operands(line), line.place);
      form(line);
    } else if (line.keyword == "trap") {
      expression(line.text, MutationKind::Trap);
      replace(MutationKind::Trap, code(line.text), "false");
    } else if (line.keyword == "sem") {
      expression(line.text, MutationKind::Meaning);
    } else if (line.keyword == "trap_at" || line.keyword == "reloc") {
      for (const Token& token : tokens(line.text)) {
        if (token.kind == TokenKind::Number) number(token, MutationKind::Place);
      }
    }
  }

  // The text without what follows it: blanks, a comment.
  static std::string_view code(std::string_view text) {
    const std::string_view last = text.substr(text.rfind('\n') + 1);
    const std::string_view kept = notation::without_comment(last);
    return trimmed(text.substr(0, text.size() - last.size() + kept.size()));
  }

  void assembly(std::string_view text) {
    const std::string_view whole = notation::without_comment(text, true);
    const size_t condition = notation::find_if(whole, true);
    if (condition != std::string_view::npos) expression(whole.substr(condition + 3), MutationKind::Text);
    const std::string_view body = trimmed(whole.substr(0, condition));
    size_t mnemonic = 0;
    while (mnemonic < body.size() && std::isalnum(static_cast<unsigned char>(body[mnemonic]))) ++mnemonic;
    if (mnemonic > 1) replace(MutationKind::Text, body.substr(0, mnemonic), std::string(body.substr(0, mnemonic - 1)));
    std::vector<std::string_view> pieces;
    for (size_t open = body.find('{'); open != std::string_view::npos; open = body.find('{', open + 1)) {
      const size_t close = body.find('}', open);
      if (close == std::string_view::npos) break;
      pieces.push_back(body.substr(open, close - open + 1));
      const std::string_view inner = pieces.back().substr(1, pieces.back().size() - 2);
      if (inner.starts_with("~")) replace(MutationKind::Text, inner, std::string(inner.substr(1)));
      if (const size_t colon = inner.find(':'); colon != std::string_view::npos) {
        replace(MutationKind::Text, inner, std::string(inner.substr(0, colon)));
      }
    }
    for (size_t i = 0; i + 1 < pieces.size(); ++i) exchange(MutationKind::Text, pieces[i], pieces[i + 1]);
  }

  // The list of a `regs` line.
  void operands(std::string_view text, const Place& place) {
    std::vector<Piece> pieces;
    for (const Piece& piece : notation::split(text, place, ';')) {
      if (!piece.text.empty()) pieces.push_back(piece);
    }
    for (size_t i = 0; i < pieces.size(); ++i) {
      const std::vector<Piece> words = notation::words(pieces[i].text, pieces[i].place);
      if (words.empty()) continue;
      const std::string_view role = words[0].text;
      if (i + 1 < pieces.size()) {
        const std::vector<Piece> next = notation::words(pieces[i + 1].text, pieces[i + 1].place);
        is_meaning_ = role == "use";
        // Flags and clobbers come in any order.
        const bool has_place = role != "flags" && role != "clobber";
        if (has_place && !next.empty() && next[0].text == role)
          exchange(MutationKind::Role, pieces[i].text, pieces[i + 1].text);
        is_meaning_ = false;
      }
      if (role == "def" || role == "use") reg(words);
      if (role == "imm" || role == "label" || role == "place" || role == "constant") ranges(pieces[i].text);
      if (role == "clobber") {
        for (size_t k = 1; k < words.size(); ++k) {
          const std::string one_less = words.size() == 2 ? "" : dropped(pieces[i].text, words[k].text);
          drop_operand(pieces, i, one_less);
        }
      }
      if (role == "flags") {
        drop_operand(pieces, i, "");
        if (words.size() > 1 && words[1].text == "def") replace(MutationKind::Role, words[1].text, "clobber");
      }
    }
  }
  static std::string dropped(std::string_view text, std::string_view part) {
    const auto at = static_cast<size_t>(part.data() - text.data());
    return std::string(text.substr(0, at)) + std::string(text.substr(at + part.size()));
  }
  // An empty piece of the list is no operand.
  void drop_operand(const std::vector<Piece>& pieces, size_t i, const std::string& rest) {
    if (!rest.empty()) return replace(MutationKind::Role, pieces[i].text, rest);
    const size_t begin = i == 0 ? offset(pieces[0].text) : offset(pieces[i - 1].text) + pieces[i - 1].text.size();
    size_t end = offset(pieces[i].text) + pieces[i].text.size();
    if (i == 0 && pieces.size() > 1) end = offset(pieces[1].text);
    replace(MutationKind::Role, file_.text.substr(begin, end - begin), "");
  }

  void reg(const std::vector<Piece>& words) {
    replace(MutationKind::Role, words[0].text, words[0].text == "def" ? "use" : "def");
    for (size_t i = 1; i < words.size(); ++i) {
      const std::string_view word = words[i].text;
      if (word == "early") replace(MutationKind::Role, word, "");
      if (word.ends_with("?")) replace(MutationKind::Role, word, std::string(word.substr(0, word.size() - 1)));
      if (word == "reuse" && i + 1 < words.size()) {
        const std::string_view both =
            file_.text.substr(offset(word), offset(words[i + 1].text) + words[i + 1].text.size() - offset(word));
        replace(MutationKind::Role, both, "");
        for (const std::string& other : registers_) replace(MutationKind::Role, words[i + 1].text, other);
      }
      if (word == "=" && i + 1 < words.size()) {
        const std::string_view fixed = words[i + 1].text;
        const std::string_view both = file_.text.substr(offset(word), offset(fixed) + fixed.size() - offset(word));
        replace(MutationKind::Role, both, "");
        replace(MutationKind::Role, fixed, fixed == "3" ? "6" : "3");
      }
    }
  }

  // Every `s12`, `u6`, `s13x2` behind a colon or `in`. A range that admits less is no mistake, so none is only
  // narrower.
  void ranges(std::string_view text) {
    for (const Token& token : tokens(text)) range(token.text, MutationKind::Range);
  }
  void range(std::string_view word, MutationKind kind) {
    notation::ImmKind range;
    if (word.size() < 2 || !notation::parse_imm_kind(word, range)) return;
    if (range.kind != notation::ImmKind::Kind::Signed && range.kind != notation::ImmKind::Kind::Unsigned) return;
    const char sign = word[0];
    const auto spelled = [&](char sign, unsigned bits, unsigned scale) {
      return std::string(1, sign) + std::to_string(bits) + (scale == 1 ? "" : "x" + std::to_string(scale));
    };
    replace(kind, word, spelled(sign, range.bits + 1, range.scale));
    replace(kind, word, spelled(sign == 's' ? 'u' : 's', range.bits, range.scale));
    if (range.scale > 1) replace(kind, word, spelled(sign, range.bits, range.scale / 2));
  }

  // Some bits of a literal, at most three: the first, the last, one between.
  void flip(std::string_view digits, unsigned bits_per_digit, MutationKind kind) {
    const size_t count = digits.size() * bits_per_digit;
    for (const size_t bit : std::set<size_t>{0, count / 2, count - 1}) {
      const char digit = digits[bit / bits_per_digit];
      unsigned value = static_cast<unsigned>(digit <= '9' ? digit - '0' : (digit | 32) - 'a' + 10);
      value ^= 1u << (bits_per_digit - 1 - bit % bits_per_digit);
      std::string flipped(digits);
      flipped[bit / bits_per_digit] = "0123456789ABCDEF"[value];
      replace(kind, digits, flipped);
    }
  }

  // FEATURE …: FIELD … [if CONDITION]. No rule sees which form is taken: all is part of the encoding.
  void short_form(const Line& line) {
    const size_t colon = line.text.find(':');
    if (colon == std::string_view::npos) return;
    std::string_view fields = line.text.substr(colon + 1);
    if (const size_t at = notation::find_if(fields); at != std::string_view::npos) {
      expression(fields.substr(at + 2), MutationKind::Bits);
      replace(MutationKind::Bits, code(fields.substr(at + 2)), "true");
      fields = fields.substr(0, at);
    }
    bits(fields, line.place);
  }

  void bits(std::string_view fields_text, const Place& place) {
    const std::vector<Piece> words = notation::words(fields_text, place);
    std::vector<std::string_view> fields;
    for (const Piece& word : words) {
      const std::string_view text = word.text;
      if (text.find_first_not_of("01") == std::string_view::npos) {
        flip(text, 1, MutationKind::Bits);
        continue;
      }
      if (text.ends_with("'h")) {
        flip(text.substr(0, text.size() - 2), 4, MutationKind::Bits);
        continue;
      }
      fields.push_back(text);
      if (text.starts_with("(")) {
        expression(text.substr(1, text.rfind(')') - 1), MutationKind::Bits);
        continue;
      }
      if (text.starts_with("~")) replace(MutationKind::Bits, text, std::string(text.substr(1)));
      slice(text);
      const std::string_view name = text.substr(0, text.find_first_of(":[."));
      if (std::find(registers_.begin(), registers_.end(), name) != registers_.end()) {
        for (const std::string& other : nearest(name, registers_)) replace(MutationKind::Bits, name, other);
      }
    }
    for (size_t i = 0; i + 1 < words.size(); ++i) exchange(MutationKind::Bits, words[i].text, words[i + 1].text);
    for (size_t i = 0; i + 1 < fields.size(); ++i) {
      for (size_t k = i + 1; k < fields.size(); ++k) {
        if (width(fields[i]) != width(fields[k])) continue;
        exchange(MutationKind::Bits, fields[i], fields[k]);
        break;
      }
    }
  }
  static std::string width(std::string_view field) {
    const size_t colon = field.rfind(':');
    return colon == std::string_view::npos || field.ends_with("]") ? "" : std::string(field.substr(colon));
  }
  // name[hi:lo] one bit further up and down.
  void slice(std::string_view text) {
    const size_t open = text.find('['), colon = text.find(':', open), close = text.find(']');
    if (open == std::string_view::npos || close == std::string_view::npos) return;
    const std::string_view inside = text.substr(open + 1, close - open - 1);
    for (const int step : {1, -1}) {
      if (colon == std::string_view::npos || colon > close) {
        replace(MutationKind::Bits, inside, std::to_string(std::stoi(std::string(inside)) + step));
      } else {
        const int high = std::stoi(std::string(inside)), low = std::stoi(std::string(text.substr(colon + 1)));
        if (low + step < 0) continue;
        replace(MutationKind::Bits, inside, std::to_string(high + step) + ":" + std::to_string(low + step));
      }
    }
  }

  // What follows the second colon: alternatives of steps, keys and a condition.
  void form(const Line& line) {
    const size_t first = line.text.find(':');
    const size_t second = first == std::string_view::npos ? first : encoding_colon(line.text, first);
    if (second == std::string_view::npos) return;
    std::string_view rest = line.text.substr(second + 1);
    for (const Piece& alternative : notation::split(rest, line.place, '|')) {
      std::string_view text = alternative.text;
      if (const size_t at = notation::find_if(text); at != std::string_view::npos) {
        expression(text.substr(at + 3), MutationKind::Condition);
        text = text.substr(0, at);
      }
      const std::vector<Piece> words = notation::words(text, alternative.place);
      std::vector<std::string_view> keys;
      for (const Piece& word : words) form_word(word.text, keys);
      for (size_t i = 0; i + 1 < keys.size(); ++i) exchange(MutationKind::Bits, keys[i], keys[i + 1]);
    }
  }
  void form_word(std::string_view text, std::vector<std::string_view>& keys) {
    const auto is_hex = [](std::string_view digits) {
      return digits.size() >= 2 && digits.find_first_not_of("0123456789ABCDEF") == std::string_view::npos;
    };
    if (const size_t equals = text.find('='); equals != std::string_view::npos && text.find('(') > equals) {
      keys.push_back(text.substr(equals + 1));
      for (const std::string& other : nearest(text.substr(equals + 1), registers_)) {
        replace(MutationKind::Bits, text.substr(equals + 1), other);
      }
    } else if (const std::string_view opcode = text.substr(0, text.find('+')); is_hex(opcode)) {
      flip(opcode, 4, MutationKind::Bits);
      if (text == "66" || text == "0F") replace(MutationKind::Bits, text, "");
      if (text.find("+~") != std::string_view::npos) replace(MutationKind::Bits, text, std::string(opcode) + "+cc");
      if (text.ends_with("+cc")) replace(MutationKind::Bits, text, std::string(opcode) + "+~cc");
    } else if (text.starts_with("REX") || text.starts_with("66(")) {
      replace(MutationKind::Bits, text, "");
      if (text.starts_with("REX.W(")) replace(MutationKind::Bits, text, "REX.W");
      if (text.starts_with("66(")) replace(MutationKind::Bits, text, "66");
    } else if (text.starts_with("/") && text.size() == 2) {
      if (text == "/r") {
        replace(MutationKind::Bits, text, "/0");
      } else {
        const std::string digit(1, static_cast<char>('0' + ((text[1] - '0') ^ 1)));
        replace(MutationKind::Bits, text, "/" + digit);
        replace(MutationKind::Bits, text, "/r");
      }
    } else {
      static const std::map<std::string_view, std::vector<std::string>> kSizes = {
          {"ib", {"iw", "id"}}, {"iw", {"ib", "id"}}, {"id", {"iw", "ib"}},
          {"iq", {"id"}},       {"cb", {"cd"}},       {"cd", {"cb"}}};
      if (const auto it = kSizes.find(text); it != kSizes.end()) {
        for (const std::string& other : it->second) replace(MutationKind::Bits, text, other);
      }
    }
  }

  // ---- expressions ----

  std::vector<Token> tokens(std::string_view text) const {
    Diagnostics ignored;
    return notation::tokenize(text, {}, ignored);
  }

  void number(const Token& token, MutationKind kind) {
    for (const int step : {1, -1}) {
      const __int128 value = token.number + step;
      if (value >= 0) replace(kind, token.text, std::to_string(static_cast<uint64_t>(value)));
    }
  }

  std::vector<std::string> nearest(std::string_view name, const std::vector<std::string>& candidates) const {
    std::vector<std::pair<size_t, std::string>> order;
    for (const std::string& candidate : candidates) {
      if (candidate != name) order.emplace_back(edit_distance(name, candidate), candidate);
    }
    std::sort(order.begin(), order.end());
    std::vector<std::string> out;
    for (size_t i = 0; i < std::min(order.size(), kNeighbours); ++i) out.push_back(order[i].second);
    return out;
  }

  void expression(std::string_view text, MutationKind kind) {
    const std::vector<Token> list = tokens(text);
    std::vector<std::string> values = values_;
    for (size_t i = 0; i + 1 < list.size(); ++i) {
      if (list[i].text == "let" && list[i + 1].kind == TokenKind::Name) values.emplace_back(list[i + 1].text);
    }
    for (size_t i = 0; i + 1 < list.size(); ++i) {  // the last is the end
      const Token& token = list[i];
      const std::string_view next = list[i + 1].text;
      if (token.kind == TokenKind::Number) {
        if (!slice_bounds(list, i, kind)) number(token, kind);
        continue;
      }
      if (i > 0 && list[i - 1].text == "in" && token.kind == TokenKind::Name) {
        range(token.text, kind);
        continue;
      }
      for (const auto& group : operator_groups()) {
        // A group's first is the one to be replaced where the operator is in several.
        const bool leads = group[0] == token.text;
        const bool is_order = group.size() > 1 && group[0].find_first_of("<>") == 0 && group[0].size() <= 3 &&
                              group[0] != "<<" && group[0] != ">>u";
        if (is_order ? !leads : std::find(group.begin(), group.end(), token.text) == group.end()) continue;
        if ((token.text == "-" || token.text == "+") && is_prefix(list, i)) continue;
        for (const std::string& other : group) {
          if (other != token.text) replace(kind, token.text, other);
        }
      }
      if (token.text == "~" || token.text == "not" || (token.text == "-" && is_prefix(list, i))) {
        replace(kind, token.text, "");
      }
      if (is_ordered(token.text) && i > 0 && !is_prefix(list, i)) operands_of(list, i, kind);
      if (next == "(" && token.kind == TokenKind::Name) call(list, i, kind);
      if (token.kind == TokenKind::Name && next != "(" && next != ":=" && !(i > 0 && list[i - 1].text == ".") &&
          !(i > 0 && list[i - 1].text == "let") &&
          std::find(values.begin(), values.end(), token.text) != values.end()) {
        for (const std::string& other : nearest(token.text, values)) replace(kind, token.text, other);
      }
    }
  }

  static bool is_prefix(const std::vector<Token>& list, size_t i) {
    if (i == 0) return true;
    const Token& before = list[i - 1];
    if (before.text == ")" || before.text == "]" || before.kind == TokenKind::Number) return false;
    static const std::set<std::string_view> kWords = {"then", "else", "if", "in", "and", "or", "not"};
    return before.kind == TokenKind::Symbol || kWords.contains(before.text);
  }

  // The order of the operands matters.
  static bool is_ordered(std::string_view op) {
    static const std::set<std::string_view> kOrdered = {"-",  "<<", ">>u", ">>s", "/u", "/s", "%u",  "%s",
                                                        "<u", "<s", "<=u", "<=s", ">u", ">s", ">=u", ">=s"};
    return kOrdered.contains(op);
  }

  // x[hi:lo] and x[i] with numbers: moved by one. False if token `i` is no first number of one.
  bool slice_bounds(const std::vector<Token>& list, size_t i, MutationKind kind) {
    if (i == 0) return false;
    if (list[i - 1].text == ":" && i > 2 && list[i - 3].text == "[") return true;  // the second bound
    if (list[i - 1].text != "[") return false;
    const bool is_pair = i + 3 < list.size() && list[i + 1].text == ":" && list[i + 2].kind == TokenKind::Number &&
                         list[i + 3].text == "]";
    if (!is_pair) return false;
    const size_t begin = offset(list[i].text), end = offset(list[i + 2].text) + list[i + 2].text.size();
    for (const int step : {1, -1}) {
      const auto high = static_cast<int64_t>(list[i].number) + step,
                 low = static_cast<int64_t>(list[i + 2].number) + step;
      if (low >= 0)
        replace(kind, file_.text.substr(begin, end - begin), std::to_string(high) + ":" + std::to_string(low));
    }
    return true;
  }

  // The operand, without operators but those inside of brackets, that ends before token `i`, or begins behind it;
  // tokens [first, last]. False if there is none.
  static bool primary_before(const std::vector<Token>& list, size_t i, size_t& first) {
    size_t at = i;
    int depth = 0;
    while (at > 0) {
      const std::string_view text = list[at - 1].text;
      if (text == ")" || text == "]") ++depth;
      if (text == "(" || text == "[") {
        if (depth == 0) break;
        --depth;
      } else if (depth == 0 && text != ")" && text != "]") {
        const bool is_operand = (list[at - 1].kind != TokenKind::Symbol || text == ".") && !is_word(text);
        if (!is_operand) break;
      }
      --at;
    }
    first = at;
    return at < i && depth == 0;
  }
  static bool primary_behind(const std::vector<Token>& list, size_t i, size_t& last) {
    size_t at = i + 1;
    int depth = 0;
    while (at + 1 < list.size()) {
      const std::string_view text = list[at].text;
      if (text == ")" || text == "]") {
        if (depth == 0) break;
        --depth;
      } else if (text == "(" || text == "[") {
        ++depth;
      } else if (depth == 0 && ((list[at].kind == TokenKind::Symbol && text != ".") || is_word(text))) {
        break;
      }
      ++at;
    }
    last = at - 1;
    return at > i + 1 && depth == 0;
  }
  static bool is_word(std::string_view text) {
    static const std::set<std::string_view> kWords = {"if", "then", "else", "let", "in", "and", "or", "not"};
    return kWords.contains(text);
  }
  std::string_view span(const Token& first, const Token& last) const {
    const size_t begin = offset(first.text);
    return file_.text.substr(begin, offset(last.text) + last.text.size() - begin);
  }
  void operands_of(const std::vector<Token>& list, size_t i, MutationKind kind) {
    size_t first = 0, last = 0;
    if (!primary_before(list, i, first) || !primary_behind(list, i, last)) return;
    exchange(kind, span(list[first], list[i - 1]), span(list[i + 1], list[last]));
  }

  // name(a, b, …): neighbours exchanged, another function with as many parameters; the arms of a match exchange labels.
  void call(const std::vector<Token>& list, size_t i, MutationKind kind) {
    std::vector<size_t> commas{i + 1}, colons;
    int depth = 0;
    size_t close = i + 1;
    for (; close + 1 < list.size(); ++close) {
      const std::string_view text = list[close].text;
      if (text == "(" || text == "[") ++depth;
      if (text == ")" || text == "]") --depth;
      if (depth == 0) break;
      if (depth == 1 && text == ",") commas.push_back(close);
      if (depth == 1 && text == ":") colons.push_back(close);
    }
    if (depth != 0) return;
    commas.push_back(close);
    if (list[i].text == "match") {
      for (size_t k = 0; k + 1 < colons.size(); ++k) {
        exchange(kind, list[colons[k] - 1].text, list[colons[k + 1] - 1].text);
      }
      return;
    }
    static const std::set<std::string_view> kOfWidth = {"zext",    "sext",      "trunc", "bv",
                                                        "bool2bv", "undefined", "load",  "store"};
    for (size_t k = 1; k + 1 < commas.size() && !kOfWidth.contains(list[i].text); ++k) {
      exchange(kind, span(list[commas[k - 1] + 1], list[commas[k] - 1]),
               span(list[commas[k] + 1], list[commas[k + 1] - 1]));
    }
    std::vector<std::string> others;
    const auto self = std::find_if(functions_.begin(), functions_.end(),
                                   [&](const auto& function) { return function.first == list[i].text; });
    if (self == functions_.end()) return;
    for (const auto& [name, parameters] : functions_) {
      if (parameters == self->second) others.push_back(name);
    }
    for (const std::string& other : nearest(list[i].text, others)) replace(kind, list[i].text, other);
  }

  void function() {
    const std::string_view head = block_.head;
    const size_t open = head.find('('), close = head.find(')'), equals = head.find('=', close);
    if (open == std::string_view::npos || equals == std::string_view::npos) return;
    for (const Piece& piece : notation::split(head.substr(open + 1, close - open - 1), {}, ',')) {
      values_.emplace_back(piece.text);
    }
    is_meaning_ = true;
    expression(head.substr(equals + 1), MutationKind::Meaning);
  }

  // ---- other blocks ----

  // NAME = number "text" inverse OTHER where a=1 b=2
  void enumerator(const Line& line) {
    const std::string_view text = notation::without_comment(line.text.empty() ? line.keyword : line.text);
    bool is_first = true;
    for (const Piece& word : notation::words(text, line.place)) {
      std::string_view number = word.text;
      if (const size_t equals = number.find('='); equals != std::string_view::npos) number.remove_prefix(equals + 1);
      if (!number.empty() && std::isdigit(static_cast<unsigned char>(number[0]))) {
        const std::vector<Token> list = tokens(number);
        is_meaning_ = !is_first;
        if (list.size() == 2) this->number(list[0], is_first ? MutationKind::Bits : MutationKind::Meaning);
        is_first = false;
      } else if (word.text.starts_with("\"") && word.text.size() > 2) {
        replace(MutationKind::Text, word.text, "\"" + std::string(word.text.substr(1, word.text.size() - 3)) + "\"");
      }
    }
  }

  void isa_line(const Line& line) {
    const std::vector<Piece> words = notation::words(line.text, line.place);
    if (line.keyword == "order" && !words.empty()) {
      replace(MutationKind::Bits, words[0].text, words[0].text == "little" ? "big" : "little");
    } else if (line.keyword == "flags" && !words.empty()) {
      number(tokens(words[0].text)[0], MutationKind::Meaning);
    } else if (line.keyword == "regname" && words.size() == 3 && words[2].text.find("{}") == std::string_view::npos) {
      replace(MutationKind::Text, words[2].text, std::string(words[2].text.substr(0, words[2].text.size() - 1)));
    }
  }

  const File& file_;
  const Block& block_;
  const std::vector<std::pair<std::string, size_t>>& functions_;  // name and number of parameters
  Mutant subject_;
  std::vector<Mutant>& out_;
  bool is_meaning_ = false;                      // of the line that is being walked
  std::vector<std::string> registers_, values_;  // operands; those that `sem` reads
  std::set<std::tuple<size_t, size_t, std::string>> seen_;
};

// Which instructions a block has a part in.
class Users {
 public:
  Users(const std::vector<File>& files, const notation::Definitions& definitions) {
    std::map<std::string, std::set<std::string>> mentioned;  // by what is defined: the names in its text
    for (const File& file : files) {
      for (size_t i = 0; i < file.blocks.size(); ++i) {
        const char* begin = file.blocks[i].keyword.data();
        const char* end =
            i + 1 < file.blocks.size() ? file.blocks[i + 1].keyword.data() : file.text.data() + file.text.size();
        mentioned[key(file.blocks[i])] = names_in({begin, static_cast<size_t>(end - begin)});
      }
    }
    // A function's users are those that mention it, and theirs; so for enumerations and addressing modes.
    for (const notation::InstDef& inst : definitions.insts) {
      std::vector<std::string> work{"inst " + inst.family};
      std::set<std::string> reached;
      while (!work.empty()) {
        const std::string at = work.back();
        work.pop_back();
        if (!reached.insert(at).second) continue;
        for (const std::string& name : mentioned[at]) {
          for (const char* kind : {"fn ", "enum ", "amode "}) {
            if (mentioned.contains(kind + name)) work.push_back(kind + name);
          }
        }
      }
      for (const std::string& block : reached) insts_[block].push_back(inst.name);
      everything_.push_back(inst.name);
    }
  }
  const std::vector<std::string>& of(const Block& block) const {
    if (block.keyword == "isa") return everything_;
    const auto it = insts_.find(key(block));
    return it == insts_.end() ? none_ : it->second;
  }

 private:
  static std::string key(const Block& block) { return std::string(block.keyword) + " " + block_name(block); }

  std::map<std::string, std::vector<std::string>> insts_;
  std::vector<std::string> everything_, none_;
};

}  // namespace

Expected<std::vector<Mutant>> derive_instruction_mutants(std::span<const RuleSource> instructions) {
  std::vector<notation::SourceFile> sources;
  for (const RuleSource& source : instructions) sources.push_back({source.name, source.text});
  const notation::ParsedDefinitions parsed = notation::parse_definitions(sources);
  if (!parsed.errors.empty()) return std::unexpected(parsed.errors.front());
  std::vector<File> files;
  Diagnostics ignored;  // found none above
  for (uint32_t i = 0; i < instructions.size(); ++i) {
    const std::string_view text = instructions[i].text;
    files.push_back({i, instructions[i].name, text, notation::split_blocks(instructions[i].name, text, ignored)});
  }
  std::vector<std::pair<std::string, size_t>> functions;
  for (const notation::FnDef& fn : parsed.definitions.library.fns)
    functions.emplace_back(fn.name, fn.parameters.size());
  const Users users(files, parsed.definitions);
  std::vector<Mutant> out;
  for (const File& file : files) {
    for (const Block& block : file.blocks) {
      Mutant subject;
      subject.subject = block_name(block);
      subject.file = file.index;
      subject.judges = users.of(block);
      if (!subject.judges.empty()) BlockDeriver(file, block, functions, subject, out).derive();
    }
  }
  std::sort(out.begin(), out.end(), [](const Mutant& a, const Mutant& b) {
    return std::tie(a.file, a.begin, a.end, a.replacement) < std::tie(b.file, b.begin, b.end, b.replacement);
  });
  return out;
}

}  // namespace assay::verify
