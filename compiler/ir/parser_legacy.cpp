// Older spellings of CLIF (2021 to 2026), expanded into today's operations. See parser_impl.h.
//
//   older                                  becomes
//   iadd_imm, isub…, band_imm, icmp_imm …  iconst (widened for i128, splat for vectors) and the operation
//   global_value                           the vmctx parameter, loads, iadd, symbol_value or tls_value
//   stack_load, stack_store (dynamic_…)    stack_addr.i64 and a trusted load or store
//   band_not, bor_not, bxor_not            bnot and the operation
//   brz, brnz, br_icmp and a jump          brif
//   jt0 = jump_table [...]                 the table in br_table
//   bint, bconst, b1, b8 …                 integers (booleans were 0 and 1, or all ones in vectors)
//   copy, raw_bitcast, vselect             an alias, bitcast, bitselect
//   iadd_cin, iadd_cout, iadd_carry, isub_… the unsigned *_overflow operations
//   fmin_pseudo, fmax_pseudo               fcmp and select (bitselect for vectors)
//   fcvt_low_from_sint                     swiden_low and fcvt_from_sint
//   fallthrough, fallthrough_return        jump, return
//   trap codes without a number            user codes: see legacy_trap_code
//
// New values get numbers above all those in the function's text. What cannot be expanded is an error with a hint.
#include <algorithm>
#include <cctype>

#include "compiler/ir/parser_impl.h"

