// Functions with one decision each, for what_if_test.cpp.
#pragma once

namespace assay {

// The larger of the two.
int what_if_larger(int a, int b);
// Of a rectangle.
int what_if_area(int a, int b);
// Is it divisible by 2?
bool what_if_even(int a);
// n, for n that is not negative.
int what_if_count(int n);
// Is it below the limit?
bool what_if_fits(int a, int limit);
// Keeps a.
void what_if_keep(int& to, int a);
// Keeps true.
void what_if_mark(bool& to);
// An area of constants.
int what_if_six();

}  // namespace assay
