// See what_if_test_subject.h.
#include "compiler/support/what_if_test_subject.h"

namespace assay {

int what_if_larger(int a, int b) {
  if (a > b) return a;
  return b;
}

int what_if_area(int a, int b) { return a * b; }

bool what_if_even(int a) { return a % 2 == 0; }

int what_if_count(int n) {
  int count = 0;
  while (count < n) ++count;
  return count;
}

bool what_if_fits(int a, int limit) { return a < limit; }

void what_if_keep(int& to, int a) { to = a; }

void what_if_mark(bool& to) { to = true; }

int what_if_six() { return what_if_area(2, 3); }

}  // namespace assay
