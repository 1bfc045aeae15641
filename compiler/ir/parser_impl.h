// The parser's inside, shared by its source files: parser.cpp (files, preambles), parser_body.cpp (blocks and
// instructions), parser_operands.cpp (their operands) and parser_legacy.cpp (older spellings). Not for other libraries.
//
// A method that returns bool returns false after recording an error. The caller gives up the construct and goes on with
// the next line (recover()), so that one run reports every error.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "compiler/ir/lexer.h"
#include "compiler/ir/parser.h"

namespace assay::ir {

class Parser {
 public:
  Parser(std::string_view text, std::string filename, const ParseOptions& options);
  std::expected<File, Diagnostics> parse();

 private:
  enum class Claim : uint8_t { kNone, kAlias, kFailed };

  // ---- tokens and errors (parser.cpp) ----
  void advance();
  bool at_new_line() const { return token_.line != previous_line_; }
  bool accept(char c);
  bool expect(char c, std::string_view where);
  bool accept_word(std::string_view word);
  bool fail_at(const Token& token, std::string message, std::string hint = {});
  bool fail_here(std::string message, std::string hint = {}) {
    return fail_at(token_, std::move(message), std::move(hint));
  }
  bool too_many_errors() const { return errors_.size() >= kMaxErrors; }
  void recover();
  std::string found() const;  // the current token, for messages

  // ---- the file (parser.cpp) ----
  size_t parse_header();  // the commands' lines; the offset and line of what follows
  void parse_header_line(std::string_view line);
  void parse_function();
  bool parse_function_name();
  bool parse_signature(Signature& signature);
  bool parse_params(std::vector<AbiParam>& params);
  bool parse_param(AbiParam& param);
  bool parse_preamble_entry();
  void finish_preamble();
  bool parse_stack_slot(uint32_t number);
  bool parse_dynamic_stack_slot(uint32_t number);
  bool parse_dynamic_type(uint32_t number);
  bool parse_global_value(uint32_t number);
  bool parse_function_declaration(uint32_t number);
  bool parse_constant(uint32_t number);
  bool parse_region(uint32_t number);
  bool parse_jump_table(uint32_t number);
  bool parse_external_name(ExternalName& name);
  bool parse_offset(int64_t& offset);
  bool parse_base(GlobalValue& base);
  // Makes room for entity `number` in a table, and refuses one that is already declared or too large.
  template <class K, class V>
  bool declare(Table<K, V>& table, std::vector<bool>& declared, uint32_t number, const V& gap, const Token& token);

  // ---- blocks and instructions (parser_body.cpp) ----
  void parse_body();
  bool parse_block_header();
  bool parse_statement();
  bool parse_alias(Value alias, const Token& token);
  bool parse_debug_tags();
  bool parse_stack_map(std::vector<StackMapEntry>& entries);
  bool parse_operation(const Token& name);
  bool finish_operation(InstData& data, const Token& name);
  bool settle_type(InstData& data, const OperationInfo& op, const Token& name);
  bool check_end_of_statement();
  void finish_body();
  void settle_aliases();
  bool define(Value value, const Token& token);
  Claim claim(Value value) const { return value.index < claims_.size() ? claims_[value.index] : Claim::kNone; }
  void set_claim(Value value, Claim claim);
  bool ensure_value(uint32_t number, const Token& token);
  bool ensure_block(uint32_t number, const Token& token);
  // Appends to the current block with these results (their types given by the operation).
  bool emit(InstData& data, std::span<const Value> results, const Token& name);
  Inst place(const InstData& data);  // appends, with location and line, without results

  // ---- operands (parser_operands.cpp) ----
  bool parse_operands(const OperationInfo& op, InstData& data);
  bool parse_operand(const OperandInfo& operand, const OperationInfo& op, InstData& data);
  bool parse_value(Value& value);
  bool parse_value_list(char end);  // appends to args_
  bool parse_block_call(BlockCall& call);
  bool parse_block(Block& block);
  bool parse_branch_table();
  bool parse_exception_table(InstData& data);
  bool parse_memflags(MemFlags& flags);
  bool parse_trap_code(TrapCode& code);
  bool parse_pool_constant(InstData& data, const OperationInfo& op);
  bool parse_shuffle_mask(InstData& data);
  bool parse_type(Type& type);
  bool parse_hex_bytes(std::vector<uint8_t>& bytes);
  bool parse_lanes(Type type, std::vector<uint8_t>& bytes);
  bool parse_unsigned(uint64_t& number, uint64_t limit, std::string_view what);
  bool parse_imm64(uint64_t& bits);
  bool parse_float_bits(unsigned width, unsigned __int128& bits);
  // `ss3`: the entity's number if the token is one of that kind and it is declared.
  template <class K, class V>
  bool parse_entity(K& entity, const Table<K, V>& table, std::string_view prefix, std::string_view what);

