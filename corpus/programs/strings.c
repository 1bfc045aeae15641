// Searching and comparing strings.
#include "programs.h"

// run: find_string(memory, 800, 4)
u64 find_string(u8* text, u64 n, u64 m) {
  fill_letters(text, n, 1, 3);
  const u8* pattern = text + 100;
  u64 found = 0;
  for (u64 i = 0; i + m <= n; ++i) {
    u64 j = 0;
    while (j < m && text[i + j] == pattern[j]) ++j;
    if (j == m) ++found;
  }
  return found;
}

// run: knuth_morris_pratt(memory, 800, 6)
u64 knuth_morris_pratt(u8* text, u64 n, u64 m) {
  fill_letters(text, n, 2, 2);
  const u8* pattern = text + 40;
  u32* fail = (u32*)(text + 8192);
  fail[0] = 0;
  for (u64 i = 1, k = 0; i < m; ++i) {
    while (k > 0 && pattern[k] != pattern[i]) k = fail[k - 1];
    if (pattern[k] == pattern[i]) ++k;
    fail[i] = (u32)k;
  }
  u64 found = 0;
  for (u64 i = 0, k = 0; i < n; ++i) {
    while (k > 0 && pattern[k] != text[i]) k = fail[k - 1];
    if (pattern[k] == text[i]) ++k;
    if (k == m) {
      found += i;
      k = fail[k - 1];
    }
  }
  return found;
}

// run: horspool(memory, 1000, 5)
u64 horspool(u8* text, u64 n, u64 m) {
  fill_letters(text, n, 3, 5);
  const u8* pattern = text + 500;
  u16* skip = (u16*)(text + 8192);
  for (u32 i = 0; i < 256; ++i) skip[i] = (u16)m;
  for (u64 i = 0; i + 1 < m; ++i) skip[pattern[i]] = (u16)(m - 1 - i);
  u64 found = 0;
  for (u64 at = 0; at + m <= n; at += skip[text[at + m - 1]]) {
    i64 j = (i64)m - 1;
    while (j >= 0 && text[at + (u64)j] == pattern[j]) --j;
    if (j < 0) found += at;
  }
  return found;
}

// run: edit_distance(memory, 24)
u64 edit_distance(u8* p, u64 n) {
  fill_letters(p, 2 * n, 4, 4);
  u32* row = (u32*)(p + 8192);
  for (u32 j = 0; j <= n; ++j) row[j] = j;
  for (u64 i = 1; i <= n; ++i) {
    u32 before = row[0];
    row[0] = (u32)i;
    for (u64 j = 1; j <= n; ++j) {
      u32 best = before + (p[i - 1] != p[n + j - 1]);
      before = row[j];
      if (row[j] + 1 < best) best = row[j] + 1;
      if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
      row[j] = best;
    }
  }
  return row[n];
}

// run: compare_and_copy(memory, 400)
u64 compare_and_copy(u8* p, u64 n) {
  fill_letters(p, n, 5, 20);
  u8* copy = p + 8192;
  for (u64 i = 0; i <= n; ++i) copy[i] = p[i];
  u64 length = 0;
  while (copy[length] != 0) ++length;
  copy[length - 1] ^= 1;
  u64 i = 0;
  while (p[i] == copy[i] && p[i] != 0) ++i;
  for (u64 j = 0; j < length; ++j) {
    if (copy[j] >= 'a' && copy[j] <= 'z') copy[j] -= 32;
  }
  return length * 1000 + i + copy[7];
}

// run: run_lengths(memory, 600)
u64 run_lengths(u8* p, u64 n) {
  fill_letters(p, n, 6, 2);
  u8* out = p + 8192;
  u64 at = 0;
  for (u64 i = 0; i < n;) {
    const u8 c = p[i];
    u64 length = 1;
    while (i + length < n && p[i + length] == c && length < 255) ++length;
    out[at++] = (u8)length;
    out[at++] = c;
    i += length;
  }
  u64 sum = 0;
  for (u64 i = 0; i < at; i += 2) sum = sum * 3 + out[i] * out[i + 1];
  return sum;
}
