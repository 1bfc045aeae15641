// The generator of random CLIF: programs that are valid by construction and end by construction.
//
// A program is several functions that call only earlier ones, regions of memory, and inputs for the last function.
//   G1  Every function verifies: types, dominance and signatures hold because values are picked from those in scope.
//   G2  Every run ends: loops count down from small constants, calls go to earlier functions and to host functions
//       (interpreter/host_function.h) only.
//   G3  Runs are deterministic and the same on every machine: no address of a stack slot and no uninitialised byte
//       reaches a result, memory or a branch; accesses that may lie outside a region trap with the access's code.
//   G4  Every operation on scalars is made, at every type.
//   G5  No exception leaves the entry function.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "compiler/ir/data_value.h"
#include "compiler/ir/function.h"
#include "fuzz/random.h"
#include "fuzz/steering.h"
#include "oracles/filetest_directive.h"

namespace assay::fuzz {

struct GenerateOptions {
  unsigned max_functions = 3;
  unsigned max_instructions = 40;  // of a function, roughly
  unsigned max_depth = 3;          // nesting of branches and loops
  unsigned inputs = 4;             // sets of arguments for the entry function
  Tilt tilt;                       // what there is to be more of
  unsigned float_percent = 40;     // programs that have floats
  unsigned wide_percent = 20;      // functions with integers of 128 bits
  std::optional<IsaKind> focus;    // for the rules of this machine and of the mid-end more than for others
  unsigned wide_atomics = 0;       // of those, percent with atomic accesses of 128 bits, which not every machine has
};

struct Program {
  std::vector<ir::Function> functions;            // the last one is the entry, %main
  std::vector<oracles::RegionDirective> regions;  // pseudo-random contents, from seeds
  std::vector<std::vector<ir::DataValue>> inputs;
  bool has_floats = false;         // may its functions have some?
  bool has_pinned = false;         // … use the pinned register?
  bool has_throws = false;         // … throw?
  bool has_tail_calls = false;     // … mostly end in each other?
  bool has_alias_regions = false;  // … say in which region of memory their accesses are?
  std::vector<bool> throws;        // by function: may an exception leave it?
  bool wants_features = false;     // has it something that rules for a machine's features match?
};

// A program. Costs some ten microseconds; `program` may be reused.
void generate(Random& random, const GenerateOptions& options, Program& program);

// One random value of the type, edge values (0, 1, -1, least, greatest, powers of two, repeated bytes) often.
ir::DataValue random_value(Random& random, ir::Type type);

}  // namespace assay::fuzz
