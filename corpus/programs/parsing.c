// Parsing and printing of numbers and encodings.
#include "programs.h"

// run: decimal(memory, 200)
u64 decimal(u8* p, u64 n) {
  u64 at = 0, seed = 1;
  for (u64 i = 0; i < n; ++i) {  // print
    seed = next_random(seed);
    u32 x = (u32)(seed >> 35);
    u8 digits[12];
    int count = 0;
    do {
      digits[count++] = (u8)('0' + x % 10);
      x /= 10;
    } while (x != 0);
    while (count > 0) p[at++] = digits[--count];
    p[at++] = ',';
  }
  p[at] = 0;
  u64 sum = 0;
  for (at = 0; p[at] != 0;) {  // parse
    i64 value = 0;
    while (p[at] >= '0' && p[at] <= '9') value = value * 10 + (p[at++] - '0');
    if (p[at] == ',') ++at;
    sum = sum * 3 + (u64)value;
  }
  return sum;
}

// run: hexadecimal(memory, 100)
u64 hexadecimal(u8* p, u64 n) {
  u64 seed = 2;
  for (u64 i = 0; i < n; ++i) {
    seed = next_random(seed);
    for (int digit = 0; digit < 16; ++digit) {
      const u32 x = (u32)(seed >> (60 - 4 * digit)) & 15;
      p[i * 16 + (u64)digit] = (u8)(x < 10 ? '0' + x : 'a' + x - 10);
    }
  }
  u64 sum = 0;
  for (u64 i = 0; i < n; ++i) {
    u64 value = 0;
    for (int digit = 0; digit < 16; ++digit) {
      const u8 c = p[i * 16 + (u64)digit];
      u32 x;
      if (c >= '0' && c <= '9') {
        x = c - '0';
      } else if (c >= 'a' && c <= 'f') {
        x = c - 'a' + 10u;
      } else {
        return 0;
      }
      value = value << 4 | x;
    }
    sum += value;
  }
  return sum;
}

// run: utf8(memory, 300)
u64 utf8(u8* p, u64 n) {
  u64 at = 0, seed = 3;
  for (u64 i = 0; i < n; ++i) {  // encode
    seed = next_random(seed);
    u32 c = (u32)(seed >> 43) >> (seed >> 32) % 14;
    if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) c = 0xfffd;
    if (c < 0x80) {
      p[at++] = (u8)c;
    } else if (c < 0x800) {
      p[at++] = (u8)(0xc0 | c >> 6);
      p[at++] = (u8)(0x80 | (c & 63));
    } else if (c < 0x10000) {
      p[at++] = (u8)(0xe0 | c >> 12);
      p[at++] = (u8)(0x80 | (c >> 6 & 63));
      p[at++] = (u8)(0x80 | (c & 63));
    } else {
      p[at++] = (u8)(0xf0 | c >> 18);
      p[at++] = (u8)(0x80 | (c >> 12 & 63));
      p[at++] = (u8)(0x80 | (c >> 6 & 63));
      p[at++] = (u8)(0x80 | (c & 63));
    }
  }
  const u64 end = at;
  u64 sum = 0;
  for (at = 0; at < end;) {  // decode
    const u8 first = p[at++];
    u32 c = first, more = 0;
    if (first >= 0xf0) {
      c = first & 7u;
      more = 3;
    } else if (first >= 0xe0) {
      c = first & 15u;
      more = 2;
    } else if (first >= 0xc0) {
      c = first & 31u;
      more = 1;
    }
    for (; more > 0; --more) {
      if (at >= end || (p[at] & 0xc0) != 0x80) return 0;
      c = c << 6 | (p[at++] & 63);
    }
    sum = sum * 5 + c;
  }
  return sum;
}

// run: base64(memory, 300)
u64 base64(u8* p, u64 n) {
  fill_bytes(p, n, 4);
  u8* out = p + 8192;
  u64 at = 0;
  for (u64 i = 0; i + 2 < n; i += 3) {
    const u32 group = (u32)p[i] << 16 | (u32)p[i + 1] << 8 | p[i + 2];
    for (int shift = 18; shift >= 0; shift -= 6) {
      const u32 x = group >> shift & 63;
      out[at++] = (u8)(x < 26 ? 'A' + x : x < 52 ? 'a' + x - 26 : x < 62 ? '0' + x - 52 : x == 62 ? '+' : '/');
    }
  }
  u64 sum = 0;
  for (u64 i = 0; i < at; ++i) sum = sum * 33 + out[i];
  return sum;
}

// run: leb128(memory, 200)
u64 leb128(u8* p, u64 n) {
  u64 at = 0, seed = 5;
  for (u64 i = 0; i < n; ++i) {
    seed = next_random(seed);
    u64 x = seed >> (seed >> 58);
    for (; x >= 128; x >>= 7) p[at++] = (u8)(x | 128);
    p[at++] = (u8)x;
  }
  u64 sum = 0;
  for (u64 i = 0; i < at;) {
    u64 value = 0;
    u32 shift = 0;
    u8 byte;
    do {
      byte = p[i++];
      value |= (u64)(byte & 127) << shift;
      shift += 7;
    } while (byte & 128);
    sum += value;
  }
  return sum;
}

// run: words(memory, 1000)
u64 words(u8* p, u64 n) {
  fill_bytes(p, n, 6);
  u64 names = 0, numbers = 0, others = 0;
  int state = 0;
  for (u64 i = 0; i < n; ++i) {
    const u8 c = p[i] & 127;
    const int letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    const int digit = c >= '0' && c <= '9';
    switch (state) {
      case 0:
        if (letter) {
          state = 1;
        } else if (digit) {
          state = 2;
        } else if (c != ' ') {
          ++others;
        }
        break;
      case 1:
        if (!letter && !digit) {
          ++names;
          state = 0;
        }
        break;
      case 2:
        if (!digit) {
          ++numbers;
          state = letter ? 3 : 0;
        }
        break;
      default:
        if (c == ' ') state = 0;
    }
  }
  return names * 1000000 + numbers * 1000 + others;
}
