// One CLIF function: its signature, preamble, data flow graph and layout.
//
// Built for speed: dense tables indexed by entity, one pool for all argument and result lists, one uniform InstData for
// every operation, no heap allocation per instruction. A Function can be clear()ed and reused without giving memory
// back.
//
// I1  A value is an instruction's result, a block's parameter, an alias of another value, or undefined.
// I2  An instruction's controlling type is InstData::type; kInvalid exactly for operations without one.
// I3  In the layout every block and instruction stands at most once; instructions stand only in blocks that stand.
// I4  Spans returned by args(), results(), block_params(), block_calls() … are valid until the function next grows.
//
// Nothing here checks types or dominance: that is the verifier's task (verifier.h).
#pragma once

#include <array>
#include <cassert>
#include <cstdint>
#include <iterator>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "compiler/ir/entities.h"
#include "compiler/ir/immediates.h"
#include "compiler/ir/operations.h"
#include "compiler/ir/signature.h"
#include "compiler/ir/types.h"

namespace assay::ir {

// ---- the preamble ----

struct StackSlotData {
  uint32_t size = 0;       // bytes
  uint8_t align_log2 = 0;  // as written; a backend may align more
  bool has_key = false;
  bool declared = true;  // false: a gap in the numbering
  uint64_t key = 0;
};

struct DynamicStackSlotData {
  DynamicType type;
  bool declared = true;
};

struct DynamicTypeData {
  Type base;          // the fixed vector it is a multiple of
  GlobalValue scale;  // how many times
  bool declared = true;
};

struct GlobalValueData {
  enum class Kind : uint8_t { kUndeclared, kVMContext, kLoad, kIaddImm, kSymbol, kDynScaleTargetConst };
  Kind kind = Kind::kUndeclared;
  bool colocated = false;  // kSymbol
  bool tls = false;        // kSymbol
  Type type;               // kLoad, kIaddImm: of the result; kDynScaleTargetConst: the vector
  MemFlags flags;          // kLoad
  GlobalValue base;        // kLoad, kIaddImm
  int64_t offset = 0;      // kLoad, kSymbol: in bytes; kIaddImm: the addend
  ExternalName name;       // kSymbol
};

struct FunctionDeclaration {  // fnN
  ExternalName name;
  SigRef signature;
  bool colocated = false;
  bool patchable = false;
  bool declared = true;
};

struct AliasRegionData {
  uint32_t user_id = 0;
  std::string description;
};

struct ConstantData {
  std::vector<uint8_t> bytes;  // little-endian: byte 0 is the least significant of lane 0
  bool declared = true;        // false: a gap in the numbering
  bool operator==(const ConstantData&) const = default;
};

// ---- instructions ----

// A run of a pool of the function: of values, block arguments or block calls.
struct Slice {
  uint32_t begin = 0;
  uint32_t count = 0;
};

// A branch target with its arguments. Read the arguments with func.args(call).
struct BlockCall {
  Block block;
  Slice args;
};

// One instruction, of any operation. Which field an operand lies in is OperandKind's documentation.
struct InstData {
  Opcode opcode{};
  uint8_t code = 0;  // intcc, floatcc, rmw operation, trap code, lane number
  Type type;         // the controlling type
  MemFlags flags;
  uint32_t entity = Inst::kNone;  // fn, sig, ss, dss, gv, const, immediate or raw block
  Slice args;
  Slice results;
  Slice calls;       // BlockCalls, in text order
  uint64_t imm = 0;  // integer (iconst: zero-extended from its type's width) or float bits; offset, sign-extended;
                     // for try_calls the ExceptionTable's index

