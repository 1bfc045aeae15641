// f16 and f128, and fma where the machine has none.
//
// f16: arithmetic is that of f32, rounded once more. With p bits of significand, an operation of + - * / or the root
// that is rounded to 2p + 2 bits or more and then to p is rounded as if once (p is 11, f32 has 24): the exact result is
// never so near to the middle between two numbers of p bits, without being it, that the first rounding ends there. fma
// is done in f64: the product of 22 bits is exact. So is the sum, unless the exponents differ by more than 53 - 22; the
// product is then too large for f16, whatever is added to it, or else less than half of the last place of a number that
// f16 has: it cannot take the sum to or over a middle. f128: arithmetic is the library's (compiler-rt's names; libm's
// for f128). Both: what is about the sign, comparisons, and integers of f128 are done on the bits.
#include <algorithm>

#include "compiler/machine/abi.h"
#include "compiler/machine/expand_parts.h"

namespace assay::machine::expansion {

namespace {

using ir::FloatCC;
using ir::IntCC;
using ir::kF128;
using ir::kF16;
using ir::kF32;
using ir::kF64;
using ir::kI128;
using ir::kI64;
using ir::Opcode;
using ir::Type;
using ir::Value;
using Word128 = unsigned __int128;

constexpr unsigned kFraction128 = 112;
constexpr int kBias128 = 16383;

bool is_expanded(Type type) { return type == kF16 || type == kF128; }
// The same, if there may be rules for f16.
bool is_expanded(Type type, bool has_half) { return type == kF128 || (type == kF16 && !has_half); }

Word128 sign_bit(Type type) { return Word128{1} << (type.bits() - 1); }
Word128 infinity(Type type) {
  return type == kF16   ? Word128{0x7c00}
         : type == kF32 ? Word128{0x7f800000}
         : type == kF64 ? Word128{0x7ff} << 52
                        : Word128{0x7fff} << kFraction128;
}
Word128 canonical_nan(Type type) {
  return infinity(type) | (type == kF16   ? Word128{0x200}
                           : type == kF32 ? Word128{0x400000}
                           : type == kF64 ? Word128{1} << 51
                                          : Word128{1} << (kFraction128 - 1));
}

Value float_constant(Rewriter& r, Type type, Word128 bits) {
  if (!is_expanded(type)) return r.b.constant(type, bits);
  return r.bitcast(type, r.b.constant(type.as_int(), bits));
}

Value bits_of(Rewriter& r, Value x) { return r.bitcast(r.type_of(x).as_int(), x); }
Value magnitude_bits(Rewriter& r, Value x) {
  const Type type = r.type_of(x);
  return r.b.band(bits_of(r, x), r.b.constant(type.as_int(), sign_bit(type) - 1));
}

// ---- conversions between floats ----

Value promote(Rewriter& r, Type to, Value x) {
  const Type from = r.type_of(x);
  if (from == to) return x;
  if (from == kF16 && r.converts_halves) return promote(r, to, r.b.fpromote(to == kF64 ? kF64 : kF32, x));
  if (from == kF16) {
    const Value wide = r.library("__extendhfsf2", {x}, kF32);
    return promote(r, to, wide);
  }
  if (to == kF128) return r.library(from == kF32 ? "__extendsftf2" : "__extenddftf2", {x}, kF128);
  return r.b.fpromote(to, x);
}

Value demote(Rewriter& r, Type to, Value x) {
  const Type from = r.type_of(x);
  if (from == to) return x;
  if (from == kF128) {
    return r.library(to == kF64 ? "__trunctfdf2" : to == kF32 ? "__trunctfsf2" : "__trunctfhf2", {x}, to);
  }
  if (to == kF16 && !r.converts_halves) return r.library(from == kF32 ? "__truncsfhf2" : "__truncdfhf2", {x}, to);
  return r.b.fdemote(to, x);
}

// ---- comparisons ----

// A number's bits so that signed comparison orders them; zeros are equal.
Value key(Rewriter& r, Value x) {
  const Type type = r.type_of(x).as_int();
  const Value bits = bits_of(r, x), size = magnitude_bits(r, x);
  return r.b.select(r.b.icmp(IntCC::kSlt, bits, r.b.constant(type, 0)), r.b.ineg(size), size);
}

Value is_nan(Rewriter& r, Value x) {
  const Type type = r.type_of(x);
  return r.b.icmp(IntCC::kUgt, magnitude_bits(r, x), r.b.constant(type.as_int(), infinity(type)));
}

Value compare(Rewriter& r, FloatCC cc, Value x, Value y) {
  ir::InstBuilder& b = r.b;
  const Value unordered = x == y ? is_nan(r, x) : b.bor(is_nan(r, x), is_nan(r, y));
  const auto is = [&](IntCC condition, bool or_unordered) {
    const Value holds = b.icmp(condition, key(r, x), key(r, y));
    return or_unordered ? b.bor(holds, unordered) : b.band(holds, b.bxor(unordered, b.iconst(ir::kI8, 1)));
  };
  switch (cc) {
    case FloatCC::kOrd:
      return b.bxor(unordered, b.iconst(ir::kI8, 1));
    case FloatCC::kUno:
      return unordered;
    case FloatCC::kEq:
      return is(IntCC::kEq, false);
    case FloatCC::kNe:
      return is(IntCC::kNe, true);
    case FloatCC::kOne:
      return is(IntCC::kNe, false);
    case FloatCC::kUeq:
      return is(IntCC::kEq, true);
    case FloatCC::kLt:
      return is(IntCC::kSlt, false);
    case FloatCC::kLe:
      return is(IntCC::kSle, false);
    case FloatCC::kGt:
      return is(IntCC::kSgt, false);
    case FloatCC::kGe:
      return is(IntCC::kSge, false);
    case FloatCC::kUlt:
      return is(IntCC::kSlt, true);
    case FloatCC::kUle:
      return is(IntCC::kSle, true);
    case FloatCC::kUgt:
      return is(IntCC::kSgt, true);
    case FloatCC::kUge:
      return is(IntCC::kSge, true);
  }
  return unordered;
}

// The sum of a NaN and anything is one.
Value min_max(Rewriter& r, bool is_min, Value x, Value y) {
  ir::InstBuilder& b = r.b;
  const Type type = r.type_of(x);
  const Value nan = r.library("__addtf3", {x, y}, type);
  const Value kx = key(r, x), ky = key(r, y), bx = bits_of(r, x), by = bits_of(r, y);
  const Value same = is_min ? b.bor(bx, by) : b.band(bx, by);  // zeros of both signs, if they differ
  const Value further = b.select(b.icmp(is_min ? IntCC::kSlt : IntCC::kSgt, kx, ky), bx, by);
  const Value number = b.select(b.icmp(IntCC::kEq, kx, ky), same, further);
  return b.select(b.bor(is_nan(r, x), is_nan(r, y)), nan, r.bitcast(type, number));
}

// ---- f128 to integers ----

// The bits of 2^n and of the float next to it above.
Word128 power128(unsigned n) { return Word128{n + kBias128} << kFraction128; }

Value to_integer(Rewriter& r, Type to, Value x, bool is_signed, bool traps) {
  ir::InstBuilder& b = r.b;
  const unsigned bits = to.bits();
  const auto wide = [&](Word128 value) { return r.b.constant(kI128, value); };
  const Value size = magnitude_bits(r, x), negative = b.icmp(IntCC::kSlt, bits_of(r, x), wide(0));
  const Word128 limit = power128(is_signed ? bits - 1 : bits);  // magnitudes from here on do not fit, if positive
  const Value large = b.icmp(IntCC::kUge, size, wide(limit));
  const Value number = b.icmp(IntCC::kUle, size, wide(infinity(kF128)));
  if (traps) {
    b.trapz(number, ir::kBadConversionToInteger);
    // The least magnitude that is out of range if negative: 1; 2^(bits - 1) + 1, or what comes next to 2^127.
    const Word128 below = !is_signed    ? power128(0)
                          : bits == 128 ? limit + 1
                                        : limit + (Word128{1} << (kFraction128 - (bits - 1)));
    const Value too_low = b.band(negative, b.icmp(IntCC::kUge, size, wide(below)));
    b.trapnz(b.bor(too_low, b.band(large, b.icmp(IntCC::kEq, negative, b.iconst(ir::kI8, 0)))), ir::kIntegerOverflow);
  }
  // The significand, shifted to where its exponent says.
  const Value exponent = b.ireduce(kI64, b.ushr(size, b.iconst(kI64, kFraction128)));
  const Value fraction = b.band(size, wide(low_mask(kFraction128)));
  const Value significand = b.bor(fraction, wide(Word128{1} << kFraction128));
  const Value places = b.isub(exponent, b.iconst(kI64, kBias128 + kFraction128));
  const Value zero = b.iconst(kI64, 0);
  const Value shifted =
      b.select(b.icmp(IntCC::kSlt, places, zero), b.ushr(significand, b.ineg(places)), b.ishl(significand, places));
  const Value one_or_more = b.icmp(IntCC::kUge, size, wide(power128(0)));
  Value whole = b.select(one_or_more, shifted, wide(0));
  if (to != kI128) whole = b.ireduce(to, whole);
  const auto result = [&](Word128 value) { return r.b.constant(to, value); };
  if (!is_signed) {
    const Value positive = b.select(large, result(low_mask(bits)), whole);
    return b.select(b.bor(negative, b.bxor(number, b.iconst(ir::kI8, 1))), result(0), positive);
  }
  const Value most = b.select(negative, result(Word128{1} << (bits - 1)), result(low_mask(bits - 1)));
  const Value value = b.select(large, most, b.select(negative, b.ineg(whole), whole));
  return b.select(number, value, result(0));
}

// Every number of f16 is one of f32.
Value to_integer_of_half(Rewriter& r) {
  const Value args[] = {promote(r, kF32, r.arg(0))};
  return r.f.result(r.b.insert({.opcode = r.data().opcode, .type = r.result_type(), .args = r.f.make_values(args)}));
}

Value from_integer(Rewriter& r, Type to, Value x, bool is_signed) {
  ir::InstBuilder& b = r.b;
  // f32 has every integer that is not too large for f16, and all the others are.
  if (to == kF16) return demote(r, kF16, is_signed ? b.fcvt_from_sint(kF32, x) : b.fcvt_from_uint(kF32, x));
  if (r.type_of(x) == kI128) return r.library(is_signed ? "__floattitf" : "__floatuntitf", {x}, kF128);
  if (r.type_of(x) != kI64) x = is_signed ? b.sextend(kI64, x) : b.uextend(kI64, x);
  return r.library(is_signed ? "__floatditf" : "__floatunditf", {x}, kF128);
}

// ---- arithmetic ----

const char* library_name(Opcode opcode) {
  switch (opcode) {
    case Opcode::kFadd:
      return "__addtf3";
    case Opcode::kFsub:
      return "__subtf3";
    case Opcode::kFmul:
      return "__multf3";
    case Opcode::kFdiv:
      return "__divtf3";
    case Opcode::kSqrt:
      return "sqrtf128";
    case Opcode::kFma:
      return "fmaf128";
    case Opcode::kCeil:
      return "ceilf128";
    case Opcode::kFloor:
      return "floorf128";
    case Opcode::kTrunc:
      return "truncf128";
    case Opcode::kNearest:
      return "roundevenf128";
    default:
      return nullptr;
  }
}

// The operation at another type.
Value at_type(Rewriter& r, Type type, std::initializer_list<Value> args) {
  const Opcode opcode = r.data().opcode;
  std::vector<Value> promoted;
  for (const Value v : args) promoted.push_back(promote(r, type, v));
  if (opcode == Opcode::kFma) return r.b.fadd(r.b.fmul(promoted[0], promoted[1]), promoted[2]);
  return r.f.result(r.b.insert({.opcode = opcode, .type = type, .args = r.f.make_values(promoted)}));
}

Value arithmetic(Rewriter& r) {
  const Opcode opcode = r.data().opcode;
  const size_t count = r.f.args(r.inst()).size();
  const Value x = r.arg(0), y = count > 1 ? r.arg(1) : Value(), z = count > 2 ? r.arg(2) : Value();
  if (r.type_of(x) == kF16) {
    const Type type = opcode == Opcode::kFma ? kF64 : kF32;
    return demote(r, kF16,
                  count == 1   ? at_type(r, type, {x})
                  : count == 2 ? at_type(r, type, {x, y})
                               : at_type(r, type, {x, y, z}));
  }
  if (opcode == Opcode::kFmin || opcode == Opcode::kFmax) return min_max(r, opcode == Opcode::kFmin, x, y);
  const char* name = library_name(opcode);
  return count == 1   ? r.library(name, {x}, kF128)
         : count == 2 ? r.library(name, {x, y}, kF128)
                      : r.library(name, {x, y, z}, kF128);
}

Value of_signs(Rewriter& r) {
  ir::InstBuilder& b = r.b;
  const Value x = r.arg(0);
  const Type type = r.type_of(x), bits = type.as_int();
  const Value sign = r.b.constant(bits, sign_bit(type));
  switch (r.data().opcode) {
    case Opcode::kFneg:
      return r.bitcast(type, b.bxor(bits_of(r, x), sign));
    case Opcode::kFabs:
      return r.bitcast(type, magnitude_bits(r, x));
    default:
      return r.bitcast(type, b.bor(magnitude_bits(r, x), b.band(bits_of(r, r.arg(1)), sign)));
  }
}

bool is_conversion_to_integer(Opcode opcode) {
  return opcode == Opcode::kFcvtToSint || opcode == Opcode::kFcvtToUint || opcode == Opcode::kFcvtToSintSat ||
         opcode == Opcode::kFcvtToUintSat;
}

bool is_conversion_from_integer(Opcode opcode) {
  return opcode == Opcode::kFcvtFromSint || opcode == Opcode::kFcvtFromUint;
}

bool is_arithmetic(Opcode opcode) {
  return library_name(opcode) != nullptr || opcode == Opcode::kFmin || opcode == Opcode::kFmax;
}

}  // namespace

bool wants_float(const ir::Function& function, ir::Inst inst, const TargetIsa& isa) {
  const ir::InstData& data = function.inst(inst);
  const auto argument = [&] { return function.value_type(function.arg(inst, 0)); };
  switch (data.opcode) {
    case Opcode::kF128const:
      return !is_in_registers(kF128, isa);
    case Opcode::kBitcast:
      return argument() == kI128 && function.value_type(function.result(inst)) == kI128;
    case Opcode::kFcopysign:
      return is_expanded(argument(), isa.expanded.half_all);
    case Opcode::kFneg:
    case Opcode::kFabs:
    case Opcode::kFcmp:
      return is_expanded(argument(), isa.expanded.half);
    case Opcode::kFpromote:
    case Opcode::kFdemote:
      return is_expanded(argument(), isa.expanded.half_conversions) ||
             is_expanded(function.value_type(function.result(inst)), isa.expanded.half_conversions);
    default:
      if (is_conversion_to_integer(data.opcode)) return is_expanded(argument());
      if (is_conversion_from_integer(data.opcode)) {
        return is_expanded(function.value_type(function.result(inst)),
                           isa.expanded.half_all && argument().bits() <= 64);
      }
      if (!is_arithmetic(data.opcode)) return false;
      if (data.opcode != Opcode::kFma) return is_expanded(argument(), isa.expanded.half);
      return is_expanded(argument(), isa.expanded.half_all) || (isa.expanded.fma && argument().is_float());
  }
}

void expand_float(Rewriter& r, const TargetIsa& isa) {
  r.converts_halves = isa.expanded.half_conversions;
  const ir::InstData data = r.data();
  switch (data.opcode) {
    case Opcode::kF128const: {
      Word128 bits = 0;
      const std::vector<uint8_t>& bytes = r.f.constants[data.constant()].bytes;
      for (size_t i = 0; i < bytes.size() && i < 16; ++i) bits |= Word128{bytes[i]} << (8 * i);
      return r.replace_with(float_constant(r, kF128, bits));
    }
    case Opcode::kBitcast:
      return r.replace_with(r.arg(0));
    case Opcode::kFneg:
    case Opcode::kFabs:
    case Opcode::kFcopysign:
      return r.replace_with(of_signs(r));
    case Opcode::kFcmp:
      return r.replace_with(compare(r, data.float_cc(), r.arg(0), r.arg(1)));
    case Opcode::kFpromote:
      return r.replace_with(promote(r, r.result_type(), r.arg(0)));
    case Opcode::kFdemote:
      return r.replace_with(demote(r, r.result_type(), r.arg(0)));
    default:
      break;
  }
  const Type to = r.result_type();
  if (is_conversion_from_integer(data.opcode)) {
    return r.replace_with(from_integer(r, to, r.arg(0), data.opcode == Opcode::kFcvtFromSint));
  }
  if (is_conversion_to_integer(data.opcode)) {
    if (r.type_of(r.arg(0)) == kF16) return r.replace_with(to_integer_of_half(r));
    const bool is_signed = data.opcode == Opcode::kFcvtToSint || data.opcode == Opcode::kFcvtToSintSat;
    const bool traps = data.opcode == Opcode::kFcvtToSint || data.opcode == Opcode::kFcvtToUint;
    return r.replace_with(to_integer(r, to, r.arg(0), is_signed, traps));
  }
  const Type type = r.type_of(r.arg(0));
  if (!is_expanded(type)) {
    const ir::LibCall fma = type == kF32 ? ir::LibCall::kFmaF32 : ir::LibCall::kFmaF64;
    return r.replace_with(r.call(ir::ExternalName::of(fma), {r.arg(0), r.arg(1), r.arg(2)}, type));
  }
  r.replace_with(arithmetic(r));
}

// ---- NaNs ----

bool makes_nans(const ir::Function& function, ir::Inst inst) {
  const Opcode opcode = function.inst(inst).opcode;
  if (!is_arithmetic(opcode) && opcode != Opcode::kFpromote && opcode != Opcode::kFdemote) return false;
  return function.value_type(function.result(inst)).is_float();
}

void canonicalize_nan(ir::Function& function, ir::Inst inst) {
  const Value known = function.result(inst);
  const Type type = function.value_type(known);
  function.detach_results(inst);
  const Value made = function.append_result(inst, type);
  Rewriter r(function, inst, static_cast<uint32_t>(function.functions.size()));
  r.b.set_before(function.next_inst(inst));
  const Value ordered = r.b.fcmp(FloatCC::kOrd, made, made), nan = float_constant(r, type, canonical_nan(type));
  const Value args[] = {ordered, made, nan};
  const ir::Inst select =
      function.make_inst({.opcode = Opcode::kSelect, .type = type, .args = function.make_values(args)});
  function.attach_result(select, known, type);
  function.insert_inst_before(select, function.next_inst(function.def_inst(nan)));
}

// ---- types ----

namespace {

bool is_idle_bitcast(const ir::Function& function, ir::Inst inst) {
  return function.value_type(function.arg(inst, 0)) == function.value_type(function.result(inst));
}

Type type_in_registers(Type type, const TargetIsa& isa) {
  return is_expanded(type) && !is_in_registers(type, isa) ? type.as_int() : type;
}

bool has_unknown(const ir::Signature& signature, const TargetIsa& isa) {
  const auto is_unknown = [&](const ir::AbiParam& p) { return type_in_registers(p.type, isa) != p.type; };
  return std::ranges::any_of(signature.params, is_unknown) || std::ranges::any_of(signature.returns, is_unknown);
}

void change_types(ir::Signature& signature, const TargetIsa& isa) {
  for (auto* list : {&signature.params, &signature.returns}) {
    for (ir::AbiParam& param : *list) {
      param.is_quad = param.is_quad || param.type == kF128;
      param.type = type_in_registers(param.type, isa);
    }
  }
}

}  // namespace

bool has_unknown_floats(const ir::Function& function, const TargetIsa& isa) {
  for (uint32_t i = 0; i < function.value_count(); ++i) {
    const Type type = function.value_type(Value(i));
    if (type_in_registers(type, isa) != type) return true;
  }
  if (has_unknown(function.signature, isa)) return true;
  for (uint32_t i = 0; i < function.signatures.size(); ++i) {
    if (has_unknown(function.signatures[ir::SigRef(i)], isa)) return true;
  }
  return false;
}

void make_integers_of_floats(ir::Function& function, const TargetIsa& isa) {
  change_types(function.signature, isa);
  for (uint32_t i = 0; i < function.signatures.size(); ++i) change_types(function.signatures[ir::SigRef(i)], isa);
  for (uint32_t i = 0; i < function.value_count(); ++i) {
    function.set_value_type(Value(i), type_in_registers(function.value_type(Value(i)), isa));
  }
  for (uint32_t i = 0; i < function.inst_count(); ++i) {
    ir::InstData& data = function.inst(ir::Inst(i));
    data.type = type_in_registers(data.type, isa);
    if (data.opcode == Opcode::kF16const && data.type != kF16 &&
        function.value_type(function.result(ir::Inst(i))) != kF16) {
      data.opcode = Opcode::kIconst;
      data.type = ir::kI16;
    }
    const ir::Inst inst(i);
    if (data.opcode != Opcode::kBitcast || function.inst_block(inst).is_none() || !is_idle_bitcast(function, inst))
      continue;
    const Value x = function.arg(inst, 0), result = function.result(inst);
    function.detach_results(inst);
    function.remove_inst(inst);
    function.make_alias(result, x);
  }
}

}  // namespace assay::machine::expansion
