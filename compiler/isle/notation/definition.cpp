// Reads the blocks of .inst files: isa, regname, enum, fn, amode, inst (definition.h). Encodings are in
// encoding_parser.cpp, checks across lines in check.cpp.
#include "compiler/isle/notation/definition.h"

#include <algorithm>

#include "compiler/isle/notation/definition_parser.h"

namespace assay::notation {

// ---- Cursor ----

Cursor::Cursor(std::string_view text, const Place& place, Diagnostics& errors) : file_(place.file), errors_(errors) {
  const size_t before = errors.size();
  tokens_ = tokenize(text, place, errors);
  failed_ = errors.size() != before;
}

bool Cursor::accept(std::string_view text) {
  if (failed_ || !peek(text)) return false;
  ++position_;
  return true;
}

static std::string shown(const Token& token) {
  return token.kind == TokenKind::End ? "the end" : "'" + std::string(token.text.substr(0, 40)) + "'";
}

void Cursor::expect(std::string_view text) {
  if (failed_ || accept(text)) return;
  error("expected '" + std::string(text) + "' but found " + shown(current()));
}

std::string Cursor::name(std::string_view what) {
  if (failed_) return {};
  if (current().kind != TokenKind::Name) {
    error("expected " + std::string(what) + " but found " + shown(current()));
    return {};
  }
  return std::string(tokens_[position_++].text);
}

int64_t Cursor::number(std::string_view what) {
  if (failed_) return 0;
  const bool negative = accept("-");
  if (current().kind != TokenKind::Number || current().number > INT64_MAX) {
    error("expected " + std::string(what) + " but found " + shown(current()));
    return 0;
  }
  const int64_t value = static_cast<int64_t>(tokens_[position_++].number);
  return negative ? -value : value;
}

void Cursor::finish() {
  if (!failed_ && !at_end()) error("unexpected " + shown(current()));
}

void Cursor::error(std::string message, std::string hint) {
  if (!failed_) errors_.push_back({place(), std::move(message), std::move(hint)});
  failed_ = true;
}

Place Cursor::place() const {
  Place place;
  place.file = file_;
  place.line = current().line;
  place.column = current().column;
  return place;
}

// ---- small lookups ----

int IsaDef::find_regnames(std::string_view set) const {
  for (size_t i = 0; i < regnames.size(); ++i) {
    if (regnames[i].name == set) return static_cast<int>(i);
  }
  return -1;
}

int IsaDef::find_feature(std::string_view feature) const {
  for (size_t i = 0; i < features.size(); ++i) {
    if (features[i].name == feature) return static_cast<int>(i);
  }
  return -1;
}

int InstDef::find_operand(std::string_view operand) const {
  for (size_t i = 0; i < operands.size(); ++i) {
    if (operands[i].name == operand) return static_cast<int>(i);
  }
  return -1;
}

int InstDef::find_param(std::string_view param) const {
  for (size_t i = 0; i < params.size(); ++i) {
    if (params[i].name == param) return static_cast<int>(i);
  }
  return -1;
}

int Definitions::find_inst(std::string_view name) const {
  for (size_t i = 0; i < insts.size(); ++i) {
    if (insts[i].name == name) return static_cast<int>(i);
  }
  return -1;
}

bool ImmKind::contains(int64_t value) const {
  const __int128 one = 1;
  switch (kind) {
    case Kind::Signed:
      if (value < -(one << (bits - 1)) || value >= (one << (bits - 1))) return false;
      break;
    case Kind::Unsigned:
      if (value < 0 || value >= (one << bits)) return false;
      break;
    case Kind::Any:
    case Kind::Hatch:
      break;
  }
  return value % static_cast<int64_t>(scale) == 0;
}

bool parse_imm_kind(std::string_view text, ImmKind& out) {
  if (text.empty() || (text[0] >= '0' && text[0] <= '9')) return false;
  out = ImmKind();
  out.text = text;
  if (text == "i64") return true;
  size_t at = 1;
  auto number = [&](unsigned& value) {
    const size_t begin = at;
    value = 0;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9' && value < 100000) {
      value = value * 10 + static_cast<unsigned>(text[at++] - '0');
    }
    return at != begin;
  };
  if (text[0] == 's' || text[0] == 'u') {
    unsigned bits = 0;
    unsigned scale = 1;
    bool good = number(bits);
    if (good && at < text.size() && text[at] == 'x') {
      ++at;
      good = number(scale);
    }
    if (good && at == text.size()) {
      const unsigned most = text[0] == 's' ? 64 : 63;
      if (bits < 1 || bits > most || scale < 1 || scale > 65536 || (scale & (scale - 1)) != 0) return false;
      out.kind = text[0] == 's' ? ImmKind::Kind::Signed : ImmKind::Kind::Unsigned;
      out.bits = bits;
      out.scale = scale;
      return true;
    }
  }
  out.kind = ImmKind::Kind::Hatch;
  out.hatch = text;
  return true;
}

