// What operations give of constants: the helpers fold_* of rules/constants.isle. Numbers of at most 64 bits,
// zero-extended from a type's width, in and out.
#pragma once

#include <bit>
#include <cstdint>
#include <optional>

#include "compiler/ir/types.h"

namespace assay::opt {

inline uint64_t low_bits(ir::Type type, uint64_t a) {
  return type.bits() >= 64 ? a : a & ((uint64_t{1} << type.bits()) - 1);
}
inline int64_t as_signed(ir::Type type, uint64_t a) {
  const unsigned unused = type.bits() >= 64 ? 0 : 64 - type.bits();
  return static_cast<int64_t>(a << unused) >> unused;
}

inline uint64_t fold_smul_overflow(ir::Type type, uint64_t a, uint64_t b) {
  const __int128 product = static_cast<__int128>(as_signed(type, a)) * as_signed(type, b);
  return product != as_signed(type, static_cast<uint64_t>(product)) ? 1 : 0;
}
inline uint64_t fold_clz(ir::Type type, uint64_t a) {
  return static_cast<uint64_t>(std::countl_zero(low_bits(type, a))) - (64 - type.bits());
}
inline uint64_t fold_ctz(ir::Type type, uint64_t a) {
  const uint64_t zeros = static_cast<uint64_t>(std::countr_zero(low_bits(type, a)));
  return zeros > type.bits() ? type.bits() : zeros;
}
inline uint64_t fold_popcnt(ir::Type type, uint64_t a) {
  return static_cast<uint64_t>(std::popcount(low_bits(type, a)));
}
// The bits below the sign that are like it.
inline uint64_t fold_cls(ir::Type type, uint64_t a) {
  const uint64_t like_zero = as_signed(type, a) < 0 ? ~a : a;
  return fold_clz(type, like_zero) - 1;
}
inline uint64_t fold_bitrev(ir::Type type, uint64_t a) {
  uint64_t reversed = 0;
  for (unsigned i = 0; i < type.bits(); ++i) reversed |= (a >> i & 1) << (type.bits() - 1 - i);
  return reversed;
}
inline uint64_t fold_bswap(ir::Type type, uint64_t a) {
  uint64_t swapped = 0;
  for (unsigned i = 0; i < type.bits(); i += 8) swapped |= (a >> i & 0xff) << (type.bits() - 8 - i);
  return swapped;
}
inline uint64_t fold_iabs(ir::Type type, uint64_t a) { return low_bits(type, as_signed(type, a) < 0 ? 0 - a : a); }
inline uint64_t fold_umulhi(ir::Type type, uint64_t a, uint64_t b) {
  const auto product = static_cast<unsigned __int128>(low_bits(type, a)) * low_bits(type, b);
  return low_bits(type, static_cast<uint64_t>(product >> type.bits()));
}
inline uint64_t fold_smulhi(ir::Type type, uint64_t a, uint64_t b) {
  const auto product = static_cast<__int128>(as_signed(type, a)) * as_signed(type, b);
  return low_bits(type, static_cast<uint64_t>(product >> type.bits()));
}
inline uint64_t fold_rotl(ir::Type type, uint64_t a, uint64_t b) {
  const unsigned by = static_cast<unsigned>(b % type.bits());
  const uint64_t x = low_bits(type, a);
  return by == 0 ? x : low_bits(type, x << by | x >> (type.bits() - by));
}
inline uint64_t fold_rotr(ir::Type type, uint64_t a, uint64_t b) {
  return fold_rotl(type, a, type.bits() - b % type.bits());
}
inline std::optional<uint64_t> fold_udiv(ir::Type type, uint64_t a, uint64_t b) {
  if (low_bits(type, b) == 0) return {};
  return low_bits(type, a) / low_bits(type, b);
}
inline std::optional<uint64_t> fold_urem(ir::Type type, uint64_t a, uint64_t b) {
  if (low_bits(type, b) == 0) return {};
  return low_bits(type, a) % low_bits(type, b);
}
// Not by -1, by which the least number cannot be divided.
inline std::optional<uint64_t> fold_sdiv(ir::Type type, uint64_t a, uint64_t b) {
  const int64_t divisor = as_signed(type, b);
  if (divisor == 0 || divisor == -1) return {};
  return low_bits(type, static_cast<uint64_t>(as_signed(type, a) / divisor));
}
inline std::optional<uint64_t> fold_srem(ir::Type type, uint64_t a, uint64_t b) {
  const int64_t divisor = as_signed(type, b);
  if (divisor == 0) return {};
  return divisor == -1 ? 0 : low_bits(type, static_cast<uint64_t>(as_signed(type, a) % divisor));
}

}  // namespace assay::opt
