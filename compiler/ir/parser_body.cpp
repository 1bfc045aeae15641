// The reader of function bodies: blocks, statements, types of instructions, aliases. See parser_impl.h.
#include <algorithm>

#include "compiler/ir/parser_impl.h"

namespace assay::ir {

// ---- numbers that the text gives to values and blocks ----

bool Parser::ensure_value(uint32_t number, const Token& token) {
  const size_t count = function_->value_count();
  if (number < count) return true;
  const size_t more = number + 1 - count;
  if (more > value_budget_) {
    return fail_at(token, "the number of 'v" + std::to_string(number) + "' is too large",
                   "number values from 0 without large gaps");
  }
  value_budget_ -= more;
  for (size_t i = 0; i < more; ++i) function_->make_undefined_value();
  return true;
}

bool Parser::ensure_block(uint32_t number, const Token& token) {
  const size_t count = function_->block_count();
  if (number < count) return true;
  if (number >= kMaxBlocks) {
    return fail_at(token, "too many blocks", "a function has at most " + std::to_string(kMaxBlocks));
  }
  const size_t more = number + 1 - count;
  if (more > block_budget_) {
    return fail_at(token, "the number of 'block" + std::to_string(number) + "' is too large",
                   "number blocks from 0 without large gaps");
  }
  block_budget_ -= more;
  for (size_t i = 0; i < more; ++i) function_->make_block();
  return true;
}

// Is `value` free to be defined here?
bool Parser::define(Value value, const Token& token) {
  if (function_->value_kind(value) != ValueKind::kUndefined || claim(value) != Claim::kNone) {
    return fail_at(token, "value '" + to_string(value) + "' is already defined");
  }
  return true;
}

void Parser::set_claim(Value value, Claim claim) {
  if (value.index >= claims_.size()) claims_.resize(function_->value_count());
  claims_[value.index] = claim;
}

// ---- blocks ----

void Parser::parse_body() {
  while (!token_.is('}') && !token_.is(Token::Kind::kEnd) && !too_many_errors()) {
    if (token_.is(Token::Kind::kWord) && entity_number(token_.text, "block")) {
      if (!parse_block_header()) recover();
      continue;
    }
    if (block_.is_none()) {
      fail_here("expected a block, found " + found(), "instructions stand in blocks: block0:");
      recover();
      continue;
    }
    if (!parse_statement()) {
      // What the failed statement would have defined causes no further errors.
      for (Value v : results_) set_claim(v, Claim::kFailed);
      recover();
    }
  }
  finish_body();
}

bool Parser::parse_block_header() {
  results_.clear();
  if (branch_.active) {
    branch_.active = false;
    fail_at(branch_.name, "'" + std::string(branch_.name.text) + "' must be followed by a jump",
            "the current form is brif v0, block1, block2");
  }
  const uint32_t number = *entity_number(token_.text, "block");
  if (!ensure_block(number, token_)) return false;
  const Block block(number);
  if (function_->is_inserted(block)) return fail_here("block '" + std::string(token_.text) + "' is already defined");
  function_->append_block(block);
  block_ = block;
  if (number >= parsed_->block_places.size()) parsed_->block_places.resize(number + 1);
  parsed_->block_places[number] = {token_.line, token_.column};
  advance();
  if (accept('(')) {
    while (!token_.is(')')) {
      const Token name = token_;
      const std::optional<uint32_t> value =
          token_.is(Token::Kind::kWord) ? entity_number(token_.text, "v") : std::nullopt;
      if (!value) return fail_here("expected a parameter, found " + found(), "v0: i32");
      if (!ensure_value(*value, token_)) return false;
      advance();
      Type type;
      if (!expect(':', "after the parameter") || !parse_type(type)) return false;
      if (!define(Value(*value), name)) return false;
      function_->attach_block_param(block, Value(*value), type);
      if (!accept(',')) break;
    }
    if (!expect(')', "after the parameters")) return false;
  }
  if (accept_word("cold")) function_->set_cold(block, true);
  return expect(':', "after the block's header");
}

// ---- statements ----

bool Parser::parse_statement() {
  results_.clear();
  result_tokens_.clear();
  tags_.clear();
  suffix_.reset();
  location_ = kNoSourceLocation;
  if (token_.is('<') && !parse_debug_tags()) return false;
  if (token_.is(Token::Kind::kLocation)) {
    uint64_t location = 0;
    for (char c : token_.text.substr(1)) {
      location = location << 4 | static_cast<uint64_t>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
      if (location > 0xfffffffe) return fail_here("the source location does not fit in 32 bits");
    }
    location_ = static_cast<uint32_t>(location);
    advance();
  }

  if (token_.is(Token::Kind::kWord) && entity_number(token_.text, "v")) {
    while (true) {
      const std::optional<uint32_t> number =
          token_.is(Token::Kind::kWord) ? entity_number(token_.text, "v") : std::nullopt;
      if (!number) return fail_here("expected a value, found " + found());
      if (!ensure_value(*number, token_)) return false;
      results_.push_back(Value(*number));
      result_tokens_.push_back(token_);
      advance();
      if (!accept(',')) break;
    }
    if (token_.is(Token::Kind::kArrow) && results_.size() == 1) {
      advance();
      return parse_alias(results_[0], result_tokens_[0]);
    }
    if (!expect('=', "after the results")) return false;
  }

  const Token name = token_;
  if (!token_.is(Token::Kind::kWord)) return fail_here("expected an instruction, found " + found());
  advance();
  if (!at_new_line() && accept('.')) {
    suffix_token_ = token_;
    Type type;
    if (!parse_type(type)) return false;
    suffix_ = type;
  }
  return parse_operation(name);
}

bool Parser::parse_alias(Value alias, const Token& token) {
  if (branch_.active) {
    branch_.active = false;
    return fail_at(branch_.name, "'" + std::string(branch_.name.text) + "' must be followed by a jump");
  }
  if (!define(alias, token)) return false;
  const std::optional<uint32_t> number = token_.is(Token::Kind::kWord) ? entity_number(token_.text, "v") : std::nullopt;
  if (!number) return fail_here("expected the value that '" + to_string(alias) + "' stands for, found " + found());
  if (!ensure_value(*number, token_)) return false;
  const Value original(*number);
  if (function_->value_kind(original) != ValueKind::kUndefined) {
    function_->make_alias(alias, original);
  } else {
    set_claim(alias, Claim::kAlias);
    aliases_.push_back({alias, original, token_});
  }
  advance();
  results_.clear();
  return check_end_of_statement();
}

bool Parser::parse_debug_tags() {
  advance();
  do {
    if (token_.is(Token::Kind::kNumber)) {
      uint64_t number = 0;
      if (!parse_unsigned(number, 0xffffffff, "debug tag")) return false;
      tags_.push_back({false, static_cast<uint32_t>(number)});
    } else {
      StackSlot slot;
      if (!parse_entity(slot, function_->stack_slots, "ss", "stack slot")) return false;
      tags_.push_back({true, slot.index});
    }
  } while (accept(','));
  return expect('>', "after the debug tags");
}

bool Parser::parse_stack_map(std::vector<StackMapEntry>& entries) {
  if (!accept_word("stack_map")) return fail_here("expected stack_map, found " + found());
  if (!expect('=', "after stack_map") || !expect('[', "before the stack map's entries")) return false;
  while (!token_.is(']')) {
    StackMapEntry entry;
    int64_t offset = 0;
    const Token place = token_;
    if (!parse_type(entry.type) || !expect('@', "after the type") ||
        !parse_entity(entry.slot, function_->stack_slots, "ss", "stack slot") || !parse_offset(offset)) {
      return false;
    }
    if (offset < 0) return fail_at(place, "an offset in a stack map cannot be negative");
    entry.offset = static_cast<uint32_t>(offset);
    entries.push_back(entry);
    if (!accept(',')) break;
  }
  return expect(']', "after the stack map's entries");
}

bool Parser::check_end_of_statement() {
  if (at_new_line() || token_.is('}') || token_.is(Token::Kind::kEnd)) return true;
  return fail_here("unexpected " + found() + " after the statement", "one statement a line");
}

bool Parser::parse_operation(const Token& name) {
  const std::optional<Opcode> opcode = parse_opcode(name.text);
  if (branch_.active && (!opcode || *opcode != Opcode::kJump) && name.text != "fallthrough") {
    branch_.active = false;
    return fail_at(branch_.name, "'" + std::string(branch_.name.text) + "' must be followed by a jump",
                   "the current form is brif v0, block1, block2");
  }
  if (!opcode) return parse_legacy(name);

  const OperationInfo& op = operation_info(*opcode);
  InstData data;
  data.opcode = *opcode;
  args_.clear();
  calls_.clear();
  if (!parse_operands(op, data)) return false;
  if (branch_.active) return finish_conditional_branch();
  return finish_operation(data, name);
}

// With the operands in args_ and calls_: settles the type and inserts the instruction.
bool Parser::finish_operation(InstData& data, const Token& name) {
  const OperationInfo& op = operation_info(data.opcode);
  std::vector<StackMapEntry> map;
  if (op.is_call() && !at_new_line() && accept(',') && !parse_stack_map(map)) return false;
  if (!check_end_of_statement()) return false;
  if (!settle_type(data, op, name)) return false;
  if (data.opcode == Opcode::kIconst) {
    // Any number of 64 bits is accepted as one of the type's width if it is one, signed or unsigned.
    const unsigned bits = data.type.bits();
    const int64_t value = static_cast<int64_t>(data.imm);
    const int64_t sign_extended = bits == 64 ? value : static_cast<int64_t>(data.imm << (64 - bits)) >> (64 - bits);
    if (bits < 64 && value != sign_extended && data.imm >> bits != 0) {
      return fail_at(name, "the constant does not fit in " + data.type.to_string());
    }
    if (bits < 64) data.imm &= (uint64_t{1} << bits) - 1;
  }
  data.args = function_->make_values(args_);
  data.calls = function_->make_calls(calls_);
  if (!emit(data, results_, name)) return false;
  const Inst inst = function_->last_inst(block_);
  if (!map.empty()) function_->set_stack_map(inst, std::move(map));
  return true;
}

bool Parser::settle_type(InstData& data, const OperationInfo& op, const Token& name) {
  if (!op.polymorphic) {
    if (suffix_) {
      return fail_at(suffix_token_, "'" + std::string(op.name) + "' takes no type suffix");
    }
    return true;
  }
  if (suffix_) {
    data.type = *suffix_;
  } else if (op.infers_type) {
    const Value operand = args_[op.type_operand];
    if (!known_type(operand, data.type, name)) return false;
  } else {
    return fail_at(name, "'" + std::string(op.name) + "' needs a type suffix",
                   "such as " + std::string(op.name) + ".i32");
  }
  if (!op.controlling.contains(data.type)) {
    return fail_at(suffix_ ? suffix_token_ : name,
                   "'" + std::string(op.name) + "' does not exist for type " + data.type.to_string());
  }
  return true;
}

// The type of an operand, or an error if it is not defined before this place.
bool Parser::known_type(Value value, Type& type, const Token& token) {
  if (function_->value_kind(value) == ValueKind::kUndefined) {
    if (claim(value) == Claim::kFailed) return false;  // its definition has already been reported
    return fail_at(token, "the type of '" + to_string(value) + "' is not known here",
                   "write it as a suffix: " + std::string(token.text) + ".i32");
  }
  type = function_->value_type(value);
  return true;
}

Inst Parser::place(const InstData& data) {
  const Inst inst = function_->make_inst(data);
  function_->append_inst(inst, block_);
  if (location_ != kNoSourceLocation) function_->set_source_location(inst, location_);
  if (!tags_.empty()) function_->set_debug_tags(inst, tags_);
  parsed_->inst_places.resize(inst.index + 1, {token_.line, token_.column});
  return inst;
}

bool Parser::emit(InstData& data, std::span<const Value> results, const Token& name) {
  const OperationInfo& op = operation_info(data.opcode);
  const Inst inst = place(data);
  parsed_->inst_places[inst.index] = {name.line, name.column};
  if (op.variable_results) {
    const SigRef sig = function_->call_signature(inst);
    if (!function_->signatures.contains(sig)) return fail_at(name, "the callee's signature is not declared");
    const size_t count = function_->signatures[sig].returns.size();
    if (!expect_results(count, name)) return false;
    for (size_t n = 0; n < count; ++n) {
      if (!define(results[n], result_tokens_[n])) return false;
      function_->attach_result(inst, results[n], function_->signatures[sig].returns[n].type);
    }
    return true;
  }
  if (results.size() != op.fixed_results) return expect_results(op.fixed_results, name);
  for (size_t n = 0; n < results.size(); ++n) {
    const Type type = op.results[n].type.resolve(data.type);
    if (!type.is_valid()) {
      return fail_at(name, "'" + std::string(op.name) + "' has no result type for " + data.type.to_string());
    }
    if (!define(results[n], n < result_tokens_.size() ? result_tokens_[n] : name)) return false;
    function_->attach_result(inst, results[n], type);
  }
  return true;
}

bool Parser::expect_results(size_t count, const Token& name) {
  if (results_.size() == count) return true;
  return fail_at(name, "'" + std::string(name.text) + "' has " + std::to_string(count) +
                           (count == 1 ? " result, but " : " results, but ") + std::to_string(results_.size()) +
                           (results_.size() == 1 ? " is named" : " are named"));
}

// ---- the end of the function: what was used before it was defined ----

void Parser::finish_body() {
  if (branch_.active) {
    branch_.active = false;
    fail_at(branch_.name, "'" + std::string(branch_.name.text) + "' must be followed by a jump");
  }
  settle_aliases();
  for (const Use& use : value_uses_) {
    const Value value(use.number);
    if (function_->value_kind(value) != ValueKind::kUndefined || claim(value) != Claim::kNone) continue;
    set_claim(value, Claim::kFailed);  // once is enough
    fail_at(use.token, "value 'v" + std::to_string(use.number) + "' is not defined");
  }
  std::vector<bool> reported(function_->block_count());
  for (const Use& use : block_uses_) {
    if (function_->is_inserted(Block(use.number)) || reported[use.number]) continue;
    reported[use.number] = true;
    fail_at(use.token, "block 'block" + std::to_string(use.number) + "' is not defined");
  }
  parsed_->inst_places.resize(function_->inst_count());
  parsed_->block_places.resize(function_->block_count());
}

// Aliases of values that were defined later: each becomes one once what it stands for is settled. What is left over is
// undefined or a cycle.
void Parser::settle_aliases() {
  if (aliases_.empty()) return;
  std::unordered_map<uint32_t, std::vector<size_t>> waiting;  // by original
  std::vector<size_t> ready;
  for (size_t i = 0; i < aliases_.size(); ++i) {
    if (function_->value_kind(aliases_[i].original) != ValueKind::kUndefined) {
      ready.push_back(i);
    } else {
      waiting[aliases_[i].original.index].push_back(i);
    }
  }
  std::vector<bool> settled(aliases_.size());
  while (!ready.empty()) {
    const size_t i = ready.back();
    ready.pop_back();
    settled[i] = true;
    function_->make_alias(aliases_[i].alias, aliases_[i].original);
    const auto next = waiting.find(aliases_[i].alias.index);
    if (next != waiting.end()) ready.insert(ready.end(), next->second.begin(), next->second.end());
  }
  for (size_t i = 0; i < aliases_.size(); ++i) {
    if (settled[i]) continue;
    const PendingAlias& alias = aliases_[i];
    if (claim(alias.original) == Claim::kFailed) continue;
    fail_at(alias.token, "'" + to_string(alias.alias) + "' stands for '" + to_string(alias.original) +
                             "', which is not defined or is itself an alias of it");
    if (too_many_errors()) return;
  }
}

}  // namespace assay::ir
