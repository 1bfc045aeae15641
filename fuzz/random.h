// Randomness that can come from a seed or from a fuzzer's bytes, behind one type.
//
// With bytes, choices are read from them until they run out, then continue from a generator seeded by their content: so
// small changes of the bytes are small changes of what is generated, and every input generates something.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace assay::fuzz {

class Random {
 public:
  explicit Random(uint64_t seed) { reseed(seed); }
  explicit Random(std::span<const uint8_t> bytes) : bytes_(bytes) {
    uint64_t hash = 0xcbf29ce484222325u;  // FNV-1a
    for (uint8_t byte : bytes) hash = (hash ^ byte) * 0x100000001b3u;
    reseed(hash);
  }

  // 64 uniform bits (xoshiro256**, Blackman and Vigna 2018); never read from the bytes.
  uint64_t next() {
    const uint64_t result = rotate(state_[1] * 5, 7) * 9;
    const uint64_t t = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= t;
    state_[3] = rotate(state_[3], 45);
    return result;
  }

  // 0 … bound-1; bound > 0.
  uint32_t below(uint32_t bound) {
    if (position_ < bytes_.size()) {
      uint32_t value = bytes_[position_++];
      if (bound > 256 && position_ < bytes_.size()) value |= uint32_t(bytes_[position_++]) << 8;
      return value % bound;
    }
    return static_cast<uint32_t>((uint64_t(uint32_t(next() >> 32)) * bound) >> 32);
  }
  // low … high, both included.
  uint32_t between(uint32_t low, uint32_t high) { return low + below(high - low + 1); }
  // True with probability percent/100.
  bool chance(uint32_t percent) { return below(100) < percent; }

 private:
  static uint64_t rotate(uint64_t x, int n) { return (x << n) | (x >> (64 - n)); }
  void reseed(uint64_t seed) {
    for (uint64_t& word : state_) {  // splitmix64
      seed += 0x9e3779b97f4a7c15u;
      uint64_t z = seed;
      z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
      z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
      word = z ^ (z >> 31);
    }
  }

  uint64_t state_[4] = {};
  std::span<const uint8_t> bytes_;
  size_t position_ = 0;
};

}  // namespace assay::fuzz
