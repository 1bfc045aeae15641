// Integers of 128 bits to floats of 32 and 64, and back.
//
// To a float: the leading 64 bits, shifted to the top, with the lowest set if any that follow are: those are more than
// the significand and two, so rounding them once is rounding the number; the power of two that is left is exact.
// Back, a magnitude is h * 2^64 + l with h and l floats that are exact: its high half is that of x / 2^64.
#include "compiler/machine/expand_parts.h"

namespace assay::machine::expansion {

namespace {

using ir::FloatCC;
using ir::IntCC;
using ir::Opcode;
using ir::Type;
using ir::Value;

bool is_plain_float(Type type) { return type == ir::kF32 || type == ir::kF64; }

// 2^n.
Value power(Rewriter& r, Type type, int n) {
  return type == ir::kF32 ? r.b.f32const(static_cast<uint32_t>(127 + n) << 23)
                          : r.b.f64const(static_cast<uint64_t>(1023 + n) << 52);
}

Value zero(Rewriter& r) { return r.b.constant(ir::kI128, 0); }

Value from_magnitude(Rewriter& r, Type to, Value x) {
  ir::InstBuilder& b = r.b;
  const Value places = b.ireduce(ir::kI64, b.clz(x));  // of 0: 128, a shift by nothing
  const ir::Inst halves = b.isplit(b.ishl(x, places));
  const Value low = r.f.result(halves, 0), high = r.f.result(halves, 1);
  const Value follows = b.uextend(ir::kI64, b.icmp(IntCC::kNe, low, b.iconst(ir::kI64, 0)));
  const Value leading = b.fcvt_from_uint(to, b.bor(high, follows));
  // 2^(64 - places), made from its bits; of 0 it does not matter.
  const int bias = to == ir::kF32 ? 127 : 1023, fraction = to == ir::kF32 ? 23 : 52;
  const Value exponent = b.isub(b.iconst(ir::kI64, 64 + bias), places);
  const Value bits = b.ishl(exponent, b.iconst(ir::kI64, fraction));
  const Value scale = to == ir::kF32 ? r.bitcast(to, b.ireduce(ir::kI32, bits)) : r.bitcast(to, bits);
  return b.fmul(leading, scale);
}

// Of a float of 64 bits that is not negative and below 2^128 (else: any number).
Value magnitude(Rewriter& r, Value x) {
  ir::InstBuilder& b = r.b;
  const Value above = b.trunc(b.fmul(x, power(r, ir::kF64, -64)));
  const Value below = b.fsub(x, b.fmul(above, power(r, ir::kF64, 64)));
  const Value low = b.fcvt_to_uint_sat(ir::kI64, below), high = b.fcvt_to_uint_sat(ir::kI64, above);
  return b.iconcat(low, high);
}

// Saturated; a NaN gives 0.
Value to_integer(Rewriter& r, Value x, bool is_signed) {
  ir::InstBuilder& b = r.b;
  const Value size = b.fabs(x), negative = b.fcmp(FloatCC::kLt, x, b.f64const(0));
  const Value large = b.fcmp(FloatCC::kGe, size, power(r, ir::kF64, is_signed ? 127 : 128));
  const Value number = b.fcmp(FloatCC::kOrd, x, x);
  const Value whole = b.select(number, magnitude(r, size), zero(r));
  if (!is_signed) return b.select(negative, zero(r), b.select(large, r.b.constant(ir::kI128, low_mask(128)), whole));
  const Value least = r.b.constant(ir::kI128, (unsigned __int128){1} << 127);
  const Value positive = b.select(large, b.bnot(least), whole);
  return b.select(negative, b.select(large, least, b.ineg(whole)), positive);
}

void trap_out_of_range(Rewriter& r, Value x, bool is_signed) {
  ir::InstBuilder& b = r.b;
  b.trapz(b.fcmp(FloatCC::kOrd, x, x), ir::kBadConversionToInteger);
  const Value limit = power(r, ir::kF64, is_signed ? 127 : 128);
  // The float next below -2^127 is out of range; between -1 and 0 the fraction is cut off.
  const Value in_range =
      is_signed ? b.fcmp(FloatCC::kLe, b.fneg(limit), x) : b.fcmp(FloatCC::kLt, b.fneg(power(r, ir::kF64, 0)), x);
  b.trapz(b.band(b.fcmp(FloatCC::kLt, x, limit), in_range), ir::kIntegerOverflow);
}

}  // namespace

bool wants_wide_conversion(const ir::Function& function, ir::Inst inst) {
  switch (function.inst(inst).opcode) {
    case Opcode::kFcvtFromSint:
    case Opcode::kFcvtFromUint:
    case Opcode::kFcvtToSint:
    case Opcode::kFcvtToUint:
    case Opcode::kFcvtToSintSat:
    case Opcode::kFcvtToUintSat:
      break;
    default:
      return false;
  }
  const Type from = function.value_type(function.arg(inst, 0)), to = function.value_type(function.result(inst));
  return (from == ir::kI128 && is_plain_float(to)) || (is_plain_float(from) && to == ir::kI128);
}

void expand_wide_conversion(Rewriter& r) {
  ir::InstBuilder& b = r.b;
  const Opcode opcode = r.data().opcode;
  const Type to = r.result_type();
  Value x = r.arg(0);
  if (opcode == Opcode::kFcvtFromUint) return r.replace_with(from_magnitude(r, to, x));
  if (opcode == Opcode::kFcvtFromSint) {
    const Value size = from_magnitude(r, to, b.iabs(x));
    return r.replace_with(b.select(b.icmp(IntCC::kSlt, x, zero(r)), b.fneg(size), size));
  }
  const bool is_signed = opcode == Opcode::kFcvtToSint || opcode == Opcode::kFcvtToSintSat;
  if (r.type_of(x) == ir::kF32) x = b.fpromote(ir::kF64, x);
  if (opcode == Opcode::kFcvtToSint || opcode == Opcode::kFcvtToUint) trap_out_of_range(r, x, is_signed);
  r.replace_with(to_integer(r, x, is_signed));
}

}  // namespace assay::machine::expansion
