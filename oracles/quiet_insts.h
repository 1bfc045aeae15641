// Instructions that neither define anything nor stop the program: padding, and what orders memory accesses, which one
// thread cannot tell. Of all others without `sem` and definitions, the harness expects a breakpoint.
#pragma once

#include <algorithm>
#include <string_view>

namespace assay::oracles {

// By the name of the definition, of any ISA.
inline bool is_quiet(std::string_view name) {
  constexpr std::string_view kNames[] = {"nop", "mfence", "dmb", "fence", "serialize"};
  return std::ranges::find(kNames, name) != std::end(kNames);
}

}  // namespace assay::oracles
