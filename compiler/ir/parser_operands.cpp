// The reader of operands: driven by the operations table, one case per kind of operand. See parser_impl.h.
#include <algorithm>

#include "compiler/ir/parser_impl.h"

namespace assay::ir {

// Operands are separated by commas, but for what belongs to the opcode (flags, conditions) or to the operand before it
// (offsets, argument lists).
bool Parser::parse_operands(const OperationInfo& op, InstData& data) {
  bool comma = false;
  for (const OperandInfo& operand : op.inputs) {
    const OperandKind kind = operand.kind;
    const bool attached = kind == OperandKind::kOffset32 || kind == OperandKind::kVarargs;
    if (comma && !attached && !expect(',', "after the operand")) return false;
    if (!parse_operand(operand, op, data)) return false;
    comma = comma || (kind != OperandKind::kMemFlags && kind != OperandKind::kIntCC && kind != OperandKind::kFloatCC &&
                      kind != OperandKind::kAtomicRmwOp);
  }
  return true;
}

bool Parser::parse_operand(const OperandInfo& operand, const OperationInfo& op, InstData& data) {
  switch (operand.kind) {
    case OperandKind::kValue: {
      Value value;
      if (!parse_value(value)) return false;
      args_.push_back(value);
      return true;
    }
    case OperandKind::kVarargs:
      if (op.format == Format::kMultiary) {
        if (at_new_line() || token_.is('}')) return true;
        return parse_value_list('\0');
      }
      return expect('(', "before the arguments") && parse_value_list(')') && expect(')', "after the arguments");
    case OperandKind::kImm64:
      return parse_imm64(data.imm);
    case OperandKind::kUimm8: {
      uint64_t number = 0;
      if (!parse_unsigned(number, 255, "number")) return false;
      data.code = static_cast<uint8_t>(number);
      return true;
    }
    case OperandKind::kUimm128:
      return parse_shuffle_mask(data);
    case OperandKind::kOffset32: {
      int64_t offset = 0;
      if (!parse_offset(offset)) return false;
      data.imm = static_cast<uint64_t>(offset);
      return true;
    }
    case OperandKind::kIeee16:
    case OperandKind::kIeee32:
    case OperandKind::kIeee64: {
      const unsigned width = operand.kind == OperandKind::kIeee16 ? 16 : operand.kind == OperandKind::kIeee32 ? 32 : 64;
      unsigned __int128 bits = 0;
      if (!parse_float_bits(width, bits)) return false;
      data.imm = static_cast<uint64_t>(bits);
      return true;
    }
    case OperandKind::kPoolConstant:
      return parse_pool_constant(data, op);
    case OperandKind::kIntCC: {
      const std::optional<IntCC> cc = token_.is(Token::Kind::kWord) ? parse_int_cc(token_.text) : std::nullopt;
      if (!cc) {
        return fail_here("expected an integer condition, found " + found(),
                         "one of eq, ne, slt, sge, sgt, sle, ult, uge, ugt, ule");
      }
      data.code = static_cast<uint8_t>(*cc);
      advance();
      return true;
    }
    case OperandKind::kFloatCC: {
      const std::optional<FloatCC> cc = token_.is(Token::Kind::kWord) ? parse_float_cc(token_.text) : std::nullopt;
      if (!cc) {
        return fail_here("expected a float condition, found " + found(),
                         "one of ord, uno, eq, ne, one, ueq, lt, le, gt, ge, ult, ule, ugt, uge");
      }
      data.code = static_cast<uint8_t>(*cc);
      advance();
      return true;
    }
    case OperandKind::kAtomicRmwOp: {
      const std::optional<AtomicRmwOp> rmw =
          token_.is(Token::Kind::kWord) ? parse_atomic_rmw_op(token_.text) : std::nullopt;
      if (!rmw) {
        return fail_here("expected an atomic operation, found " + found(),
                         "one of add, sub, and, nand, or, xor, xchg, umin, umax, smin, smax");
      }
      data.code = static_cast<uint8_t>(*rmw);
      advance();
      return true;
    }
    case OperandKind::kTrapCode: {
      TrapCode code;
      if (!parse_trap_code(code)) return false;
      data.code = code.code;
      return true;
    }
    case OperandKind::kMemFlags:
      return parse_memflags(data.flags);
    case OperandKind::kFuncRef: {
      FuncRef function;
      if (!parse_entity(function, function_->functions, "fn", "function")) return false;
      data.entity = function.index;
      return true;
    }
    case OperandKind::kSigRef: {
      SigRef signature;
      if (!parse_entity(signature, function_->signatures, "sig", "signature")) return false;
      data.entity = signature.index;
      return true;
    }
    case OperandKind::kStackSlot: {
      StackSlot slot;
      if (!parse_entity(slot, function_->stack_slots, "ss", "stack slot")) return false;
      data.entity = slot.index;
      return true;
    }
    case OperandKind::kDynamicStackSlot: {
      DynamicStackSlot slot;
      if (!parse_entity(slot, function_->dynamic_stack_slots, "dss", "dynamic stack slot")) return false;
      data.entity = slot.index;
      return true;
    }
    case OperandKind::kGlobalValue: {
      GlobalValue value;
      if (!parse_entity(value, function_->global_values, "gv", "global value")) return false;
      data.entity = value.index;
      return true;
    }
    case OperandKind::kBlockCall:
    case OperandKind::kBlockThen:
    case OperandKind::kBlockElse: {
      BlockCall call;
      if (!parse_block_call(call)) return false;
      calls_.push_back(call);
      return true;
    }
    case OperandKind::kJumpTable:
      return parse_branch_table();
    case OperandKind::kExceptionTable:
      return parse_exception_table(data);
    case OperandKind::kRawBlock: {
      Block block;
      if (!parse_block(block)) return false;
      data.entity = block.index;
      return true;
    }
  }
  return false;
}

// ---- values and blocks ----

bool Parser::parse_value(Value& value) {
  const std::optional<uint32_t> number = token_.is(Token::Kind::kWord) ? entity_number(token_.text, "v") : std::nullopt;
  if (!number) return fail_here("expected a value, found " + found());
  if (!ensure_value(*number, token_)) return false;
  value = Value(*number);
  if (function_->value_kind(value) == ValueKind::kUndefined) value_uses_.push_back({*number, token_});
  advance();
  return true;
}

// Values separated by commas, none if `end` comes first.
bool Parser::parse_value_list(char end) {
  if (end != '\0' && token_.is(end)) return true;
  do {
    Value value;
    if (!parse_value(value)) return false;
    args_.push_back(value);
  } while (accept(','));
  return true;
}

bool Parser::parse_block(Block& block) {
  const std::optional<uint32_t> number =
      token_.is(Token::Kind::kWord) ? entity_number(token_.text, "block") : std::nullopt;
  if (!number) return fail_here("expected a block, found " + found());
  if (!ensure_block(*number, token_)) return false;
  block = Block(*number);
  if (!function_->is_inserted(block)) block_uses_.push_back({*number, token_});
  advance();
  return true;
}

bool Parser::parse_block_call(BlockCall& call) {
  Block block;
  if (!parse_block(block)) return false;
  block_args_.clear();
  if (accept('(')) {
    while (!token_.is(')')) {
      const std::string_view word = token_.is(Token::Kind::kWord) ? token_.text : std::string_view();
      constexpr uint32_t kLargest = 0x3fffffff;  // what a BlockArg holds
      if (const std::optional<uint32_t> ret = entity_number(word, "ret"); ret && *ret <= kLargest) {
        block_args_.push_back(BlockArg::ret(*ret));
        advance();
      } else if (const std::optional<uint32_t> exn = entity_number(word, "exn"); exn && *exn <= kLargest) {
        block_args_.push_back(BlockArg::exn(*exn));
        advance();
      } else {
        Value value;
        if (!parse_value(value)) return false;
        block_args_.push_back(value);
      }
      if (!accept(',')) break;
    }
    if (!expect(')', "after the block's arguments")) return false;
  }
  call = function_->make_block_call(block, block_args_);
  return true;
}

// `block4, [block1, block2(v1)]`; in older files a jump table's name stands for the list.
bool Parser::parse_branch_table() {
  BlockCall call;
  if (!parse_block_call(call)) return false;
  calls_.push_back(call);
  if (!expect(',', "after the default block")) return false;
  if (const std::optional<uint32_t> table =
          token_.is(Token::Kind::kWord) ? entity_number(token_.text, "jt") : std::nullopt) {
    const auto found_table = jump_tables_.find(*table);
    if (found_table == jump_tables_.end()) return fail_here("jump table " + found() + " is not declared");
    for (Block block : found_table->second) calls_.push_back({block, {}});
    advance();
    return true;
  }
  if (!expect('[', "before the table's entries")) return false;
  while (!token_.is(']')) {
    if (!parse_block_call(call)) return false;
    calls_.push_back(call);
    if (!accept(',')) break;
  }
  return expect(']', "after the table's entries");
}

// `sig0, block1(ret0), [ tag1: block2(exn0), default: block3, context v4 ]`
bool Parser::parse_exception_table(InstData& data) {
  ExceptionTableData table;
  BlockCall call;
  if (!parse_entity(table.signature, function_->signatures, "sig", "signature")) return false;
  if (!expect(',', "after the signature") || !parse_block_call(call)) return false;
  calls_.push_back(call);
  if (!expect(',', "after the block for the normal return") || !expect('[', "before the handlers")) return false;
  while (!token_.is(']')) {
    ExceptionItem item;
    if (accept_word("default")) {
      item.kind = ExceptionItem::Kind::kDefault;
    } else if (accept_word("context")) {
      item.kind = ExceptionItem::Kind::kContext;
    } else if (const std::optional<uint32_t> tag =
                   token_.is(Token::Kind::kWord) ? entity_number(token_.text, "tag") : std::nullopt) {
      item.tag = *tag;
      advance();
    } else {
      return fail_here("expected a handler, found " + found(), "tag0: block1, default: block1 or context v1");
    }
    if (item.kind == ExceptionItem::Kind::kContext) {
      if (!parse_value(item.context)) return false;
    } else {
      if (!expect(':', "before the handler's block") || !parse_block_call(call)) return false;
      item.call_index = static_cast<uint32_t>(calls_.size());
      calls_.push_back(call);
    }
    table.items.push_back(item);
    if (!accept(',')) break;
  }
  if (!expect(']', "after the handlers")) return false;
  data.imm = function_->exception_tables.push(std::move(table)).index;
  return true;
}

template <class K, class V>
bool Parser::parse_entity(K& entity, const Table<K, V>& table, std::string_view prefix, std::string_view what) {
  const std::optional<uint32_t> number =
      token_.is(Token::Kind::kWord) ? entity_number(token_.text, prefix) : std::nullopt;
  if (!number) {
    return fail_here("expected a " + std::string(what) + ", found " + found(), std::string(prefix) + "0");
  }
  bool declared = table.contains(K(*number));
  if constexpr (requires(V data) { data.declared; }) {
    declared = declared && table[K(*number)].declared;
  } else if constexpr (std::is_same_v<K, SigRef>) {
    declared = declared && (*number >= declared_.signatures.size() || declared_.signatures[*number]);
  } else {
    declared = declared && table[K(*number)].kind != GlobalValueData::Kind::kUndeclared;
  }
  if (!declared) return fail_here(std::string(what) + " " + found() + " is not declared");
  entity = K(*number);
  advance();
  return true;
}

template bool Parser::parse_entity(StackSlot&, const Table<StackSlot, StackSlotData>&, std::string_view,
                                   std::string_view);
template bool Parser::parse_entity(DynamicType&, const Table<DynamicType, DynamicTypeData>&, std::string_view,
                                   std::string_view);
template bool Parser::parse_entity(GlobalValue&, const Table<GlobalValue, GlobalValueData>&, std::string_view,
                                   std::string_view);
template bool Parser::parse_entity(SigRef&, const Table<SigRef, Signature>&, std::string_view, std::string_view);
template bool Parser::parse_entity(FuncRef&, const Table<FuncRef, FunctionDeclaration>&, std::string_view,
                                   std::string_view);
template bool Parser::parse_entity(DynamicStackSlot&, const Table<DynamicStackSlot, DynamicStackSlotData>&,
                                   std::string_view, std::string_view);

// ---- immediates ----

bool Parser::parse_unsigned(uint64_t& number, uint64_t limit, std::string_view what) {
  const std::optional<IntegerLiteral> literal =
      token_.is(Token::Kind::kNumber) ? parse_integer(token_.text) : std::nullopt;
  if (!literal) return fail_here("expected a " + std::string(what) + ", found " + found());
  if ((literal->negative && literal->magnitude != 0) || literal->magnitude > limit) {
    return fail_here("the " + std::string(what) + " " + found() + " is not in the range 0 to " + std::to_string(limit));
  }
  number = static_cast<uint64_t>(literal->magnitude);
  advance();
  return true;
}

bool Parser::parse_imm64(uint64_t& bits) {
  const std::optional<IntegerLiteral> literal =
      token_.is(Token::Kind::kNumber) ? parse_integer(token_.text) : std::nullopt;
  if (!literal) return fail_here("expected an integer, found " + found());
  const std::optional<unsigned __int128> value = literal->to_bits(64);
  if (!value) return fail_here("the integer " + found() + " does not fit in 64 bits");
  bits = static_cast<uint64_t>(*value);
  advance();
  return true;
}

bool Parser::parse_float_bits(unsigned width, unsigned __int128& bits) {
  if (!token_.is(Token::Kind::kNumber)) return fail_here("expected a float, found " + found());
  const std::optional<unsigned __int128> value = parse_float(token_.text, width);
  if (!value) {
    return fail_here(found() + " is not a " + std::to_string(width) + "-bit float",
                     "0x1.8p3, 0.0, Inf, NaN, NaN:0x1 or sNaN:0x1, exactly representable");
  }
  bits = *value;
  advance();
  return true;
}

bool Parser::parse_trap_code(TrapCode& code) {
  if (token_.is(Token::Kind::kWord)) {
    std::optional<TrapCode> parsed = ir::parse_trap_code(token_.text);
    if (!parsed) parsed = legacy_trap_code(token_.text);
    if (parsed) {
      code = *parsed;
      advance();
      return true;
    }
  }
  return fail_here("expected a trap code, found " + found(),
                   "one of stk_ovf, heap_oob, int_ovf, int_divz, bad_toint, user1 to user250");
}

bool Parser::parse_memflags(MemFlags& flags) {
  bool has_trap = false, has_order = false;
  while (token_.is(Token::Kind::kWord) && !at_new_line()) {
    const std::string_view word = token_.text;
    if (word == "notrap" || ir::parse_trap_code(word)) {
      if (has_trap) return fail_here(found() + ": there is already a trap code or notrap");
      has_trap = true;
      flags = word == "notrap" ? flags.with_notrap() : flags.with_trap(*ir::parse_trap_code(word));
    } else if (word == "aligned") {
      flags = flags.with_aligned();
    } else if (word == "readonly") {
      flags = flags.with_readonly();
    } else if (word == "can_move") {
      flags = flags.with_can_move();
    } else if (word == "little" || word == "big") {
      if (has_order) return fail_here(found() + ": there is already a byte order");
      has_order = true;
      flags = flags.with_endianness(word == "little" ? Endianness::kLittle : Endianness::kBig);
    } else if (const std::optional<uint32_t> region = entity_number(word, "region")) {
      if (!function_->regions.contains(AliasRegion(*region)))
        return fail_here("region " + found() + " is not declared");
      if (!flags.region().is_none()) return fail_here(found() + ": there is already a region");
      flags = flags.with_region(AliasRegion(*region));
    } else if (!is_legacy_memflag(word)) {
      return true;
    }
    advance();
  }
  return true;
}

bool Parser::parse_type(Type& type) {
  if (token_.is(Token::Kind::kWord)) {
    std::optional<Type> parsed = Type::parse(token_.text);
    if (!parsed) parsed = legacy_type(token_.text);
    if (const std::optional<uint32_t> number = entity_number(token_.text, "dt")) {
      const DynamicType dynamic(*number);
      if (!function_->dynamic_types.contains(dynamic) || !function_->dynamic_types[dynamic].declared) {
        return fail_here("dynamic type " + found() + " is not declared");
      }
      parsed = function_->dynamic_types[dynamic].base.to_dynamic();
    }
    if (parsed) {
      type = *parsed;
      advance();
      return true;
    }
  }
  return fail_here("expected a type, found " + found(), "such as i32, f64, i8x16");
}

// `0x…` as bytes, least significant first: as many as there are pairs of digits.
bool Parser::parse_hex_bytes(std::vector<uint8_t>& bytes) {
  std::string digits;
  if (token_.is(Token::Kind::kNumber) && token_.text.starts_with("0x")) {
    for (char c : token_.text.substr(2)) {
      if (c == '_') continue;
      const bool is_hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
      if (!is_hex) return fail_here(found() + " is not a hexadecimal constant");
      digits += c;
    }
  }
  if (digits.empty()) return fail_here("expected a hexadecimal constant, found " + found());
  if (digits.size() % 2 != 0) digits.insert(digits.begin(), '0');
  bytes.clear();
  for (size_t i = digits.size(); i > 0; i -= 2) {
    const auto digit = [](char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; };
    bytes.push_back(static_cast<uint8_t>(digit(digits[i - 2]) << 4 | digit(digits[i - 1])));
  }
  advance();
  return true;
}

// A constant of a type: `[1 2 3]`, one literal of a scalar, or `0x…` of at most the type's size.
bool Parser::parse_lanes(Type type, std::vector<uint8_t>& bytes) {
  bytes.clear();
  const Type lane = type.lane_type();
  const auto parse_lane = [&] {
    unsigned __int128 bits = 0;
    if (lane.is_float()) {
      if (!parse_float_bits(lane.bits(), bits)) return false;
    } else {
      const std::optional<IntegerLiteral> literal =
          token_.is(Token::Kind::kNumber) ? parse_integer(token_.text) : std::nullopt;
      if (!literal) return fail_here("expected an integer, found " + found());
      const std::optional<unsigned __int128> value = literal->to_bits(lane.bits());
      if (!value) return fail_here("the integer " + found() + " does not fit in " + lane.to_string());
      bits = *value;
      advance();
    }
    for (unsigned i = 0; i < lane.bytes(); ++i) bytes.push_back(static_cast<uint8_t>(bits >> (8 * i)));
    return true;
  };
  if (token_.is('[')) {
    const Token open = token_;
    advance();
    while (!token_.is(']')) {
      if (bytes.size() >= type.bytes()) return fail_here("more lanes than " + type.to_string() + " has");
      if (!parse_lane()) return false;
      accept(',');
    }
    advance();
    if (bytes.size() != type.bytes()) {
      return fail_at(open, "expected " + std::to_string(type.lanes()) + " lanes of " + type.to_string() + ", found " +
                               std::to_string(bytes.size() / std::max(lane.bytes(), 1u)));
    }
    return true;
  }
  if (type.is_lane()) return parse_lane();
  const Token literal = token_;
  if (!parse_hex_bytes(bytes)) return false;
  while (bytes.size() > type.bytes() && bytes.back() == 0) bytes.pop_back();
  if (bytes.size() > type.bytes()) return fail_at(literal, "the constant is longer than " + type.to_string());
  bytes.resize(type.bytes());
  return true;
}

bool Parser::parse_pool_constant(InstData& data, const OperationInfo& op) {
  if (const std::optional<uint32_t> number =
          token_.is(Token::Kind::kWord) ? entity_number(token_.text, "const") : std::nullopt) {
    const Constant constant(*number);
    if (!function_->constants.contains(constant) || !function_->constants[constant].declared) {
      return fail_here("constant " + found() + " is not declared");
    }
    data.entity = constant.index;
    advance();
    return true;
  }
  std::vector<uint8_t> bytes;
  const Type type = op.polymorphic ? suffix_.value_or(kInvalid) : op.results[0].type.fixed;
  if (!type.is_valid()) return fail_here("a constant needs a type suffix before it");
  if (!parse_lanes(type, bytes)) return false;
  data.entity = function_->add_constant(bytes).index;
  return true;
}

// `0x…` of 16 bytes or `[0 1 … 31]`, one byte a lane.
bool Parser::parse_shuffle_mask(InstData& data) {
  std::vector<uint8_t> bytes;
  if (token_.is('[')) {
    if (!parse_lanes(kI8x16, bytes)) return false;
  } else {
    const Token literal = token_;
    if (!parse_hex_bytes(bytes)) return false;
    if (bytes.size() > 16) return fail_at(literal, "a shuffle mask has 16 bytes");
    bytes.resize(16);
  }
  std::array<uint8_t, 16> mask;
  std::copy_n(bytes.begin(), 16, mask.begin());
  data.entity = function_->immediates.push(mask).index;
  return true;
}

}  // namespace assay::ir