namespace {

class Reader {
 public:
  Reader(Definitions& definitions, Diagnostics& errors) : definitions_(definitions), errors_(errors) {}

  // Everything instructions refer to; instructions are kept for read_insts().
  void read(std::string_view file, std::string_view text) {
    for (Block& block : split_blocks(file, text, errors_)) {
      if (block.keyword == "isa")
        read_isa(block);
      else if (block.keyword == "regname")
        read_regname(block.head, block.place);
      else if (block.keyword == "enum")
        read_enum(block);
      else if (block.keyword == "fn")
        parse_fn(definitions_.library, block.head, block.place, errors_);
      else if (block.keyword == "amode")
        read_amode(block);
      else
        insts_.push_back(std::move(block));
    }
  }

  void read_insts() {
    resolve_inverses();
    for (const Block& block : insts_) read_inst(block);
    for (size_t i = 0; i < definitions_.insts.size(); ++i) {
      InstDef& inst = definitions_.insts[i];
      if (!names_.try_emplace(inst.name, i).second)
        error(inst.place, "instruction '" + inst.name + "' is defined twice");
    }
  }

 private:
  void error(const Place& place, std::string message, std::string hint = {}) {
    errors_.push_back({place, std::move(message), std::move(hint)});
  }

  void read_isa(const Block& block) {
    IsaDef& isa = definitions_.isa;
    if (!isa.name.empty()) error(block.keyword_place, "a second isa block");
    Cursor head(block.head, block.place, errors_);
    isa.name = head.name("the instruction set's name");
    head.finish();
    isa.place = block.keyword_place;
    isa.prefix = isa.name;
    for (const Line& line : block.lines) {
      if (line.keyword == "regname") {
        read_regname(line.text, line.place);
        continue;
      }
      if (line.keyword == "feature") {
        read_feature(line);
        continue;
      }
      if (line.keyword == "preset") {
        read_preset(line);
        continue;
      }
      if (line.keyword == "immprefix") {
        isa.imm_prefix = trimmed(without_comment(line.text));
        continue;
      }
      Cursor cursor(line.text, line.place, errors_);
      if (line.keyword == "prefix") {
        isa.prefix = cursor.name("a prefix");
      } else if (line.keyword == "order") {
        isa.big_endian = cursor.peek("big");
        if (!cursor.accept("big")) cursor.expect("little");
      } else if (line.keyword == "floats") {
        isa.floats = cursor.peek("boxed")  ? FloatPlace::Boxed
                     : cursor.peek("high") ? FloatPlace::High
                                           : FloatPlace::Low;
        if (!cursor.accept("boxed") && !cursor.accept("high")) cursor.expect("low");
      } else {
        const int64_t width = cursor.number("a width");
        if (width < 0 || width > 64) cursor.error("a width of flags from 0 to 64 is wanted");
        isa.flags_width = static_cast<unsigned>(width);
      }
      cursor.finish();
    }
  }

