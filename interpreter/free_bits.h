// What becomes of bits that CLIF leaves open.
//
// Some bits of a value may be free: the program may find 0 or 1 there (the sign and payload of most NaNs, the
// bytes of code). Beside each value the interpreter then carries a mask of them; what is not in the mask is the same
// whatever they are. Masks are exact for moves, bitwise operations, shifts by known amounts, extensions and halves, and
// for floats where an operand is a NaN for certain; elsewhere they may say free of a bit that is not, never the other
// way round. Bits are taken to be independent of each other, even if they are copies of one.
#pragma once

#include "interpreter/float.h"
#include "interpreter/scalar.h"
#include "interpreter/wide.h"

namespace assay::interpreter {

// An operand or result: its bits, and which of them are free.
struct Known {
  Word128 value = 0;
  Word128 free = 0;

  // Is it 0 whatever its free bits are? Is it not 0?
  bool is_surely_zero() const { return (value | free) == 0; }
  bool is_surely_nonzero() const { return (value & ~free) != 0; }
};

struct FreeResults {
  Word128 value = 0;  // of the first result
  Word128 second = 0;
  bool trap_depends = false;  // whether it traps is not certain
};

// The free bits of an operation's results, given those of its operands, of which some has any.
// Precondition: is_scalar_operation or is_float_operation. `canonical_nans`: as Config says.
FreeResults spread(const ScalarOperation& operation, const Known& x, const Known& y, const Known& z,
                   bool canonical_nans);

}  // namespace assay::interpreter
