// See float.h.
#include "interpreter/float.h"

#include <bit>
#include <cassert>
#include <cmath>
#include <optional>

namespace assay::interpreter {

namespace {

using ir::FloatCC;
using ir::Opcode;

static_assert(sizeof(float) == 4 && sizeof(double) == 8);

float as_f32(Word128 x) { return std::bit_cast<float>(static_cast<uint32_t>(x)); }
double as_f64(Word128 x) { return std::bit_cast<double>(static_cast<uint64_t>(x)); }
Word128 bits_of(float x) { return std::bit_cast<uint32_t>(x); }
Word128 bits_of(double x) { return std::bit_cast<uint64_t>(x); }

bool compare(FloatCC condition, FloatFormat f, Word128 x, Word128 y) {
  const bool unordered = f.is_nan(x) || f.is_nan(y);
  const bool less = !unordered && soft_less(f, x, y);
  const bool greater = !unordered && soft_less(f, y, x);
  const bool equal = !unordered && !less && !greater;
  switch (condition) {
    case FloatCC::kOrd:
      return !unordered;
    case FloatCC::kUno:
      return unordered;
    case FloatCC::kEq:
      return equal;
    case FloatCC::kNe:
      return !equal;
    case FloatCC::kOne:
      return less || greater;
    case FloatCC::kUeq:
      return unordered || equal;
    case FloatCC::kLt:
      return less;
    case FloatCC::kLe:
      return less || equal;
    case FloatCC::kGt:
      return greater;
    case FloatCC::kGe:
      return greater || equal;
    case FloatCC::kUlt:
      return unordered || less;
    case FloatCC::kUle:
      return unordered || less || equal;
    case FloatCC::kUgt:
      return unordered || greater;
    case FloatCC::kUge:
      return unordered || greater || equal;
  }
  return false;
}

// Of two numbers; -0.0 is less than 0.0.
Word128 minimum(FloatFormat f, Word128 x, Word128 y) {
  if (f.is_zero(x) && f.is_zero(y)) return x | y;
  return soft_less(f, x, y) ? x : y;
}
Word128 maximum(FloatFormat f, Word128 x, Word128 y) {
  if (f.is_zero(x) && f.is_zero(y)) return x & y;
  return soft_less(f, x, y) ? y : x;
}

// Arithmetic on numbers in the host's formats. The host rounds to nearest, as every C++ program finds it.
template <class Float>
Float on_host(Opcode opcode, Float x, Float y, Float z) {
  switch (opcode) {
    case Opcode::kFadd:
      return x + y;
    case Opcode::kFsub:
      return x - y;
    case Opcode::kFmul:
      return x * y;
    case Opcode::kFdiv:
      return x / y;
    case Opcode::kSqrt:
      return std::sqrt(x);
    case Opcode::kFma:
      return std::fma(x, y, z);
    case Opcode::kCeil:
      return std::ceil(x);
    case Opcode::kFloor:
      return std::floor(x);
    case Opcode::kTrunc:
      return std::trunc(x);
    case Opcode::kNearest:
      return std::nearbyint(x);
    default:
      break;
  }
  assert(false && "no arithmetic");
  return x;
}

Word128 in_software(Opcode opcode, FloatFormat f, Word128 x, Word128 y, Word128 z) {
  switch (opcode) {
    case Opcode::kFadd:
      return soft_add(f, x, y);
    case Opcode::kFsub:
      return soft_add(f, x, y ^ f.sign_bit());
    case Opcode::kFmul:
      return soft_multiply(f, x, y);
    case Opcode::kFdiv:
      return soft_divide(f, x, y);
    case Opcode::kSqrt:
      return soft_square_root(f, x);
    case Opcode::kFma:
      return soft_multiply_add(f, x, y, z);
    case Opcode::kCeil:
      return soft_round(f, x, RoundTo::kUp);
    case Opcode::kFloor:
      return soft_round(f, x, RoundTo::kDown);
    case Opcode::kTrunc:
      return soft_round(f, x, RoundTo::kZero);
    case Opcode::kNearest:
      return soft_round(f, x, RoundTo::kNearestEven);
    default:
      break;
  }
  assert(false && "no arithmetic");
  return x;
}

unsigned operand_count(Opcode opcode) {
  switch (opcode) {
    case Opcode::kFma:
      return 3;
    case Opcode::kFadd:
    case Opcode::kFsub:
    case Opcode::kFmul:
    case Opcode::kFdiv:
    case Opcode::kFmin:
    case Opcode::kFmax:
      return 2;
    default:
      return 1;
  }
}

// The NaN that an operation makes of these operands.
FloatResult make_nan(FloatFormat from, FloatFormat to, unsigned operands, Word128 x, Word128 y, Word128 z) {
  const auto is_harmless = [&](Word128 v) { return !from.is_nan(v) || (v & ~from.sign_bit()) == from.canonical_nan(); };
  const bool all_canonical = is_harmless(x) && (operands < 2 || is_harmless(y)) && (operands < 3 || is_harmless(z));
  return {.value = to.canonical_nan(), .free = free_bits_of_nan(to, all_canonical)};
}

Word128 from_integer(unsigned bits, FloatFormat to, Word128 x, bool is_signed) {
  const Word128 sign_bit = Word128{1} << (bits - 1);
  const bool negative = is_signed && (x & sign_bit) != 0;
  // The magnitude of a negative number of `bits` bits is 2^bits - x.
  return soft_from_integer(to, negative, negative ? sign_bit - (x - sign_bit) : x);
}

FloatResult to_integer(Opcode opcode, FloatFormat from, unsigned bits, Word128 x) {
  const bool is_signed = opcode == Opcode::kFcvtToSint || opcode == Opcode::kFcvtToSintSat;
  const bool saturates = opcode == Opcode::kFcvtToUintSat || opcode == Opcode::kFcvtToSintSat;
  if (from.is_nan(x)) return saturates ? FloatResult{} : FloatResult{.trap = ir::kBadConversionToInteger};
  const Truncated integer = soft_to_integer(from, x);
  // The magnitude of the number at the end of the integer's range that x lies towards.
  const Word128 half = Word128{1} << (bits - 1);
  const Word128 limit = is_signed ? (integer.negative ? half : half - 1) : integer.negative ? 0 : half - 1 + half;
  const bool fits = !integer.too_large && integer.magnitude <= limit;
  if (!fits && !saturates) return {.trap = ir::kIntegerOverflow};
  const Word128 magnitude = fits ? integer.magnitude : limit;
  return {.value = (integer.negative ? -magnitude : magnitude) & (half - 1 + half)};
}

}  // namespace

bool is_float_arithmetic(Opcode opcode) {
  // clang-format off
  switch (opcode) {
    case Opcode::kFadd: case Opcode::kFsub: case Opcode::kFmul: case Opcode::kFdiv: case Opcode::kSqrt:
    case Opcode::kFma: case Opcode::kFmin: case Opcode::kFmax:
    case Opcode::kCeil: case Opcode::kFloor: case Opcode::kTrunc: case Opcode::kNearest:
    case Opcode::kFpromote: case Opcode::kFdemote:
      return true;
    default: return false;
  }
  // clang-format on
}

bool is_float_operation(Opcode opcode) {
  // clang-format off
  switch (opcode) {
    case Opcode::kFcmp: case Opcode::kFneg: case Opcode::kFabs: case Opcode::kFcopysign:
    case Opcode::kFcvtToUint: case Opcode::kFcvtToSint: case Opcode::kFcvtToUintSat: case Opcode::kFcvtToSintSat:
    case Opcode::kFcvtFromUint: case Opcode::kFcvtFromSint:
      return true;
    default: return is_float_arithmetic(opcode);
  }
  // clang-format on
}

FloatResult convert_as_cranelift(const ScalarOperation& operation, Word128 x) {
  const FloatFormat f = float_format(operation.bits);
  const bool is_signed = operation.opcode == Opcode::kFcvtToSint || operation.opcode == Opcode::kFcvtToSintSat;
  const bool fails = f.is_nan(x) || (!is_signed && soft_to_integer(f, x).negative);
  if (fails) return to_integer(operation.opcode, f, 128, x);
  return to_integer(Opcode::kFcvtToSintSat, f, 128, x);
}

FloatResult evaluate_float(const ScalarOperation& operation, Word128 x, Word128 y, Word128 z) {
  const Opcode opcode = operation.opcode;
  const FloatFormat f = float_format(operation.bits);
  const FloatFormat to = float_format(operation.result_bits);
  switch (opcode) {
    case Opcode::kFcmp:
      return {.value = compare(static_cast<FloatCC>(operation.code), f, x, y)};
    case Opcode::kFneg:
      return {.value = x ^ f.sign_bit()};
    case Opcode::kFabs:
      return {.value = x & ~f.sign_bit()};
    case Opcode::kFcopysign:
      return {.value = (x & ~f.sign_bit()) | (y & f.sign_bit())};
    case Opcode::kFmin:
    case Opcode::kFmax:
      if (f.is_nan(x) || f.is_nan(y)) return make_nan(f, f, 2, x, y, 0);
      return {.value = opcode == Opcode::kFmin ? minimum(f, x, y) : maximum(f, x, y)};
    case Opcode::kFpromote:
    case Opcode::kFdemote:
      if (f.is_nan(x)) return make_nan(f, to, 1, x, 0, 0);
      if (f.bits == 32 && to.bits == 64) return {.value = bits_of(static_cast<double>(as_f32(x)))};
      if (f.bits == 64 && to.bits == 32) return {.value = bits_of(static_cast<float>(as_f64(x)))};
      return {.value = soft_convert(f, to, x)};
    case Opcode::kFcvtFromUint:
    case Opcode::kFcvtFromSint:
      return {.value = from_integer(operation.bits, to, x, opcode == Opcode::kFcvtFromSint)};
    case Opcode::kFcvtToUint:
    case Opcode::kFcvtToSint:
    case Opcode::kFcvtToUintSat:
    case Opcode::kFcvtToSintSat:
      return to_integer(opcode, f, operation.result_bits, x);
    default:
      break;
  }
  const unsigned operands = operand_count(opcode);
  if (f.is_nan(x) || (operands > 1 && f.is_nan(y)) || (operands > 2 && f.is_nan(z))) {
    return make_nan(f, f, operands, x, y, z);
  }
  Word128 value = 0;
  if (f.bits == 32) {
    value = bits_of(on_host(opcode, as_f32(x), as_f32(y), as_f32(z)));
  } else if (f.bits == 64) {
    value = bits_of(on_host(opcode, as_f64(x), as_f64(y), as_f64(z)));
  } else {
    value = in_software(opcode, f, x, y, z);
  }
  if (f.is_nan(value)) return make_nan(f, f, 0, 0, 0, 0);  // an invalid operation on numbers
  return {.value = value};
}

}  // namespace assay::interpreter
