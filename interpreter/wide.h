// What the scalar operations of scalar.h mean where an operand or a result has 128 bits.
//
// A value of n bits is a Word128 whose bits from n up are 0. Operations on bits take f128 as they take i128.
#pragma once

#include "compiler/ir/immediates.h"
#include "compiler/support/softfloat.h"
#include "interpreter/scalar.h"

namespace assay::interpreter {

struct WideResult {
  Word128 value = 0;
  Word128 second = 0;  // the flag of the overflow operations, the high half of isplit
  ir::TrapCode trap;   // valid: it trapped, and there is no value
};

// The result of the operation on its value operands in text order. Precondition: is_scalar_operation, and the operation
// has such a type in CLIF.
WideResult evaluate_wide(const ScalarOperation& operation, Word128 x, Word128 y = 0, Word128 z = 0);

constexpr Word128 truncate_wide(Word128 value, unsigned bits) { return value & (~Word128{0} >> (128 - bits)); }
constexpr __int128 sign_extend_wide(Word128 value, unsigned bits) {
  return static_cast<__int128>(value << (128 - bits)) >> (128 - bits);
}

}  // namespace assay::interpreter
