// See function_generator.h. Here: operations on floats.
//
// The bits that CLIF leaves open in NaNs would spread over every integer that is made of them. So an integer is made of
// a float's bits only if it is no NaN; NaNs are seen where floats are stored, passed and returned.
#include <algorithm>
#include <iterator>

#include "compiler/support/softfloat.h"
#include "fuzz/function_generator.h"

namespace assay::fuzz {

namespace {

Bits bits_of_one(const FloatFormat& format) { return static_cast<Bits>(format.bias()) << format.fraction_bits(); }

// Does the integer of that type that the float is cut off to exist?
bool fits(Type type, bool is_signed, unsigned float_bits, Bits x) {
  const FloatFormat format = float_format(float_bits);
  if (format.is_nan(x)) return false;
  const Truncated n = soft_to_integer(format, x);
  if (n.too_large || (n.negative && !is_signed && n.magnitude != 0)) return false;
  const Bits largest = ~Bits(0) >> (128 - type.bits() + is_signed);
  return n.magnitude <= largest || (n.negative && is_signed && n.magnitude == largest + 1);
}

}  // namespace

// A float, where an integer that is at the end of its type is made of it. Nothing in the compiler knows it.
Value FunctionGenerator::integer_at_limit(Type type, Type from, bool is_signed) {
  const Bits x = float_beside_limit(random_, from.bits(), type.bits());
  const bool may_trap = random_.chance(60) && (fits(type, is_signed, from.bits(), x) || risks(40));
  return convert(may_trap    ? (is_signed ? Opcode::kFcvtToSint : Opcode::kFcvtToUint)
                 : is_signed ? Opcode::kFcvtToSintSat
                             : Opcode::kFcvtToUintSat,
                 type, hidden(constant_of(from, x)));
}

// Any conversion, or a fused product, of numbers that it nearly gets wrong.
Value FunctionGenerator::float_at_edge() {
  const Type type = any_float_type(), integer = any_type();
  if (random_.chance(20)) return fma_beside_a_tie(type);
  if (random_.chance(70)) return integer_at_limit(integer, type, random_.chance(50));
  return convert(random_.chance(50) ? Opcode::kFcvtFromSint : Opcode::kFcvtFromUint, type, integer_at_tie(integer));
}

Value FunctionGenerator::one_of(Type type) { return constant_of(type, bits_of_one(float_format(type.bits()))); }

// Operands of conversions that these nearly get wrong. Nothing in the compiler knows them.
Value FunctionGenerator::float_at_limit(Type type, unsigned width) {
  return hidden(constant_of(type, float_beside_limit(random_, type.bits(), width)));
}
Value FunctionGenerator::integer_at_tie(Type type) {
  return hidden(constant_of(type, integer_beside_tie(random_, type.bits())));
}

Value FunctionGenerator::zero_of_either_sign(Type type) {
  return constant_of(type, Bits(random_.below(2)) << (type.bits() - 1));
}

// 1.5 times a number a little above 1 is halfway between two numbers; what is added tells to which side it goes, unless
// the sum was rounded before.
Value FunctionGenerator::fma_beside_a_tie(Type type) {
  const FloatFormat format = float_format(type.bits());
  const Bits one = bits_of_one(format);
  const Bits factor = one + 2 * random_.below(1u << std::min(format.fraction_bits() - 3, 20u)) + 1;
  const Bits tiny = Bits(random_.below(2)) << (type.bits() - 1) | (1 + random_.below(3));
  const Value args[] = {constant_of(type, factor), constant_of(type, one | format.quiet_bit()),
                        constant_of(type, tiny)};
  return emit1({.opcode = Opcode::kFma, .type = type, .args = f_.make_values(args)});
}

Value FunctionGenerator::bitcast(Type to, Value x) {
  return emit1({.opcode = Opcode::kBitcast, .type = to, .args = f_.make_values({&x, 1})});
}

// The bits of a number, 0 of a NaN.
Value FunctionGenerator::bits_or_zero(Value x) {
  const Type type = f_.value_type(x).as_int();
  const Value operands[] = {x, x};
  const Value is_number = emit1({.opcode = Opcode::kFcmp,
                                 .code = static_cast<uint8_t>(FloatCC::kOrd),
                                 .type = f_.value_type(x),
                                 .args = f_.make_values(operands)});
  const Value args[] = {is_number, bitcast(type, x), constant_of(type, 0)};
  return emit1({.opcode = Opcode::kSelect, .type = type, .args = f_.make_values(args)});
}

Value FunctionGenerator::compare_floats() {
  const Type type = any_float_type();
  const bool zeros = random_.chance(5);
  const Value x = zeros ? zero_of_either_sign(type) : pick(type);
  const Value y = zeros                ? zero_of_either_sign(type)
                  : random_.chance(10) ? x
                  : random_.chance(20) ? constant(type)
                                       : pick(type);
  const Value args[] = {x, y};
  return emit1({.opcode = Opcode::kFcmp,
                .code = static_cast<uint8_t>(random_.below(kFloatCCCount)),
                .type = type,
                .args = f_.make_values(args)});
}

// From another width, or the same number.
Value FunctionGenerator::change_width(Type to) {
  const Type from = has_odd_floats_ ? any_float_type() : to == kF64 ? kF32 : kF64;
  if (from == to) return pick(to);
  return convert(from.bits() < to.bits() ? Opcode::kFpromote : Opcode::kFdemote, to, pick(from));
}

// One operation with a float as result.
Value FunctionGenerator::float_operation(Type type) {
  static constexpr Opcode kArithmetic[] = {Opcode::kFadd, Opcode::kFsub, Opcode::kFmul,     Opcode::kFdiv,
                                           Opcode::kFmin, Opcode::kFmax, Opcode::kFcopysign};
  static constexpr Opcode kUnary[] = {Opcode::kSqrt,  Opcode::kFneg,  Opcode::kFabs,   Opcode::kCeil,
                                      Opcode::kFloor, Opcode::kTrunc, Opcode::kNearest};
  static constexpr Opcode kLogic[] = {Opcode::kBand, Opcode::kBor, Opcode::kBxor};
  switch (random_.below(18)) {
    case 12:
      return unary(kUnary[random_.below(std::size(kUnary))],
                   unary(kUnary[random_.below(std::size(kUnary))], pick(type)));
    case 13: {
      // By a power of two, whose reciprocal is one, too.
      const unsigned places = 118 + random_.below(20);
      if (type.bits() != 32 && type.bits() != 64) return unary(Opcode::kFneg, pick(type));
      const Bits power = type == kF32 ? Bits(places) << 23 : Bits(places + 896) << 52;
      return binary(random_.chance(50) ? Opcode::kFmul : Opcode::kFdiv, pick(type), constant_of(type, power));
    }
    default: {
      const Opcode opcode = kArithmetic[random_.below(std::size(kArithmetic))];
      const Value x = pick(type);
      if (random_.chance(6)) return binary(opcode, zero_of_either_sign(type), zero_of_either_sign(type));
      return binary(opcode, x, random_.chance(6) ? unary(Opcode::kFneg, x) : pick(type));
    }
    case 0:
    case 1:
    case 2:
      return unary(kUnary[random_.below(std::size(kUnary))], pick(type));
    case 3: {
      if (random_.chance(40)) return binary(Opcode::kFmul, pick(type), pick(type));
      if (random_.chance(15)) return fma_beside_a_tie(type);
      const auto factor = [&] { return random_.chance(25) ? unary(Opcode::kFneg, pick(type)) : pick(type); };
      const Value args[] = {factor(), factor(), factor()};
      return emit1({.opcode = Opcode::kFma, .type = type, .args = f_.make_values(args)});
    }
    case 4: {
      const Value y = random_.chance(20) ? unary(Opcode::kBnot, pick(type)) : pick(type);
      return binary(kLogic[random_.below(std::size(kLogic))], pick(type), y);
    }
    case 5:
      return random_.chance(30) ? unary(Opcode::kBnot, pick(type)) : constant(type);
    case 6:
    case 7: {
      const Opcode opcode = random_.chance(70)   ? Opcode::kSelect
                            : random_.chance(60) ? Opcode::kBitselect
                                                 : Opcode::kSelectSpectreGuard;
      const Value args[] = {opcode == Opcode::kBitselect ? pick(type) : condition(), pick(type), pick(type)};
      return emit1({.opcode = opcode, .type = type, .args = f_.make_values(args)});
    }
    case 8:
      return change_width(type);
    case 9:
    case 10:
      return convert(random_.chance(50) ? Opcode::kFcvtFromSint : Opcode::kFcvtFromUint, type,
                     random_.chance(90) ? pick(any_type()) : integer_at_tie(any_type()));
    case 11:
      return bitcast(type, pick(random_.chance(85) ? type.as_int() : type));
  }
}

// One operation with an integer as result and a float among its operands.
Value FunctionGenerator::integer_of_float(Type type) {
  const Type from = any_float_type();
  const bool is_signed = random_.chance(50);
  if (random_.chance(12)) return integer_at_limit(type, from, is_signed);
  switch (random_.below(5)) {
    case 0:
      if (random_.chance(5)) return bitcast(type, pick(type));
      return extend_or_reduce(bits_or_zero(pick(from)), type);
    case 1:
      return extend_or_reduce(compare_floats(), type);
    case 2:
      if (risks(40)) {
        // Mostly one that fits: of a byte, divided by 2.5.
        Value x = pick(from);
        if (random_.chance(90)) {
          x = convert(Opcode::kFcvtFromUint, from, pick(kI8));
          const Value two_and_a_half = binary(Opcode::kFdiv, convert(Opcode::kFcvtFromUint, from, constant_of(kI8, 5)),
                                              binary(Opcode::kFadd, one_of(from), one_of(from)));
          const Value divisor = random_.chance(50) ? two_and_a_half : one_of(from);
          if (type == kI8 || random_.chance(50)) x = binary(Opcode::kFdiv, x, divisor);
        }
        return convert(is_signed ? Opcode::kFcvtToSint : Opcode::kFcvtToUint, type, x);
      }
      [[fallthrough]];
    default:
      return convert(is_signed ? Opcode::kFcvtToSintSat : Opcode::kFcvtToUintSat, type,
                     random_.chance(25) ? constant(from) : pick(from));
  }
}

}  // namespace assay::fuzz