  // NAME "text"
  void read_feature(const Line& line) {
    IsaDef& isa = definitions_.isa;
    const size_t open = line.text.find('"');
    const size_t close = open == std::string_view::npos ? open : line.text.find('"', open + 1);
    if (close == std::string_view::npos) {
      error(line.place, "a feature is NAME \"what it is\"");
      return;
    }
    Cursor cursor(line.text.substr(0, open), line.place, errors_);
    FeatureDef feature{cursor.name("the feature's name"), std::string(line.text.substr(open + 1, close - open - 1))};
    cursor.finish();
    if (cursor.failed()) return;
    if (isa.find_feature(feature.name) >= 0) error(line.place, "feature '" + feature.name + "' is declared twice");
    if (isa.features.size() >= 64) error(line.place, "more than 64 features");
    isa.features.push_back(std::move(feature));
  }

  // NAME FEATURE…
  void read_preset(const Line& line) {
    Cursor cursor(line.text, line.place, errors_);
    PresetDef preset{.name = cursor.name("the preset's name")};
    preset.features = features(cursor);
    if (!cursor.failed()) definitions_.isa.presets.push_back(std::move(preset));
  }

  machine::FeatureSet features(Cursor& cursor) {
    machine::FeatureSet set = 0;
    while (!cursor.failed() && !cursor.at_end()) {
      const std::string name = cursor.name("a feature");
      const int index = definitions_.isa.find_feature(name);
      const auto preset = std::ranges::find(definitions_.isa.presets, name, &PresetDef::name);
      if (index >= 0) {
        set |= machine::FeatureSet(1) << index;
      } else if (preset != definitions_.isa.presets.end()) {
        set |= preset->features;
      } else if (!cursor.failed()) {
        cursor.error("unknown feature '" + name + "'", "the isa block declares them");
      }
    }
    return set;
  }

  // SET NUMBER NAME or SET FIRST..LAST NAME{}
  void read_regname(std::string_view text, const Place& place) {
    const std::vector<Piece> parts = words(text, place);
    if (parts.size() != 3) {
      error(place, "a register name is SET NUMBER NAME", "regname gpr 0 zero; regname W 0..30 w{}");
      return;
    }
    const std::string_view numbers = parts[1].text;
    const size_t dots = numbers.find("..");
    auto parse = [](std::string_view digits, unsigned& value) {
      value = 0;
      for (char c : digits) {
        if (c < '0' || c > '9' || value > 1000) return false;
        value = value * 10 + static_cast<unsigned>(c - '0');
      }
      return !digits.empty() && value < 64;
    };
    unsigned first = 0;
    unsigned last = 0;
    bool good = parse(numbers.substr(0, dots), first);
    if (dots == std::string_view::npos)
      last = first;
    else
      good = good && parse(numbers.substr(dots + 2), last);
    if (!good || last < first) {
      error(parts[1].place, "a hardware number from 0 to 63, or a range FIRST..LAST, is wanted here");
      return;
    }
    IsaDef& isa = definitions_.isa;
    int set = isa.find_regnames(parts[0].text);
    if (set < 0) {
      set = static_cast<int>(isa.regnames.size());
      isa.regnames.push_back({std::string(parts[0].text), std::vector<std::string>(64)});
    }
    for (unsigned number = first; number <= last; ++number) {
      std::string name(parts[2].text);
      if (const size_t hole = name.find("{}"); hole != std::string::npos) name.replace(hole, 2, std::to_string(number));
      isa.regnames[static_cast<size_t>(set)].names[number] = std::move(name);
    }
  }

  void read_enum(const Block& block) {
    EnumDef def;
    def.place = block.keyword_place;
    Cursor head(block.head, block.place, errors_);
    def.name = head.name("the enumeration's name");
    head.finish();
    if (head.failed()) return;
    if (definitions_.library.find_enum(def.name) >= 0) error(block.place, "enum '" + def.name + "' is defined twice");
    for (const Line& line : block.lines) read_enumerator(line, def);
    if (def.enumerators.empty()) {
      error(block.keyword_place, "enum '" + def.name + "' has no enumerators");
      return;
    }
    definitions_.library.enums.push_back(std::move(def));
  }

