// What operations give of constant integers: the helpers fold_* of rules/constants.isle. Numbers of any scalar type, as
// rules see them: bits, zero-extended from the type's width. The types are those of what is operated on.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "compiler/ir/rule_types.h"
#include "compiler/ir/types.h"
#include "compiler/support/softfloat.h"

namespace assay::opt {

constexpr Word128 low_bits(ir::Type type, Word128 a) { return a & (~Word128{0} >> (128 - type.bits())); }
constexpr __int128 as_signed(ir::Type type, Word128 a) {
  return static_cast<__int128>(a << (128 - type.bits())) >> (128 - type.bits());
}

struct IntegerFolding {
  using Type = ir::Type;
  using Folded = std::optional<Word128>;  // none, where the operation traps or has no such type

  static Word128 fold_iadd(Type type, Word128 a, Word128 b) { return low_bits(type, a + b); }
  static Word128 fold_isub(Type type, Word128 a, Word128 b) { return low_bits(type, a - b); }
  static Word128 fold_ineg(Type type, Word128 a) { return low_bits(type, 0 - a); }
  static Word128 fold_iabs(Type type, Word128 a) { return low_bits(type, as_signed(type, a) < 0 ? 0 - a : a); }
  static Word128 fold_imul(Type type, Word128 a, Word128 b) { return low_bits(type, a * b); }
  static Word128 fold_umulhi(Type type, Word128 a, Word128 b);
  static Word128 fold_smulhi(Type type, Word128 a, Word128 b);

  static Folded fold_udiv(Type type, Word128 a, Word128 b);
  static Folded fold_urem(Type type, Word128 a, Word128 b);
  static Folded fold_sdiv(Type type, Word128 a, Word128 b);
  static Folded fold_srem(Type type, Word128 a, Word128 b);

  static Word128 fold_umin(Type type, Word128 a, Word128 b) { return std::min(low_bits(type, a), low_bits(type, b)); }
  static Word128 fold_umax(Type type, Word128 a, Word128 b) { return std::max(low_bits(type, a), low_bits(type, b)); }
  static Word128 fold_smin(Type type, Word128 a, Word128 b) {
    return low_bits(type, as_signed(type, a) < as_signed(type, b) ? a : b);
  }
  static Word128 fold_smax(Type type, Word128 a, Word128 b) {
    return low_bits(type, as_signed(type, a) < as_signed(type, b) ? b : a);
  }
  static Word128 fold_icmp(Type type, ir::rules::IntCC condition, Word128 a, Word128 b);

  static Word128 fold_clz(Type type, Word128 a);
  static Word128 fold_ctz(Type type, Word128 a);
  static Word128 fold_cls(Type type, Word128 a) { return fold_clz(type, as_signed(type, a) < 0 ? ~a : a) - 1; }
  static Word128 fold_popcnt(Type type, Word128 a);
  static Word128 fold_bitrev(Type type, Word128 a) { return reversed(type, a, 1); }
  static Word128 fold_bswap(Type type, Word128 a) { return reversed(type, a, 8); }
  static Word128 fold_bmask(Word128 a) { return a == 0 ? 0 : ~Word128{0}; }

  // By b modulo the width, which is a power of two.
  static Word128 fold_ishl(Type type, Word128 a, Word128 b) { return low_bits(type, a << amount(type, b)); }
  static Word128 fold_ushr(Type type, Word128 a, Word128 b) { return low_bits(type, a) >> amount(type, b); }
  static Word128 fold_sshr(Type type, Word128 a, Word128 b) {
    return low_bits(type, static_cast<Word128>(as_signed(type, a) >> amount(type, b)));
  }
  static Word128 fold_rotl(Type type, Word128 a, Word128 b) {
    return fold_ishl(type, a, b) | fold_ushr(type, a >> 1 & low_bits(type, ~Word128{0}) >> 1, ~b);
  }
  static Word128 fold_rotr(Type type, Word128 a, Word128 b) { return fold_rotl(type, a, 0 - b); }

  // From a type's width to 128 bits.
  static Word128 fold_sextend(Type from, Word128 a) { return static_cast<Word128>(as_signed(from, a)); }
  // Of types of at most 64 bits: 1 or 0.
  static Word128 fold_umul_overflow(Type type, Word128 a, Word128 b) { return fold_umulhi(type, a, b) != 0 ? 1 : 0; }
  static Word128 fold_smul_overflow(Type type, Word128 a, Word128 b);

  static Word128 u128_and(Word128 a, Word128 b) { return a & b; }
  static Word128 u128_or(Word128 a, Word128 b) { return a | b; }
  static Word128 u128_xor(Word128 a, Word128 b) { return a ^ b; }
  static Word128 u128_not(Word128 a) { return ~a; }
  static uint64_t u128_low(Word128 a) { return static_cast<uint64_t>(a); }
  static uint64_t u128_high(Word128 a) { return static_cast<uint64_t>(a >> 64); }

 private:
  static unsigned amount(Type type, Word128 b) { return static_cast<unsigned>(b & (type.bits() - 1)); }
  static Word128 reversed(Type type, Word128 a, unsigned unit);
};

}  // namespace assay::opt
