// Calling conventions: where the arguments and results of a signature are. The same answer serves callers, callees and
// the harness that calls compiled functions.
//
// A convention is a table of the ISA (AbiTable); without one of its own it is the platform's C convention. Integer
// arguments (i8..i64) take the argument registers in order, then 8-byte stack slots; floats (f16..f64) the float
// registers, then slots; an i128 two registers or slots, as AbiTable::pairs says; an f128 one float register or two
// slots, or what an i128 does (AbiTable::has_f128); `sret` and `vmctx` are ordinary
// arguments. Results take the result registers in the same way; those that are left over go to memory: 8-byte slots in
// order, in an area of the caller whose address is passed as one more integer argument after all others. A narrow
// value's upper bits are arbitrary, in registers and in slots, unless the signature says `uext` or `sext`: then the
// caller (of an argument) or callee (of a result) extends it to 64 bits.
#pragma once

#include <cstdint>
#include <vector>

#include "compiler/ir/signature.h"
#include "compiler/machine/isa.h"
#include "compiler/support/diagnostic.h"

namespace assay::machine {

// A register or a slot in memory.
struct AbiPart {
  PReg reg;             // none: in memory
  uint32_t offset = 0;  // of the slot, from the first stack argument; of a result, in the return area

  bool in_memory() const { return !reg; }
  bool operator==(const AbiPart&) const = default;
};

// Where one argument or result is: in one part, an i128 in two, the low half first.
struct AbiLocation {
  AbiPart parts[2];
  uint8_t part_count = 1;
  bool is_whole = false;      // both words in the one part, a float register: `type` is still i128
  bool by_reference = false;  // the part holds the address of a copy that the caller made
  uint32_t copy_offset = 0;   // if so: of that copy, among those of this call
  ir::Type type;
  ir::Extension extension = ir::Extension::kNone;
  ir::Purpose purpose = ir::Purpose::kNormal;
  uint32_t struct_size = 0;  // not 0: a struct of so many bytes lies at the part, the argument is its address
};

struct AbiSignature {
  std::vector<AbiLocation> params;   // as in the signature
  std::vector<AbiLocation> returns;  // as in the signature
  bool has_return_area = false;
  AbiPart return_area;  // if so: where its address is passed
  uint32_t return_area_size = 0;
  uint32_t stack_size = 0;   // bytes of stack arguments, a multiple of the stack's alignment
  uint32_t copies_size = 0;  // bytes of the copies of arguments passed by reference
  ir::CallConv call_conv = ir::CallConv::kSystemV;
};

// Whether the backend keeps values of this type in registers at all: in one, an i128 in two. (An f128 is an i128 but
// where it is passed.)
bool is_in_registers(ir::Type type, const TargetIsa& isa);

// Fails with "not supported on <isa>: …" for types and purposes that no backend handles yet. Reuses `out`'s memory.
Expected<void> compute_abi(const ir::Signature& signature, const TargetIsa& isa, AbiSignature& out);

// The first stack argument as a callee finds it, from the stack pointer at its entry.
inline uint32_t stack_arguments_at_entry(const AbiTable& abi) { return abi.outgoing_base + abi.return_address_bytes; }

}  // namespace assay::machine
