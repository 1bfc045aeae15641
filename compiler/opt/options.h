// Which passes of the mid-end run: each can be switched off, and still what comes out is right.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "compiler/support/steps.h"

namespace assay::opt {

struct OptimizeOptions {
  bool rewrite = true;  // rules
  bool hoist = true;    // what does not change in a loop goes before it
  bool memory = true;   // loads of what is known, stores that nobody reads
  bool control = true;  // branches, blocks, block parameters
  bool unroll = true;   // loops that count
  bool small = false;   // of two ways, the one of less code (opt_level speed_and_size)
  // Not 0: of equal ways one is taken as if operations cost something else, which follows from this seed. For testing:
  // what is made is right whatever they cost.
  uint64_t choice_seed = 0;
  // Everything that is done beyond what must be asks here, under the name of the function that answers for it
  // (compiler/opt/changes.h), rules under theirs.
  Steps* steps = nullptr;
};

// The passes by name, for settings and command lines.
struct PassName {
  std::string_view name;
  bool OptimizeOptions::* on;
};
inline constexpr std::array kPasses = {
    PassName{"rewrite", &OptimizeOptions::rewrite}, PassName{"hoist", &OptimizeOptions::hoist},
    PassName{"memory", &OptimizeOptions::memory},   PassName{"control", &OptimizeOptions::control},
    PassName{"unroll", &OptimizeOptions::unroll},
};

}  // namespace assay::opt
