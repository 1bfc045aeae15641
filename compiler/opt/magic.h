// Division by a constant through a multiplication (Granlund and Montgomery, 1994; Warren, Hacker's Delight, chapter
// 10): the multipliers, and the inequalities that make them right.
//
// For w bits, a divisor d that is no power of two, s = floor(log2 d):
//   U  2^p <= m*d <= 2^p + 2^(p-w)     then floor(m*x / 2^p) = floor(x / d) for all 0 <= x < 2^w
//   S  2^p <  m*d <= 2^p + 2^(p-w+1)   then floor(m*x / 2^p) + (x < 0) = x / d, rounded towards zero, for -2^(w-1) <= x
//   < 2^(w-1)
// Both are lemmas about integers (magic_test proves them, for all d at once); that they hold of the multiplier is
// checked whenever one is made. The specs in rules/magic.isle say what follows from them for one x, and nothing else is
// assumed.
#pragma once

#include <bit>
#include <cstdint>
#include <optional>

#include "compiler/ir/types.h"

namespace assay::opt {

// s, for divisors for which there is a multiplier: signed ones are positive.
inline std::optional<uint64_t> magic_shift(ir::Type type, uint64_t d) {
  // 2^(w+s+1) has to fit in 127 bits.
  if (d < 3 || std::has_single_bit(d) || d >> (type.bits() - 1) != 0 || d >> 62 != 0) return {};
  return static_cast<uint64_t>(63 - std::countl_zero(d));
}

namespace magic_detail {
using Wide = unsigned __int128;
// 2^p <= m*d <= 2^p + 2^(p-slack); or 2^p < m*d, if `strictly`.
inline bool holds(uint64_t d, Wide m, unsigned p, unsigned slack, bool strictly) {
  const Wide power = Wide{1} << p, product = m * d;
  return (strictly ? product > power : product >= power) && product - power <= Wide{1} << (p - slack);
}
inline std::optional<uint64_t> multiplier(uint64_t d, unsigned p, unsigned slack, bool strictly) {
  const Wide power = Wide{1} << p;
  const Wide m = strictly ? power / d + 1 : (power + d - 1) / d;
  if (!holds(d, m, p, slack, strictly)) return {};
  return static_cast<uint64_t>(m);  // without bit 64, if it has one: (long forms)
}
}  // namespace magic_detail

// -n, if n is negative but not the least number: x / n = -(x / -n), x % n = x % -n.
inline std::optional<uint64_t> negated_divisor(ir::Type type, uint64_t n) {
  const uint64_t sign = uint64_t{1} << (type.bits() - 1);
  if ((n & sign) == 0 || n == sign) return {};
  return (0 - n) & (sign - 1);
}

// m < 2^w with U for p = w + s: x / d = umulhi(x, m) >> s. Not for all divisors.
inline std::optional<uint64_t> udiv_short_magic(ir::Type type, uint64_t d, uint64_t s) {
  if (magic_shift(type, d) != s) return {};
  return magic_detail::multiplier(d, type.bits() + static_cast<unsigned>(s), type.bits(), false);
}
// m - 2^w with U for p = w + s + 1, where there is no short one: x / d = (x + umulhi(x, m - 2^w)) >> (s + 1), w + 1
// bits wide.
inline std::optional<uint64_t> udiv_long_magic(ir::Type type, uint64_t d, uint64_t s) {
  if (magic_shift(type, d) != s || udiv_short_magic(type, d, s)) return {};
  const auto m = magic_detail::multiplier(d, type.bits() + static_cast<unsigned>(s) + 1, type.bits(), false);
  return m && type.bits() < 64 ? std::optional(*m - (uint64_t{1} << type.bits())) : m;
}
// m < 2^(w-1) with S for p = w + s - 1: x / d = (smulhi(x, m) >> (s - 1)) + (x < 0).
inline std::optional<uint64_t> sdiv_short_magic(ir::Type type, uint64_t d, uint64_t s) {
  if (magic_shift(type, d) != s) return {};
  return magic_detail::multiplier(d, type.bits() + static_cast<unsigned>(s) - 1, type.bits() - 1, true);
}
// m < 2^w with S for p = w + s, where there is no short one: x / d = ((smulhi(x, m - 2^w) + x) >> s) + (x < 0).
inline std::optional<uint64_t> sdiv_long_magic(ir::Type type, uint64_t d, uint64_t s) {
  if (magic_shift(type, d) != s || sdiv_short_magic(type, d, s)) return {};
  return magic_detail::multiplier(d, type.bits() + static_cast<unsigned>(s), type.bits() - 1, true);
}

}  // namespace assay::opt
