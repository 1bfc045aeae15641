// Sorting and searching of words in memory.
#include "programs.h"

INLINE void fill_words(u32* a, u64 n, u64 seed) {
  for (u64 i = 0; i < n; ++i) {
    seed = next_random(seed);
    a[i] = (u32)(seed >> 33) % 10007;
  }
}
INLINE u64 sum_of_words(const u32* a, u64 n) {
  u64 sum = 0;
  for (u64 i = 0; i < n; ++i) sum = sum * 31 + a[i];
  return sum;
}

// run: insertion_sort(memory, 60)
u64 insertion_sort(u32* a, u64 n) {
  fill_words(a, n, 1);
  for (u64 i = 1; i < n; ++i) {
    const u32 x = a[i];
    u64 j = i;
    for (; j > 0 && a[j - 1] > x; --j) a[j] = a[j - 1];
    a[j] = x;
  }
  return sum_of_words(a, n);
}

// run: shell_sort(memory, 200)
u64 shell_sort(u32* a, u64 n) {
  fill_words(a, n, 2);
  for (u64 gap = n / 2; gap > 0; gap /= 2) {
    for (u64 i = gap; i < n; ++i) {
      const u32 x = a[i];
      u64 j = i;
      for (; j >= gap && a[j - gap] > x; j -= gap) a[j] = a[j - gap];
      a[j] = x;
    }
  }
  return sum_of_words(a, n);
}

// run: heap_sort(memory, 150)
u64 heap_sort(u32* a, u64 n) {
  fill_words(a, n, 3);
  u64 start = n / 2, end = n;
  while (end > 1) {
    if (start > 0) {
      --start;
    } else {
      --end;
      const u32 x = a[end];
      a[end] = a[0];
      a[0] = x;
    }
    u64 root = start;
    for (;;) {
      u64 child = 2 * root + 1;
      if (child >= end) break;
      if (child + 1 < end && a[child] < a[child + 1]) ++child;
      if (a[root] >= a[child]) break;
      const u32 x = a[root];
      a[root] = a[child];
      a[child] = x;
      root = child;
    }
  }
  return sum_of_words(a, n);
}

// run: merge_sort(memory, 200)
u64 merge_sort(u32* a, u64 n) {
  fill_words(a, n, 4);
  u32* from = a;
  u32* to = a + 4096;
  for (u64 width = 1; width < n; width *= 2) {
    for (u64 low = 0; low < n; low += 2 * width) {
      const u64 middle = low + width < n ? low + width : n;
      const u64 high = low + 2 * width < n ? low + 2 * width : n;
      u64 i = low, j = middle;
      for (u64 k = low; k < high; ++k) {
        if (i < middle && (j >= high || from[i] <= from[j])) {
          to[k] = from[i++];
        } else {
          to[k] = from[j++];
        }
      }
    }
    u32* const swap = from;
    from = to;
    to = swap;
  }
  return sum_of_words(from, n);
}

// run: quick_sort(memory, 200)
u64 quick_sort(i64* a, i64 n) {
  u64 seed = 5;
  for (i64 i = 0; i < n; ++i) {
    seed = next_random(seed);
    a[i] = (i64)seed >> 30;
  }
  i64* stack = a + 4096;
  i64 top = 0;
  stack[top++] = 0;
  stack[top++] = n - 1;
  while (top > 0) {
    const i64 high = stack[--top], low = stack[--top];
    if (low >= high) continue;
    const i64 pivot = a[(low + high) / 2];
    i64 i = low, j = high;
    while (i <= j) {
      while (a[i] < pivot) ++i;
      while (a[j] > pivot) --j;
      if (i > j) break;
      const i64 x = a[i];
      a[i++] = a[j];
      a[j--] = x;
    }
    stack[top++] = low;
    stack[top++] = j;
    stack[top++] = i;
    stack[top++] = high;
  }
  u64 sum = 0;
  for (i64 i = 0; i < n; ++i) sum = sum * 31 + (u64)a[i];
  return sum;
}

// run: binary_search(memory, 500)
u64 binary_search(u32* a, u64 n) {
  for (u64 i = 0; i < n; ++i) a[i] = (u32)(i * 7 + i % 3);
  u64 found = 0;
  for (u32 x = 0; x < 7 * (u32)n; x += 13) {
    u64 low = 0, high = n;
    while (low < high) {
      const u64 middle = low + (high - low) / 2;
      if (a[middle] < x) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    found += low < n && a[low] == x ? low : 1;
  }
  return found;
}
