#include "compiler/isa/aarch64/bitmask.h"

#include <bit>

namespace assay::isa::aarch64 {

bool bitmask64(int64_t value, uint32_t& bits) {
  auto pattern = static_cast<uint64_t>(value);
  if (pattern == 0 || ~pattern == 0) return false;
  // The smallest element that the number repeats.
  unsigned size = 64;
  while (size > 2) {
    const unsigned half = size / 2;
    const uint64_t mask = (uint64_t(1) << half) - 1;
    if ((pattern & mask) != ((pattern >> half) & mask)) break;
    size = half;
  }
  const uint64_t all = ~uint64_t(0) >> (64 - size);
  const uint64_t element = pattern & all;
  // Turned right until the run of ones begins at bit 0: by `turn`, so it is that run turned right by size - turn.
  auto turned_right = [&](unsigned n) { return n == 0 ? element : ((element >> n) | (element << (size - n))) & all; };
  const unsigned turn = (element & 1) == 0 ? static_cast<unsigned>(std::countr_zero(element))
                                           : size - static_cast<unsigned>(std::countl_one(element << (64 - size)));
  const uint64_t run = turned_right(turn % size);
  if ((run & (run + 1)) != 0) return false;
  const auto ones = static_cast<unsigned>(std::popcount(run));
  const uint32_t rotate = (size - turn % size) % size;
  // imms: ones - 1 below a prefix of ones and a zero that tells the element's size; N for 64.
  const uint32_t imms = ((~(2 * size - 1)) & 0x3f) | (ones - 1);
  bits = uint32_t(size == 64) << 12 | rotate << 6 | imms;
  return true;
}

bool bitmask32(int64_t value, uint32_t& bits) {
  const auto low = static_cast<uint64_t>(value);
  if (low >> 32 != 0) return false;
  return bitmask64(static_cast<int64_t>(low << 32 | low), bits);
}

}  // namespace assay::isa::aarch64
