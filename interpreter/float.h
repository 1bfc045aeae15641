// What each float operation of CLIF means, for f16, f32, f64 and f128, and what CLIF leaves open about its result.
//
// Written from the language's documentation, like scalar.h. Values are bits of their type, zero-extended. f32 and f64
// arithmetic is the host's, where IEEE 754 defines every bit of it; all else is softfloat.h's.
//
// NaNs. Operations on bits (fneg, fabs, fcopysign, moves) say what becomes of each bit of a NaN. Every other operation
// whose result is a NaN gives a quiet one of which CLIF fixes nothing but this: if no operand is a NaN other than a
// canonical one (quiet, the rest of the fraction 0), the result's fraction is canonical, too. So a result is bits and a
// mask of those that are free; the bits themselves are the canonical, positive NaN's.
#pragma once

#include "compiler/ir/immediates.h"
#include "compiler/support/softfloat.h"
#include "interpreter/scalar.h"

namespace assay::interpreter {

struct FloatResult {
  Word128 value = 0;
  Word128 free = 0;   // bits that CLIF leaves open: then `value` is a NaN, and so it is whatever they are
  ir::TrapCode trap;  // valid: it trapped, and there is no value
};

// Is `opcode` one that evaluate_float() knows?
bool is_float_operation(ir::Opcode opcode);
// Is it one whose NaN results `enable_nan_canonicalization` makes canonical?
bool is_float_arithmetic(ir::Opcode opcode);

// The result of the operation on its value operands. operation.bits is the width of `x`, result_bits that of the
// result, code the ir::FloatCC of fcmp.
FloatResult evaluate_float(const ScalarOperation& operation, Word128 x, Word128 y = 0, Word128 z = 0);

// A conversion of a float to i128 the way Cranelift's own interpreter does it, against CLIF's description: what does
// not fit in a signed number saturates, also where it should trap, or fit in an unsigned one.
FloatResult convert_as_cranelift(const ScalarOperation& operation, Word128 x);

// What is free about a NaN that an operation of this format makes of these operands, which are of format `from`:
// `all_canonical` if none of them is a NaN other than a canonical one.
constexpr Word128 free_bits_of_nan(FloatFormat format, bool all_canonical) {
  return format.sign_bit() | (all_canonical ? 0 : format.quiet_bit() - 1);
}

}  // namespace assay::interpreter