  IntCC int_cc() const { return static_cast<IntCC>(code); }
  FloatCC float_cc() const { return static_cast<FloatCC>(code); }
  AtomicRmwOp rmw_op() const { return static_cast<AtomicRmwOp>(code); }
  TrapCode trap_code() const { return TrapCode{code}; }
  int32_t offset() const { return static_cast<int32_t>(imm); }
  FuncRef func_ref() const { return FuncRef(entity); }
  SigRef sig_ref() const { return SigRef(entity); }
  StackSlot stack_slot() const { return StackSlot(entity); }
  DynamicStackSlot dynamic_stack_slot() const { return DynamicStackSlot(entity); }
  GlobalValue global_value() const { return GlobalValue(entity); }
  Constant constant() const { return Constant(entity); }
  Immediate immediate() const { return Immediate(entity); }
  Block raw_block() const { return Block(entity); }
  ExceptionTable exception_table() const { return ExceptionTable(static_cast<uint32_t>(imm)); }
};

// One clause of a try_call's `[ tag1: block2(exn0), default: block3, context v4 ]`.
struct ExceptionItem {
  enum class Kind : uint8_t { kTag, kDefault, kContext };
  Kind kind = Kind::kTag;
  uint32_t tag = 0;         // kTag
  uint32_t call_index = 0;  // kTag, kDefault: which of block_calls(inst); 0 is the normal return
  Value context;            // kContext
};
struct ExceptionTableData {
  SigRef signature;
  std::vector<ExceptionItem> items;
};

// One entry of `stack_map = [i64 @ ss0+8, …]`, and of `<5, ss1>`.
struct StackMapEntry {
  Type type;
  StackSlot slot;
  uint32_t offset = 0;
  bool operator==(const StackMapEntry&) const = default;
};
struct DebugTag {
  bool is_slot = false;
  uint32_t value = 0;  // the user's number, or the StackSlot's index
  bool operator==(const DebugTag&) const = default;
};

enum class ValueKind : uint8_t { kUndefined, kResult, kParam, kAlias };

// Where a value comes from.
struct ValueDef {
  ValueKind kind = ValueKind::kUndefined;
  uint32_t number = 0;  // which result or parameter
  Inst inst;            // kResult
  Block block;          // kParam
  Value original;       // kAlias: one step; use resolve() for the end
};

inline constexpr uint32_t kNoSourceLocation = 0xffffffffu;

// ---- the function ----

class Function {
 public:
  // -- header and preamble: plain data --
  ExternalName name;  // kTestcase or kUser
  Signature signature;
  Table<StackSlot, StackSlotData> stack_slots;
  Table<DynamicStackSlot, DynamicStackSlotData> dynamic_stack_slots;
  Table<DynamicType, DynamicTypeData> dynamic_types;
  Table<GlobalValue, GlobalValueData> global_values;
  Table<SigRef, Signature> signatures;
  Table<FuncRef, FunctionDeclaration> functions;
  Table<Constant, ConstantData> constants;
  Table<AliasRegion, AliasRegionData> regions;
  Table<Immediate, std::array<uint8_t, 16>> immediates;
  Table<ExceptionTable, ExceptionTableData> exception_tables;
  GlobalValue stack_limit;  // none if there is none

  // Forgets everything but keeps the memory.
  void clear();

  // The constant with these bytes, making it if there is none.
  Constant add_constant(std::span<const uint8_t> bytes);

  // -- instructions --
  size_t inst_count() const { return insts_.size(); }  // ever made, in the layout or not
  const InstData& inst(Inst i) const { return insts_[i]; }
  InstData& inst(Inst i) { return insts_[i]; }
  const OperationInfo& info(Inst i) const { return operation_info(insts_[i].opcode); }