namespace assay::ir {

// b1 was a truth value, bN a truth value in N bits.
std::optional<Type> Parser::legacy_type(std::string_view word) {
  if (!word.starts_with('b')) return std::nullopt;
  std::string modern(word);
  modern[0] = 'i';
  if (modern == "i1") return kI8;
  return Type::parse(modern);
}

std::optional<CallConv> Parser::legacy_call_conv(std::string_view word) {
  if (word == "cold") return CallConv::kFast;
  if (word == "wasmtime_system_v") return CallConv::kSystemV;
  if (word == "wasmtime_fastcall") return CallConv::kWindowsFastcall;
  if (word == "wasmtime_apple_aarch64") return CallConv::kAppleAarch64;
  return std::nullopt;
}

// Wasmtime's numbers for the traps that have become user codes.
std::optional<TrapCode> Parser::legacy_trap_code(std::string_view word) {
  struct Entry {
    std::string_view name;
    uint8_t user;
  };
  static constexpr Entry kEntries[] = {{"heap_misaligned", 4}, {"table_oob", 5},    {"icall_null", 6},
                                       {"bad_sig", 7},         {"unreachable", 11}, {"interrupt", 12},
                                       {"null_reference", 18}, {"user0", 240}};
  for (const Entry& entry : kEntries) {
    if (entry.name == word) return TrapCode::user(entry.user);
  }
  return std::nullopt;
}

bool Parser::is_legacy_memflag(std::string_view word) {
  return word == "heap" || word == "table" || word == "vmctx" || word == "checked";
}

// ---- building blocks ----

// A value number that the function's text does not use: all of the text up to the next function is looked through,
// once.
Value Parser::fresh_value(const Token& token) {
  if (!first_fresh_) {
    uint32_t highest = 0;
    const size_t end = std::min(text_.find("\nfunction", function_offset_), text_.size());
    for (size_t i = function_offset_; i < end; ++i) {
      if (text_[i] != 'v' ||
          (i > 0 && (std::isalnum(static_cast<unsigned char>(text_[i - 1])) || text_[i - 1] == '_'))) {
        continue;
      }
      size_t last = i + 1;
      while (last < end && std::isdigit(static_cast<unsigned char>(text_[last]))) ++last;
      const std::optional<uint32_t> number = entity_number(text_.substr(i, last - i), "v");
      // Numbers that are too large are errors wherever they are used as values.
      if (number && *number < value_budget_ + function_->value_count()) highest = std::max(highest, *number + 1);
      i = last - 1;
    }
    first_fresh_ = highest;
  }
  const uint32_t number = (*first_fresh_)++;
  return ensure_value(number, token) ? Value(number) : Value();
}

// These insert an instruction before the one that is being expanded; a `result` that is none is made up.
// They return none after an error.
Value Parser::emit_unary(Opcode opcode, Type type, Value x, Value result, const Token& name) {
  if (result.is_none()) result = fresh_value(name);
  if (result.is_none()) return result;
  InstData data;
  data.opcode = opcode;
  data.type = type;
  data.args = function_->make_values(std::span(&x, 1));
  return emit(data, std::span(&result, 1), name) ? result : Value();
}

Value Parser::emit_binary(Opcode opcode, Type type, Value x, Value y, Value result, const Token& name) {
  if (result.is_none()) result = fresh_value(name);
  if (result.is_none()) return result;
  const Value operands[] = {x, y};
  InstData data;
  data.opcode = opcode;
  data.type = type;
  data.args = function_->make_values(operands);
  return emit(data, std::span(&result, 1), name) ? result : Value();
}

// A constant of any integer type, sign-extended to i128, in every lane of a vector.
Value Parser::emit_iconst(Type type, uint64_t imm, Value result, const Token& name) {
  const Type lane = type.lane_type();
  const Type constant = lane == kI128 ? kI64 : lane;
  if (!constant.is_int()) {
    fail_at(name, "there is no immediate of type " + type.to_string());
    return Value();
  }
  InstData data;
  data.opcode = Opcode::kIconst;
  data.type = constant;
  data.imm = constant == kI64 ? imm : imm & ((uint64_t{1} << constant.bits()) - 1);
  Value v = type == constant && !result.is_none() ? result : fresh_value(name);
  if (v.is_none() || !emit(data, std::span(&v, 1), name)) return Value();
  if (lane == kI128) v = emit_unary(Opcode::kSextend, kI128, v, type == lane ? result : Value(), name);
  if (!v.is_none() && type != lane) v = emit_unary(Opcode::kSplat, type, v, result, name);
  return v;
}

// ---- the operations ----

bool Parser::parse_legacy(const Token& name) {
  struct BinaryImm {
    std::string_view name;
    Opcode opcode;
    bool reversed = false;
  };
  static constexpr BinaryImm kBinaryImms[] = {
      {"iadd_imm", Opcode::kIadd}, {"irsub_imm", Opcode::kIsub, true}, {"imul_imm", Opcode::kImul},
      {"udiv_imm", Opcode::kUdiv}, {"sdiv_imm", Opcode::kSdiv},        {"urem_imm", Opcode::kUrem},
      {"srem_imm", Opcode::kSrem}, {"band_imm", Opcode::kBand},        {"bor_imm", Opcode::kBor},
      {"bxor_imm", Opcode::kBxor}, {"ishl_imm", Opcode::kIshl},        {"ushr_imm", Opcode::kUshr},
      {"sshr_imm", Opcode::kSshr}, {"rotl_imm", Opcode::kRotl},        {"rotr_imm", Opcode::kRotr}};
  for (const BinaryImm& entry : kBinaryImms) {
    if (name.text == entry.name) return legacy_binary_imm(name, entry.opcode, entry.reversed);
  }
  const std::string_view op = name.text;
  if (op == "icmp_imm") return legacy_icmp_imm(name);
  if (op == "band_not") return legacy_bit_not(name, Opcode::kBand);
  if (op == "bor_not") return legacy_bit_not(name, Opcode::kBor);
  if (op == "bxor_not") return legacy_bit_not(name, Opcode::kBxor);
  if (op == "global_value") return legacy_global_value(name);
  if (op == "stack_load") return legacy_stack_access(name, true, false);
  if (op == "stack_store") return legacy_stack_access(name, false, false);
  if (op == "dynamic_stack_load") return legacy_stack_access(name, true, true);
  if (op == "dynamic_stack_store") return legacy_stack_access(name, false, true);
  if (op == "brz") return legacy_conditional_branch(name, true);
  if (op == "brnz") return legacy_conditional_branch(name, false);
  if (op == "br_icmp") return legacy_br_icmp(name);
  if (op == "bint") return legacy_bint(name);
  if (op == "bconst") return legacy_bconst(name);
  if (op == "copy") return legacy_copy(name);
  if (op == "iadd_cin") return legacy_carry(name, Opcode::kUaddOverflowCin, true, false);
  if (op == "iadd_cout") return legacy_carry(name, Opcode::kUaddOverflow, true, true);
  if (op == "iadd_carry") return legacy_carry(name, Opcode::kUaddOverflowCin, true, true);
  if (op == "isub_bin") return legacy_carry(name, Opcode::kUsubOverflowBin, true, false);
  if (op == "isub_bout") return legacy_carry(name, Opcode::kUsubOverflow, true, true);
  if (op == "isub_borrow") return legacy_carry(name, Opcode::kUsubOverflowBin, true, true);
  if (op == "fmin_pseudo") return legacy_pseudo_min_max(name, true);
  if (op == "fmax_pseudo") return legacy_pseudo_min_max(name, false);
  if (op == "fcvt_low_from_sint") return legacy_conversion_low(name);
  if (op == "raw_bitcast") return legacy_rename(name, Opcode::kBitcast);
  if (op == "vselect") return legacy_rename(name, Opcode::kBitselect);
  if (op == "fallthrough") return legacy_rename(name, Opcode::kJump);
  if (op == "fallthrough_return") return legacy_rename(name, Opcode::kReturn);
  if (op == "breduce") return legacy_rename(name, Opcode::kIreduce);
  if (op == "bextend") return legacy_rename(name, Opcode::kSextend);

  struct Gone {
    std::string_view name, hint;
  };
  static constexpr Gone kGone[] = {{"heap_addr", "heaps were removed in 2022: compute the address and use trapnz"},
                                   {"table_addr", "tables were removed in 2024: compute the address and use trapnz"},
                                   {"ifcmp", "flags values were removed in 2022: use icmp"},
                                   {"ffcmp", "flags values were removed in 2022: use fcmp"},
                                   {"resumable_trap", "resumable traps were removed in 2024"},
                                   {"resumable_trapnz", "resumable traps were removed in 2024"},
                                   {"null", "references were removed in 2024: use iconst.i64 0"},
                                   {"is_null", "references were removed in 2024: use icmp"},
                                   {"vconcat", "removed in 2022"},
                                   {"vsplit", "removed in 2022"}};
  for (const Gone& entry : kGone) {
    if (op == entry.name)
      return fail_at(name, "'" + std::string(op) + "' is no longer an operation", std::string(entry.hint));
  }
  return fail_at(name, "unknown operation '" + std::string(op.substr(0, 60)) + "'");
}

bool Parser::legacy_rename(const Token& name, Opcode opcode) {
  const OperationInfo& op = operation_info(opcode);
  InstData data;
  data.opcode = opcode;
  args_.clear();
  calls_.clear();
  if (!parse_operands(op, data)) return false;
  if (opcode == Opcode::kJump && branch_.active) return finish_conditional_branch();
  if (opcode == Opcode::kBitcast && suffix_ && data.flags.endianness() == Endianness::kNative) {
    // It never changed how lanes lie in the register.
    Type from;
    if (!known_type(args_[0], from, name)) return false;
    if (from.lanes() != suffix_->lanes()) data.flags = data.flags.with_endianness(Endianness::kLittle);
  }
  return finish_operation(data, name);
}

bool Parser::legacy_binary_imm(const Token& name, Opcode opcode, bool reversed) {
  Value x;
  uint64_t imm = 0;
  Type type = suffix_.value_or(kInvalid);
  if (!parse_value(x) || !expect(',', "after the operand") || !parse_imm64(imm) || !check_end_of_statement())
    return false;
  if (!type.is_valid() && !known_type(x, type, name)) return false;
  if (!expect_results(1, name)) return false;
  const bool is_shift = opcode == Opcode::kIshl || opcode == Opcode::kUshr || opcode == Opcode::kSshr ||
                        opcode == Opcode::kRotl || opcode == Opcode::kRotr;
  if (!operation_info(opcode).controlling.contains(type)) {
    return fail_at(name, "'" + std::string(name.text) + "' does not exist for type " + type.to_string());
  }
  // Only some operations took their immediate as signed where it had to grow to 128 bits.
  const bool is_signed = opcode == Opcode::kIadd || opcode == Opcode::kIsub || opcode == Opcode::kImul ||
                         opcode == Opcode::kSdiv || opcode == Opcode::kSrem;
  Value y;
  if (type == kI128 && !is_signed) {
    y = emit_iconst(kI64, imm, Value(), name);
    if (!y.is_none() && !is_shift) y = emit_unary(Opcode::kUextend, kI128, y, Value(), name);
  } else {
    y = emit_iconst(is_shift ? (type.lane_type() == kI128 ? kI64 : type.lane_type()) : type, imm, Value(), name);
  }
  if (y.is_none()) return false;
  return !emit_binary(opcode, type, reversed ? y : x, reversed ? x : y, results_[0], name).is_none();
}

bool Parser::legacy_icmp_imm(const Token& name) {
  const std::optional<IntCC> cc = token_.is(Token::Kind::kWord) ? parse_int_cc(token_.text) : std::nullopt;
  if (!cc) return fail_here("expected an integer condition, found " + found());
  advance();
  Value x;
  uint64_t imm = 0;
  Type type = suffix_.value_or(kInvalid);
  if (!parse_value(x) || !expect(',', "after the operand") || !parse_imm64(imm) || !check_end_of_statement())
    return false;
  if (!type.is_valid() && !known_type(x, type, name)) return false;
  if (!expect_results(1, name)) return false;
  const Value y = emit_iconst(type, imm, Value(), name);
  if (y.is_none()) return false;
  const Value operands[] = {x, y};
  InstData data;
  data.opcode = Opcode::kIcmp;
  data.type = type;
  data.code = static_cast<uint8_t>(*cc);
  data.args = function_->make_values(operands);
  return emit(data, results_, name);
}

bool Parser::legacy_bit_not(const Token& name, Opcode opcode) {
  Value x, y;
  Type type = suffix_.value_or(kInvalid);
  if (!parse_value(x) || !expect(',', "after the operand") || !parse_value(y) || !check_end_of_statement())
    return false;
  if (!type.is_valid() && !known_type(x, type, name)) return false;
  if (!expect_results(1, name)) return false;
  const Value complement = emit_unary(Opcode::kBnot, type, y, Value(), name);
  return !complement.is_none() && !emit_binary(opcode, type, x, complement, results_[0], name).is_none();
}

// Walks down to the root (vmctx or a symbol), then computes upwards again.
bool Parser::legacy_global_value(const Token& name) {
  GlobalValue global;
  if (!parse_entity(global, function_->global_values, "gv", "global value") || !check_end_of_statement()) return false;
  if (!expect_results(1, name)) return false;
  std::vector<GlobalValue> chain{global};
  constexpr size_t kLongest = 64;
  while (!function_->global_values[chain.back()].base.is_none()) {
    if (chain.size() == kLongest) return fail_at(name, "the chain of global values is too long or a cycle");
    chain.push_back(function_->global_values[chain.back()].base);
  }
  Value value;
  while (!chain.empty()) {
    const GlobalValueData data = function_->global_values[chain.back()];
    const GlobalValue current = chain.back();
    chain.pop_back();
    const Value result = chain.empty() ? results_[0] : Value();
    switch (data.kind) {
      case GlobalValueData::Kind::kVMContext: {
        const auto& params = function_->signature.params;
        const auto vmctx = std::find_if(params.begin(), params.end(),
                                        [](const AbiParam& p) { return p.purpose == Purpose::kVMContext; });
        const std::span<const Value> values = function_->block_params(function_->entry_block());
        const size_t index = vmctx - params.begin();
        if (vmctx == params.end() || index >= values.size()) {
          return fail_at(name, "the function has no vmctx parameter");
        }
        value = values[index];
        if (!result.is_none()) {
          if (!define(result, result_tokens_[0])) return false;
          function_->make_alias(result, value);
        }
        break;
      }
      case GlobalValueData::Kind::kLoad: {
        InstData load;
        load.opcode = Opcode::kLoad;
        load.type = data.type;
        load.flags = data.flags;
        load.imm = static_cast<uint64_t>(data.offset);
        load.args = function_->make_values(std::span(&value, 1));
        value = result.is_none() ? fresh_value(name) : result;
        if (value.is_none() || !emit(load, std::span(&value, 1), name)) return false;
        break;
      }
      case GlobalValueData::Kind::kIaddImm: {
        const Value imm = emit_iconst(data.type, static_cast<uint64_t>(data.offset), Value(), name);
        if (imm.is_none()) return false;
        value = emit_binary(Opcode::kIadd, data.type, value, imm, result, name);
        if (value.is_none()) return false;
        break;
      }
      case GlobalValueData::Kind::kSymbol: {
        InstData symbol;
        symbol.opcode = data.tls ? Opcode::kTlsValue : Opcode::kSymbolValue;
        symbol.type = suffix_.value_or(kI64);
        symbol.entity = current.index;
        value = result.is_none() ? fresh_value(name) : result;
        if (value.is_none() || !emit(symbol, std::span(&value, 1), name)) return false;
        break;
      }
      case GlobalValueData::Kind::kDynScaleTargetConst:
      case GlobalValueData::Kind::kUndeclared:
        return fail_at(name, "'" + to_string(current) + "' has no value outside of dynamic types");
    }
  }
  return true;
}

bool Parser::legacy_stack_access(const Token& name, bool is_load, bool dynamic) {
  Value stored;
  if (!is_load && (!parse_value(stored) || !expect(',', "after the operand"))) return false;
  InstData address;
  address.opcode = dynamic ? Opcode::kDynamicStackAddr : Opcode::kStackAddr;
  address.type = kI64;
  if (dynamic) {
    DynamicStackSlot slot;
    if (!parse_entity(slot, function_->dynamic_stack_slots, "dss", "dynamic stack slot")) return false;
    address.entity = slot.index;
  } else {
    StackSlot slot;
    int64_t offset = 0;
    if (!parse_entity(slot, function_->stack_slots, "ss", "stack slot") || !parse_offset(offset)) return false;
    address.entity = slot.index;
    address.imm = static_cast<uint64_t>(offset);
  }
  if (!check_end_of_statement() || !expect_results(is_load ? 1 : 0, name)) return false;
  Type type = suffix_.value_or(kInvalid);
  if (!type.is_valid()) {
    if (is_load) return fail_at(name, "'" + std::string(name.text) + "' needs a type suffix");
    if (!known_type(stored, type, name)) return false;
  }
  const Value p = fresh_value(name);
  if (p.is_none() || !emit(address, std::span(&p, 1), name)) return false;
  InstData access;
  access.opcode = is_load ? Opcode::kLoad : Opcode::kStore;
  access.type = type;
  access.flags = MemFlags::trusted();
  const Value operands[] = {stored, p};
  access.args = function_->make_values(is_load ? std::span<const Value>(&p, 1) : std::span<const Value>(operands));
  return emit(access, results_, name);
}

// `brz v0, block1(v1)`, to be followed by `jump block2`.
bool Parser::legacy_conditional_branch(const Token& name, bool when_zero) {
  PendingBranch branch;
  if (!parse_value(branch.condition) || !expect(',', "after the condition") || !parse_block_call(branch.taken) ||
      !check_end_of_statement() || !expect_results(0, name)) {
    return false;
  }
  branch.active = true;
  branch.when_zero = when_zero;
  branch.name = name;
  branch_ = branch;
  return true;
}

bool Parser::legacy_br_icmp(const Token& name) {
  const std::optional<IntCC> cc = token_.is(Token::Kind::kWord) ? parse_int_cc(token_.text) : std::nullopt;
  if (!cc) return fail_here("expected an integer condition, found " + found());
  advance();
  Value x, y;
  PendingBranch branch;
  if (!parse_value(x) || !expect(',', "after the operand") || !parse_value(y) || !expect(',', "after the operand") ||
      !parse_block_call(branch.taken) || !check_end_of_statement() || !expect_results(0, name)) {
    return false;
  }
  InstData compare;
  compare.opcode = Opcode::kIcmp;
  compare.type = suffix_.value_or(kInvalid);
  if (!suffix_ && !known_type(x, compare.type, name)) return false;
  compare.code = static_cast<uint8_t>(*cc);
  const Value operands[] = {x, y};
  compare.args = function_->make_values(operands);
  branch.condition = fresh_value(name);
  if (branch.condition.is_none() || !emit(compare, std::span(&branch.condition, 1), name)) return false;
  branch.active = true;
  branch.name = name;
  branch_ = branch;
  return true;
}

// The jump after a brz or brnz has been read: both become one brif.
bool Parser::finish_conditional_branch() {
  branch_.active = false;
  if (!check_end_of_statement()) return false;
  InstData data;
  data.opcode = Opcode::kBrif;
  if (!known_type(branch_.condition, data.type, branch_.name)) return false;
  const BlockCall both[] = {branch_.when_zero ? calls_[0] : branch_.taken,
                            branch_.when_zero ? branch_.taken : calls_[0]};
  data.args = function_->make_values(std::span(&branch_.condition, 1));
  data.calls = function_->make_calls(both);
  return emit(data, {}, branch_.name);
}

bool Parser::legacy_copy(const Token& name) {
  Value x;
  if (!parse_value(x) || !check_end_of_statement() || !expect_results(1, name)) return false;
  Type type;
  if (!known_type(x, type, name) || !define(results_[0], result_tokens_[0])) return false;
  function_->make_alias(results_[0], x);
  return true;
}

bool Parser::legacy_bint(const Token& name) {
  Value x;
  Type from;
  if (!suffix_ || !suffix_->is_int()) return fail_at(name, "'bint' needs the suffix of an integer type");
  if (!parse_value(x) || !check_end_of_statement() || !expect_results(1, name) || !known_type(x, from, name))
    return false;
  if (from.bits() < suffix_->bits()) return !emit_unary(Opcode::kUextend, *suffix_, x, results_[0], name).is_none();
  if (from.bits() > suffix_->bits()) return !emit_unary(Opcode::kIreduce, *suffix_, x, results_[0], name).is_none();
  if (!define(results_[0], result_tokens_[0])) return false;
  function_->make_alias(results_[0], x);
  return true;
}

bool Parser::legacy_bconst(const Token& name) {
  if (!suffix_ || !suffix_->is_int()) return fail_at(name, "'bconst' needs the suffix of a boolean type");
  const bool value = token_.is_word("true");
  if (!value && !token_.is_word("false")) return fail_here("expected true or false, found " + found());
  advance();
  if (!check_end_of_statement() || !expect_results(1, name)) return false;
  // Booleans wider than b1 were all ones.
  const uint64_t bits = !value ? 0 : suffix_token_.text == "b1" ? 1 : ~uint64_t{0};
  return !emit_iconst(*suffix_, bits, results_[0], name).is_none();
}

bool Parser::legacy_carry(const Token& name, Opcode opcode, bool keeps_value, bool keeps_carry) {
  args_.clear();
  if (!parse_value_list('\0') || !check_end_of_statement()) return false;
  const OperationInfo& op = operation_info(opcode);
  if (args_.size() != op.value_operands) {
    return fail_at(name, "'" + std::string(name.text) + "' has " + std::to_string(op.value_operands) + " operands");
  }
  if (!expect_results(keeps_value + keeps_carry, name)) return false;
  InstData data;
  data.opcode = opcode;
  if (!settle_type(data, op, name)) return false;
  std::vector<Value> results = results_;
  if (!keeps_carry) results.push_back(fresh_value(name));
  if (results.back().is_none()) return false;
  data.args = function_->make_values(args_);
  return emit(data, results, name);
}

// fmin_pseudo(a, b) was `b < a ? b : a`, fmax_pseudo(a, b) `a < b ? b : a`.
bool Parser::legacy_pseudo_min_max(const Token& name, bool is_min) {
  Value a, b;
  Type type = suffix_.value_or(kInvalid);
  if (!parse_value(a) || !expect(',', "after the operand") || !parse_value(b) || !check_end_of_statement())
    return false;
  if (!type.is_valid() && !known_type(a, type, name)) return false;
  if (!expect_results(1, name)) return false;
  if (!operation_info(Opcode::kFcmp).controlling.contains(type)) {
    return fail_at(name, "'" + std::string(name.text) + "' does not exist for type " + type.to_string());
  }
  const Value compared[] = {is_min ? b : a, is_min ? a : b};
  InstData compare;
  compare.opcode = Opcode::kFcmp;
  compare.type = type;
  compare.code = static_cast<uint8_t>(FloatCC::kLt);
  compare.args = function_->make_values(compared);
  Value condition = fresh_value(name);
  if (condition.is_none() || !emit(compare, std::span(&condition, 1), name)) return false;
  if (!type.is_lane()) condition = emit_unary(Opcode::kBitcast, type, condition, Value(), name);
  if (condition.is_none()) return false;
  const Value chosen[] = {condition, b, a};
  InstData choose;
  choose.opcode = type.is_lane() ? Opcode::kSelect : Opcode::kBitselect;
  choose.type = type;
  choose.args = function_->make_values(chosen);
  return emit(choose, results_, name);
}

// The low half of the integer lanes, converted to floats of twice the width.
bool Parser::legacy_conversion_low(const Token& name) {
  Value x;
  Type from;
  if (!parse_value(x) || !check_end_of_statement() || !expect_results(1, name) || !known_type(x, from, name))
    return false;
  if (!suffix_ || !operation_info(Opcode::kSwidenLow).controlling.contains(from)) {
    return fail_at(name, "'" + std::string(name.text) + "' does not exist for type " + from.to_string());
  }
  const Value wide = emit_unary(Opcode::kSwidenLow, from, x, Value(), name);
  return !wide.is_none() && !emit_unary(Opcode::kFcvtFromSint, *suffix_, wide, results_[0], name).is_none();
}

}  // namespace assay::ir
