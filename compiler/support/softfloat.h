// IEEE 754 arithmetic of any binary format up to 128 bits, rounding to nearest, ties to even, on integers alone.
//
// A number is a significand of 256 bits times a power of two. Every operation finds the exact result, or its first 250
// bits or so and whether any bit follows ("sticky", kept in the lowest bit), and rounds once. That is slow and plain:
// one text for all formats, for those the host has none of, and to hold the host's own arithmetic against.
//
// F1  Operands are bits of the format (zero-extended) and no NaN; what NaNs do is the caller's to say.
// F2  An invalid operation (inf - inf, 0 * inf, 0 / 0, the root of a negative number) gives the canonical NaN.
#pragma once

#include <cstdint>

namespace assay {

using Word128 = unsigned __int128;

struct FloatFormat {
  unsigned bits = 0;
  unsigned exponent_bits = 0;

  constexpr unsigned fraction_bits() const { return bits - 1 - exponent_bits; }
  constexpr int bias() const { return (1 << (exponent_bits - 1)) - 1; }
  constexpr Word128 sign_bit() const { return Word128{1} << (bits - 1); }
  constexpr Word128 quiet_bit() const { return Word128{1} << (fraction_bits() - 1); }
  constexpr Word128 fraction_mask() const { return (Word128{1} << fraction_bits()) - 1; }
  constexpr Word128 infinity() const { return sign_bit() - (fraction_mask() + 1); }
  // The NaN that is quiet, positive, and otherwise all zeros.
  constexpr Word128 canonical_nan() const { return infinity() | quiet_bit(); }

  constexpr bool is_nan(Word128 x) const { return (x & ~sign_bit()) > infinity(); }
  constexpr bool is_negative(Word128 x) const { return (x & sign_bit()) != 0; }
  constexpr bool is_zero(Word128 x) const { return (x & ~sign_bit()) == 0; }
};

// The IEEE format of 16, 32, 64 or 128 bits.
constexpr FloatFormat float_format(unsigned bits) {
  return {bits, bits == 16 ? 5u : bits == 32 ? 8u : bits == 64 ? 11u : 15u};
}

Word128 soft_add(FloatFormat format, Word128 x, Word128 y);
Word128 soft_multiply(FloatFormat format, Word128 x, Word128 y);
Word128 soft_divide(FloatFormat format, Word128 x, Word128 y);
Word128 soft_square_root(FloatFormat format, Word128 x);
// x * y + z with one rounding.
Word128 soft_multiply_add(FloatFormat format, Word128 x, Word128 y, Word128 z);

enum class RoundTo : uint8_t { kNearestEven, kUp, kDown, kZero };
// The integer next to x in that direction, as a float; a zero has the sign of x.
Word128 soft_round(FloatFormat format, Word128 x, RoundTo direction);

// The number x of one format, in another.
Word128 soft_convert(FloatFormat from, FloatFormat to, Word128 x);

// x < y; zeros are equal, whatever their sign.
bool soft_less(FloatFormat format, Word128 x, Word128 y);

// The integer -magnitude or magnitude as a float.
Word128 soft_from_integer(FloatFormat format, bool negative, Word128 magnitude);

struct Truncated {
  bool negative = false;
  bool too_large = false;  // the magnitude does not fit in 128 bits
  Word128 magnitude = 0;
};
// x rounded towards zero.
Truncated soft_to_integer(FloatFormat format, Word128 x);

}  // namespace assay
