// Float operations on edge values crossed and on random ones, against other ways to the same results: the host's
// arithmetic (f32, f64), the compiler's own 128-bit floats (f128), and exact arithmetic in double (f16). The operations
// on integers that stand in for the host's are run at the host's widths, too.
#include "interpreter/float.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace assay::interpreter {
namespace {

using ir::FloatCC;
using ir::Opcode;

constexpr FloatFormat kF16 = float_format(16), kF32 = float_format(32), kF64 = float_format(64),
                      kF128 = float_format(128);

std::string hex(Word128 value) {
  char text[40];
  std::snprintf(text, sizeof text, "0x%016llx%016llx", static_cast<unsigned long long>(value >> 64),
                static_cast<unsigned long long>(value));
  return text;
}

// Zeros, subnormal numbers, numbers next to powers of two, infinities, NaNs; each with both signs.
std::vector<Word128> edges(FloatFormat f) {
  const Word128 one = Word128(f.bias()) << f.fraction_bits(), last = f.fraction_mask();
  std::vector<Word128> positive = {0, 1, 2, last, last + 1, last + 2, one, one - 1, one + 1, one | last};
  for (int power : {-30, -2, -1, 1, 2, 7, 8, 15, 16, 31, 32, 63, 64}) {
    const Word128 number =
        one + (Word128(static_cast<unsigned>(power + 64)) << f.fraction_bits()) - (Word128{64} << f.fraction_bits());
    if (number < f.infinity()) {
      for (Word128 n : {number, number - 1, number + 1, number | (last >> 1)}) positive.push_back(n);
    }
  }
  for (Word128 n :
       {f.infinity() - 1, f.infinity() - 2, f.infinity(), f.infinity() + 1, f.canonical_nan(), f.canonical_nan() + 5}) {
    positive.push_back(n);
  }
  std::vector<Word128> all = positive;
  for (Word128 n : positive) all.push_back(n | f.sign_bit());
  return all;
}

// Any bits; half of the time with exponents close to each other, so that bits meet.
Word128 random_float(FloatFormat f, std::mt19937_64& random) {
  Word128 bits = Word128{random()} << 64 | random();
  bits &= f.sign_bit() | (f.sign_bit() - 1);
  if (random() % 2 == 0) {
    const auto spread = static_cast<int>(random() % (2 * f.fraction_bits())) - static_cast<int>(f.fraction_bits());
    const int exponent = std::clamp(f.bias() + spread, 0, 2 * f.bias());
    bits = (bits & ~f.infinity()) | Word128(static_cast<unsigned>(exponent)) << f.fraction_bits();
  }
  if (random() % 4 == 0) bits &= ~(f.fraction_mask() >> (random() % f.fraction_bits()));
  return bits;
}

// Calls check(x, y) on numbers and infinities; check must not be asked of NaNs.
template <class Check>
void for_numbers(FloatFormat f, unsigned count, Check check) {
  for (Word128 x : edges(f)) {
    for (Word128 y : edges(f)) {
      if (!f.is_nan(x) && !f.is_nan(y)) check(x, y);
    }
  }
  std::mt19937_64 random(f.bits);
  for (unsigned n = 0; n < count; ++n) {
    const Word128 x = random_float(f, random), y = random_float(f, random);
    if (!f.is_nan(x) && !f.is_nan(y)) check(x, y);
  }
}

template <class Float>
Float make(Word128 bits) {
  Float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}
template <class Float>
Word128 bits_of(Float value) {
  Word128 bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  return bits;
}
// All NaNs are one.
template <class Float>
Word128 expected(FloatFormat f, Float value) {
  return f.is_nan(bits_of(value)) ? f.canonical_nan() : bits_of(value);
}

constexpr unsigned kRandom = 200'000;

template <class Float>
void check_arithmetic(FloatFormat f, unsigned count) {
  unsigned wrong = 0;
  const auto same = [&](const char* what, Word128 got, Float value, Word128 x, Word128 y) {
    if (got == expected(f, value) || ++wrong > 5) return;
    ADD_FAILURE() << what << f.bits << " " << hex(x) << ", " << hex(y) << ": " << hex(got) << ", should be "
                  << hex(expected(f, value));
  };
  for_numbers(f, count, [&](Word128 x, Word128 y) {
    const Float a = make<Float>(x), b = make<Float>(y);
    same("add", soft_add(f, x, y), a + b, x, y);
    same("multiply", soft_multiply(f, x, y), a * b, x, y);
    same("divide", soft_divide(f, x, y), a / b, x, y);
    if (soft_less(f, x, y) != (a < b)) ADD_FAILURE() << "less" << f.bits << " " << hex(x) << ", " << hex(y);
  });
}

TEST(Softfloat, ArithmeticIsTheHosts) {
  check_arithmetic<float>(kF32, kRandom);
  check_arithmetic<double>(kF64, kRandom);
}

template <class Float>
void check_host_library(FloatFormat f) {
  unsigned wrong = 0;
  const auto same = [&](const char* what, Word128 got, Float value, Word128 x) {
    if (got == expected(f, value) || ++wrong > 5) return;
    ADD_FAILURE() << what << f.bits << " " << hex(x) << ": " << hex(got) << ", should be " << hex(expected(f, value));
  };
  std::mt19937_64 random(1);
  for_numbers(f, kRandom, [&](Word128 x, Word128 y) {
    const Float a = make<Float>(x), b = make<Float>(y);
    same("root", soft_square_root(f, x), std::sqrt(a), x);
    same("ceil", soft_round(f, x, RoundTo::kUp), std::ceil(a), x);
    same("floor", soft_round(f, x, RoundTo::kDown), std::floor(a), x);
    same("trunc", soft_round(f, x, RoundTo::kZero), std::trunc(a), x);
    same("nearest", soft_round(f, x, RoundTo::kNearestEven), std::nearbyint(a), x);
    // The third operand is often close to the product, so that it nearly cancels.
    const Word128 z = random() % 2 == 0 ? random_float(f, random) : bits_of(-(a * b)) ^ random() % 4;
    if (!f.is_nan(z)) same("fma", soft_multiply_add(f, x, y, z), std::fma(a, b, make<Float>(z)), z);
  });
}

TEST(Softfloat, RootsRoundingAndMultiplyAddAreTheHosts) {
  check_host_library<float>(kF32);
  check_host_library<double>(kF64);
}

TEST(Softfloat, ConversionsAreTheHosts) {
  for_numbers(kF64, kRandom, [&](Word128 x, Word128 y) {
    const auto d = make<double>(x);
    ASSERT_EQ(soft_convert(kF64, kF32, x), bits_of(static_cast<float>(d))) << hex(x);
    const Truncated integer = soft_to_integer(kF64, x);
    if (std::fabs(d) < 0x1p63) {
      ASSERT_FALSE(integer.too_large);
      const auto magnitude = static_cast<int64_t>(integer.magnitude);
      ASSERT_EQ(integer.negative ? -magnitude : magnitude, static_cast<int64_t>(d)) << hex(x);
    } else if (std::fabs(d) >= 0x1p128) {
      ASSERT_TRUE(integer.too_large);
    }
    const auto i = static_cast<int64_t>(y);
    const Word128 magnitude = i < 0 ? -static_cast<uint64_t>(i) : static_cast<uint64_t>(i);
    ASSERT_EQ(soft_from_integer(kF64, i < 0, magnitude), bits_of(static_cast<double>(i))) << i;
    ASSERT_EQ(soft_from_integer(kF32, i < 0, magnitude), bits_of(static_cast<float>(i))) << i;
  });
  for_numbers(kF32, kRandom, [&](Word128 x, Word128) {
    ASSERT_EQ(soft_convert(kF32, kF64, x), bits_of(static_cast<double>(make<float>(x)))) << hex(x);
  });
}

#ifdef __SIZEOF_FLOAT128__
TEST(Softfloat, ArithmeticIsTheCompilersAt128Bits) {
  check_arithmetic<__float128>(kF128, 50'000);
  for_numbers(kF128, 50'000, [&](Word128 x, Word128 y) {
    const auto q = make<__float128>(x);
    ASSERT_EQ(soft_convert(kF128, kF64, x), bits_of(static_cast<double>(q))) << hex(x);
    ASSERT_EQ(soft_convert(kF128, kF32, x), bits_of(static_cast<float>(q))) << hex(x);
    ASSERT_EQ(soft_from_integer(kF128, false, y), bits_of(static_cast<__float128>(y))) << hex(y);
    ASSERT_EQ(soft_from_integer(kF64, false, y), bits_of(static_cast<double>(y))) << hex(y);
    ASSERT_EQ(soft_from_integer(kF32, false, y), bits_of(static_cast<float>(y))) << hex(y);
    const Truncated integer = soft_to_integer(kF128, x);
    if (q >= 0 && q < static_cast<__float128>(1) * 0x1p64 * 0x1p64) {
      ASSERT_FALSE(integer.too_large);
      ASSERT_TRUE(integer.magnitude == static_cast<Word128>(q)) << hex(x);
    }
    // A root lies between the roots of neighbours: r*r, exactly, is within half a unit of x.
    const Word128 root = soft_square_root(kF128, x);
    if (q > 0 && (x & kF128.infinity()) != kF128.infinity()) {
      const Word128 error = soft_multiply_add(kF128, root, root, x ^ kF128.sign_bit());
      const Word128 above = soft_multiply_add(kF128, root + 1, root + 1, x ^ kF128.sign_bit());
      const Word128 below = soft_multiply_add(kF128, root - 1, root - 1, x ^ kF128.sign_bit());
      ASSERT_FALSE(soft_less(kF128, above & ~kF128.sign_bit(), error & ~kF128.sign_bit())) << hex(x);
      ASSERT_FALSE(soft_less(kF128, below & ~kF128.sign_bit(), error & ~kF128.sign_bit())) << hex(x);
    }
  });
}
#endif

// The f16 next to a double, by scaling it so that the last place is 1.
Word128 round_to_f16(double d) {
  if (std::isnan(d)) return kF16.canonical_nan();
  const Word128 sign = std::signbit(d) ? 0x8000 : 0;
  if (d == 0) return sign;
  if (std::fabs(d) >= 65520) return sign | 0x7c00;
  int exponent = 0;
  std::frexp(d, &exponent);
  const int place = std::max(exponent - 11, -24);
  const double scaled = std::nearbyint(std::ldexp(std::fabs(d), -place));
  if (place == -24) return sign | static_cast<uint64_t>(scaled);
  return sign | (static_cast<uint64_t>(place + 24) * 1024 + static_cast<uint64_t>(scaled));
}
double f16_value(Word128 x) {
  const auto bits = static_cast<unsigned>(x);
  const int exponent = bits >> 10 & 31;
  const double fraction = bits & 1023;
  const double magnitude = exponent == 31  ? std::numeric_limits<double>::infinity()
                           : exponent == 0 ? std::ldexp(fraction, -24)
                                           : std::ldexp(1024 + fraction, exponent - 25);
  return (bits & 0x8000) != 0 ? -magnitude : magnitude;
}

TEST(Softfloat, EveryHalf) {
  for (unsigned x = 0; x < 0x10000; ++x) {
    if (kF16.is_nan(x)) continue;
    ASSERT_EQ(soft_convert(kF16, kF64, x), bits_of(f16_value(x))) << x;
    ASSERT_EQ(soft_convert(kF64, kF16, bits_of(f16_value(x))), Word128{x});
    ASSERT_EQ(soft_square_root(kF16, x), round_to_f16(std::sqrt(f16_value(x)))) << x;
    ASSERT_EQ(soft_round(kF16, x, RoundTo::kNearestEven), round_to_f16(std::nearbyint(f16_value(x)))) << x;
  }
}

TEST(Softfloat, ArithmeticOnHalvesIsExactArithmeticRounded) {
  std::mt19937_64 random(16);
  for_numbers(kF16, kRandom, [&](Word128 x, Word128 y) {
    const double a = f16_value(x), b = f16_value(y);
    const Word128 z = random_float(kF16, random);
    ASSERT_EQ(soft_add(kF16, x, y), round_to_f16(a + b)) << hex(x) << hex(y);
    ASSERT_EQ(soft_multiply(kF16, x, y), round_to_f16(a * b)) << hex(x) << hex(y);
    ASSERT_EQ(soft_divide(kF16, x, y), round_to_f16(a / b)) << hex(x) << hex(y);
    // Exact in double: products have 22 bits, and all numbers are multiples of 2^-48 below 2^32.
    if (!kF16.is_nan(z) && std::fabs(a * b) < 0x1p4) {
      ASSERT_EQ(soft_multiply_add(kF16, x, y, z), round_to_f16(std::fma(a, b, f16_value(z)))) << hex(x) << hex(y);
    }
  });
}

// ---- CLIF's operations ----

FloatResult run(Opcode opcode, unsigned bits, Word128 x, Word128 y = 0, Word128 z = 0, unsigned result_bits = 0,
                uint8_t code = 0) {
  const ScalarOperation operation{opcode, static_cast<uint8_t>(bits),
                                  static_cast<uint8_t>(result_bits == 0 ? bits : result_bits), code};
  return evaluate_float(operation, x, y, z);
}

TEST(Float, Comparisons) {
  for_numbers(kF32, 1000, [&](Word128 x, Word128 y) {
    const auto a = make<float>(x), b = make<float>(y);
    const auto holds = [&](FloatCC cc) { return run(Opcode::kFcmp, 32, x, y, 0, 8, static_cast<uint8_t>(cc)).value; };
    const bool expected[] = {
        true, false, a == b, a != b, a < b || a > b, a == b, a<b, a <= b, a> b, a >= b, a<b, a <= b, a> b, a >= b};
    for (unsigned n = 0; n < ir::kFloatCCCount; ++n) {
      ASSERT_EQ(holds(static_cast<FloatCC>(n)), Word128{expected[n]}) << to_string(static_cast<FloatCC>(n));
    }
  });
  for (unsigned bits : {16u, 32u, 64u, 128u}) {
    const FloatFormat f = float_format(bits);
    for (unsigned n = 0; n < ir::kFloatCCCount; ++n) {
      const auto cc = static_cast<FloatCC>(n);
      const bool unordered = to_string(cc)[0] == 'u' || cc == FloatCC::kNe;
      EXPECT_EQ(run(Opcode::kFcmp, bits, f.canonical_nan() + 1, f.infinity(), 0, 8, static_cast<uint8_t>(n)).value,
                Word128{unordered})
          << to_string(cc);
    }
  }
}

TEST(Float, MinimumAndMaximum) {
  for (unsigned bits : {16u, 32u, 64u, 128u}) {
    const FloatFormat f = float_format(bits);
    for_numbers(f, 1000, [&](Word128 x, Word128 y) {
      const Word128 least = run(Opcode::kFmin, bits, x, y).value, most = run(Opcode::kFmax, bits, x, y).value;
      ASSERT_TRUE((least == x && most == y) || (least == y && most == x));
      ASSERT_FALSE(soft_less(f, most, least));
      if (f.is_zero(x) && f.is_zero(y)) {
        ASSERT_EQ(least, x | y);
        ASSERT_EQ(most, x & y);
      }
    });
  }
}

TEST(Float, ConversionsToIntegers) {
  const auto to = [](Opcode opcode, double d, unsigned bits) { return run(opcode, 64, bits_of(d), 0, 0, bits); };
  EXPECT_EQ(to(Opcode::kFcvtToUint, 255.9, 8).value, Word128{255});
  EXPECT_EQ(to(Opcode::kFcvtToUint, 256.0, 8).trap, ir::kIntegerOverflow);
  EXPECT_EQ(to(Opcode::kFcvtToUint, -0.9, 8).value, Word128{0});
  EXPECT_EQ(to(Opcode::kFcvtToUint, -1.0, 8).trap, ir::kIntegerOverflow);
  EXPECT_EQ(to(Opcode::kFcvtToUint, NAN, 8).trap, ir::kBadConversionToInteger);
  EXPECT_EQ(to(Opcode::kFcvtToSint, -128.9, 8).value, Word128{0x80});
  EXPECT_EQ(to(Opcode::kFcvtToSint, -129.0, 8).trap, ir::kIntegerOverflow);
  EXPECT_EQ(to(Opcode::kFcvtToSint, 128.0, 8).trap, ir::kIntegerOverflow);
  EXPECT_EQ(to(Opcode::kFcvtToSint, INFINITY, 64).trap, ir::kIntegerOverflow);
  EXPECT_EQ(to(Opcode::kFcvtToSint, -0x1p63, 64).value, Word128{1} << 63);
  EXPECT_EQ(to(Opcode::kFcvtToSint, 0x1p63, 64).trap, ir::kIntegerOverflow);
  EXPECT_EQ(to(Opcode::kFcvtToUint, 0x1p127, 128).value, Word128{1} << 127);
  EXPECT_EQ(to(Opcode::kFcvtToUint, 0x1p128, 128).trap, ir::kIntegerOverflow);
  EXPECT_EQ(to(Opcode::kFcvtToSint, -0x1p127, 128).value, Word128{1} << 127);
  EXPECT_EQ(to(Opcode::kFcvtToSint, 0x1p127, 128).trap, ir::kIntegerOverflow);
  EXPECT_EQ(to(Opcode::kFcvtToUintSat, 300.0, 8).value, Word128{255});
  EXPECT_EQ(to(Opcode::kFcvtToUintSat, -300.0, 8).value, Word128{0});
  EXPECT_EQ(to(Opcode::kFcvtToUintSat, NAN, 8).value, Word128{0});
  EXPECT_EQ(to(Opcode::kFcvtToSintSat, -300.0, 8).value, Word128{0x80});
  EXPECT_EQ(to(Opcode::kFcvtToSintSat, INFINITY, 8).value, Word128{0x7f});
  EXPECT_EQ(to(Opcode::kFcvtToSintSat, -1e300, 128).value, Word128{1} << 127);
  EXPECT_EQ(to(Opcode::kFcvtToUintSat, 1e300, 128).value, ~Word128{0});
  EXPECT_EQ(to(Opcode::kFcvtToSintSat, NAN, 128).value, Word128{0});
}

TEST(Float, ConversionsFromIntegers) {
  EXPECT_EQ(run(Opcode::kFcvtFromSint, 8, 0x80, 0, 0, 64).value, bits_of(-128.0));
  EXPECT_EQ(run(Opcode::kFcvtFromUint, 8, 0x80, 0, 0, 64).value, bits_of(128.0));
  EXPECT_EQ(run(Opcode::kFcvtFromSint, 128, ~Word128{0}, 0, 0, 32).value, bits_of(-1.0f));
  EXPECT_EQ(run(Opcode::kFcvtFromSint, 128, Word128{1} << 127, 0, 0, 64).value, bits_of(-0x1p127));
  EXPECT_EQ(run(Opcode::kFcvtFromUint, 128, ~Word128{0}, 0, 0, 32).value, bits_of(INFINITY));  // 2^128 does not fit
  EXPECT_EQ(run(Opcode::kFcvtFromUint, 128, ~Word128{0}, 0, 0, 64).value, bits_of(0x1p128));
  EXPECT_EQ(run(Opcode::kFcvtFromUint, 32, 65520, 0, 0, 16).value, kF16.infinity());
  EXPECT_EQ(run(Opcode::kFcvtFromUint, 32, 65519, 0, 0, 16).value, Word128{0x7bff});
}

// What CLIF says of NaNs, at every width: a quiet one; a canonical fraction if no operand has another; any sign.
TEST(Float, NansAreQuietAndWhatIsOpenIsKnown) {
  for (unsigned bits : {16u, 32u, 64u, 128u}) {
    const FloatFormat f = float_format(bits);
    const Word128 one = Word128(f.bias()) << f.fraction_bits(), payload = f.quiet_bit() - 1;
    const auto check = [&](const FloatResult& result, Word128 free) {
      EXPECT_EQ(hex(result.value), hex(f.canonical_nan())) << bits;
      EXPECT_EQ(hex(result.free), hex(free)) << bits;
    };
    check(run(Opcode::kFsub, bits, f.infinity(), f.infinity()), f.sign_bit());
    check(run(Opcode::kFdiv, bits, 0, 0), f.sign_bit());
    check(run(Opcode::kSqrt, bits, one | f.sign_bit()), f.sign_bit());
    check(run(Opcode::kFma, bits, 0, f.infinity(), one), f.sign_bit());
    check(run(Opcode::kFadd, bits, one, f.canonical_nan()), f.sign_bit());
    check(run(Opcode::kFadd, bits, one, f.canonical_nan() | f.sign_bit()), f.sign_bit());
    check(run(Opcode::kFadd, bits, f.canonical_nan() + 1, one), f.sign_bit() | payload);
    check(run(Opcode::kFma, bits, one, one, f.infinity() + 1), f.sign_bit() | payload);  // signalling
    check(run(Opcode::kFmin, bits, f.canonical_nan(), 0), f.sign_bit());
    check(run(Opcode::kFmax, bits, 0, f.canonical_nan() + 1), f.sign_bit() | payload);
    check(run(Opcode::kCeil, bits, f.infinity() + 1), f.sign_bit() | payload);
    for (Opcode opcode : {Opcode::kFneg, Opcode::kFabs, Opcode::kFcopysign}) {
      EXPECT_EQ(hex(run(opcode, bits, f.infinity() + 1, 0).free), hex(0));
    }
    EXPECT_EQ(hex(run(Opcode::kFneg, bits, f.infinity() + 1).value), hex(f.sign_bit() | (f.infinity() + 1)));
  }
  const FloatResult demoted = run(Opcode::kFdemote, 64, kF64.canonical_nan() + 1, 0, 0, 32);
  EXPECT_EQ(hex(demoted.value), hex(kF32.canonical_nan()));
  EXPECT_EQ(hex(demoted.free), hex(kF32.sign_bit() | (kF32.quiet_bit() - 1)));
}

TEST(Float, FormatsOfTheHostAreTheHosts) {
  for_numbers(kF64, 20'000, [&](Word128 x, Word128 y) {
    const auto a = make<double>(x), b = make<double>(y);
    ASSERT_EQ(run(Opcode::kFadd, 64, x, y).value, expected(kF64, a + b));
    ASSERT_EQ(run(Opcode::kFsub, 64, x, y).value, expected(kF64, a - b));
    ASSERT_EQ(run(Opcode::kFmul, 64, x, y).value, expected(kF64, a * b));
    ASSERT_EQ(run(Opcode::kFdiv, 64, x, y).value, expected(kF64, a / b));
    ASSERT_EQ(run(Opcode::kFcopysign, 64, x, y).value, bits_of(std::copysign(a, b)));
    ASSERT_EQ(run(Opcode::kFabs, 64, x).value, bits_of(std::fabs(a)));
  });
  // Not contracted into one rounding.
  const double x = 1 + 0x1p-30;
  EXPECT_EQ(run(Opcode::kFmul, 64, bits_of(x), bits_of(x)).value, bits_of(1 + 0x1p-29));
  EXPECT_EQ(run(Opcode::kFma, 64, bits_of(x), bits_of(x), bits_of(-(1 + 0x1p-29))).value, bits_of(0x1p-60));
}

}  // namespace
}  // namespace assay::interpreter