  // NAME = NUMBER "text" [inverse NAME] [where a=1 b=2]
  void read_enumerator(const Line& line, EnumDef& def) {
    Enumerator enumerator;
    std::string rest(line.text);
    // The text in quotes may hold anything: take it out before the rest is split into tokens.
    const size_t open = rest.find('"');
    if (open != std::string::npos) {
      const size_t close = rest.find('"', open + 1);
      if (close == std::string::npos) {
        error(line.place, "a quote is missing");
        return;
      }
      enumerator.text = rest.substr(open + 1, close - open - 1);
      rest.replace(open, close - open + 1, close - open + 1, ' ');
    }
    Cursor cursor(rest, line.place, errors_);
    const Place place = cursor.place();
    enumerator.name = cursor.name("an enumerator");
    cursor.expect("=");
    enumerator.number = cursor.number("the enumerator's number");
    while (!cursor.failed() && !cursor.at_end()) {
      if (cursor.accept("inverse")) {
        enumerator.inverse_name = cursor.name("an enumerator");
      } else if (cursor.accept("where")) {
        do {
          const std::string attribute = cursor.name("an attribute's name");
          cursor.expect("=");
          enumerator.attributes[attribute] = cursor.number("a number");
          cursor.accept(",");
        } while (!cursor.failed() && cursor.current().kind == TokenKind::Name);
      } else {
        cursor.error("unexpected '" + std::string(cursor.current().text) + "'",
                     "NAME = NUMBER \"text\" inverse NAME where a=1");
      }
    }
    if (cursor.failed()) return;
    if (open == std::string::npos) enumerator.text = enumerator.name;
    if (def.find(enumerator.name) >= 0) error(place, "enumerator '" + enumerator.name + "' is defined twice");
    if (def.enumerators.size() >= 256) error(place, "more than 256 enumerators");
    def.enumerators.push_back(std::move(enumerator));
  }

  void resolve_inverses() {
    for (EnumDef& def : definitions_.library.enums) {
      for (Enumerator& enumerator : def.enumerators) {
        if (enumerator.inverse_name.empty()) continue;
        enumerator.inverse = def.find(enumerator.inverse_name);
        if (enumerator.inverse < 0) {
          error(def.place, "'" + enumerator.inverse_name + "' is no enumerator of " + def.name);
        }
      }
      for (size_t i = 0; i < def.enumerators.size(); ++i) {
        const int inverse = def.enumerators[i].inverse;
        if (inverse >= 0 && def.enumerators[static_cast<size_t>(inverse)].inverse != static_cast<int>(i)) {
          error(def.place, "the inverse of the inverse of '" + def.enumerators[i].name + "' is not itself");
        }
      }
    }
  }

  // NAME base + (index << shift) + disp: KIND asm TEXT
  void read_amode(const Block& block) {
    AmodeDef amode;
    amode.place = block.keyword_place;
    std::string_view head = without_comment(block.head, true);
    std::string_view assembly;
    size_t at = head.find(" asm ");
    if (at != std::string_view::npos) {
      assembly = head.substr(at + 5);
      amode.texts.push_back(
          parse_asm(definitions_.library, assembly, advanced(block.place, block.head, at + 5), errors_));
      head = head.substr(0, at);
    }
    for (const Line& line : block.lines)
      amode.texts.push_back(parse_asm(definitions_.library, line.text, line.place, errors_));
    Cursor cursor(head, block.place, errors_);
    amode.name = cursor.name("the addressing mode's name");
    bool first = true;
    while (!cursor.failed() && !cursor.at_end()) {
      if (!first) cursor.expect("+");
      first = false;
      const bool bracket = cursor.accept("(");
      const std::string part = cursor.name("base, index or disp");
      bool* present = part == "base"    ? &amode.has_base
                      : part == "index" ? &amode.has_index
                      : part == "disp"  ? &amode.has_disp
                                        : nullptr;
      if (cursor.failed()) break;
      if (present == nullptr || *present) {
        cursor.error("expected base, index or disp, each at most once");
        break;
      }
      *present = true;
      if (part != "disp" && cursor.accept("?")) (part == "base" ? amode.base_optional : amode.index_optional) = true;
      if (part == "index" && cursor.accept("<<")) {
        cursor.expect("shift");
        amode.has_shift = true;
      }
      if (part == "disp") {
        cursor.expect(":");
        const std::string kind = cursor.name("the displacement's range");
        if (!cursor.failed() && !parse_imm_kind(kind, amode.disp)) cursor.error("'" + kind + "' is no range");
      }
      if (bracket) cursor.expect(")");
    }
    if (cursor.failed()) return;
    if (amode.texts.empty()) error(block.keyword_place, "an addressing mode needs its assembly text: asm …");
    definitions_.amodes.push_back(std::move(amode));
  }

