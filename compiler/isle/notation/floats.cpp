// See floats.h. The host's arithmetic is IEEE 754's; what it makes of NaNs is not kept.
#include "compiler/isle/notation/floats.h"

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
      return width == 32 ? bits_of(static_cast<float>(x)) : bits_of(static_cast<double>(x));
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

}  // namespace

const FloatFunction* find_float_function(std::string_view name) {
  for (const FloatFunction& function : kFunctions) {
    if (function.name == name) return &function;
  }
  return nullptr;
}

uint64_t apply_float(Op op, unsigned width, unsigned operand_width, uint32_t aux, uint64_t a, uint64_t b, uint64_t c) {
  const bool from_integer = op == Op::FFromSInt || op == Op::FFromUInt;
  return (from_integer ? width : operand_width) == 32 ? apply_as<float>(op, width, operand_width, aux, a, b, c)
                                                      : apply_as<double>(op, width, operand_width, aux, a, b, c);
}

}  // namespace assay::notation
