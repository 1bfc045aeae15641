// The reader of CLIF files: header lines, function headers, preambles. See parser.h, parser_impl.h.
#include "compiler/ir/parser.h"

#include <algorithm>
#include <bit>
#include <tuple>

#include "compiler/ir/parser_impl.h"

namespace assay::ir {

namespace {

constexpr std::string_view kSpace = " \t\r";

// The first word of `text`, which is taken off it.
std::string_view take_word(std::string_view& text) {
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) {
    text = {};
    return {};
  }
  const size_t end = std::min(text.find_first_of(kSpace, begin), text.size());
  const std::string_view word = text.substr(begin, end - begin);
  text.remove_prefix(end);
  return word;
}

}  // namespace

Parser::Parser(std::string_view text, std::string filename, const ParseOptions& options)
    : text_(text),
      options_(options),
      lexer_(text, 0, 1),
      value_budget_((1u << 20) + 16 * text.size()),
      block_budget_(kMaxBlocks + text.size()),
      entity_budget_((1u << 16) + text.size()) {
  file_.name = std::move(filename);
}

std::expected<File, Diagnostics> Parser::parse() {
  const size_t offset = parse_header();
  const bool test_run = std::any_of(file_.commands.begin(), file_.commands.end(),
                                    [](const TestCommand& command) { return command.name == "run"; });
  default_call_conv_ = options_.default_call_conv.value_or(test_run ? CallConv::kSystemV : CallConv::kFast);
  lexer_ = Lexer(text_, offset, header_lines_);
  advance();
  for (Comment& comment : lexer_.take_comments()) file_.comments.push_back(std::move(comment));
  while (!token_.is(Token::Kind::kEnd) && !too_many_errors()) {
    if (token_.is_word("function")) {
      parse_function();
    } else {
      fail_here("expected 'function', found " + found(),
                token_.is_word("target") || token_.is_word("set") || token_.is_word("test")
                    ? "commands stand before the first function"
                    : "");
      while (!token_.is(Token::Kind::kEnd) && !token_.is_word("function")) advance();
    }
    std::vector<Comment> comments = lexer_.take_comments();
    std::vector<Comment>& to = file_.functions.empty() ? file_.comments : file_.functions.back().comments;
    to.insert(to.end(), std::make_move_iterator(comments.begin()), std::make_move_iterator(comments.end()));
  }
  if (!errors_.empty()) {
    std::sort(errors_.begin(), errors_.end(), [](const Diagnostic& a, const Diagnostic& b) {
      return std::tie(a.place.line, a.place.column, a.message) < std::tie(b.place.line, b.place.column, b.message);
    });
    return std::unexpected(std::move(errors_));
  }
  return std::move(file_);
}

// ---- tokens and errors ----

void Parser::advance() {
  previous_line_ = token_.line;
  token_ = lexer_.next();
}

bool Parser::accept(char c) {
  if (!token_.is(c)) return false;
  advance();
  return true;
}

bool Parser::expect(char c, std::string_view where) {
  if (accept(c)) return true;
  return fail_here("expected '" + std::string(1, c) + "' " + std::string(where) + ", found " + found());
}

bool Parser::accept_word(std::string_view word) {
  if (!token_.is_word(word)) return false;
  advance();
  return true;
}

bool Parser::fail_at(const Token& token, std::string message, std::string hint) {
  if (too_many_errors()) return false;
  Place place{file_.name, token.line, token.column, {}, {}};
  if (parsed_ != nullptr) place.function = to_string(function_->name);
  errors_.push_back({std::move(place), std::move(message), std::move(hint)});
  return false;
}

std::string Parser::found() const {
  if (token_.is(Token::Kind::kEnd)) return "the end of the file";
  constexpr size_t kLongest = 40;
  return "'" + printable(token_.text.substr(0, kLongest)) + (token_.text.size() > kLongest ? "…'" : "'");
}

void Parser::recover() {
  const uint32_t line = token_.line;
  while (!token_.is(Token::Kind::kEnd) && !token_.is('}') && token_.line == line) advance();
}

// ---- header lines ----