  // ---- older spellings (parser_legacy.cpp) ----
  static std::optional<Type> legacy_type(std::string_view word);
  static std::optional<CallConv> legacy_call_conv(std::string_view word);
  static std::optional<TrapCode> legacy_trap_code(std::string_view word);
  static bool is_legacy_memflag(std::string_view word);
  // Parses an instruction that is not in the current language, or reports it as unknown.
  bool parse_legacy(const Token& name);
  bool legacy_binary_imm(const Token& name, Opcode opcode, bool reversed);
  bool legacy_icmp_imm(const Token& name);
  bool legacy_bit_not(const Token& name, Opcode opcode);
  bool legacy_global_value(const Token& name);
  bool legacy_stack_access(const Token& name, bool is_load, bool dynamic);
  bool legacy_conditional_branch(const Token& name, bool when_zero);
  bool legacy_br_icmp(const Token& name);
  bool legacy_bint(const Token& name);
  bool legacy_copy(const Token& name);
  bool legacy_bconst(const Token& name);
  bool legacy_carry(const Token& name, Opcode opcode, bool keeps_value, bool keeps_carry);
  bool legacy_pseudo_min_max(const Token& name, bool is_min);
  bool legacy_rename(const Token& name, Opcode opcode);
  bool legacy_conversion_low(const Token& name);
  bool finish_conditional_branch();
  Value fresh_value(const Token& token);
  Value emit_unary(Opcode opcode, Type type, Value x, Value result, const Token& name);
  Value emit_binary(Opcode opcode, Type type, Value x, Value y, Value result, const Token& name);
  Value emit_iconst(Type type, uint64_t imm, Value result, const Token& name);
  bool expect_results(size_t count, const Token& name);
  bool known_type(Value value, Type& type, const Token& token);

  std::string_view text_;
  const ParseOptions& options_;
  CallConv default_call_conv_ = CallConv::kFast;
  File file_;
  Diagnostics errors_;
  Lexer lexer_;
  Token token_;
  uint32_t previous_line_ = 0;  // of the token before token_
  uint32_t header_lines_ = 1;

  // How many more entities the whole file may have: numbers may have gaps, but memory stays linear in the text.
  size_t value_budget_, block_budget_, entity_budget_;

  // ---- the function being read ----
  ParsedFunction* parsed_ = nullptr;
  Function* function_ = nullptr;
  size_t function_offset_ = 0;
  Block block_;
  struct Use {
    uint32_t number;
    Token token;
  };
  struct PendingAlias {
    Value alias, original;
    Token token;
  };
  struct PendingSignature {
    FuncRef function;
    Signature signature;
  };
  struct PendingBranch {
    bool active = false;
    bool when_zero = false;
    Value condition;
    BlockCall taken;
    Token name;
  };
  std::vector<Use> value_uses_, block_uses_;  // of what was not defined yet
  std::vector<Use> bases_;                    // global values that others are based on
  std::vector<PendingAlias> aliases_;         // of what was not defined yet
  std::vector<Claim> claims_;  // by value: to be defined by an alias in aliases_, or by an instruction with an error
  std::vector<PendingSignature> inline_signatures_;
  PendingBranch branch_;
  struct Declared {
    std::vector<bool> stack_slots, dynamic_slots, dynamic_types, global_values, signatures, functions, constants;
  } declared_;
  std::unordered_map<uint32_t, std::vector<Block>> jump_tables_;  // of older files
  std::optional<uint32_t> first_fresh_;                           // the next value number that the text does not use

  // ---- the statement being read ----
  std::vector<Value> results_;
  std::vector<Token> result_tokens_;
  std::vector<Value> args_;
  std::vector<BlockCall> calls_;
  std::vector<BlockArg> block_args_;
  std::vector<DebugTag> tags_;
  uint32_t location_ = kNoSourceLocation;
  std::optional<Type> suffix_;
  Token suffix_token_;
};

}  // namespace assay::ir
