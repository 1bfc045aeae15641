// See floats.h. The host's arithmetic is IEEE 754's; what it makes of NaNs is not kept.
#include "compiler/isle/notation/floats.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace assay::notation {

namespace {

constexpr FloatFunction kFunctions[] = {
    {"fadd", Op::FAdd},
    {"fsub", Op::FSub},
    {"fmul", Op::FMul},
    {"fdiv", Op::FDiv},
    {"fsqrt", Op::FSqrt, FloatForm::Arithmetic, 1},
    {"ffma", Op::FMulAdd, FloatForm::Arithmetic, 3},
    {"fnearest", Op::FRound, FloatForm::Arithmetic, 1, Rounding::NearestEven},
    {"fceil", Op::FRound, FloatForm::Arithmetic, 1, Rounding::Up},
    {"ffloor", Op::FRound, FloatForm::Arithmetic, 1, Rounding::Down},
    {"ftrunc", Op::FRound, FloatForm::Arithmetic, 1, Rounding::Zero},
    {"feq", Op::FEq, FloatForm::Comparison},
    {"flt", Op::FLt, FloatForm::Comparison},
    {"fle", Op::FLe, FloatForm::Comparison},
    {"fconvert", Op::FConvert, FloatForm::Conversion, 1},
    {"sint_to_float", Op::FFromSInt, FloatForm::Conversion, 1},
    {"uint_to_float", Op::FFromUInt, FloatForm::Conversion, 1},
    {"float_to_sint", Op::FToSInt, FloatForm::Conversion, 1},
    {"float_to_uint", Op::FToUInt, FloatForm::Conversion, 1},
};

float as_float(uint64_t bits, float) { return std::bit_cast<float>(static_cast<uint32_t>(bits)); }
double as_float(uint64_t bits, double) { return std::bit_cast<double>(bits); }
uint64_t bits_of(float value) { return std::isnan(value) ? canonical_nan(32) : std::bit_cast<uint32_t>(value); }
uint64_t bits_of(double value) { return std::isnan(value) ? canonical_nan(64) : std::bit_cast<uint64_t>(value); }

// A float of 16 bits is computed with as one of 64: sums and products of two are exact there, and the other results
// have more than twice the digits, so that to round once more gives what rounding once would. Only a product and a sum
// may need more.
double as_double(uint64_t bits) {
  const double sign = (bits >> 15 & 1) != 0 ? -1 : 1;
  const int exponent = static_cast<int>(bits >> 10 & 31);
  const auto fraction = static_cast<double>(bits & 1023);
  if (exponent == 31) return fraction != 0 ? std::nan("") : sign * INFINITY;
  return sign * std::ldexp(exponent == 0 ? fraction : fraction + 1024, std::max(exponent, 1) - 25);
}

uint64_t half_bits(double x) {
  if (std::isnan(x)) return canonical_nan(16);
  const uint64_t sign = std::signbit(x) ? 0x8000 : 0;
  const double size = std::fabs(x);
  if (size >= 65520) return sign | 0x7c00;
  if (size == 0) return sign;
  int exponent = 0;
  std::frexp(size, &exponent);
  exponent = std::max(exponent, -13);  // of the least normal number
  // In units of its last place; one more than its digits hold is the next power of two.
  const auto units = static_cast<uint64_t>(std::nearbyint(std::ldexp(size, 11 - exponent)));
  return sign | ((static_cast<uint64_t>(exponent + 13) << 10) + units);
}

// Rounded to odd: of two numbers around the sum, the one whose last digit is 1.
double product_and_sum(double x, double y, double z) {
  const double product = x * y, sum = product + z;
  if (!std::isfinite(sum)) return sum;
  const double part = sum - product, rest = (product - (sum - part)) + (z - part);
  if (rest == 0 || (std::bit_cast<uint64_t>(sum) & 1) != 0) return sum;
  return std::nextafter(sum, rest > 0 ? INFINITY : -INFINITY);
}

template <class Float>
Float round(Rounding rounding, Float x) {
  switch (rounding) {
    case Rounding::NearestEven:
      return std::nearbyint(x);
    case Rounding::Up:
      return std::ceil(x);
    case Rounding::Down:
      return std::floor(x);
    case Rounding::Zero:
      break;
  }
  return std::trunc(x);
}

uint64_t mask(unsigned width) { return ~uint64_t{0} >> (64 - width); }

template <class Float>
uint64_t to_integer(bool is_signed, unsigned width, Float x) {
  if (std::isnan(x)) return 0;
  const Float whole = std::trunc(x);
  // Powers of two, so exact.
  const Float end = std::ldexp(Float{1}, static_cast<int>(is_signed ? width - 1 : width));
  const Float begin = is_signed ? -end : Float{0};
  const uint64_t least = is_signed ? uint64_t{1} << (width - 1) : 0;
  if (whole < begin) return least;
  if (whole >= end) return mask(is_signed ? width - 1 : width);
  return (is_signed ? static_cast<uint64_t>(static_cast<int64_t>(whole)) : static_cast<uint64_t>(whole)) & mask(width);
}

int64_t sign_extended(uint64_t value, unsigned width) {
  return static_cast<int64_t>(value << (64 - width)) >> (64 - width);
}

// `Float` is the type of the operands; of the result for conversions from integers.
template <class Float>
uint64_t apply_as(Op op, unsigned width, unsigned operand_width, uint32_t aux, uint64_t a, uint64_t b, uint64_t c) {
  const Float x = as_float(a, Float{}), y = as_float(b, Float{});
  switch (op) {
    case Op::FAdd:
      return bits_of(x + y);
    case Op::FSub:
      return bits_of(x - y);
    case Op::FMul:
      return bits_of(x * y);
    case Op::FDiv:
      return bits_of(x / y);
    case Op::FSqrt:
      return bits_of(std::sqrt(x));
    case Op::FMulAdd:
      return bits_of(std::fma(x, y, as_float(c, Float{})));
    case Op::FRound:
      return bits_of(round(static_cast<Rounding>(aux), x));
    case Op::FEq:
      return x == y;
    case Op::FLt:
      return x < y;
    case Op::FLe:
      return x <= y;
    case Op::FConvert:
      return width == 16   ? half_bits(x)
             : width == 32 ? bits_of(static_cast<float>(x))
                           : bits_of(static_cast<double>(x));
    case Op::FFromSInt:
      return bits_of(static_cast<Float>(sign_extended(a, operand_width)));
    case Op::FFromUInt:
      return bits_of(static_cast<Float>(a));
    case Op::FToSInt:
    case Op::FToUInt:
      return to_integer(op == Op::FToSInt, width, x);
    default:
      return 0;
  }
}

// Of operands of 16 bits, or integers of which such a float is made.
uint64_t apply_half(Op op, unsigned width, unsigned operand_width, uint32_t aux, uint64_t a, uint64_t b, uint64_t c) {
  const double x = as_double(a), y = as_double(b);
  switch (op) {
    case Op::FMulAdd:
      return half_bits(product_and_sum(x, y, as_double(c)));
    case Op::FFromSInt:
      return half_bits(static_cast<double>(sign_extended(a, operand_width)));
    case Op::FFromUInt:
      return half_bits(static_cast<double>(a));
    default:
      break;
  }
  const bool is_float = op != Op::FEq && op != Op::FLt && op != Op::FLe && op != Op::FToSInt && op != Op::FToUInt;
  const uint64_t result = apply_as<double>(op, is_float ? (op == Op::FConvert ? width : 64) : width, 64, aux,
                                           std::bit_cast<uint64_t>(x), std::bit_cast<uint64_t>(y), 0);
  return is_float && op != Op::FConvert ? half_bits(std::bit_cast<double>(result)) : result;
}

}  // namespace

const FloatFunction* find_float_function(std::string_view name) {
  for (const FloatFunction& function : kFunctions) {
    if (function.name == name) return &function;
  }
  return nullptr;
}

uint64_t apply_float(Op op, unsigned width, unsigned operand_width, uint32_t aux, uint64_t a, uint64_t b, uint64_t c) {
  const bool from_integer = op == Op::FFromSInt || op == Op::FFromUInt;
  const unsigned float_width = from_integer ? width : operand_width;
  if (float_width == 16) return apply_half(op, width, operand_width, aux, a, b, c);
  return float_width == 32 ? apply_as<float>(op, width, operand_width, aux, a, b, c)
                           : apply_as<double>(op, width, operand_width, aux, a, b, c);
}

}  // namespace assay::notation