size_t Parser::parse_header() {
  size_t begin = 0;
  while (begin < text_.size()) {
    const size_t end = std::min(text_.find('\n', begin), text_.size());
    const std::string_view line = text_.substr(begin, end - begin);
    const size_t first = line.find_first_not_of(kSpace);
    if (first != std::string_view::npos) {
      if (line[first] == ';') {
        std::string_view comment = line.substr(first);
        if (comment.ends_with('\r')) comment.remove_suffix(1);
        file_.comments.push_back({header_lines_, static_cast<uint32_t>(first + 1), std::string(comment)});
      } else {
        std::string_view rest = line;
        const std::string_view word = take_word(rest);
        if (word != "test" && word != "set" && word != "target" && word != "isa" && word != "feature") return begin;
        parse_header_line(line);
      }
    }
    begin = end + 1;
    ++header_lines_;
  }
  return text_.size();
}

void Parser::parse_header_line(std::string_view line) {
  const size_t semicolon = line.find(';');
  if (semicolon != std::string_view::npos) {
    std::string_view comment = line.substr(semicolon);
    if (comment.ends_with('\r')) comment.remove_suffix(1);
    file_.comments.push_back({header_lines_, static_cast<uint32_t>(semicolon + 1), std::string(comment)});
    line = line.substr(0, semicolon);
  }
  const auto place = [&](std::string_view word) {
    Token token;
    token.line = header_lines_;
    token.column =
        word.empty() ? static_cast<uint32_t>(line.size() + 1) : static_cast<uint32_t>(word.data() - line.data() + 1);
    return token;
  };
  std::string_view rest = line;
  const std::string_view command = take_word(rest);
  std::string_view word = take_word(rest);
  if (word.empty()) {
    fail_at(place({}), "expected more after '" + std::string(command) + "'");
    return;
  }
  if (command == "test") {
    TestCommand test{std::string(word), {}, header_lines_};
    while (!(word = take_word(rest)).empty()) test.options.emplace_back(word);
    file_.commands.push_back(std::move(test));
  } else if (command == "feature") {
    Feature feature;
    std::string_view name = word;
    if (name.starts_with('!')) {
      feature.negated = true;
      name.remove_prefix(1);
    }
    if (name.size() < 2 || name.front() != '"' || name.back() != '"') {
      fail_at(place(word), "expected a feature's name in quotes");
      return;
    }
    feature.name = name.substr(1, name.size() - 2);
    file_.features.push_back(std::move(feature));
  } else {
    Setting setting;
    setting.line = header_lines_;
    setting.is_target = command != "set";
    if (setting.is_target) {
      setting.target = word;
      word = take_word(rest);
    }
    for (; !word.empty(); word = take_word(rest)) {
      const size_t equals = word.find('=');
      if (equals == 0) {
        fail_at(place(word), "expected a setting's name before '='");
        return;
      }
      if (equals == std::string_view::npos) {
        setting.flags.push_back({std::string(word), {}});
      } else {
        setting.flags.push_back({std::string(word.substr(0, equals)), std::string(word.substr(equals + 1))});
      }
    }
    file_.settings.push_back(std::move(setting));
  }
}

// ---- functions ----

void Parser::parse_function() {
  file_.functions.emplace_back();
  parsed_ = &file_.functions.back();
  function_ = &parsed_->function;
  parsed_->line = token_.line;
  parsed_->column = token_.column;
  function_offset_ = lexer_.token_offset();
  block_ = Block();
  value_uses_.clear();
  bases_.clear();
  block_uses_.clear();
  aliases_.clear();
  claims_.clear();
  inline_signatures_.clear();
  branch_ = {};
  declared_ = {};
  jump_tables_.clear();
  first_fresh_.reset();
  advance();

  if (parse_function_name() && parse_signature(function_->signature) && expect('{', "before the function's body")) {
    while (token_.is(Token::Kind::kWord) && !entity_number(token_.text, "block") && !too_many_errors()) {
      if (!parse_preamble_entry()) recover();
    }
    finish_preamble();
    parse_body();
    if (!token_.is(Token::Kind::kEnd) || !too_many_errors()) expect('}', "at the end of the function");
  } else {
    while (!token_.is(Token::Kind::kEnd) && !token_.is_word("function")) advance();
  }
  parsed_ = nullptr;
}

