// See wide.h. There is no wider type to find exact results in, so overflow is told by the signs and the order of
// operands and results, as Hacker's Delight (2-13) has it.
#include "interpreter/wide.h"

#include <cassert>

#include "interpreter/compare.h"

namespace assay::interpreter {

namespace {

using ir::Opcode;
using Signed = __int128;

constexpr Word128 kSignBit = Word128{1} << 127;

constexpr WideResult trapped(ir::TrapCode code) { return {.trap = code}; }

bool is_negative(Word128 x) { return (x & kSignBit) != 0; }

Word128 multiply_high(Word128 x, Word128 y) {
  const Word128 mask = ~uint64_t{0};
  const Word128 x1 = x >> 64, x0 = x & mask, y1 = y >> 64, y0 = y & mask;
  // By columns of 64 bits; no sum overflows.
  const Word128 carry = x0 * y0 >> 64;
  const Word128 middle = x1 * y0 + carry;
  const Word128 other_middle = x0 * y1 + (middle & mask);
  return x1 * y1 + (middle >> 64) + (other_middle >> 64);
}

Word128 signed_multiply_high(Word128 x, Word128 y) {
  // A negative number is 2^128 too large when taken as unsigned.
  return multiply_high(x, y) - (is_negative(x) ? y : 0) - (is_negative(y) ? x : 0);
}

Word128 count(Word128 x, bool bit, bool from_top) {
  Word128 n = 0;
  for (; n < 128; ++n) {
    const auto at = static_cast<unsigned>(from_top ? 127 - n : n);
    if ((x >> at & 1) != bit) break;
  }
  return n;
}

Word128 population(Word128 x) {
  Word128 n = 0;
  for (; x != 0; x &= x - 1) ++n;
  return n;
}

// In units of `unit` bits.
Word128 reverse(Word128 x, unsigned unit) {
  Word128 out = 0;
  for (unsigned i = 0; i < 128; i += unit) {
    out = out << unit | truncate_wide(x, unit);
    x >>= unit;
  }
  return out;
}

Word128 rotate_left(Word128 x, unsigned n) { return n == 0 ? x : x << n | x >> (128 - n); }

// x + y + carry, with the carry out, and whether the signed sum overflowed.
struct Sum {
  Word128 value = 0;
  bool carry = false;
  bool overflow = false;
};
Sum add(Word128 x, Word128 y, bool carry) {
  const Word128 sum = x + y, value = sum + carry;
  // Overflow: the operands' signs agree, and the sum's is another.
  return {value, sum < x || value < sum, is_negative((x ^ value) & (y ^ value))};
}
// x - y - borrow.
Sum subtract(Word128 x, Word128 y, bool borrow) {
  const Word128 value = x - y - borrow;
  return {value, x < y || (x == y && borrow), is_negative((x ^ y) & (x ^ value))};
}

}  // namespace

WideResult evaluate_wide(const ScalarOperation& operation, Word128 x, Word128 y, Word128 z) {
  const auto of = [](Word128 value) { return WideResult{.value = value}; };
  const auto amount = static_cast<unsigned>(y & 127);
  switch (operation.opcode) {
    case Opcode::kIadd:
      return of(x + y);
    case Opcode::kIsub:
      return of(x - y);
    case Opcode::kIneg:
      return of(-x);
    case Opcode::kIabs:
      return of(is_negative(x) ? -x : x);
    case Opcode::kImul:
      return of(x * y);
    case Opcode::kUmulhi:
      return of(multiply_high(x, y));
    case Opcode::kSmulhi:
      return of(signed_multiply_high(x, y));

    case Opcode::kUdiv:
      return y == 0 ? trapped(ir::kIntegerDivisionByZero) : of(x / y);
    case Opcode::kUrem:
      return y == 0 ? trapped(ir::kIntegerDivisionByZero) : of(x % y);
    case Opcode::kSdiv:
    case Opcode::kSrem: {
      if (y == 0) return trapped(ir::kIntegerDivisionByZero);
      const bool divides = operation.opcode == Opcode::kSdiv;
      if (divides && x == kSignBit && ~y == 0) return trapped(ir::kIntegerOverflow);
      // Of magnitudes; the quotient rounds towards zero, and the remainder has the sign of the dividend.
      const Word128 a = is_negative(x) ? -x : x, b = is_negative(y) ? -y : y;
      const Word128 magnitude = divides ? a / b : a % b;
      const bool negative = divides ? is_negative(x) != is_negative(y) : is_negative(x);
      return of(negative ? -magnitude : magnitude);
    }

    case Opcode::kUmin:
      return of(x < y ? x : y);
    case Opcode::kUmax:
      return of(x > y ? x : y);
    case Opcode::kSmin:
      return of(static_cast<Signed>(x) < static_cast<Signed>(y) ? x : y);
    case Opcode::kSmax:
      return of(static_cast<Signed>(x) > static_cast<Signed>(y) ? x : y);

    case Opcode::kBand:
      return of(x & y);
    case Opcode::kBor:
      return of(x | y);
    case Opcode::kBxor:
      return of(x ^ y);
    case Opcode::kBnot:
      return of(~x);
    case Opcode::kBitselect:
      return of((x & y) | (~x & z));

    case Opcode::kIshl:
      return of(x << amount);
    case Opcode::kUshr:
      return of(x >> amount);
    case Opcode::kSshr:
      return of(static_cast<Word128>(static_cast<Signed>(x) >> amount));
    case Opcode::kRotl:
      return of(rotate_left(x, amount));
    case Opcode::kRotr:
      return of(rotate_left(x, (128 - amount) & 127));

    case Opcode::kClz:
      return of(count(x, false, true));
    case Opcode::kCtz:
      return of(count(x, false, false));
    case Opcode::kCls:
      return of(count(x, is_negative(x), true) - 1);
    case Opcode::kPopcnt:
      return of(population(x));
    case Opcode::kBitrev:
      return of(reverse(x, 1));
    case Opcode::kBswap:
      return of(reverse(x, 8));

    case Opcode::kIcmp:
      return of(compare(static_cast<ir::IntCC>(operation.code), x, y, sign_extend_wide(x, operation.bits),
                        sign_extend_wide(y, operation.bits)));
    case Opcode::kSelect:
    case Opcode::kSelectSpectreGuard:
      return of(x != 0 ? y : z);
    case Opcode::kBmask:
      return of(x != 0 ? truncate_wide(~Word128{0}, operation.result_bits) : 0);

    case Opcode::kUextend:
      return of(x);
    case Opcode::kSextend:
      return of(static_cast<Word128>(sign_extend_wide(x, operation.bits)));
    case Opcode::kIreduce:
      return of(truncate_wide(x, operation.result_bits));
    case Opcode::kIsplit:
      return {.value = truncate_wide(x, 64), .second = x >> 64};
    case Opcode::kIconcat:
      return of(x | y << 64);

    case Opcode::kUaddOverflow:
    case Opcode::kUaddOverflowCin: {
      const Sum sum = add(x, y, operation.opcode == Opcode::kUaddOverflowCin && z != 0);
      return {.value = sum.value, .second = sum.carry};
    }
    case Opcode::kSaddOverflow:
    case Opcode::kSaddOverflowCin: {
      const Sum sum = add(x, y, operation.opcode == Opcode::kSaddOverflowCin && z != 0);
      return {.value = sum.value, .second = sum.overflow};
    }
    case Opcode::kUsubOverflow:
    case Opcode::kUsubOverflowBin: {
      const Sum difference = subtract(x, y, operation.opcode == Opcode::kUsubOverflowBin && z != 0);
      return {.value = difference.value, .second = difference.carry};
    }
    case Opcode::kSsubOverflow:
    case Opcode::kSsubOverflowBin: {
      const Sum difference = subtract(x, y, operation.opcode == Opcode::kSsubOverflowBin && z != 0);
      return {.value = difference.value, .second = difference.overflow};
    }
    default:
      break;
  }
  assert(false && "no operation on 128 bits");
  return {};
}

}  // namespace assay::interpreter
