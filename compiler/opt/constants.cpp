// See constants.h.
#include "compiler/opt/constants.h"

#include <bit>
#include <cstdint>

namespace assay::opt {

namespace {

using ir::rules::IntCC;

Word128 high_half_of_product(Word128 a, Word128 b) {
  const Word128 mask = ~uint64_t{0};
  const Word128 low = (a & mask) * (b & mask);
  const Word128 first = (a >> 64) * (b & mask) + (low >> 64);
  const Word128 second = (a & mask) * (b >> 64) + (first & mask);
  return (a >> 64) * (b >> 64) + (first >> 64) + (second >> 64);
}

}  // namespace

Word128 IntegerFolding::fold_umulhi(Type type, Word128 a, Word128 b) {
  const Word128 x = low_bits(type, a), y = low_bits(type, b);
  return type.bits() < 128 ? x * y >> type.bits() : high_half_of_product(x, y);
}

Word128 IntegerFolding::fold_smulhi(Type type, Word128 a, Word128 b) {
  // A negative number is 2^width too large when it is taken as unsigned.
  const Word128 too_much = (as_signed(type, a) < 0 ? b : 0) + (as_signed(type, b) < 0 ? a : 0);
  return low_bits(type, fold_umulhi(type, a, b) - too_much);
}

IntegerFolding::Folded IntegerFolding::fold_udiv(Type type, Word128 a, Word128 b) {
  if (!type.is_int() || low_bits(type, b) == 0) return {};
  return low_bits(type, a) / low_bits(type, b);
}
IntegerFolding::Folded IntegerFolding::fold_urem(Type type, Word128 a, Word128 b) {
  if (!type.is_int() || low_bits(type, b) == 0) return {};
  return low_bits(type, a) % low_bits(type, b);
}
IntegerFolding::Folded IntegerFolding::fold_sdiv(Type type, Word128 a, Word128 b) {
  if (!type.is_int()) return {};
  const __int128 divisor = as_signed(type, b);
  const Word128 negated = fold_ineg(type, a);
  if (divisor == -1) return negated == low_bits(type, a) && negated != 0 ? Folded() : negated;
  if (divisor == 0) return {};
  return low_bits(type, static_cast<Word128>(as_signed(type, a) / divisor));
}
IntegerFolding::Folded IntegerFolding::fold_srem(Type type, Word128 a, Word128 b) {
  if (!type.is_int()) return {};
  const __int128 divisor = as_signed(type, b);
  if (divisor == 0) return {};
  return divisor == -1 ? 0 : low_bits(type, static_cast<Word128>(as_signed(type, a) % divisor));
}

Word128 IntegerFolding::fold_icmp(Type type, IntCC condition, Word128 a, Word128 b) {
  const Word128 x = low_bits(type, a), y = low_bits(type, b);
  const __int128 p = as_signed(type, a), q = as_signed(type, b);
  switch (condition) {
    case IntCC::Equal:
      return x == y;
    case IntCC::NotEqual:
      return x != y;
    case IntCC::SignedLessThan:
      return p < q;
    case IntCC::SignedGreaterThanOrEqual:
      return p >= q;
    case IntCC::SignedGreaterThan:
      return p > q;
    case IntCC::SignedLessThanOrEqual:
      return p <= q;
    case IntCC::UnsignedLessThan:
      return x < y;
    case IntCC::UnsignedGreaterThanOrEqual:
      return x >= y;
    case IntCC::UnsignedGreaterThan:
      return x > y;
    case IntCC::UnsignedLessThanOrEqual:
      return x <= y;
  }
  return 0;
}

Word128 IntegerFolding::fold_clz(Type type, Word128 a) {
  const Word128 x = low_bits(type, a);
  const int zeros = u128_high(x) != 0 ? std::countl_zero(u128_high(x)) : 64 + std::countl_zero(u128_low(x));
  return static_cast<unsigned>(zeros) - (128 - type.bits());
}
Word128 IntegerFolding::fold_ctz(Type type, Word128 a) {
  // A bit beyond the type's ends the count.
  const Word128 x = low_bits(type, a) | (type.bits() < 128 ? Word128{1} << type.bits() : 0);
  const int zeros = u128_low(x) != 0 ? std::countr_zero(u128_low(x)) : 64 + std::countr_zero(u128_high(x));
  return static_cast<unsigned>(zeros);
}
Word128 IntegerFolding::fold_popcnt(Type type, Word128 a) {
  const Word128 x = low_bits(type, a);
  return static_cast<unsigned>(std::popcount(u128_low(x)) + std::popcount(u128_high(x)));
}

// The units of so many bits in the opposite order.
Word128 IntegerFolding::reversed(Type type, Word128 a, unsigned unit) {
  Word128 out = 0;
  for (unsigned i = 0; i < type.bits(); i += unit) out = out << unit | (a >> i & ((1u << unit) - 1));
  return out;
}

Word128 IntegerFolding::fold_smul_overflow(Type type, Word128 a, Word128 b) {
  // Of at most 64 bits: the product has its place.
  const __int128 product = as_signed(type, a) * as_signed(type, b);
  return product != as_signed(type, static_cast<Word128>(product)) ? 1 : 0;
}

}  // namespace assay::opt
