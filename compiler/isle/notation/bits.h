// A bit vector's value: up to 256 bits, kept with every bit above its width zero. The width is not stored.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace assay::notation {

inline constexpr unsigned kMaxWidth = 256;

struct Bits {
  static constexpr unsigned kWords = kMaxWidth / 64;
  std::array<uint64_t, kWords> words{};

  constexpr Bits() = default;
  constexpr explicit Bits(uint64_t low) : words{low} {}
  constexpr uint64_t low() const { return words[0]; }
  constexpr bool is_zero() const { return (words[0] | words[1] | words[2] | words[3]) == 0; }
  constexpr bool bit(unsigned i) const { return (words[i / 64] >> (i % 64)) & 1; }
  constexpr void set_bit(unsigned i) { words[i / 64] |= uint64_t(1) << (i % 64); }
  constexpr auto operator<=>(const Bits&) const = default;
};

// Clears every bit from `width` up.
constexpr Bits truncated(Bits value, unsigned width) {
  for (unsigned i = 0; i < Bits::kWords; ++i) {
    const unsigned begin = i * 64;
    if (width <= begin) {
      value.words[i] = 0;
    } else if (width < begin + 64) {
      value.words[i] &= (uint64_t(1) << (width - begin)) - 1;
    }
  }
  return value;
}

// The two's complement of a 128-bit integer in `width` bits.
constexpr Bits bits_of(__int128 value, unsigned width) {
  Bits result;
  result.words[0] = static_cast<uint64_t>(value);
  result.words[1] = static_cast<uint64_t>(value >> 64);
  result.words[2] = result.words[3] = value < 0 ? ~uint64_t(0) : 0;
  return truncated(result, width);
}

}  // namespace assay::notation
