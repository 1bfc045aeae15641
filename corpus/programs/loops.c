// Loops with invariants, induction variables, and values kept in memory.
#include "programs.h"

// run: sieve(memory, 1000)
u64 sieve(u8* composite, u64 n) {
  u64 sum = 0;
  for (u64 i = 2; i < n; ++i) {
    if (composite[i]) continue;
    sum += i;
    for (u64 j = i * i; j < n; j += i) composite[j] = 1;
  }
  return sum;
}

// run: fibonacci(40, 20)
u64 fibonacci(u64 n, u64 rounds) {
  u64 sum = 0;
  for (u64 round = 0; round < rounds; ++round) {
    u64 a = 0, b = 1;
    for (u64 i = 0; i < n; ++i) {
      const u64 next = a + b;
      a = b;
      b = next;
    }
    sum += a + round;
  }
  return sum;
}

// run: mandelbrot(12)
u64 mandelbrot(i64 n) {
  u64 inside = 0;
  for (i64 y = 0; y < n; ++y) {
    for (i64 x = 0; x < n; ++x) {
      const i64 cx = (x * 3 << 12) / n - (2 << 12), cy = (y * 2 << 12) / n - (1 << 12);
      i64 zx = 0, zy = 0;
      int i = 0;
      for (; i < 30 && zx * zx + zy * zy < (4l << 24); ++i) {
        const i64 t = (zx * zx - zy * zy >> 12) + cx;
        zy = (2 * zx * zy >> 12) + cy;
        zx = t;
      }
      inside += (u64)i;
    }
  }
  return inside;
}

struct Account {
  i64 balance, fees, limit;
  u32 operations, refused;
};

// Everything goes through memory, as in code whose compiler cannot keep a field in a register.
// run: account(memory, 300)
u64 account(struct Account* a, u64 n) {
  a->limit = 5000;
  u64 seed = 1;
  for (u64 i = 0; i < n; ++i) {
    seed = next_random(seed);
    const i64 amount = (i64)(seed >> 52) - 2048;
    a->operations = a->operations + 1;
    if (a->balance + amount < -a->limit) {
      a->refused = a->refused + 1;
      a->fees = a->fees + 10;
      a->balance = a->balance - 10;
    } else {
      a->balance = a->balance + amount;
      a->balance = a->balance - 1;
      a->fees = a->fees + 1;
    }
  }
  return (u64)(a->balance * 7 + a->fees * 3) + a->operations + a->refused * 1000ul;
}

// run: histogram(memory, 800)
u64 histogram(u8* p, u64 n) {
  fill_bytes(p, n, 2);
  u32* counts = (u32*)(p + 8192);
  for (u64 i = 0; i < n; ++i) counts[p[i] >> 3]++;
  u64 sum = 0;
  for (u64 i = 0; i < 32; ++i) sum = sum * 3 + counts[i];
  return sum;
}

// Every access is checked as a language with bounds checks does.
// run: checked_sum(memory, 200)
u64 checked_sum(u32* a, u64 n) {
  for (u64 i = 0; i < n; ++i) {
    if (i >= n) __builtin_trap();
    a[i] = (u32)(i * i);
  }
  u64 sum = 0;
  for (u64 i = 0; i + 1 < n; ++i) {
    if (i >= n) __builtin_trap();
    const u32 x = a[i];
    if (i + 1 >= n) __builtin_trap();
    const u32 y = a[i + 1];
    if (i >= n) __builtin_trap();
    a[i] = x * 2 + y;
    sum += a[i] + (x > y ? x - y : y - x);
  }
  return sum;
}
