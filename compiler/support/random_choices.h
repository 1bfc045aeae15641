// Choices where any is right, made at random from a recorded seed: to test that any is. With seed 0 none is made.
#pragma once

#include <cassert>
#include <cstdint>
#include <span>
#include <utility>

namespace assay {

class RandomChoices {
 public:
  enum User : uint32_t {
    kForBlocks = 1,
    kForLowering,
    kForAllocation,
    kForRegisters,
    kForOptimizing,
    kForFeatures,
    kForLayout,
    kForPasses,
    kForCosts,
    kForTies
  };

  RandomChoices() = default;
  // `user` (kForLowering …) tells those apart who choose from the same seed.
  RandomChoices(uint64_t seed, uint32_t user) : state_(seed == 0 ? 0 : mix(seed + user * 0x9e37'79b9'7f4a'7c15u) | 1) {}

  // Are choices to be made at all? If not, the following may not be called.
  bool active() const { return state_ != 0; }
  uint64_t next() {
    assert(active());
    state_ += 0x9e37'79b9'7f4a'7c14u;  // even: the state stays odd, so it never becomes 0
    return mix(state_);
  }
  uint32_t below(uint32_t limit) { return static_cast<uint32_t>((next() >> 32) * limit >> 32); }
  bool one_in(uint32_t n) { return below(n) == 0; }

  template <class T>
  void shuffle(std::span<T> list) {
    for (size_t i = list.size(); i > 1; --i) std::swap(list[i - 1], list[below(static_cast<uint32_t>(i))]);
  }

 private:
  // The finaliser of SplitMix64.
  static uint64_t mix(uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58'476d'1ce4'e5b9u;
    x = (x ^ (x >> 27)) * 0x94d0'49bb'1331'11ebu;
    return x ^ (x >> 31);
  }
  uint64_t state_ = 0;
};

}  // namespace assay