  // ---- instructions ----

  void read_inst(const Block& block) {
    InstDef inst;
    inst.place = block.keyword_place;
    inst.manual = comment_of(block.head);
    Cursor head(block.head, block.place, errors_);
    inst.family = inst.name = head.name("the instruction's name");
    if (head.accept("(")) {
      do {
        ParamDef param;
        param.name = head.name("a parameter");
        head.expect(":");
        const Place place = head.place();
        const std::string enumeration = head.name("an enumeration");
        if (head.failed()) break;
        param.enumeration = definitions_.library.find_enum(enumeration);
        if (param.enumeration < 0) error(place, "unknown enum '" + enumeration + "'");
        if (inst.find_param(param.name) >= 0) error(place, "parameter '" + param.name + "' is declared twice");
        if (param.enumeration >= 0) inst.params.push_back(std::move(param));
      } while (!head.failed() && head.accept(","));
      head.expect(")");
    }
    head.finish();
    if (head.failed()) return;
    // Operands first: other lines name them.
    for (const Line& line : block.lines) {
      if (line.keyword == "regs") read_operands(inst, line.text, line.place);
    }
    for (const Line& line : block.lines) {
      if (line.keyword != "regs" && line.keyword != "form") read_line(inst, line);
    }
    std::vector<const Line*> forms;
    for (const Line& line : block.lines) {
      if (line.keyword == "form") forms.push_back(&line);
    }
    if (forms.empty()) {
      read_bits(inst, block);
      finish(std::move(inst));
      return;
    }
    for (const Line* form : forms) {
      InstDef copy = inst;
      read_form(copy, *form);
      read_bits(copy, block);
      finish(std::move(copy));
    }
  }

  void read_bits(InstDef& inst, const Block& block) {
    for (const Line& line : block.lines) {
      if (line.keyword == "bits") {
        inst.bits.push_back(parse_bits(definitions_.library, inst, line.text, line.place, errors_));
        inst.bits.back().place = line.keyword_place;
      } else if (line.keyword == "short") {
        read_short(inst, line);
      }
    }
  }

  // FEATURE …: FIELD … [if CONDITION]
  void read_short(InstDef& inst, const Line& line) {
    const size_t colon = line.text.find(':');
    if (colon == std::string_view::npos) {
      error(line.place, "a short form is FEATURE …: FIELD … if CONDITION");
      return;
    }
    ShortForm form;
    Cursor cursor(line.text.substr(0, colon), line.place, errors_);
    form.features = features(cursor);
    if (!cursor.failed() && form.features == 0) error(line.place, "a short form needs a feature");
    const Place place = advanced(line.place, line.text, colon + 1);
    std::string_view fields = line.text.substr(colon + 1);
    if (const size_t at = find_if(fields); at != std::string_view::npos) {
      form.condition =
          parse_expression(definitions_.library, fields.substr(at + 2), advanced(place, fields, at + 2), errors_);
      fields = fields.substr(0, at);
    }
    form.bits = parse_bits(definitions_.library, inst, fields, place, errors_);
    form.bits.place = line.keyword_place;
    inst.shorts.push_back(std::move(form));
  }

