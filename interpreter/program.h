// Functions decoded for running: every value has a slot, every branch is a jump to an index with a list of moves.
//
// Decoding is linear and happens once; running touches only these dense arrays. A value of up to 64 bits has one slot
// of 64 bits, one of 128 bits has two, low half first. Moves between slots (block arguments, call arguments, results)
// work for both. Functions call each other, and the routines of library.h, by name. What cannot be decoded becomes a
// step that reports `Unsupported` when reached.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "compiler/ir/function.h"
#include "interpreter/host_function.h"
#include "interpreter/scalar.h"

namespace assay::interpreter {

// What a step does. `x|y` is the value in two slots, of which the second is the first again if there is only one.
enum class StepKind : uint8_t {
  kScalar,           // d, [e] := evaluate(opcode, a, b, c): scalar.h
  kFloat,            // d := evaluate_float(opcode, a, b, c), all of one slot: float.h
  kWide,             // d, [e] := evaluate_wide or evaluate_float; imm says which of a b c d e have two slots
  kConstant,         // d := imm
  kWideConstant,     // d := c:b:imm, two slots
  kCopy,             // d := a, one slot (bitcast of equal size)
  kWideCopy,         // d := a, two slots
  kWideSelect,       // d := a ? b : c, two slots
  kLoad,             // d := extension of memory[a + imm]
  kStore,            // memory[b + imm] := a
  kWideLoad,         // d := 16 bytes
  kWideStore,        //
  kAtomicRmw,        // d := memory[b]; memory[b] := d op a, op is imm
  kAtomicCas,        // d := memory[b]; if it is c, memory[b] := a
  kStackAddress,     // d := address of stack slot b + imm
  kFunctionAddress,  // d := address of function b
  kSymbolAddress,    // d := address of symbol b + imm
  kThreadLocal,      // d := address of the host's memory + imm
  kFramePointer,     // d := this frame's pointer, or its stack pointer
  kReturnAddress,    // d := this frame's
  kHandlerAddress,   // d := address of the function's place b
  kStackLimit,       // stk_ovf if the stack pointer is below a
  kGetPinned,        // d := pinned register
  kSetPinned,        // pinned register := a
  kNop,
  kJump,          // edge b
  kBrif,          // a|e != 0 ? edge b : edge c
  kBrTable,       // a < c ? edge b + 1 + a : edge b
  kTrap,          // code
  kTrapIf,        // code if a|e != 0
  kTrapUnless,    // code if a|e == 0
  kReturn,        // slots list b of c slots
  kCall,          // function b, call site c
  kCallIndirect,  // address a, call site c
  kTailCall,
  kTailCallIndirect,
  kTryCall,  // as kCall, kCallIndirect; then goes along one of the site's edges
  kTryCallIndirect,
  kUnsupported  // message b
};
// Bits of Step::imm of kWide.
inline constexpr unsigned kWideA = 1, kWideB = 2, kWideC = 4, kWideD = 8, kWideE = 16;

struct Step {
  StepKind kind = StepKind::kNop;
  ir::Opcode opcode{};  // kScalar, kFloat, kWide, kFramePointer
  uint8_t bits = 64;    // kScalar, kFloat, kWide: first operand's width; accesses to memory: of the access
  uint8_t result_bits = 64;
  uint8_t code = 0;      // kScalar …: condition; traps, accesses: the trap code
  bool sign = false;     // kLoad: sign-extend to result_bits
  bool aligned = false;  // accesses
  uint8_t order = 0;     // accesses: an ir::Endianness
  uint16_t region = 0;   // loads, stores: the alias region's number + 1; 0: none
  uint32_t d = 0, e = 0;
  uint32_t a = 0, b = 0, c = 0;
  uint32_t inst = 0;  // the ir::Inst it comes from
  uint64_t imm = 0;
};

struct Edge {
  uint32_t target = 0;  // step index, first of the block
  uint32_t moves_begin = 0;
  uint32_t moves_count = 0;
};

struct Move {
  uint32_t from = 0;
  uint32_t to = 0;
};

// Where a try_call goes on if the call unwinds with an exception of this tag, and of this context if there is one.
struct Handler {
  uint32_t tag = 0;
  bool any_tag = false;
  uint32_t edge = 0;
  uint32_t place = 0;    // the function's handlers have addresses by their places
  uint32_t context = 0;  // its first slot, if it has slots
  uint32_t context_slots = 0;
};

// An argument that is passed as a copy of the bytes it points to.
struct StructArgument {
  uint32_t parameter = 0;  // which
  uint32_t size = 0;
};

// Arguments and results of a call: runs of DecodedFunction::slot_lists.
struct CallSite {
  uint32_t args_begin = 0, args_count = 0;
  uint32_t results_begin = 0, results_count = 0;  // of a try_call: where its edges find the results
  uint32_t signature = 0;  // number in Program of the call's signature: the callee's must be the same
  uint32_t struct_arguments_begin = 0, struct_arguments_count = 0;
  // Of try_calls:
  uint32_t normal_edge = 0;
  uint32_t handlers_begin = 0, handlers_count = 0;
  uint32_t payload = 0;  // first of two slots where the handlers' edges find the exception's payload
};

struct StackSlot {
  uint32_t size = 0;
  uint64_t align = 1;
};

struct DecodedFunction {
  std::string name;  // as in text: %name, u0:1
  std::vector<ir::Type> params, returns;
  std::vector<uint32_t> param_slots;  // each parameter's first slot
  uint32_t slots = 0;                 // how many a frame has
  uint32_t signature = 0;             // its number in Program
  std::vector<StackSlot> stack_slots;
  std::vector<Step> steps;
  std::vector<Edge> edges;
  std::vector<Move> moves;
  std::vector<uint32_t> slot_lists;
  std::vector<CallSite> calls;
  std::vector<Handler> handlers;
  std::vector<StructArgument> struct_arguments;
  std::vector<std::string> messages;
  std::vector<uint32_t> callees;  // by ir::FuncRef: function number, or kNoFunction; filled by link()
  std::vector<std::string> callee_names;
  std::vector<uint32_t> callee_signatures;  // of those that may be host functions
  uint32_t first_step = 0;                  // how many steps the functions before it have; filled by link()
  uint32_t places = 0;                      // how many its handlers have
  uint32_t first_place = 0;                 // how many the functions before it have; filled by link()
};

// See host_function.h. Called by the numbers that follow those of the functions.
struct HostFunction {
  std::string name;
  uint32_t signature = 0;  // its number in Program
  std::vector<uint8_t> result_bits;
};

inline constexpr uint32_t kNoFunction = 0xffffffffu;
// Library routine n has the function number kFirstLibraryFunction + n.
inline constexpr uint32_t kFirstLibraryFunction = 0xffff0000u;

// The functions of one file or module. Copies what it needs: the ir::Functions may go away.
class Program {
 public:
  // Forgets all functions but keeps memory.
  void clear();
  // Decodes one more function and returns its number, counting from 0. Precondition: ir::verify() has no complaint.
  uint32_t add(const ir::Function& function);
  // Resolves calls by name. To be called after the last add() and before running. Of functions with one name the first
  // is meant.
  void link();