  std::span<const Value> args(Inst i) const { return values_of(insts_[i].args); }
  std::span<Value> args(Inst i) { return values_of(insts_[i].args); }
  Value arg(Inst i, unsigned n) const { return args(i)[n]; }
  std::span<const Value> results(Inst i) const { return values_of(insts_[i].results); }
  Value result(Inst i, unsigned n = 0) const { return results(i)[n]; }
  bool has_results(Inst i) const { return insts_[i].results.count != 0; }
  std::span<const BlockCall> block_calls(Inst i) const {
    const Slice s = insts_[i].calls;
    return {calls_.data() + s.begin, s.count};
  }
  std::span<BlockCall> block_calls(Inst i) {
    const Slice s = insts_[i].calls;
    return {calls_.data() + s.begin, s.count};
  }
  std::span<const BlockArg> args(const BlockCall& call) const {
    return {block_args_.data() + call.args.begin, call.args.count};
  }
  std::span<BlockArg> args(const BlockCall& call) { return {block_args_.data() + call.args.begin, call.args.count}; }

  const ExceptionTableData& exception_table(Inst i) const { return exception_tables[insts_[i].exception_table()]; }
  // The signature that a call, or a try_call, follows.
  SigRef call_signature(Inst i) const;

  // Makes an instruction that is in no block and has no results yet. `data.args` and `data.calls` must have been made
  // by make_values / make_calls, or be empty.
  Inst make_inst(const InstData& data);
  // Makes a new instruction with the same operands (not results, location, tags) as `i`.
  Inst copy_inst(Inst i);
  Slice make_values(std::span<const Value> values);
  Slice make_block_args(std::span<const BlockArg> args);
  BlockCall make_block_call(Block block, std::span<const BlockArg> args);
  BlockCall make_block_call(Block block, std::span<const Value> args = {});
  Slice make_calls(std::span<const BlockCall> calls);

  // Gives `i` the results that its operation (and, for calls, signature) calls for, as new values.
  // An operation whose result type the controlling type does not settle takes it from InstData::type.
  void make_results(Inst i);
  // Gives `i` one more result: a new value, or an existing undefined one.
  Value append_result(Inst i, Type type);
  void attach_result(Inst i, Value value, Type type);
  // Gives `i` exactly these (undefined or its own) values as results.
  void set_results(Inst i, std::span<const Value> values, std::span<const Type> types);
  // Takes `i`'s results away; the values become undefined. For replacing an instruction in place.
  void detach_results(Inst i);
  // Overwrites the operation and operands of `i`; its results, place and location stay.
  void replace_inst(Inst i, const InstData& data);

  // -- values --
  size_t value_count() const { return values_.size(); }
  Type value_type(Value v) const { return values_[v].type; }  // of an alias: of what it stands for
  ValueDef value_def(Value v) const;
  ValueKind value_kind(Value v) const { return static_cast<ValueKind>(values_[v].kind); }
  // The instruction whose result `v` (resolved) is, or none. The hot path of lowering and matching.
  Inst def_inst(Value v) const {
    const ValueData& d = values_[resolve(v)];
    return d.kind == static_cast<uint8_t>(ValueKind::kResult) ? Inst(d.source) : Inst();
  }
  bool is_alias(Value v) const { return value_kind(v) == ValueKind::kAlias; }
  // Follows aliases to the value they stand for: one step, unless what an alias stands for was made an alias later.
  Value resolve(Value v) const {
    if (values_[v].kind != static_cast<uint8_t>(ValueKind::kAlias)) return v;
    return resolve_alias(v);
  }
  Value make_undefined_value();
  // `alias` (undefined, or a result or parameter that is detached) stands for `original` from now on.
  void make_alias(Value alias, Value original);
  // Rewrites every operand to what it stands for; aliases remain defined but unused. Linear.
  void resolve_all_aliases();
  void set_value_type(Value v, Type type) { values_[v].type = type; }

  // Calls visit(Value&) (or visit(Value)) for every value operand of `i`: args, block arguments, exception contexts.
  template <class Visit>
  void for_each_use(Inst i, Visit&& visit) const;
  template <class Visit>
  void for_each_use_mutable(Inst i, Visit&& visit);
  // The exception contexts alone: of try_calls.
  template <class Visit>
  void for_each_context(Inst i, Visit&& visit) const;