bool Parser::parse_function_name() {
  if (token_.is(Token::Kind::kName)) {
    function_->name = ExternalName::testcase(std::string(token_.text.substr(1)));
    advance();
    return true;
  }
  const std::optional<uint32_t> space = entity_number(token_.text, "u");
  if (!token_.is(Token::Kind::kWord) || !space) {
    return fail_here("expected the function's name, found " + found(), "%name or u1:2");
  }
  advance();
  uint64_t index = 0;
  if (!expect(':', "in the function's name") || !parse_unsigned(index, 0xffffffff, "number")) return false;
  function_->name = ExternalName::user(*space, static_cast<uint32_t>(index));
  return true;
}

bool Parser::parse_signature(Signature& signature) {
  signature = {};
  signature.call_conv = default_call_conv_;
  if (!expect('(', "before the parameters")) return false;
  if (!token_.is(')') && !parse_params(signature.params)) return false;
  if (!expect(')', "after the parameters")) return false;
  if (token_.is(Token::Kind::kArrow)) {
    advance();
    if (!parse_params(signature.returns)) return false;
  }
  if (!token_.is(Token::Kind::kWord) || at_new_line()) return true;
  std::optional<CallConv> convention = parse_call_conv(token_.text);
  if (!convention) convention = legacy_call_conv(token_.text);
  if (!convention) {
    return fail_here("unknown calling convention " + found(),
                     "one of fast, tail, system_v, windows_fastcall, apple_aarch64, probestack, winch, preserve_all");
  }
  signature.call_conv = *convention;
  advance();
  return true;
}

bool Parser::parse_params(std::vector<AbiParam>& params) {
  do {
    AbiParam param;
    if (!parse_param(param)) return false;
    params.push_back(param);
  } while (accept(','));
  return true;
}

bool Parser::parse_param(AbiParam& param) {
  if (!parse_type(param.type)) return false;
  while (token_.is(Token::Kind::kWord) && !at_new_line()) {
    if (token_.text == "uext") {
      param.extension = Extension::kUext;
    } else if (token_.text == "sext") {
      param.extension = Extension::kSext;
    } else if (token_.text == "sret") {
      param.purpose = Purpose::kStructReturn;
    } else if (token_.text == "vmctx") {
      param.purpose = Purpose::kVMContext;
    } else if (token_.text == "normal") {
      param.purpose = Purpose::kNormal;
    } else if (token_.text == "sarg") {
      advance();
      uint64_t size = 0;
      if (!expect('(', "after sarg") || !parse_unsigned(size, 0xffffffff, "size")) return false;
      if (!token_.is(')')) return fail_here("expected ')' after the size, found " + found());
      param.purpose = Purpose::kStructArgument;
      param.struct_size = static_cast<uint32_t>(size);
    } else {
      break;  // a calling convention
    }
    advance();
  }
  return true;
}

// ---- preamble ----

template <class K, class V>
bool Parser::declare(Table<K, V>& table, std::vector<bool>& declared, uint32_t number, const V& gap,
                     const Token& token) {
  if (number >= table.size()) {
    const size_t more = number + 1 - table.size();
    if (more > entity_budget_) {
      return fail_at(token, "the number of '" + std::string(token.text) + "' is too large",
                     "number entities from 0 without large gaps");
    }
    entity_budget_ -= more;
    table.resize(number + 1, gap);
  }
  if (number >= declared.size()) declared.resize(number + 1);
  if (declared[number]) return fail_at(token, "'" + std::string(token.text) + "' is already declared");
  declared[number] = true;
  return true;
}

