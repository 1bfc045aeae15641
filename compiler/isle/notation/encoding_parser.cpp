// Reads how an instruction is written: assembly text, `bits` lines, and x64 encodings in the notation of Intel's
// manual.
#include <algorithm>

#include "compiler/isle/notation/definition_parser.h"

namespace assay::notation {

namespace {

bool is_name(std::string_view text) {
  if (text.empty() || (text[0] >= '0' && text[0] <= '9')) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

bool parse_unsigned(std::string_view text, unsigned& value) {
  value = 0;
  for (char c : text) {
    if (c < '0' || c > '9' || value > 100000) return false;
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  return !text.empty();
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

unsigned hex_byte(std::string_view text) { return static_cast<unsigned>(hex_digit(text[0]) * 16 + hex_digit(text[1])); }

void report(Diagnostics& errors, const Place& place, std::string message, std::string hint = {}) {
  errors.push_back({place, std::move(message), std::move(hint)});
}

}  // namespace

// ---- assembly text ----

AsmText parse_asm(Library& library, std::string_view text, const Place& place, Diagnostics& errors) {
  AsmText result;
  std::string_view body = without_comment(text, true);
  if (const size_t at = find_if(body, true); at != std::string_view::npos) {
    result.condition = parse_expression(library, body.substr(at + 2), advanced(place, text, at + 2), errors);
    body = body.substr(0, at);
  }
  size_t begin = 0;
  while (begin < body.size() && (body[begin] == ' ' || body[begin] == '\t')) ++begin;
  size_t end = body.size();
  while (end > begin &&
         (body[end - 1] == ' ' || body[end - 1] == '\t' || body[end - 1] == '\r' || body[end - 1] == '\n'))
    --end;
  std::string literal;
  for (size_t i = begin; i < end; ++i) {
    if (body[i] != '{') {
      literal += body[i] == '\n' ? ' ' : body[i];
      continue;
    }
    const size_t close = body.find('}', i);
    if (close == std::string_view::npos || close >= end) {
      report(errors, advanced(place, text, i), "'{' without '}'");
      break;
    }
    if (!literal.empty()) {
      result.pieces.push_back({.literal = std::move(literal)});
      literal.clear();
    }
    std::string_view inner = body.substr(i + 1, close - i - 1);
    AsmPiece piece;
    piece.place = advanced(place, text, i);
    if (!inner.empty() && inner[0] == '~') {
      piece.inverse = true;
      inner.remove_prefix(1);
    }
    const size_t colon = inner.find(':');
    piece.name = inner.substr(0, colon);
    if (colon != std::string_view::npos) {
      std::string_view set = inner.substr(colon + 1);
      if (const size_t dot = set.find('.'); dot != std::string_view::npos) {
        piece.set_param = set.substr(0, dot);
        set.remove_prefix(dot + 1);
      }
      piece.set = set;
    }
    if (const size_t dot = piece.name.find('.'); dot != std::string::npos) {
      piece.part = piece.name.substr(dot + 1);
      piece.name.resize(dot);
    }
    if (!is_name(piece.name))
      report(errors, piece.place, "'{" + std::string(inner.substr(0, 40)) + "}' names no operand");
    else
      result.pieces.push_back(std::move(piece));
    i = close;
  }
  if (!literal.empty()) result.pieces.push_back({.literal = std::move(literal)});
  return result;
}

// ---- bits ----

namespace {

class BitsParser {
 public:
  BitsParser(Library& library, const InstDef& inst, Diagnostics& errors)
      : library_(library), inst_(inst), errors_(errors) {}

  void field(const Piece& piece, BitsLine& line) {
    std::string_view text = piece.text;
    BitField field;
    field.place = piece.place;
    if (text.find_first_not_of("01") == std::string_view::npos) {
      if (text.size() > 64) return error(piece, "more than 64 literal bits in a field");
      for (char c : text) field.value = field.value * 2 + static_cast<uint64_t>(c - '0');
      field.width = static_cast<unsigned>(text.size());
      return add(line, field);
    }
    if (text.size() > 2 && text.ends_with("'h")) {
      text.remove_suffix(2);
      if (text.size() > 16) return error(piece, "more than 64 literal bits in a field");
      for (char c : text) {
        if (hex_digit(c) < 0) return error(piece, "'" + std::string(piece.text) + "' is no hexadecimal literal");
        field.value = field.value * 16 + static_cast<uint64_t>(hex_digit(c));
      }
      field.width = static_cast<unsigned>(text.size() * 4);
      return add(line, field);
    }
    if (text[0] == '~') {
      field.inverse = true;
      text.remove_prefix(1);
    }
    // What the field is of, and which bits of it.
    std::string_view subject;
    std::string_view range;
    if (!text.empty() && text[0] == '(') {
      const size_t colon = text.rfind("):");
      if (colon == std::string_view::npos) return error(piece, "expected (expression):width");
      subject = text.substr(1, colon - 1);
      range = text.substr(colon + 1);
      field.kind = BitField::Kind::Expr;
      const size_t offset = static_cast<size_t>(subject.data() - piece.text.data());
      field.expr = parse_expression(library_, subject, advanced(piece.place, piece.text, offset), errors_);
      if (field.expr == kNoExpr) return;
    } else {
      const size_t at = text.find_first_of(":[");
      if (at == std::string_view::npos) {
        return error(piece, "'" + std::string(text.substr(0, 40)) + "' is no field",
                     "0101, 1A2B'h, name:width, name[high:low], (expression):width");
      }
      subject = text.substr(0, at);
      range = text.substr(at);
      if (!resolve(piece, subject, field)) return;
    }
    if (!parse_range(range, field))
      return error(piece, "'" + std::string(range.substr(0, 40)) + "' gives no bits", ":width, [high:low] or [bit]");
    add(line, field);
  }

 private:
  void error(const Piece& piece, std::string message, std::string hint = {}) {
    report(errors_, piece.place, std::move(message), std::move(hint));
  }

  void add(BitsLine& line, const BitField& field) {
    line.width += field.width;
    line.fields.push_back(field);
  }

  bool resolve(const Piece& piece, std::string_view subject, BitField& field) {
    std::string_view part;
    if (const size_t dot = subject.find('.'); dot != std::string_view::npos) {
      part = subject.substr(dot + 1);
      subject = subject.substr(0, dot);
    }
    const int param = inst_.find_param(subject);
    if (param >= 0 && part.empty()) {
      field.kind = BitField::Kind::Param;
      field.index = param;
      return true;
    }
    field.index = inst_.find_operand(subject);
    if (field.index < 0) {
      error(piece, "unknown operand '" + std::string(subject.substr(0, 40)) + "'");
      return false;
    }
    const OperandDef& operand = inst_.operands[static_cast<size_t>(field.index)];
    if ((operand.kind == OperandDefKind::Mem) != !part.empty()) {
      error(piece, part.empty() ? "name a part of the memory operand: .base .index .shift .disp"
                                : "this operand has no parts");
      return false;
    }
    if (part.empty()) {
      field.kind = BitField::Kind::Operand;
      if (operand.kind == OperandDefKind::Symbol) {
        error(piece, "a symbol has no bits: write zeros and a `reloc` line");
        return false;
      }
      return true;
    }
    field.kind = BitField::Kind::Part;
    constexpr std::string_view kParts[] = {"base", "index", "shift", "disp"};
    for (unsigned i = 0; i < 4; ++i) {
      if (part == kParts[i]) {
        field.part = i;
        return true;
      }
    }
    error(piece, "a memory operand has the parts base, index, shift, disp");
    return false;
  }

  static bool parse_range(std::string_view range, BitField& field) {
    unsigned high = 0;
    if (range.size() > 1 && range[0] == ':') {
      return parse_unsigned(range.substr(1), field.width) && field.width >= 1 && field.width <= 64;
    }
    if (range.size() < 3 || range[0] != '[' || range.back() != ']') return false;
    range = range.substr(1, range.size() - 2);
    const size_t colon = range.find(':');
    if (!parse_unsigned(trimmed(range.substr(0, colon)), high)) return false;
    field.low = high;
    if (colon != std::string_view::npos && !parse_unsigned(trimmed(range.substr(colon + 1)), field.low)) return false;
    if (high > 63 || field.low > high) return false;
    field.width = high - field.low + 1;
    return true;
  }

  Library& library_;
  const InstDef& inst_;
  Diagnostics& errors_;
};

}  // namespace

BitsLine parse_bits(Library& library, const InstDef& inst, std::string_view text, const Place& place,
                    Diagnostics& errors) {
  BitsLine line;
  BitsParser parser(library, inst, errors);
  for (const Piece& piece : words(text, place)) parser.field(piece, line);
  return line;
}

// ---- x64 ----

namespace {

class X64Parser {
 public:
  X64Parser(Library& library, const InstDef& inst, Diagnostics& errors)
      : library_(library), inst_(inst), errors_(errors) {}

  X64Encoding encoding(std::string_view text, const Place& place) {
    X64Encoding result;
    result.place = place;
    bool opcode_begun = false;
    for (const Piece& piece : words(text, place)) step(piece, result, opcode_begun);
    return result;
  }

 private:
  using Step = X64Step::Kind;

  void error(const Piece& piece, std::string message, std::string hint = {}) {
    report(errors_, piece.place, std::move(message), std::move(hint));
  }

  void step(const Piece& piece, X64Encoding& encoding, bool& opcode_begun) {
    std::string_view text = piece.text;
    auto add = [&](Step kind, unsigned value = 0, ExprId condition = kNoExpr) {
      encoding.steps.push_back({kind, value, condition});
    };
    if (const size_t equals = text.find('=');
        equals != std::string_view::npos && text.find('(') == std::string_view::npos) {
      return assign(piece, text.substr(0, equals), text.substr(equals + 1), encoding);
    }
    // A condition in brackets: REX.W(sz), 66(sz = W).
    ExprId condition = kNoExpr;
    if (const size_t open = text.find('('); open != std::string_view::npos && text.back() == ')') {
      const std::string_view inner = text.substr(open + 1, text.size() - open - 2);
      condition = parse_expression(library_, inner, advanced(piece.place, piece.text, open + 1), errors_);
      if (condition == kNoExpr) return;
      text = text.substr(0, open);
    }
    if (text == "REX.W") return add(Step::Rex, 0, condition);
    if (text.starts_with("VEX.")) {
      opcode_begun = true;
      return vex(piece, text.substr(4), encoding);
    }
    if (text == "REX8") return add(Step::Rex8, 0, condition);
    const bool is_prefix = text == "66" || text == "F2" || text == "F3" || text == "F0";
    if (is_prefix && !opcode_begun) return add(Step::Prefix, hex_byte(text), condition);
    if (condition != kNoExpr) return error(piece, "only prefixes and REX take a condition");
    opcode_begun = true;
    if (text == "/r") return add(Step::ModRmReg);
    if (text.size() == 2 && text[0] == '/' && text[1] >= '0' && text[1] <= '7') {
      return add(Step::ModRmDigit, static_cast<unsigned>(text[1] - '0'));
    }
    if (text == "ib") return add(Step::Imm, 1);
    if (text == "iw") return add(Step::Imm, 2);
    if (text == "id") return add(Step::Imm, 4);
    if (text == "iq") return add(Step::Imm, 8);
    if (text == "cb") return add(Step::Rel, 1);
    if (text == "cd") return add(Step::Rel, 4);
    // Opcode bytes, the last one perhaps with a register or a condition in it.
    std::string_view bytes = text.substr(0, text.find('+'));
    const std::string_view suffix = bytes.size() == text.size() ? std::string_view() : text.substr(bytes.size() + 1);
    if (bytes.empty() || bytes.size() % 2 != 0 ||
        !std::all_of(bytes.begin(), bytes.end(), [](char c) { return hex_digit(c) >= 0; })) {
      return error(piece, "'" + std::string(piece.text.substr(0, 40)) + "' is no part of an encoding",
                   "66 F2 F3 REX.W(…) REX8 VEX.F2.0F38, opcode bytes, +r +cc, /r /0…/7, ib iw id iq cb cd, reg= rm= "
                   "opreg= imm= cc= label=");
    }
    for (; bytes.size() > 2; bytes.remove_prefix(2)) add(Step::Byte, hex_byte(bytes));
    if (suffix.empty()) return add(Step::Byte, hex_byte(bytes));
    if (suffix == "r") return add(Step::ByteReg, hex_byte(bytes));
    add(Step::ByteCond, hex_byte(bytes));
    const bool inverse = suffix[0] == '~';
    if (inverse) encoding.cc_inverse = true;
    const std::string_view param = inverse ? suffix.substr(1) : suffix;
    if (const int index = inst_.find_param(param); index >= 0)
      encoding.cc = index;
    else if (param != "cc")
      error(piece, "unknown parameter '" + std::string(param.substr(0, 40)) + "'");
  }

  // [66. | F3. | F2.] MAP
  void vex(const Piece& piece, std::string_view text, X64Encoding& encoding) {
    constexpr std::string_view kPrefixes[] = {"", "66.", "F3.", "F2."};
    constexpr std::string_view kMaps[] = {"", "0F", "0F38", "0F3A"};
    for (unsigned prefix = 0; prefix < 4; ++prefix) {
      if (!text.starts_with(kPrefixes[prefix])) continue;
      for (unsigned map = 1; map < 4; ++map) {
        if (text.substr(kPrefixes[prefix].size()) != kMaps[map]) continue;
        encoding.steps.push_back({Step::Vex, prefix << 5 | map, kNoExpr});
        return;
      }
    }
    error(piece, "'" + std::string(piece.text.substr(0, 40)) + "' is no VEX prefix",
          "VEX.0F, VEX.66.0F38, VEX.F2.0F3A");
  }

  void assign(const Piece& piece, std::string_view key, std::string_view name, X64Encoding& encoding) {
    if (key == "cc") {
      if (!name.empty() && name[0] == '~') {
        encoding.cc_inverse = true;
        name.remove_prefix(1);
      }
      encoding.cc = inst_.find_param(name);
      if (encoding.cc < 0) error(piece, "unknown parameter '" + std::string(name.substr(0, 40)) + "'");
      return;
    }
    int* target = key == "reg"     ? &encoding.reg
                  : key == "rm"    ? &encoding.rm
                  : key == "opreg" ? &encoding.opreg
                  : key == "vvvv"  ? &encoding.vvvv
                  : key == "imm"   ? &encoding.imm
                  : key == "label" ? &encoding.label
                                   : nullptr;
    if (target == nullptr)
      return error(piece, "'" + std::string(key.substr(0, 40)) + "' is none of reg rm opreg vvvv imm label cc");
    *target = inst_.find_operand(name);
    if (*target < 0) error(piece, "unknown operand '" + std::string(name.substr(0, 40)) + "'");
  }

  Library& library_;
  const InstDef& inst_;
  Diagnostics& errors_;
};

}  // namespace

std::vector<X64Alternative> parse_x64_forms(Library& library, const InstDef& inst, std::string_view text,
                                            const Place& place, Diagnostics& errors) {
  std::vector<X64Alternative> result;
  X64Parser parser(library, inst, errors);
  for (const Piece& piece : split(text, place, '|')) {
    X64Alternative alternative;
    alternative.place = piece.place;
    std::string_view body = piece.text;
    if (const size_t at = find_if(body); at != std::string_view::npos) {
      alternative.condition =
          parse_expression(library, body.substr(at + 2), advanced(piece.place, piece.text, at + 2), errors);
      body = body.substr(0, at);
    }
    size_t skipped = 0;
    if (body.starts_with("seq ")) {
      skipped = 4;
      body.remove_prefix(4);
    }
    for (const Piece& encoding : split(body, advanced(piece.place, piece.text, skipped), ';')) {
      if (encoding.text.empty()) {
        errors.push_back({encoding.place, "an encoding is missing", ""});
        continue;
      }
      alternative.sequence.push_back(parser.encoding(encoding.text, encoding.place));
    }
    result.push_back(std::move(alternative));
  }
  return result;
}

}  // namespace assay::notation
