// Matrices, images and sums over arrays.
#include "programs.h"

// run: matrix_product(memory, 10)
u64 matrix_product(i64* a, u64 n) {
  i64 *b = a + n * n, *c = b + n * n;
  for (u64 i = 0; i < n * n; ++i) {
    a[i] = (i64)(i * 3 + 1);
    b[i] = (i64)(i ^ 5) - 20;
  }
  for (u64 i = 0; i < n; ++i) {
    for (u64 j = 0; j < n; ++j) {
      i64 sum = 0;
      for (u64 k = 0; k < n; ++k) sum += a[i * n + k] * b[k * n + j];
      c[i * n + j] = sum;
    }
  }
  u64 sum = 0;
  for (u64 i = 0; i < n * n; ++i) sum = sum * 7 + (u64)c[i];
  return sum;
}

// run: matrix_product_32(memory)
u64 matrix_product_32(i32* memory) {
  i32(*a)[8] = (i32(*)[8])memory, (*b)[8] = a + 8, (*c)[8] = b + 8;
  for (int i = 0; i < 8; ++i) {
    for (int j = 0; j < 8; ++j) {
      a[i][j] = i * j + 1;
      b[i][j] = i - 2 * j;
    }
  }
  for (int i = 0; i < 8; ++i) {
    for (int j = 0; j < 8; ++j) {
      c[i][j] = 0;
      for (int k = 0; k < 8; ++k) c[i][j] += a[i][k] * b[k][j];
    }
  }
  u64 sum = 0;
  for (int i = 0; i < 8; ++i) {
    for (int j = 0; j < 8; ++j) sum = sum * 7 + (u32)c[i][j];
  }
  return sum;
}

// run: shortest_paths(memory, 12)
u64 shortest_paths(u32* d, u64 n) {
  for (u64 i = 0; i < n * n; ++i) d[i] = (u32)(i * 2654435761u >> 7 & 1023);
  for (u64 k = 0; k < n; ++k) {
    for (u64 i = 0; i < n; ++i) {
      for (u64 j = 0; j < n; ++j) {
        if (d[i * n + k] + d[k * n + j] < d[i * n + j]) d[i * n + j] = d[i * n + k] + d[k * n + j];
      }
    }
  }
  u64 sum = 0;
  for (u64 i = 0; i < n * n; ++i) sum = sum * 3 + d[i];
  return sum;
}

// run: blur(memory, 20, 16)
u64 blur(u8* p, u64 width, u64 height) {
  fill_bytes(p, width * height, 2);
  u8* out = p + 8192;
  for (u64 y = 1; y + 1 < height; ++y) {
    for (u64 x = 1; x + 1 < width; ++x) {
      u32 sum = 0;
      for (int dy = -1; dy <= 1; ++dy) {
        for (int dx = -1; dx <= 1; ++dx) sum += p[(y + (u64)(i64)dy) * width + x + (u64)(i64)dx];
      }
      out[y * width + x] = (u8)(sum / 9);
    }
  }
  u64 sum = 0;
  for (u64 i = 0; i < width * height; ++i) sum = sum * 3 + out[i];
  return sum;
}

struct Particle {
  i32 x, y, dx, dy;
};

// run: particles(memory, 30, 10)
u64 particles(struct Particle* p, u64 n, u64 steps) {
  for (u64 i = 0; i < n; ++i) {
    p[i].x = (i32)(i * 17 % 100);
    p[i].y = (i32)(i * 31 % 100);
    p[i].dx = (i32)(i % 7) - 3;
    p[i].dy = (i32)(i % 5) - 2;
  }
  for (u64 step = 0; step < steps; ++step) {
    for (u64 i = 0; i < n; ++i) {
      p[i].x += p[i].dx;
      p[i].y += p[i].dy;
      if (p[i].x < 0 || p[i].x >= 100) p[i].dx = -p[i].dx;
      if (p[i].y < 0 || p[i].y >= 100) p[i].dy = -p[i].dy;
    }
  }
  u64 sum = 0;
  for (u64 i = 0; i < n; ++i) sum = sum * 3 + (u64)(p[i].x * 128 + p[i].y);
  return sum;
}

// run: polynomial(memory, 50)
u64 polynomial(double* a, u64 n) {
  const double p = (double)(i64)(n - 48), q = (double)(i64)(n - 47), r = (double)(i64)(n - 43);
  for (u64 i = 0; i < n; ++i) a[i] = (double)(i64)(i % 11) - q;
  double sum = 0;
  for (u64 i = 0; i < n; ++i) {
    const double x = a[i];
    sum += ((p * x - q) * x + p) * x - r;
  }
  return (u64)(i64)(sum * p);
}