bool Parser::parse_preamble_entry() {
  const Token entity = token_;
  if (entity.text == "stack_limit") {
    advance();
    return expect('=', "after stack_limit") &&
           parse_entity(function_->stack_limit, function_->global_values, "gv", "global value");
  }
  struct Entry {
    std::string_view prefix;
    bool (Parser::*parse)(uint32_t);
  };
  static constexpr Entry kEntries[] = {
      {"ss", &Parser::parse_stack_slot},           {"dss", &Parser::parse_dynamic_stack_slot},
      {"dt", &Parser::parse_dynamic_type},         {"gv", &Parser::parse_global_value},
      {"fn", &Parser::parse_function_declaration}, {"const", &Parser::parse_constant},
      {"region", &Parser::parse_region},           {"jt", &Parser::parse_jump_table}};
  for (const Entry& entry : kEntries) {
    if (const std::optional<uint32_t> number = entity_number(entity.text, entry.prefix)) {
      return (this->*entry.parse)(*number);
    }
  }
  if (const std::optional<uint32_t> number = entity_number(entity.text, "sig")) {
    Signature signature;
    if (!declare(function_->signatures, declared_.signatures, *number, {}, entity)) return false;
    advance();
    if (!expect('=', "after the entity") || !parse_signature(signature)) return false;
    function_->signatures[SigRef(*number)] = std::move(signature);
    return true;
  }
  return fail_here("expected an entity or a block, found " + found(),
                   "entities are ss, dss, dt, gv, sig, fn, const, region and stack_limit; code stands in blocks");
}

bool Parser::parse_stack_slot(uint32_t number) {
  StackSlotData gap;
  gap.declared = false;
  if (!declare(function_->stack_slots, declared_.stack_slots, number, gap, token_)) return false;
  advance();
  StackSlotData slot;
  uint64_t size = 0;
  if (!expect('=', "after the entity")) return false;
  if (!accept_word("explicit_slot") && !accept_word("spill_slot")) {
    return fail_here("expected explicit_slot, found " + found());
  }
  if (!parse_unsigned(size, 0xffffffff, "size in bytes")) return false;
  slot.size = static_cast<uint32_t>(size);
  while (accept(',')) {
    uint64_t value = 0;
    const Token key = token_;
    if (!accept_word("align") && !accept_word("key")) return fail_here("expected align or key, found " + found());
    if (!expect('=', "after the name")) return false;
    const Token number_token = token_;
    if (!parse_unsigned(value, ~uint64_t{0}, "number")) return false;
    if (key.text == "key") {
      slot.has_key = true;
      slot.key = value;
    } else {
      if (!std::has_single_bit(value) || value > (1u << 31)) {
        return fail_at(number_token, "an alignment must be a power of two");
      }
      slot.align_log2 = static_cast<uint8_t>(std::countr_zero(value));
    }
  }
  function_->stack_slots[StackSlot(number)] = slot;
  return true;
}

bool Parser::parse_dynamic_stack_slot(uint32_t number) {
  if (!declare(function_->dynamic_stack_slots, declared_.dynamic_slots, number, {DynamicType(), false}, token_)) {
    return false;
  }
  advance();
  DynamicStackSlotData slot;
  if (!expect('=', "after the entity")) return false;
  if (!accept_word("explicit_dynamic_slot")) return fail_here("expected explicit_dynamic_slot, found " + found());
  if (!parse_entity(slot.type, function_->dynamic_types, "dt", "dynamic type")) return false;
  function_->dynamic_stack_slots[DynamicStackSlot(number)] = slot;
  return true;
}

bool Parser::parse_dynamic_type(uint32_t number) {
  if (!declare(function_->dynamic_types, declared_.dynamic_types, number, {Type(), GlobalValue(), false}, token_)) {
    return false;
  }
  advance();
  DynamicTypeData data;
  if (!expect('=', "after the entity")) return false;
  const Token type = token_;
  if (!parse_type(data.base) || !expect('*', "after the vector type")) return false;
  if (!data.base.is_vector() || !data.base.to_dynamic().is_valid()) {
    return fail_at(type, "a dynamic type is a multiple of a fixed vector, not of " + data.base.to_string());
  }
  if (!parse_entity(data.scale, function_->global_values, "gv", "global value")) return false;
  function_->dynamic_types[DynamicType(number)] = data;
  return true;
}

