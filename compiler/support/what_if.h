// What if the compiler had decided otherwise? In the program `assay-what-if` conditions and numbers in the compiler's
// own code have a place each that says which ran, and that can be told to answer otherwise from then on: the condition
// negated, the number one more. A change with which what failed no longer fails, and what passed still passes, points
// to a mistake (Zhang et al., "Locating faults through automated predicate switching", 2006). A pass of clang makes the
// places (what_if_pass.cpp) in a second object of each file that has some (cli/CMakeLists.txt); triage asks
// (fuzz/doubts.h). All other programs have none.
//
// Places belong to the process and are not synchronised: one thread at a time.
#pragma once

#include <cstdint>
#include <span>

namespace assay {

enum class WhatIfKind : uint8_t {
  Entry,      // of a function; cannot be changed
  Condition,  // of a branch: 1 negates it
  Answer,     // what a predicate returns: 1 negates it
  Number,     // the result of arithmetic: 1 adds one, 2 takes one off, 3 and 4 take the left or right operand alone
  Limit,      // an order between numbers: 1 makes `less` of `less or equal`, and the reverse
  Kept,       // a number that is kept elsewhere or handed on: 1 adds one, 2 takes one off, 3 adds and 4 takes off eight
  Flag,       // a truth value that is kept or handed on: 1 negates it
};
// How many ways there are to change a place of this kind.
constexpr uint8_t what_if_changes(WhatIfKind kind) {
  switch (kind) {
    case WhatIfKind::Entry:
      return 0;
    case WhatIfKind::Number:
    case WhatIfKind::Kept:
      return 4;
    default:
      return 1;
  }
}

// The pass lays these out field by field.
struct WhatIfPlace {
  const char* function;  // "assay::opt::Control::fold(…)"
  const char* file;      // as the build names it
  uint32_t line;
  WhatIfKind kind;
  uint8_t change;  // 0: none
  uint8_t ran;     // bits, since it was set to 0: of a condition 1: it held, 2: it did not
  uint8_t unused;
};
static_assert(sizeof(WhatIfPlace) == 24);

// All places; empty in a program without.
std::span<WhatIfPlace> what_if_places();

}  // namespace assay
