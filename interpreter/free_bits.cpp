// See free_bits.h.
#include "interpreter/free_bits.h"

namespace assay::interpreter {

namespace {

using ir::Opcode;

Word128 all_ones(unsigned bits) { return ~Word128{0} >> (128 - bits); }

// The operation done to masks instead of values: right for those that only move bits.
FreeResults move_bits(const ScalarOperation& operation, Word128 x, Word128 y = 0) {
  if (operation.bits > 64 || operation.result_bits > 64) {
    const WideResult moved = evaluate_wide(operation, x, y);
    return {.value = moved.value, .second = moved.second};
  }
  const ScalarResult moved = evaluate(operation, static_cast<uint64_t>(x), static_cast<uint64_t>(y));
  return {.value = moved.value, .second = moved.second};
}

// Sums, differences and products: a bit depends on those below it.
Word128 upwards(Word128 free, unsigned bits) { return (free | -free) & all_ones(bits); }

// What is certain about a float operand.
struct FloatFacts {
  bool is_nan = false;        // for certain
  bool is_canonical = false;  // if it is a NaN, its fraction is the canonical one, for certain
  bool is_certain = false;    // it has no free bits, or is a NaN whatever they are
};

FloatFacts facts_of(FloatFormat f, const Known& x) {
  FloatFacts facts;
  facts.is_nan = f.is_nan(x.value) && (x.free & (f.infinity() | f.quiet_bit())) == 0 &&
                 ((x.value & f.quiet_bit()) != 0 || (x.free & f.fraction_mask()) == 0);
  facts.is_certain = x.free == 0 || facts.is_nan;
  facts.is_canonical =
      facts.is_certain &&
      (!f.is_nan(x.value) || ((x.value & ~f.sign_bit()) == f.canonical_nan() && (x.free & ~f.sign_bit()) == 0));
  return facts;
}

FreeResults spread_float(const ScalarOperation& operation, const Known& x, const Known& y, const Known& z,
                         bool canonical_nans) {
  const FloatFormat f = float_format(operation.bits);
  const FreeResults anything = {.value = all_ones(operation.result_bits)};
  switch (operation.opcode) {
    case Opcode::kFneg:
      return {.value = x.free};
    case Opcode::kFabs:
      return {.value = x.free & ~f.sign_bit()};
    case Opcode::kFcopysign:
      return {.value = (x.free & ~f.sign_bit()) | (y.free & f.sign_bit())};
    case Opcode::kFcvtFromUint:
    case Opcode::kFcvtFromSint:
      return anything;
    default:
      break;
  }
  constexpr FloatFacts kNoOperand{.is_canonical = true, .is_certain = true};
  FloatFacts facts[3] = {facts_of(f, x), kNoOperand, kNoOperand};
  if (operation.opcode == Opcode::kFma) facts[2] = facts_of(f, z);
  switch (operation.opcode) {
    case Opcode::kFcmp:
    case Opcode::kFadd:
    case Opcode::kFsub:
    case Opcode::kFmul:
    case Opcode::kFdiv:
    case Opcode::kFmin:
    case Opcode::kFmax:
    case Opcode::kFma:
      facts[1] = facts_of(f, y);
      break;
    default:
      break;
  }
  const bool is_certain = facts[0].is_certain && facts[1].is_certain && facts[2].is_certain;
  const bool has_nan = facts[0].is_nan || facts[1].is_nan || facts[2].is_nan;
  switch (operation.opcode) {
    case Opcode::kFcmp:  // of a NaN: unordered, whatever the other operand is
      return {.value = is_certain || has_nan ? 0u : 1u};
    case Opcode::kFcvtToUint:
    case Opcode::kFcvtToSint:
      return {.value = anything.value, .trap_depends = !is_certain};
    case Opcode::kFcvtToUintSat:
    case Opcode::kFcvtToSintSat:
      return is_certain ? FreeResults{} : anything;
    default:
      break;
  }
  // Arithmetic: with free bits in some operand and no NaN for certain the result may be any float.
  if (!has_nan) return anything;
  if (canonical_nans && is_float_arithmetic(operation.opcode)) return {};
  const bool all_canonical = facts[0].is_canonical && facts[1].is_canonical && facts[2].is_canonical;
  return {.value = free_bits_of_nan(float_format(operation.result_bits), all_canonical)};
}

}  // namespace

FreeResults spread(const ScalarOperation& operation, const Known& x, const Known& y, const Known& z,
                   bool canonical_nans) {
  if (is_float_operation(operation.opcode)) return spread_float(operation, x, y, z, canonical_nans);
  const unsigned bits = operation.bits;
  // A free bit of a flag is its lowest.
  const FreeResults anything = {.value = all_ones(operation.result_bits), .second = 1};
  switch (operation.opcode) {
    case Opcode::kBand:
      return {.value = (x.free & (y.value | y.free)) | (y.free & (x.value | x.free))};
    case Opcode::kBor:
      return {.value = (x.free & (~y.value | y.free)) | (y.free & (~x.value | x.free))};
    case Opcode::kBxor:
      return {.value = x.free | y.free};
    case Opcode::kBnot:
      return {.value = x.free};
    case Opcode::kBitselect: {
      const Word128 either = y.free | z.free | (y.value ^ z.value);
      return {.value = (x.free & either) | (~x.free & x.value & y.free) | (~x.free & ~x.value & z.free)};
    }
    case Opcode::kSelect:
    case Opcode::kSelectSpectreGuard:
      if (x.is_surely_nonzero()) return {.value = y.free};
      if (x.is_surely_zero()) return {.value = z.free};
      return {.value = y.free | z.free | (y.value ^ z.value)};
    case Opcode::kBmask:
      return x.is_surely_nonzero() ? FreeResults{} : anything;

    case Opcode::kIshl:
    case Opcode::kUshr:
    case Opcode::kSshr:
    case Opcode::kRotl:
    case Opcode::kRotr:
      return (y.free & (bits - 1)) == 0 ? move_bits(operation, x.free, y.value) : anything;
    case Opcode::kUextend:
    case Opcode::kSextend:
    case Opcode::kIreduce:
    case Opcode::kIsplit:
    case Opcode::kBitrev:
    case Opcode::kBswap:
      return move_bits(operation, x.free);
    case Opcode::kIconcat:
      return move_bits(operation, x.free, y.free);

    case Opcode::kIadd:
    case Opcode::kIsub:
    case Opcode::kIneg:
    case Opcode::kImul:
      return {.value = upwards(x.free | (operation.opcode == Opcode::kIneg ? 0 : y.free), bits)};
    case Opcode::kIcmp: {
      const auto condition = static_cast<ir::IntCC>(operation.code);
      const bool equality = condition == ir::IntCC::kEq || condition == ir::IntCC::kNe;
      const bool surely_differ = ((x.value ^ y.value) & ~(x.free | y.free)) != 0;
      return {.value = equality && surely_differ ? 0u : 1u};
    }

    case Opcode::kUdiv:
    case Opcode::kUrem:
    case Opcode::kSrem:
      return {.value = anything.value, .trap_depends = !y.is_surely_nonzero() && !y.is_surely_zero()};
    case Opcode::kSdiv:
      return {.value = anything.value, .trap_depends = y.free != 0 || (x.free != 0 && y.value == all_ones(bits))};
    case Opcode::kUaddOverflowTrap:
      return {.value = anything.value, .trap_depends = true};
    default:
      return anything;
  }
}

}  // namespace assay::interpreter