bool Parser::parse_offset(int64_t& offset) {
  offset = 0;
  if (!token_.is(Token::Kind::kNumber) || at_new_line() || (token_.text[0] != '+' && token_.text[0] != '-'))
    return true;
  const std::optional<IntegerLiteral> literal = parse_integer(token_.text);
  if (!literal || literal->magnitude > 0x80000000u || (!literal->negative && literal->magnitude > 0x7fffffffu)) {
    return fail_here("the offset " + found() + " is not a signed 32-bit number");
  }
  offset = literal->negative ? -static_cast<int64_t>(literal->magnitude) : static_cast<int64_t>(literal->magnitude);
  advance();
  return true;
}

bool Parser::parse_global_value(uint32_t number) {
  if (!declare(function_->global_values, declared_.global_values, number, {}, token_)) return false;
  advance();
  GlobalValueData data;
  if (!expect('=', "after the entity")) return false;
  const Token kind = token_;
  if (accept_word("vmctx")) {
    data.kind = GlobalValueData::Kind::kVMContext;
  } else if (accept_word("load")) {
    data.kind = GlobalValueData::Kind::kLoad;
    if (!expect('.', "and a type after load") || !parse_type(data.type) || !parse_memflags(data.flags) ||
        !parse_base(data.base) || !parse_offset(data.offset)) {
      return false;
    }
  } else if (accept_word("iadd_imm")) {
    data.kind = GlobalValueData::Kind::kIaddImm;
    uint64_t imm = 0;
    if (!expect('.', "and a type after iadd_imm") || !parse_type(data.type) || !parse_base(data.base) ||
        !expect(',', "after the global value") || !parse_imm64(imm)) {
      return false;
    }
    data.offset = static_cast<int64_t>(imm);
  } else if (accept_word("symbol")) {
    data.kind = GlobalValueData::Kind::kSymbol;
    data.colocated = accept_word("colocated");
    data.tls = accept_word("tls");
    if (!parse_external_name(data.name) || !parse_offset(data.offset)) return false;
  } else if (accept_word("dyn_scale_target_const")) {
    data.kind = GlobalValueData::Kind::kDynScaleTargetConst;
    if (!expect('.', "and a vector type after dyn_scale_target_const") || !parse_type(data.type)) return false;
  } else {
    return fail_at(kind, "unknown kind of global value '" + std::string(kind.text) + "'",
                   "one of vmctx, load, iadd_imm, symbol, dyn_scale_target_const");
  }
  function_->global_values[GlobalValue(number)] = std::move(data);
  return true;
}

// A global value, which may be declared further down.
bool Parser::parse_base(GlobalValue& base) {
  const std::optional<uint32_t> number =
      token_.is(Token::Kind::kWord) ? entity_number(token_.text, "gv") : std::nullopt;
  if (!number) return fail_here("expected a global value, found " + found(), "gv0");
  base = GlobalValue(*number);
  bases_.push_back({*number, token_});
  advance();
  return true;
}

bool Parser::parse_external_name(ExternalName& name) {
  if (token_.is(Token::Kind::kName)) {
    const std::string_view text = token_.text.substr(1);
    if (const std::optional<LibCall> libcall = parse_libcall(text)) {
      name = ExternalName::of(*libcall);
    } else if (const std::optional<KnownSymbol> symbol = parse_known_symbol(text)) {
      name = ExternalName::of(*symbol);
    } else {
      name = ExternalName::testcase(std::string(text));
    }
    advance();
    return true;
  }
  if (token_.is(Token::Kind::kWord)) {
    if (const std::optional<uint32_t> index = entity_number(token_.text, "userextname")) {
      name = ExternalName::user_ref(*index);
      advance();
      return true;
    }
    if (const std::optional<uint32_t> space = entity_number(token_.text, "u")) {
      advance();
      uint64_t index = 0;
      if (!expect(':', "in the name") || !parse_unsigned(index, 0xffffffff, "number")) return false;
      name = ExternalName::user(*space, static_cast<uint32_t>(index));
      return true;
    }
  }
  return fail_here("expected a name, found " + found(), "%name, u1:2 or userextname3");
}

