// Typed semantics: what a definition does once its static parameters are fixed and every width is known.
//
// A Semantics is a graph in one flat array: operands stand before their users, equal nodes are shared, constants are
// folded. It has exactly two back ends: the evaluator (evaluate.h) executes the array in order, the solver's
// translation (verify/) maps node by node. Neither needs recursion.
//
// T1  A node's operands have smaller indices than the node.
// T2  Both operands of a binary operator are as wide as its result (comparisons: as each other; shifts and rotates: the
//     amount too; it was extended or clamped when the graph was built).
// T3  Loads and stores are listed in `events` in the order in which they happen; a load sees all stores before it. Two
// loads of one address
//     and width with no store in between are one node and one event.
// T4  Trap conditions are built before the statements: if one holds, no store happens and nothing is assigned.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "compiler/isle/notation/bits.h"
#include "compiler/isle/notation/expr.h"

namespace assay::notation {

// Width 0 stands for the booleans throughout; And, Or, Xor, Not, Eq, If, Input and Constant exist for them too.
enum class Op : uint8_t {
  Input,     // aux: index into Semantics::inputs
  Constant,  // aux: index into Semantics::constants (booleans: 0 or 1)
  Not,       // a
  Neg,
  Clz,  // number of leading zeros, as wide as the operand (all zeros: the width)
  Ctz,  // number of trailing zeros (all zeros: the width)
  Cls,  // number of bits after the sign bit that equal it
  Popcnt,
  BitRev,
  BSwap,  // the width is a multiple of 8
  Add,    // a, b; modulo 2^width
  Sub,
  Mul,
  UDiv,  // by zero: all ones (SMT-LIB bvudiv)
  SDiv,  // truncating; by zero: 1 if a < 0, else all ones (SMT-LIB bvsdiv); overflow wraps
  URem,  // by zero: a
  SRem,  // sign of the dividend; by zero: a
  And,
  Or,
  Xor,
  Shl,   // an amount at or above the width gives 0
  LShr,  // likewise
  AShr,  // an amount at or above the width gives copies of the sign
  Rotl,  // amount modulo the width
  Rotr,
  Eq,  // boolean results from here
  Ult,
  Ule,
  Slt,
  Sle,
  If,      // a: condition, b: then, c: else
  Slice,   // bits [aux + width - 1 : aux] of a
  Concat,  // a: high part, b: low part
  ZExt,
  SExt,
  Load,  // a: address (64 bits), aux: index into Semantics::events
  // Floats of 16, 32 or 64 bits (floats.h); a result that is a NaN is the canonical one.
  FAdd,
  FSub,
  FMul,
  FDiv,
  FSqrt,
  FMulAdd,  // a * b + c, rounded once
  FRound,   // to an integer; aux: a Rounding
  FEq,      // boolean, and so are the next two; false of NaNs
  FLt,
  FLe,
  FConvert,   // to the other width
  FFromSInt,  // of an integer of at most 64 bits
  FFromUInt,
  FToSInt,  // to an integer of at most 64 bits, towards zero; saturates, a NaN gives 0
  FToUInt,
};
const char* name(Op op);

using NodeId = uint32_t;
inline constexpr NodeId kNoNode = 0xffffffffu;

struct Node {
  Op op = Op::Constant;
  uint16_t width = 0;  // of the result; 0: boolean
  NodeId a = kNoNode;
  NodeId b = kNoNode;
  NodeId c = kNoNode;
  uint32_t aux = 0;