  void read_form(InstDef& inst, const Line& line) {
    inst.place = line.keyword_place;
    const std::string_view text = line.text;
    const size_t colon = text.find(':');
    if (colon == std::string_view::npos) {
      error(line.place, "a form is SUFFIX: OPERANDS : ENCODING");
      return;
    }
    const std::string_view suffix = trimmed(text.substr(0, colon));
    if (!suffix.empty()) inst.name += "_" + std::string(suffix);
    // The second separator stands free; the colon of an operand follows its name.
    size_t second = std::string_view::npos;
    for (size_t i = colon + 1; i < text.size(); ++i) {
      if (text[i] == ':' && (text[i - 1] == ' ' || text[i - 1] == '\t' || text[i - 1] == '\n' || i == colon + 1)) {
        second = i;
        break;
      }
    }
    size_t encoding = colon + 1;
    if (second != std::string_view::npos) {
      const std::string_view operands = text.substr(colon + 1, second - colon - 1);
      if (!trimmed(operands).empty()) read_operands(inst, operands, advanced(line.place, text, colon + 1));
      encoding = second + 1;
    }
    inst.forms = parse_x64_forms(definitions_.library, inst, text.substr(encoding),
                                 advanced(line.place, text, encoding), errors_);
  }

  void read_line(InstDef& inst, const Line& line) {
    Library& library = definitions_.library;
    if (line.keyword == "asm") {
      inst.texts.push_back(parse_asm(library, line.text, line.place, errors_));
    } else if (line.keyword == "when") {
      const ExprId expr = parse_expression(library, line.text, line.place, errors_);
      if (expr != kNoExpr) inst.when.push_back(expr);
    } else if (line.keyword == "sem") {
      inst.has_sem = true;
      parse_statements(library, line.text, line.place, inst.sem, errors_);
    } else if (line.keyword == "trap") {
      const ExprId expr = parse_expression(library, line.text, line.place, errors_);
      if (expr != kNoExpr) inst.sem.traps.push_back({"", expr});
    } else if (line.keyword == "is") {
      read_attributes(inst, line);
    } else if (line.keyword == "needs") {
      Cursor cursor(line.text, line.place, errors_);
      inst.features |= features(cursor);
    } else if (line.keyword == "trap_at") {
      Cursor cursor(line.text, line.place, errors_);
      inst.trap_at_last = cursor.accept("last");
      const int64_t offset = inst.trap_at_last ? 0 : cursor.number("a byte offset, or last");
      cursor.finish();
      if (offset < 0 || offset > 63) error(line.place, "the offset lies outside of the instruction");
      inst.trap_at = static_cast<unsigned>(offset);
    } else if (line.keyword == "invert") {
      Cursor cursor(line.text, line.place, errors_);
      const std::string param = cursor.name("a parameter");
      cursor.finish();
      inst.invert_param = inst.find_param(param);
      if (!cursor.failed() && inst.invert_param < 0) error(line.place, "unknown parameter '" + param + "'");
    } else if (line.keyword == "hatch") {
      Cursor cursor(line.text, line.place, errors_);
      inst.hatch = cursor.name("a C++ function");
      cursor.finish();
    } else if (line.keyword == "reloc") {
      Cursor cursor(line.text, line.place, errors_);
      inst.reloc.present = true;
      inst.reloc.place = line.place;
      inst.reloc.kind = cursor.name("a relocation's kind");
      if (cursor.accept("at")) inst.reloc.at = static_cast<unsigned>(cursor.number("a byte offset"));
      if (cursor.accept("addend")) inst.reloc.addend = static_cast<int>(cursor.number("an addend"));
      cursor.finish();
    }
  }

  void read_attributes(InstDef& inst, const Line& line) {
    constexpr std::pair<std::string_view, uint16_t> kAttributes[] = {{"call", machine::kIsCall},
                                                                     {"return", machine::kIsReturn},
                                                                     {"branch", machine::kIsBranch},
                                                                     {"jump", machine::kIsJump},
                                                                     {"move", machine::kIsMove},
                                                                     {"pseudo", machine::kIsPseudo},
                                                                     {"commutative", machine::kIsCommutative},
                                                                     {"variadic", machine::kIsVariadic}};
    for (const Piece& word : words(line.text, line.place)) {
      bool known = false;
      for (const auto& [name, bit] : kAttributes) {
        if (word.text == name) {
          inst.attributes |= bit;
          known = true;
        }
      }
      if (!known) {
        error(word.place, "unknown attribute '" + std::string(word.text.substr(0, 40)) + "'",
              "call return branch jump move pseudo commutative variadic");
      }
    }
  }

