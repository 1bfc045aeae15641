// What the programs of this folder share: the benchmark set of the mid-end (docs/mid-end-figures.md).
//
// A program is one function of 64-bit integers that fills the memory it is given itself, works on it and returns a
// check sum, so that it gives the same whatever the byte order. A comment `// run: name(arguments)` before it says how
// it is called; `memory` stands for the address of 64 KiB of zeros. No calls, no constants in memory.
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t i32;
typedef int64_t i64;

#define INLINE static inline __attribute__((always_inline))

// Pseudo-random bytes (or words) and the next state.
INLINE u64 next_random(u64 state) { return state * 6364136223846793005u + 1442695040888963407u; }
INLINE void fill_bytes(u8* p, u64 n, u64 seed) {
  for (u64 i = 0; i < n; ++i) {
    seed = next_random(seed);
    p[i] = (u8)(seed >> 56);
  }
}
INLINE void fill_letters(u8* p, u64 n, u64 seed, u32 letters) {
  for (u64 i = 0; i < n; ++i) {
    seed = next_random(seed);
    p[i] = (u8)('a' + (u32)(seed >> 40) % letters);
  }
}