  size_t size() const { return count_; }
  const DecodedFunction& function(uint32_t number) const { return functions_[number]; }
  std::span<const HostFunction> host_functions() const { return host_functions_; }
  // The number of the function called `name` (with its `%`), or kNoFunction.
  uint32_t find(const std::string& name) const;

  // Has any function a load or store of more than a byte in the target's own byte order? If not, the outcome is the
  // same on little- and big-endian machines.
  bool depends_on_byte_order() const { return depends_on_byte_order_; }
  // The function that a symbol names, or kNoFunction.
  uint32_t symbol_function(uint32_t symbol) const { return symbol_functions_[symbol]; }
  // Can any function see an address that differs between executors (stack slot, function, symbol, frame)?
  bool sees_addresses() const { return sees_addresses_; }

 private:
  friend class Decoder;
  uint32_t signature_number(const ir::Signature& signature);
  // Of a callee that is not defined: the number of the host function of that name, or kNoFunction.
  uint32_t link_host(const std::string& name, uint32_t signature);
  uint32_t symbol_number(const std::string& name);

  std::vector<DecodedFunction> functions_;  // the first count_ are in use
  size_t count_ = 0;
  std::vector<HostFunction> host_functions_;
  std::vector<ir::Signature> signatures_;
  std::unordered_map<std::string, uint32_t> by_name_;
  std::unordered_map<std::string, uint32_t> by_signature_;
  std::unordered_map<std::string, uint32_t> symbols_;
  std::vector<uint32_t> symbol_functions_;  // by symbol: the function of that name, or kNoFunction
  bool depends_on_byte_order_ = false;
  bool sees_addresses_ = false;
};

}  // namespace assay::interpreter