  bool operator==(const Node&) const = default;
};

enum class InputKind : uint8_t {
  Value,      // a register, the flags, a CLIF value
  Bool,       // a boolean the environment provides
  Imm,        // an immediate's value as a 64-bit integer, always 64 bits wide
  Constant,   // the first `width` bits of a constant-pool entry
  Address,    // of a symbol, constant or label, 64 bits
  Undefined,  // `undefined(w)`: any bits; each use is an input of its own, `id` counts them
};

struct Input {
  InputKind kind = InputKind::Value;
  uint16_t width = 0;
  uint32_t id = 0;   // Binding::id: for instructions the operand slot (kFlagsId for flags)
  std::string name;  // for people; "m.base" for a part of a memory operand
};

struct Assignment {
  uint32_t id = 0;  // Binding::id: for instructions the operand slot of the def (kFlagsId for flags)
  std::string name;
  NodeId value = kNoNode;
};

struct Event {
  bool is_store = false;
  bool big_endian = false;
  uint16_t bits = 0;         // a multiple of 8, at most 256
  NodeId address = kNoNode;  // 64 bits
  NodeId value = kNoNode;    // the Load node, or what is stored
  uint32_t position = 0;     // a store happens after the nodes below this index, and before those from it on
};

struct Trap {
  std::string code;  // CLIF trap code; empty for machine instructions
  NodeId condition = kNoNode;
};

struct Semantics {
  std::vector<Node> nodes;
  std::vector<Bits> constants;
  std::vector<Input> inputs;
  std::vector<Assignment> results;  // in the order written; each id at most once
  std::vector<Event> events;
  std::vector<Trap> traps;  // the first whose condition holds strikes
  NodeId branch = kNoNode;  // boolean: the label is taken; kNoNode: no `branch` statement
  // What must hold for the operands to be encodable: `when`, ranges of immediates (booleans, all of them).
  std::vector<NodeId> required;

  const Node& node(NodeId id) const { return nodes[id]; }
  bool loads() const;
  bool stores() const;
  // One node a line, for people and tests: `%3: 64 = add %0 %2`.
  std::string to_string() const;
};

inline constexpr uint32_t kFlagsId = 0xfffffff0u;  // Input::id and Assignment::id of the flags register

// What a name in an expression stands for.
enum class BindingKind : uint8_t {
  Value,       // a bit vector of `width` bits
  Bool,        // a boolean
  Imm,         // an integer operand: as wide as its context; its own width (for zext/sext/width) is `width`
  Memory,      // a memory operand: addr(m), m.base…; as a value, the load of the width the context asks for
  Constant,    // a constant-pool entry: as a value its contents as wide as the context; addr(c)
  Address,     // a symbol or label: addr(f) only
  StaticInt,   // a number known now
  StaticEnum,  // an enumerator known now
  Result,      // to be assigned; readable after that
};

struct Binding {
  BindingKind kind = BindingKind::Value;
  uint16_t width = 0;        // Value, Imm, Result (0: boolean result)
  bool assignable = false;   // Value: may be assigned as well (flags); reads always give the old value
  uint32_t id = 0;           // see Input::id; Memory: id of base, then index, shift, disp are id + 1, + 2, + 3
  int64_t value = 0;         // StaticInt; StaticEnum: index of the enumerator
  uint32_t enumeration = 0;  // StaticEnum: index into Library::enums
  // Memory: which parts the addressing mode has.
  bool has_base = false, has_index = false, has_shift = false, has_disp = false;

  static Binding of_value(unsigned width, uint32_t id);
  static Binding of_bool(uint32_t id);
  static Binding of_imm(unsigned width, uint32_t id);
  static Binding of_result(unsigned width, uint32_t id);
  static Binding of_int(int64_t value);
  static Binding of_enum(uint32_t enumeration, int64_t index);
};

struct Environment {
  std::unordered_map<std::string, Binding> names;
  bool big_endian = false;  // byte order of load and store without le/be
};

// Types the text under the environment. All errors are appended; nothing is returned if there is one.
// `required` are boolean expressions for Semantics::required.
bool instantiate(const Library& library, const SemanticsText& text, const Environment& environment, Semantics& out,
                 Diagnostics& errors, const std::vector<ExprId>& required = {});
Expected<Semantics> instantiate(const Library& library, const SemanticsText& text, const Environment& environment);

// Applies one operator to values (T2 holds; `width` is the result's, `operand_width` that of a); shared by constant
// folding and the evaluator. Not for Input, Constant, Load.
Bits apply(Op op, unsigned width, unsigned operand_width, unsigned low_width, uint32_t aux, const Bits& a,
           const Bits& b, const Bits& c);

}  // namespace assay::notation
