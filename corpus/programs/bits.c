// Bit tricks and integer arithmetic.
#include "programs.h"

// run: count_bits(200)
u64 count_bits(u64 n) {
  u64 sum = 0, x = 1;
  for (u64 i = 0; i < n; ++i) {
    x = next_random(x);
    u64 y = x;
    y = y - (y >> 1 & 0x5555555555555555u);
    y = (y & 0x3333333333333333u) + (y >> 2 & 0x3333333333333333u);
    y = (y + (y >> 4)) & 0x0f0f0f0f0f0f0f0fu;
    sum += y * 0x0101010101010101u >> 56;
  }
  return sum;
}

// run: lowest_bits(200)
u64 lowest_bits(u64 n) {
  u64 sum = 0, x = 2;
  for (u64 i = 0; i < n; ++i) {
    x = next_random(x);
    for (u64 y = x >> 40; y != 0; y &= y - 1) sum += y & -y;
  }
  return sum;
}

// run: reverse_bits(100)
u64 reverse_bits(u64 n) {
  u64 sum = 0;
  u32 x = 3;
  for (u64 i = 0; i < n; ++i) {
    x = x * 1664525u + 1013904223u;
    u32 y = x;
    y = (y >> 1 & 0x55555555u) | (y & 0x55555555u) << 1;
    y = (y >> 2 & 0x33333333u) | (y & 0x33333333u) << 2;
    y = (y >> 4 & 0x0f0f0f0fu) | (y & 0x0f0f0f0fu) << 4;
    y = y >> 24 | (y >> 8 & 0xff00u) | (y << 8 & 0xff0000u) | y << 24;
    sum += y;
  }
  return sum;
}

INLINE u32 spread(u32 x) {
  x &= 0xffff;
  x = (x | x << 8) & 0x00ff00ffu;
  x = (x | x << 4) & 0x0f0f0f0fu;
  x = (x | x << 2) & 0x33333333u;
  return (x | x << 1) & 0x55555555u;
}

// run: interleave_bits(20)
u64 interleave_bits(u64 n) {
  u64 sum = 0;
  for (u32 x = 0; x < (u32)n; ++x) {
    for (u32 y = 0; y < (u32)n; ++y) sum = sum * 3 + (spread(x * 37) | spread(y * 51) << 1);
  }
  return sum;
}

// run: square_roots(100)
u64 square_roots(u64 n) {
  u64 sum = 0;
  for (u64 i = 0; i < n; ++i) {
    u32 x = (u32)(i * i * 1000 + i), root = 0;
    for (u32 bit = 1u << 30; bit != 0; bit >>= 2) {
      if (x >= root + bit) {
        x -= root + bit;
        root = (root >> 1) + bit;
      } else {
        root >>= 1;
      }
    }
    sum += root;
  }
  return sum;
}

// run: greatest_divisors(25)
u64 greatest_divisors(u64 n) {
  u64 sum = 0;
  for (u64 i = 1; i <= n; ++i) {
    for (u64 j = 1; j <= n; ++j) {
      u64 a = i * 12, b = j * 18;
      while (b != 0) {
        const u64 rest = a % b;
        a = b;
        b = rest;
      }
      sum += a;
    }
  }
  return sum;
}

// run: powers(50, 1000000007)
u64 powers(u64 n, u64 modulus) {
  u64 sum = 0;
  for (u64 i = 0; i < n; ++i) {
    u64 base = i + 2, exponent = i * 1234567 + 3, result = 1;
    for (; exponent != 0; exponent /= 2) {
      if (exponent % 2 == 1) result = result * base % modulus;
      base = base * base % modulus;
    }
    sum += result;
  }
  return sum;
}

// run: dates(100)
u64 dates(i64 n) {
  u64 sum = 0;
  for (i64 i = 0; i < n; ++i) {  // days since 1970 to year, month, day
    const i64 z = i * 321 - 10000 + 719468;
    const i64 era = (z >= 0 ? z : z - 146096) / 146097;
    const i64 doe = z - era * 146097;
    const i64 yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    const i64 doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    const i64 mp = (5 * doy + 2) / 153;
    const i64 day = doy - (153 * mp + 2) / 5 + 1;
    const i64 month = mp < 10 ? mp + 3 : mp - 9;
    sum = sum * 7 + (u64)((yoe + era * 400 + (month <= 2)) * 10000 + month * 100 + day);
  }
  return sum;
}

// run: collatz(60)
u64 collatz(u64 n) {
  u64 steps = 0;
  for (u64 i = 1; i <= n; ++i) {
    for (u64 x = i; x != 1; ++steps) x = x % 2 == 0 ? x / 2 : 3 * x + 1;
  }
  return steps;
}