  void read_operands(InstDef& inst, std::string_view text, const Place& place) {
    for (const Piece& piece : split(text, place, ';')) {
      if (!piece.text.empty()) read_operand(inst, piece);
    }
  }

  void read_operand(InstDef& inst, const Piece& piece) {
    Cursor cursor(piece.text, piece.place, errors_);
    const std::string role = cursor.name("an operand");
    if (cursor.failed()) return;
    if (role == "flags") return read_flags(inst, cursor);
    if (role == "clobber") return read_clobber(inst, cursor);
    if (role == "code" || role == "memflags") {
      bool& present = role == "code" ? inst.has_code : inst.has_memflags;
      if (inst.has_code || inst.has_memflags) cursor.error("an instruction has one trap code");
      present = true;
      inst.arguments.push_back({role == "code" ? TermArgument::Kind::Code : TermArgument::Kind::MemFlags, -1});
      cursor.finish();
      return;
    }
    OperandDef operand;
    operand.place = piece.place;
    if (role == "def" || role == "use") {
      operand.is_def = role == "def";
      operand.name = cursor.name("the operand's name");
      cursor.expect(":");
      if (cursor.accept("vec"))
        operand.reg_class = machine::RegClass::Vec;
      else if (!cursor.accept("gpr"))
        cursor.error("expected a register class", "gpr or vec");
      while (!cursor.failed() && !cursor.at_end()) {
        if (cursor.accept("?")) {
          operand.optional = true;
        } else if (cursor.accept("early")) {
          operand.early = true;
        } else if (cursor.accept("reuse")) {
          operand.reuse = cursor.name("a use");
        } else if (cursor.accept("=")) {
          const int64_t number = cursor.number("a hardware number");
          if (number < 0 || number > 63) cursor.error("a hardware number from 0 to 63 is wanted");
          operand.fixed = static_cast<int>(number);
        } else {
          cursor.error("unexpected '" + std::string(cursor.current().text) + "'", "?, early, reuse NAME, = NUMBER");
        }
      }
      if (cursor.failed()) return;
      if (!operand.is_def && (operand.early || !operand.reuse.empty())) cursor.error("early and reuse belong to a def");
      if (operand.is_def && operand.optional) cursor.error("a def cannot be optional");
      if (!operand.reuse.empty() && (operand.fixed >= 0 || operand.early))
        cursor.error("reuse, early and = exclude each other");
    } else if (role == "imm" || role == "label" || role == "place" || role == "constant") {
      operand.is_place = role == "place";
      operand.kind = role == "imm"                         ? OperandDefKind::Imm
                     : role == "label" || operand.is_place ? OperandDefKind::Label
                                                           : OperandDefKind::Constant;
      operand.name = cursor.name("the operand's name");
      if (role != "constant" || cursor.peek(":")) {
        cursor.expect(":");
        const std::string kind = cursor.name("a range");
        if (!cursor.failed() && !parse_imm_kind(kind, operand.imm))
          cursor.error("'" + kind + "' is no range", "s12, u6, s13x2, i64 or a C++ function");
      }
    } else if (role == "mem") {
      operand.kind = OperandDefKind::Mem;
      operand.name = cursor.name("the operand's name");
      cursor.expect(":");
      const std::string name = cursor.name("an addressing mode");
      for (size_t i = 0; i < definitions_.amodes.size(); ++i) {
        if (definitions_.amodes[i].name == name) operand.amode = static_cast<int>(i);
      }
      if (!cursor.failed() && operand.amode < 0) cursor.error("unknown amode '" + name + "'");
    } else if (role == "symbol") {
      operand.kind = OperandDefKind::Symbol;
      operand.name = cursor.name("the operand's name");
    } else {
      cursor.error("'" + role + "' is no kind of operand",
                   "def use imm mem label place symbol constant code memflags flags clobber");
    }
    cursor.finish();
    if (cursor.failed()) return;
    if (inst.find_operand(operand.name) >= 0 || inst.find_param(operand.name) >= 0 || operand.name == "flags") {
      error(piece.place, "'" + operand.name + "' is declared twice");
      return;
    }
    if (!operand.is_def)
      inst.arguments.push_back({TermArgument::Kind::Operand, static_cast<int>(inst.operands.size())});
    inst.operands.push_back(std::move(operand));
  }

