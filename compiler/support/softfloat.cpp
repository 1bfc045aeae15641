// See softfloat.h.
#include "compiler/support/softfloat.h"

#include <algorithm>
#include <bit>

namespace assay {

namespace {

// ---- integers of 256 bits ----

struct Word256 {
  Word128 high = 0;
  Word128 low = 0;

  bool is_zero() const { return (high | low) == 0; }
};

unsigned leading_zeros(Word128 x) {
  const auto top = static_cast<uint64_t>(x >> 64);
  return static_cast<unsigned>(top != 0 ? std::countl_zero(top) : 64 + std::countl_zero(static_cast<uint64_t>(x)));
}
unsigned leading_zeros(const Word256& x) { return x.high != 0 ? leading_zeros(x.high) : 128 + leading_zeros(x.low); }

// By 0 to 255.
Word256 shift_left(const Word256& x, unsigned n) {
  if (n == 0) return x;
  if (n >= 128) return {x.low << (n - 128), 0};
  return {x.high << n | x.low >> (128 - n), x.low << n};
}

// By any amount; the lowest bit of the result is 1 if any bit that was shifted out is.
Word256 shift_right_sticky(const Word256& x, unsigned n) {
  if (n == 0) return x;
  if (n >= 256) return {0, x.is_zero() ? 0u : 1u};
  Word256 out, lost;
  if (n >= 128) {
    out = {0, n == 128 ? x.high : x.high >> (n - 128)};
    lost = {n == 128 ? 0 : x.high << (256 - n), x.low};
  } else {
    out = {x.high >> n, x.high << (128 - n) | x.low >> n};
    lost = {0, x.low << (128 - n)};
  }
  if (!lost.is_zero()) out.low |= 1;
  return out;
}

Word256 add(const Word256& x, const Word256& y) {
  const Word128 low = x.low + y.low;
  return {x.high + y.high + (low < x.low), low};
}
Word256 subtract(const Word256& x, const Word256& y) { return {x.high - y.high - (x.low < y.low), x.low - y.low}; }
bool less(const Word256& x, const Word256& y) { return x.high != y.high ? x.high < y.high : x.low < y.low; }

Word256 multiply(Word128 x, Word128 y) {
  const Word128 mask = ~uint64_t{0};
  const Word128 x1 = x >> 64, x0 = x & mask, y1 = y >> 64, y0 = y & mask;
  const Word256 outer{x1 * y1, x0 * y0};
  const Word128 a = x1 * y0, b = x0 * y1;
  return add(add(outer, {a >> 64, a << 64}), {b >> 64, b << 64});
}

// ---- numbers ----

// (-1)^negative * significand * 2^exponent, or zero or infinity with a sign.
struct Number {
  enum class Kind : uint8_t { kZero, kFinite, kInfinite };
  Kind kind = Kind::kZero;
  bool negative = false;
  int exponent = 0;
  Word256 significand;  // not 0 if finite
};
using Kind = Number::Kind;

Number unpack(FloatFormat f, Word128 x) {
  Number out;
  out.negative = f.is_negative(x);
  const auto biased = static_cast<int>((x & f.infinity()) >> f.fraction_bits());
  const Word128 fraction = x & f.fraction_mask();
  if ((x & ~f.sign_bit()) == f.infinity()) {
    out.kind = Kind::kInfinite;
  } else if (biased != 0 || fraction != 0) {
    out.kind = Kind::kFinite;
    out.significand.low = biased == 0 ? fraction : fraction | (f.fraction_mask() + 1);
    out.exponent = std::max(biased, 1) - f.bias() - static_cast<int>(f.fraction_bits());
  }
  return out;
}

// The float next to the number. The lowest bit of the significand may be sticky, if there are a few bits more than the
// format has.
Word128 pack(FloatFormat f, const Number& number) {
  const Word128 sign = number.negative ? f.sign_bit() : 0;
  if (number.kind == Kind::kZero) return sign;
  if (number.kind == Kind::kInfinite) return sign | f.infinity();
  const unsigned zeros = leading_zeros(number.significand);
  const Word256 normal = shift_left(number.significand, zeros);       // bit 255 is set
  const int power = number.exponent + 255 - static_cast<int>(zeros);  // 2^power is the leading bit's worth
  const int least = 1 - f.bias();
  if (power > f.bias()) return sign | f.infinity();
  // Bits below the format's last one; more of them for subnormal numbers.
  const unsigned subnormal = power < least ? static_cast<unsigned>(least - power) : 0;
  const unsigned drop = 255 - f.fraction_bits() + subnormal;
  // Two more than are kept: the first that is dropped, and whether there are others.
  const Word256 kept = shift_right_sticky(normal, drop - 2);
  Word128 magnitude = kept.low >> 2;
  const unsigned rest = kept.low & 3;
  if (rest == 3 || (rest == 2 && (magnitude & 1) != 0)) ++magnitude;
  // The leading bit of a normal number is added to the exponent field, and so is a carry; a carry out of the largest
  // numbers makes infinity.
  const auto field = static_cast<Word128>(subnormal != 0 ? 0 : power - least);
  return sign | ((field << f.fraction_bits()) + magnitude);
}

// The exact sum, or all of its bits that can matter.
Number add(Number x, Number y) {
  if (x.kind == Kind::kZero && y.kind == Kind::kZero) {
    x.negative = x.negative && y.negative;
    return x;
  }
  if (x.kind == Kind::kZero || y.kind == Kind::kInfinite) return y;
  if (y.kind == Kind::kZero || x.kind == Kind::kInfinite) return x;
  // Leading bits at 254, so that the sum has room for a carry. The operands have at most 226 bits, so the smaller one
  // loses bits only where the larger one has zeros.
  for (Number* n : {&x, &y}) {
    const unsigned shift = leading_zeros(n->significand) - 1;
    n->significand = shift_left(n->significand, shift);
    n->exponent -= static_cast<int>(shift);
  }
  if (x.exponent < y.exponent || (x.exponent == y.exponent && less(x.significand, y.significand))) std::swap(x, y);
  y.significand = shift_right_sticky(y.significand, static_cast<unsigned>(x.exponent - y.exponent));
  if (x.negative == y.negative) {
    x.significand = add(x.significand, y.significand);
  } else {
    x.significand = subtract(x.significand, y.significand);
    if (x.significand.is_zero()) return {};
  }
  return x;
}

// Exact. Not zero times infinity.
Number multiply(const Number& x, const Number& y) {
  Number out;
  out.negative = x.negative != y.negative;
  out.kind = x.kind == Kind::kInfinite || y.kind == Kind::kInfinite ? Kind::kInfinite
             : x.kind == Kind::kZero || y.kind == Kind::kZero       ? Kind::kZero
                                                                    : Kind::kFinite;
  if (out.kind == Kind::kFinite) {
    out.significand = multiply(x.significand.low, y.significand.low);
    out.exponent = x.exponent + y.exponent;
  }
  return out;
}

bool is_zero_times_infinity(const Number& x, const Number& y) {
  return (x.kind == Kind::kZero && y.kind == Kind::kInfinite) || (x.kind == Kind::kInfinite && y.kind == Kind::kZero);
}

bool is_difference_of_infinities(const Number& x, const Number& y) {
  return x.kind == Kind::kInfinite && y.kind == Kind::kInfinite && x.negative != y.negative;
}

}  // namespace

Word128 soft_add(FloatFormat format, Word128 x, Word128 y) {
  const Number a = unpack(format, x), b = unpack(format, y);
  return is_difference_of_infinities(a, b) ? format.canonical_nan() : pack(format, add(a, b));
}

Word128 soft_multiply(FloatFormat format, Word128 x, Word128 y) {
  const Number a = unpack(format, x), b = unpack(format, y);
  return is_zero_times_infinity(a, b) ? format.canonical_nan() : pack(format, multiply(a, b));
}

Word128 soft_multiply_add(FloatFormat format, Word128 x, Word128 y, Word128 z) {
  const Number a = unpack(format, x), b = unpack(format, y), c = unpack(format, z);
  if (is_zero_times_infinity(a, b)) return format.canonical_nan();
  const Number product = multiply(a, b);
  return is_difference_of_infinities(product, c) ? format.canonical_nan() : pack(format, add(product, c));
}

Word128 soft_divide(FloatFormat format, Word128 x, Word128 y) {
  const Number a = unpack(format, x), b = unpack(format, y);
  Number out;
  out.negative = a.negative != b.negative;
  if (a.kind == b.kind && a.kind != Kind::kFinite) return format.canonical_nan();  // 0 / 0, inf / inf
  if (a.kind == Kind::kInfinite || b.kind == Kind::kZero) {
    out.kind = Kind::kInfinite;
  } else if (a.kind == Kind::kFinite && b.kind == Kind::kFinite) {
    // Long division, bit by bit, of significands whose leading bits are at 126: a quotient of kSteps bits, of which the
    // first is before the point, and a sticky one.
    constexpr int kSteps = 120;
    const unsigned a_shift = leading_zeros(a.significand.low) - 1, b_shift = leading_zeros(b.significand.low) - 1;
    Word128 remainder = a.significand.low << a_shift;
    const Word128 divisor = b.significand.low << b_shift;
    Word128 quotient = 0;
    for (int i = 0; i < kSteps; ++i) {
      quotient <<= 1;
      if (remainder >= divisor) {
        remainder -= divisor;
        quotient |= 1;
      }
      remainder <<= 1;
    }
    if (remainder != 0) quotient |= 1;
    out.kind = Kind::kFinite;
    out.significand.low = quotient;
    out.exponent = a.exponent - static_cast<int>(a_shift) - b.exponent + static_cast<int>(b_shift) - (kSteps - 1);
  }
  return pack(format, out);
}

Word128 soft_square_root(FloatFormat format, Word128 x) {
  Number a = unpack(format, x);
  if (a.kind == Kind::kZero) return x;
  if (a.negative) return format.canonical_nan();
  if (a.kind == Kind::kInfinite) return x;
  // The integer root of significand * 2^k for an even exponent: 127 bits, and a sticky one.
  unsigned shift = leading_zeros(a.significand) - 2;
  if (((a.exponent - static_cast<int>(shift)) & 1) != 0) ++shift;
  const Word256 square = shift_left(a.significand, shift);
  Word256 rest = square;
  Word128 root = 0;
  for (unsigned bit = 128; bit-- > 0;) {
    // (root + 2^bit)^2 = root^2 + 2^bit * (2 * root + 2^bit); root^2 has been subtracted already.
    const Word256 term = shift_left(add(shift_left({0, root}, 1), shift_left({0, 1}, bit)), bit);
    if (!less(rest, term)) {
      rest = subtract(rest, term);
      root |= Word128{1} << bit;
    }
  }
  a.significand = shift_left({0, root}, 1);
  if (!rest.is_zero()) a.significand.low |= 1;
  a.exponent = (a.exponent - static_cast<int>(shift)) / 2 - 1;
  return pack(format, a);
}

Word128 soft_round(FloatFormat format, Word128 x, RoundTo direction) {
  Number a = unpack(format, x);
  if (a.kind != Kind::kFinite || a.exponent >= 0) return x;
  // Two bits more than the integer: the first of the fraction, and whether there are others.
  const Word256 scaled = shift_right_sticky(shift_left(a.significand, 2), static_cast<unsigned>(-a.exponent));
  Word128 integer = scaled.low >> 2;
  const unsigned fraction = scaled.low & 3;
  switch (direction) {
    case RoundTo::kNearestEven:
      if (fraction == 3 || (fraction == 2 && (integer & 1) != 0)) ++integer;
      break;
    case RoundTo::kUp:
      if (fraction != 0 && !a.negative) ++integer;
      break;
    case RoundTo::kDown:
      if (fraction != 0 && a.negative) ++integer;
      break;
    case RoundTo::kZero:
      break;
  }
  return soft_from_integer(format, a.negative, integer);
}

Word128 soft_convert(FloatFormat from, FloatFormat to, Word128 x) { return pack(to, unpack(from, x)); }

bool soft_less(FloatFormat format, Word128 x, Word128 y) {
  if (format.is_zero(x) && format.is_zero(y)) return false;
  const bool x_negative = format.is_negative(x), y_negative = format.is_negative(y);
  if (x_negative != y_negative) return x_negative;
  return x_negative ? y < x : x < y;
}

Word128 soft_from_integer(FloatFormat format, bool negative, Word128 magnitude) {
  return pack(format, {magnitude == 0 ? Kind::kZero : Kind::kFinite, negative, 0, {0, magnitude}});
}

Truncated soft_to_integer(FloatFormat format, Word128 x) {
  const Number a = unpack(format, x);
  Truncated out{.negative = a.negative};
  if (a.kind == Kind::kInfinite) out.too_large = true;
  if (a.kind != Kind::kFinite) return out;
  if (a.exponent >= 0) {
    if (static_cast<unsigned>(a.exponent) > leading_zeros(a.significand.low)) {
      out.too_large = true;
    } else {
      out.magnitude = a.significand.low << a.exponent;
    }
  } else if (a.exponent > -128) {
    out.magnitude = a.significand.low >> -a.exponent;
  }
  return out;
}

}  // namespace assay
