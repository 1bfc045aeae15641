// What is known about each CLIF operation, generated from operations.ops by irgen: its name, operands, type
// constraints, effects, documentation and the text of its meaning. Parser, printer, verifier and builder are driven by
// these tables; nothing else in the compiler lists operations.
//
// Type constraints. An operation may have one *controlling* type variable; an instruction is that operation at one
// type, its InstData::type. Every other value operand's or result's type is fixed, the controlling type, derived from
// it (`lane_of` …), or free within a type set.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "compiler/ir/opcodes.h"  // generated: enum class Opcode : uint8_t { kIadd, … }, kOpcodeCount
#include "compiler/ir/types.h"

namespace assay::ir {

// The shape of an instruction's operands, as Cranelift groups them.
enum class Format : uint8_t {
  kUnary,
  kUnaryImm,
  kUnaryIeee16,
  kUnaryIeee32,
  kUnaryIeee64,
  kUnaryConst,
  kUnaryGlobalValue,
  kBinary,
  kBinaryImm8,
  kTernary,
  kTernaryImm8,
  kMultiary,
  kNullary,
  kShuffle,
  kIntCompare,
  kFloatCompare,
  kIntAddTrap,
  kJump,
  kBrif,
  kBranchTable,
  kCall,
  kCallIndirect,
  kTryCall,
  kTryCallIndirect,
  kFuncAddr,
  kAtomicRmw,
  kAtomicCas,
  kLoad,
  kLoadNoOffset,
  kStore,
  kStoreNoOffset,
  kStackAddr,
  kDynamicStackAddr,
  kTrap,
  kCondTrap,
  kExceptionHandlerAddress
};
inline constexpr unsigned kFormatCount = 36;
std::string_view to_string(Format format);

// What one operand is, and in which field of InstData it lies.
enum class OperandKind : uint8_t {
  kValue,             // one of args
  kVarargs,           // the rest of args (or of results)
  kImm64,             // imm
  kUimm8,             // code
  kUimm128,           // entity: Immediate
  kOffset32,          // imm, sign-extended
  kIeee16,            // imm: the bits
  kIeee32,            // imm: the bits
  kIeee64,            // imm: the bits
  kPoolConstant,      // entity: Constant
  kIntCC,             // code
  kFloatCC,           // code
  kAtomicRmwOp,       // code
  kTrapCode,          // code
  kMemFlags,          // flags
  kFuncRef,           // entity
  kSigRef,            // entity
  kStackSlot,         // entity
  kDynamicStackSlot,  // entity
  kGlobalValue,       // entity
  kBlockCall,         // calls[0] (jump)
  kBlockThen,         // calls[0] (brif)
  kBlockElse,         // calls[1] (brif)
  kJumpTable,         // calls[0] is the default, the rest are the entries
  kExceptionTable,    // calls[0] is the normal return; the table is func.exception_table(inst)
  kRawBlock           // entity: Block
};

enum class TypeFunction : uint8_t {
  kSame,
  kLaneOf,
  kAsTruthy,
  kHalfWidth,
  kDoubleWidth,
  kSplitLanes,
  kMergeLanes,
  kDynamicToVector,
  kNarrower,  // free, but with narrower lanes than the controlling type
  kWider      // free, but with wider lanes
};

struct TypeConstraint {
  enum class Kind : uint8_t { kNone, kFixed, kControlling, kFree };
  Kind kind = Kind::kNone;
  TypeFunction function = TypeFunction::kSame;  // kControlling: applied to the controlling type
  Type fixed;                                   // kFixed
  TypeSet set;                                  // kFree: which types; kControlling: which controlling types
  std::string_view variable;                    // the name in operations.ops, for messages; empty if kFixed

  // The one type that `controlling` leads to; kInvalid if the constraint leaves a choice (kFree, narrower, wider).
  Type resolve(Type controlling) const;
  // Is `type` allowed, given the controlling type?
  bool allows(Type type, Type controlling) const;
};

struct OperandInfo {
  std::string_view name;  // x, y, Cond, …
  OperandKind kind;
  TypeConstraint type;  // of a kValue
};

enum Effects : uint16_t {
  kNoEffects = 0,
  kTerminatesBlock = 1,
  kBranches = 2,
  kReturns = 4,
  kCalls = 8,
  kCanTrap = 16,
  kCanLoad = 32,
  kCanStore = 64,
  kOtherSideEffects = 128,
  kSideEffectsIdempotent = 256
};

struct OperationInfo {
  std::string_view name;
  Format format;
  uint16_t effects;                     // of Effects
  uint8_t value_operands;               // how many kValue inputs
  uint8_t fixed_results;                // how many kValue results
  bool variable_args;                   // has a kVarargs input
  bool variable_results;                // results come from a signature
  bool polymorphic;                     // has a controlling type variable: InstData::type is valid
  bool infers_type;                     // the controlling type can be read off the value operand below
  bool needs_type_operand;              // … and cannot be read off the first result
  uint8_t type_operand;                 // which of args
  TypeSet controlling;                  // the types it may have, if polymorphic
  std::span<const OperandInfo> inputs;  // in text order
  std::span<const OperandInfo> results;
  std::string_view doc;
  std::string_view trap;  // the raw text of `trap` lines, one per line; empty if none
  std::string_view sem;   // the raw text of `sem` lines; empty if it has none (yet)

  bool has(Effects effect) const { return (effects & effect) != 0; }
  // Nothing may follow it in a block.
  bool is_terminator() const { return (effects & (kTerminatesBlock | kBranches | kReturns)) != 0; }
  bool is_branch() const { return has(kBranches); }
  bool is_call() const { return has(kCalls); }
  bool is_return() const { return has(kReturns); }
  bool can_trap() const { return has(kCanTrap); }
  // Can be removed if its results are unused, and (if it is not can_load) computed anywhere, any number of times.
  bool is_pure() const { return (effects & ~kCanLoad) == 0 && !variable_results; }
};

extern const OperationInfo* const kOperationTable;  // by opcode
inline const OperationInfo& operation_info(Opcode opcode) { return kOperationTable[static_cast<unsigned>(opcode)]; }
inline std::string_view to_string(Opcode opcode) { return operation_info(opcode).name; }
// Exactly the current spelling; older ones are the parser's business.
std::optional<Opcode> parse_opcode(std::string_view name);

}  // namespace assay::ir