  // -- blocks --
  size_t block_count() const { return blocks_.size(); }  // ever made
  Block make_block();
  std::span<const Value> block_params(Block b) const { return values_of(blocks_[b].params); }
  Value append_block_param(Block b, Type type);
  void attach_block_param(Block b, Value value, Type type);  // an undefined value becomes the next parameter
  // Removes parameter `n` and moves the later ones up; the value becomes undefined. Linear in the parameters.
  void remove_block_param(Block b, unsigned n);
  bool is_cold(Block b) const { return blocks_[b].cold; }
  void set_cold(Block b, bool cold) { blocks_[b].cold = cold; }

  // -- layout: doubly linked lists; every operation is constant time --
  Block entry_block() const { return first_block_; }
  Block first_block() const { return first_block_; }
  Block last_block() const { return last_block_; }
  Block next_block(Block b) const { return blocks_[b].next; }
  Block prev_block(Block b) const { return blocks_[b].prev; }
  bool is_inserted(Block b) const { return blocks_[b].inserted; }
  void append_block(Block b);
  void insert_block_before(Block b, Block before);
  void insert_block_after(Block b, Block after);
  void remove_block(Block b);  // its instructions are removed with it: linear in those

  Inst first_inst(Block b) const { return blocks_[b].first_inst; }
  Inst last_inst(Block b) const { return blocks_[b].last_inst; }
  Inst next_inst(Inst i) const { return links_[i].next; }
  Inst prev_inst(Inst i) const { return links_[i].prev; }
  Block inst_block(Inst i) const { return links_[i].block; }  // none if it is in no block
  void append_inst(Inst i, Block b);
  void insert_inst_before(Inst i, Inst before);
  void insert_inst_after(Inst i, Inst after);
  void remove_inst(Inst i);  // its results stay defined, so that they can be made aliases or reattached
  // Moves `first` and all after it in its block to the end of `to`. Linear in what moves. Who asks for the address of a
  // handler of the try_call among it now asks for one of `to`.
  void move_tail(Inst first, Block to);
  // The get_exception_handler_address instructions that name the block, and perhaps some that no longer do.
  std::span<const Inst> handler_addresses(Block b) const;
  // The last instruction if it is a terminator, else none.
  Inst terminator(Block b) const {
    const Inst last = last_inst(b);
    return !last.is_none() && info(last).is_terminator() ? last : Inst();
  }

  class BlockIterator;
  class InstIterator;
  template <class Iterator>
  struct Range {
    Iterator first, last;
    Iterator begin() const { return first; }
    Iterator end() const { return last; }
  };
  // Layout order. The current element may be removed only after stepping past it: take next_…() first.
  Range<BlockIterator> blocks() const;
  Range<InstIterator> insts(Block b) const;

  // -- side tables: nothing is stored for instructions that have none --
  uint32_t source_location(Inst i) const {
    return i.index < locations_.size() ? locations_[i.index] : kNoSourceLocation;
  }
  void set_source_location(Inst i, uint32_t location);
  bool has_source_locations() const { return !locations_.empty(); }
  std::span<const DebugTag> debug_tags(Inst i) const;
  void set_debug_tags(Inst i, std::vector<DebugTag> tags);
  bool has_debug_tags() const { return !debug_tags_.empty(); }
  std::span<const StackMapEntry> stack_map(Inst i) const;
  void set_stack_map(Inst i, std::vector<StackMapEntry> entries);

 private:
  struct ValueData {
    Type type;
    uint8_t kind = 0;     // ValueKind
    uint32_t number = 0;  // which result or parameter; of an alias, the value it stood for in the end when it was made
    uint32_t source = 0;  // inst, block or original value
  };
  struct BlockData {
    Slice params;
    Inst first_inst, last_inst;
    Block prev, next;
    bool inserted = false;
    bool cold = false;
  };
  struct InstLinks {
    Inst prev, next;
    Block block;
  };

