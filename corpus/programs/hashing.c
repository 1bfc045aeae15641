// Hash functions and check sums over bytes.
#include "programs.h"

// run: fnv1a_64(memory, 300)
u64 fnv1a_64(u8* p, u64 n) {
  fill_bytes(p, n, 1);
  u64 h = 14695981039346656037u;
  for (u64 i = 0; i < n; ++i) h = (h ^ p[i]) * 1099511628211u;
  return h;
}

// run: fnv1a_32(memory, 300)
u64 fnv1a_32(u8* p, u64 n) {
  fill_bytes(p, n, 2);
  u32 h = 2166136261u;
  for (u32 i = 0; i < (u32)n; ++i) h = (h ^ p[i]) * 16777619u;
  return h;
}

INLINE u32 word_at(const u8* p) { return p[0] | (u32)p[1] << 8 | (u32)p[2] << 16 | (u32)p[3] << 24; }
INLINE u64 long_at(const u8* p) { return word_at(p) | (u64)word_at(p + 4) << 32; }
INLINE u32 rotate32(u32 x, int by) { return x << by | x >> (32 - by); }
INLINE u64 rotate64(u64 x, int by) { return x << by | x >> (64 - by); }

// run: murmur3_32(memory, 259)
u64 murmur3_32(u8* p, u64 n) {
  fill_bytes(p, n, 3);
  u32 h = 0x9747b28c;
  u64 i = 0;
  for (; i + 4 <= n; i += 4) {
    u32 k = word_at(p + i) * 0xcc9e2d51u;
    k = rotate32(k, 15) * 0x1b873593u;
    h = rotate32(h ^ k, 13) * 5 + 0xe6546b64u;
  }
  u32 k = 0;
  switch (n & 3) {
    case 3: k ^= (u32)p[i + 2] << 16;  // falls through
    case 2: k ^= (u32)p[i + 1] << 8;   // falls through
    case 1:
      k ^= p[i];
      k *= 0xcc9e2d51u;
      h ^= rotate32(k, 15) * 0x1b873593u;
  }
  h ^= (u32)n;
  h = (h ^ h >> 16) * 0x85ebca6bu;
  h = (h ^ h >> 13) * 0xc2b2ae35u;
  return h ^ h >> 16;
}

#define SIP_ROUND                                            \
  v0 += v1, v1 = rotate64(v1, 13) ^ v0, v0 = rotate64(v0, 32); \
  v2 += v3, v3 = rotate64(v3, 16) ^ v2;                        \
  v0 += v3, v3 = rotate64(v3, 21) ^ v0;                        \
  v2 += v1, v1 = rotate64(v1, 17) ^ v2, v2 = rotate64(v2, 32)

// run: siphash_2_4(memory, 128)
u64 siphash_2_4(u8* p, u64 n) {
  fill_bytes(p, n, 4);
  const u64 k0 = 0x0706050403020100u, k1 = 0x0f0e0d0c0b0a0908u;
  u64 v0 = k0 ^ 0x736f6d6570736575u, v1 = k1 ^ 0x646f72616e646f6du;
  u64 v2 = k0 ^ 0x6c7967656e657261u, v3 = k1 ^ 0x7465646279746573u;
  u64 i = 0;
  for (; i + 8 <= n; i += 8) {
    const u64 m = long_at(p + i);
    v3 ^= m;
    SIP_ROUND;
    SIP_ROUND;
    v0 ^= m;
  }
  u64 last = n << 56;
  for (u64 at = 0; i + at < n; ++at) last |= (u64)p[i + at] << 8 * at;
  v3 ^= last;
  SIP_ROUND;
  SIP_ROUND;
  v0 ^= last;
  v2 ^= 0xff;
  SIP_ROUND;
  SIP_ROUND;
  SIP_ROUND;
  SIP_ROUND;
  return v0 ^ v1 ^ v2 ^ v3;
}

// run: crc32_by_bits(memory, 100)
u64 crc32_by_bits(u8* p, u64 n) {
  fill_bytes(p, n, 5);
  u32 crc = 0xffffffffu;
  for (u64 i = 0; i < n; ++i) {
    crc ^= p[i];
    for (int bit = 0; bit < 8; ++bit) crc = crc & 1 ? crc >> 1 ^ 0xedb88320u : crc >> 1;
  }
  return ~crc;
}

// run: crc32_by_table(memory, 1000)
u64 crc32_by_table(u8* p, u64 n) {
  u32* table = (u32*)(p + 16384);
  for (u32 i = 0; i < 256; ++i) {
    u32 c = i;
    for (int bit = 0; bit < 8; ++bit) c = c >> 1 ^ (0xedb88320u & -(c & 1));
    table[i] = c;
  }
  fill_bytes(p, n, 6);
  u32 crc = 0xffffffffu;
  for (u64 i = 0; i < n; ++i) crc = table[(crc ^ p[i]) & 0xff] ^ crc >> 8;
  return ~crc;
}

// run: adler32(memory, 500)
u64 adler32(u8* p, u64 n) {
  fill_bytes(p, n, 7);
  u32 a = 1, b = 0;
  for (u64 i = 0; i < n; ++i) {
    a = (a + p[i]) % 65521;
    b = (b + a) % 65521;
  }
  return b << 16 | a;
}

// run: splitmix(300)
u64 splitmix(u64 n) {
  u64 state = 0, sum = 0;
  for (u64 i = 0; i < n; ++i) {
    state += 0x9e3779b97f4a7c15u;
    u64 z = state;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    sum += z ^ z >> 31;
  }
  return sum;
}
