// What each scalar integer operation of CLIF means, by hand, for widths of 8 to 64 bits.
//
// This is the reference that the SMT specs, the rules and the machines are judged by, so it is written from the
// language's documentation in the plainest arithmetic there is, and shares nothing with compiler/ or verify/ but the
// names of the operations.
// A value of n bits is a uint64_t whose bits from n up are 0, both as an argument and as a result.
#pragma once

#include <cstdint>
#include <span>

#include "compiler/ir/immediates.h"
#include "compiler/ir/operations.h"
#include "compiler/ir/types.h"

namespace assay::interpreter {

// One operation at one type.
struct ScalarOperation {
  ir::Opcode opcode{};
  uint8_t bits = 64;         // of the first value operand (of `x` for select and bitselect)
  uint8_t result_bits = 64;  // of the first result
  uint8_t code = 0;          // icmp: the ir::IntCC; uadd_overflow_trap: the trap code
};

struct ScalarResult {
  uint64_t value = 0;
  uint64_t second = 0;  // the flag of the overflow operations, the high half of isplit
  ir::TrapCode trap;    // valid: it trapped, and there is no value
};

// Is `opcode` one that evaluate() knows, if its operands are integers of at most 64 bits?
// Everything of the language without memory, control flow, calls and constants.
bool is_scalar_operation(ir::Opcode opcode);

// The result of the operation on its value operands in text order; those it does not have are ignored.
// Precondition: is_scalar_operation, widths 8, 16, 32 or 64, arguments as described above.
ScalarResult evaluate(const ScalarOperation& operation, uint64_t x, uint64_t y = 0, uint64_t z = 0);

// The low `bits` (1 to 64) bits of `value`.
constexpr uint64_t truncate(uint64_t value, unsigned bits) { return value & (~uint64_t{0} >> (64 - bits)); }

// The value of a two's complement number of `bits` bits.
constexpr int64_t sign_extend(uint64_t value, unsigned bits) {
  return static_cast<int64_t>(value << (64 - bits)) >> (64 - bits);
}

}  // namespace assay::interpreter