  std::span<const Value> values_of(Slice s) const { return {value_lists_.data() + s.begin, s.count}; }
  std::span<Value> values_of(Slice s) { return {value_lists_.data() + s.begin, s.count}; }
  void push_value(Slice& list, Value v);
  Value resolve_alias(Value v) const;
  void note_handler_address(Inst i);

  Table<Inst, InstData> insts_;
  Table<Inst, InstLinks> links_;
  Table<Value, ValueData> values_;
  Table<Block, BlockData> blocks_;
  std::vector<Value> value_lists_;
  std::vector<BlockArg> block_args_;
  std::vector<BlockCall> calls_;
  Block first_block_, last_block_;
  std::vector<uint32_t> locations_;
  std::unordered_map<Inst, std::vector<DebugTag>> debug_tags_;
  std::unordered_map<Inst, std::vector<StackMapEntry>> stack_maps_;
  std::unordered_map<Block, std::vector<Inst>> handler_addresses_;
  std::unordered_map<std::string, Constant> constant_index_;  // of the first indexed_constants_ constants, by bytes
  size_t indexed_constants_ = 0;
};

class Function::BlockIterator {
 public:
  using value_type = Block;
  using difference_type = std::ptrdiff_t;
  BlockIterator() = default;
  BlockIterator(const Function* function, Block block) : function_(function), block_(block) {}
  Block operator*() const { return block_; }
  BlockIterator& operator++() {
    block_ = function_->next_block(block_);
    return *this;
  }
  BlockIterator operator++(int) {
    BlockIterator old = *this;
    ++*this;
    return old;
  }
  bool operator==(const BlockIterator& other) const { return block_ == other.block_; }

 private:
  const Function* function_ = nullptr;
  Block block_;
};

class Function::InstIterator {
 public:
  using value_type = Inst;
  using difference_type = std::ptrdiff_t;
  InstIterator() = default;
  InstIterator(const Function* function, Inst inst) : function_(function), inst_(inst) {}
  Inst operator*() const { return inst_; }
  InstIterator& operator++() {
    inst_ = function_->next_inst(inst_);
    return *this;
  }
  InstIterator operator++(int) {
    InstIterator old = *this;
    ++*this;
    return old;
  }
  bool operator==(const InstIterator& other) const { return inst_ == other.inst_; }

 private:
  const Function* function_ = nullptr;
  Inst inst_;
};

inline Function::Range<Function::BlockIterator> Function::blocks() const {
  return {BlockIterator(this, first_block_), BlockIterator(this, Block())};
}
inline Function::Range<Function::InstIterator> Function::insts(Block b) const {
  return {InstIterator(this, first_inst(b)), InstIterator(this, Inst())};
}

template <class Visit>
void Function::for_each_use(Inst i, Visit&& visit) const {
  for (Value v : args(i)) visit(v);
  for (const BlockCall& call : block_calls(i)) {
    for (BlockArg a : args(call)) {
      if (a.is_value()) visit(a.value());
    }
  }
  for_each_context(i, visit);
}

template <class Visit>
void Function::for_each_context(Inst i, Visit&& visit) const {
  const Format format = info(i).format;
  if (format != Format::kTryCall && format != Format::kTryCallIndirect) return;
  for (const ExceptionItem& item : exception_table(i).items) {
    if (item.kind == ExceptionItem::Kind::kContext) visit(item.context);
  }
}

template <class Visit>
void Function::for_each_use_mutable(Inst i, Visit&& visit) {
  for (Value& v : args(i)) visit(v);
  for (const BlockCall& call : block_calls(i)) {
    for (BlockArg& a : args(call)) {
      if (!a.is_value()) continue;
      Value v = a.value();
      visit(v);
      a = v;
    }
  }
  const Format format = info(i).format;
  if (format == Format::kTryCall || format == Format::kTryCallIndirect) {
    for (ExceptionItem& item : exception_tables[insts_[i].exception_table()].items) {
      if (item.kind == ExceptionItem::Kind::kContext) visit(item.context);
    }
  }
}

}  // namespace assay::ir