  void read_flags(InstDef& inst, Cursor& cursor) {
    const std::string use = cursor.name("use, def or clobber");
    if (cursor.failed()) return;
    bool* target = use == "use"       ? &inst.flags_use
                   : use == "def"     ? &inst.flags_def
                   : use == "clobber" ? &inst.flags_clobber
                                      : nullptr;
    if (target == nullptr) {
      cursor.error("expected use, def or clobber");
      return;
    }
    if (*target) cursor.error("flags are declared twice");
    *target = true;
    // The slot of `flags def` is where it is written: remember the operand it follows.
    if (use == "def") inst.flags_def_slot = static_cast<int>(inst.operands.size());
    cursor.finish();
  }

  void read_clobber(InstDef& inst, Cursor& cursor) {
    machine::RegClass reg_class = machine::RegClass::Gpr;
    if (cursor.accept("vec"))
      reg_class = machine::RegClass::Vec;
    else
      cursor.accept("gpr");
    do {
      const int64_t number = cursor.number("a hardware number");
      if (number < 0 || number > 63) cursor.error("a hardware number from 0 to 63 is wanted");
      if (!cursor.failed()) inst.clobbers.add(machine::PReg(reg_class, static_cast<unsigned>(number)));
      cursor.accept(",");
    } while (!cursor.failed() && !cursor.at_end());
  }

  // Numbers the slots: parameters, flags read, then the operands as written with flags written in their place.
  void finish(InstDef inst) {
    unsigned slot = static_cast<unsigned>(inst.params.size());
    if (inst.flags_use) {
      inst.flags_use_slot = static_cast<int>(slot++);
      inst.arguments.insert(inst.arguments.begin(), {TermArgument::Kind::Flags, -1});
    }
    const int flags_before = inst.flags_def ? inst.flags_def_slot : -1;
    for (size_t i = 0; i <= inst.operands.size(); ++i) {
      if (static_cast<int>(i) == flags_before) inst.flags_def_slot = static_cast<int>(slot++);
      if (i == inst.operands.size()) break;
      inst.operands[i].slot = slot;
      slot += inst.operands[i].kind == OperandDefKind::Mem ? machine::kAmodeOperands : 1;
    }
    inst.slot_count = slot;
    if (inst.flags_clobber) inst.clobbers.add(machine::kFlagsReg);
    inst.term = definitions_.isa.prefix + "_" + inst.name;
    definitions_.insts.push_back(std::move(inst));
  }

  Definitions& definitions_;
  Diagnostics& errors_;
  std::vector<Block> insts_;
  std::unordered_map<std::string, size_t> names_;
};

}  // namespace

ParsedDefinitions parse_definitions(std::span<const SourceFile> files) {
  ParsedDefinitions result;
  Reader reader(result.definitions, result.errors);
  for (const SourceFile& file : files) reader.read(file.name, file.text);
  reader.read_insts();
  if (result.definitions.isa.name.empty()) {
    Place place;
    place.file = files.empty() ? "" : files[0].name;
    place.line = place.column = 1;
    result.errors.push_back({place, "no isa block", "isa NAME, then prefix, order, flags"});
  }
  check_definitions(result.definitions, result.errors);
  return result;
}

ParsedDefinitions parse_definitions(const machine::InstSet& inst_set) {
  std::vector<SourceFile> files;
  for (size_t i = 0; i < inst_set.source_files.size(); ++i) {
    files.push_back({inst_set.source_files[i], inst_set.source_texts[i]});
  }
  return parse_definitions(files);
}

}  // namespace assay::notation