bool Parser::parse_function_declaration(uint32_t number) {
  FunctionDeclaration gap;
  gap.declared = false;
  if (!declare(function_->functions, declared_.functions, number, gap, token_)) return false;
  advance();
  FunctionDeclaration data;
  if (!expect('=', "after the entity")) return false;
  while (true) {
    if (accept_word("colocated")) {
      data.colocated = true;
    } else if (accept_word("patchable")) {
      data.patchable = true;
    } else {
      break;
    }
  }
  if (!parse_external_name(data.name)) return false;
  if (token_.is('(')) {
    // Gets its number when all explicit ones are known.
    Signature signature;
    if (!parse_signature(signature)) return false;
    inline_signatures_.push_back({FuncRef(number), std::move(signature)});
  } else if (!parse_entity(data.signature, function_->signatures, "sig", "signature")) {
    return false;
  }
  function_->functions[FuncRef(number)] = std::move(data);
  return true;
}

void Parser::finish_preamble() {
  for (const Use& use : bases_) {
    if (use.number >= declared_.global_values.size() || !declared_.global_values[use.number]) {
      fail_at(use.token, "global value '" + std::string(use.token.text) + "' is not declared");
    }
  }
  bases_.clear();
  for (PendingSignature& pending : inline_signatures_) {
    function_->functions[pending.function].signature = function_->signatures.push(std::move(pending.signature));
  }
}

bool Parser::parse_constant(uint32_t number) {
  if (!declare(function_->constants, declared_.constants, number, {{}, false}, token_)) return false;
  advance();
  ConstantData data;
  if (!expect('=', "after the entity")) return false;
  if (token_.is(Token::Kind::kWord)) {
    Type type;
    if (!parse_type(type) || !parse_lanes(type, data.bytes)) return false;
  } else if (!parse_hex_bytes(data.bytes)) {
    return false;
  }
  function_->constants[Constant(number)] = std::move(data);
  return true;
}

bool Parser::parse_region(uint32_t number) {
  if (number != function_->regions.size()) {
    return fail_here("expected 'region" + std::to_string(function_->regions.size()) + "' next, found " + found(),
                     "alias regions are declared in order");
  }
  if (number >= 65535) return fail_here("too many alias regions", "at most 65535");
  advance();
  uint64_t user_id = 0;
  if (!expect('=', "after the entity") || !parse_unsigned(user_id, 0xffffffff, "user's number")) return false;
  AliasRegionData data{static_cast<uint32_t>(user_id), {}};
  if (token_.is(Token::Kind::kString)) {
    data.description = token_.text;
    advance();
  }
  function_->regions.push(std::move(data));
  return true;
}

// `jt0 = jump_table [block1, block2]`, as before 2023; br_table names it.
bool Parser::parse_jump_table(uint32_t number) {
  if (jump_tables_.contains(number)) return fail_here(found() + " is already declared");
  advance();
  if (!expect('=', "after the entity")) return false;
  if (!accept_word("jump_table")) return fail_here("expected jump_table, found " + found());
  if (!expect('[', "before the blocks")) return false;
  std::vector<Block> blocks;
  while (!token_.is(']')) {
    Block block;
    if (!parse_block(block)) return false;
    blocks.push_back(block);
    if (!accept(',')) break;
  }
  jump_tables_.emplace(number, std::move(blocks));
  return expect(']', "after the blocks");
}

std::expected<File, Diagnostics> parse_file(std::string_view text, std::string filename, const ParseOptions& options) {
  return Parser(text, std::move(filename), options).parse();
}

std::expected<Function, Diagnostics> parse_function(std::string_view text) {
  std::expected<File, Diagnostics> file = parse_file(text, {});
  if (!file) return std::unexpected(std::move(file.error()));
  if (file->functions.size() != 1) {
    return std::unexpected(Diagnostics{
        {Place{}, "expected exactly one function, found " + std::to_string(file->functions.size()), std::string()}});
  }
  return std::move(file->functions.front().function);
}

}  // namespace assay::ir
