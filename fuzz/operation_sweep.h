// One operation on very many operands: bit patterns of which edges are frequent, by the interpreter and by every
// machine.
//
// For each operation and type there is a function that loads operands from a table, does the operation and stores its
// result beside them, thousands of times a run; the harness compares every byte (but for bits of NaNs that CLIF leaves
// open). Operands on which the operation traps are run one by one. Where all operands there are are no more than what
// was asked for (two of 8 bits, one of 16), each is taken once. Conversions, fma, minimum and maximum, rounding,
// roots, division, arithmetic of floats of all widths; division of integers of all widths.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compiler/machine/isa_kind.h"

namespace assay::fuzz {

struct SweepOptions {
  std::vector<IsaKind> isas;
  std::vector<std::string> only;  // parts of names such as "fma.f32", "fcvt_to_sint.i64.f32"; empty: all
  uint64_t patterns = 4000;       // for each operation
  uint64_t seed = 1;
};

struct SweptOperation {
  std::string name;
  uint64_t patterns = 0;     // operands that do not trap
  uint64_t traps = 0;        // and that do
  uint64_t runs = 0;         // of executors on machines
  bool is_complete = false;  // these are all operands
  double seconds = 0;
  std::vector<std::string> executors;
  std::vector<std::string> not_run;   // why some were not
  std::vector<std::string> findings;  // at most one for each executor
};

// The names of all operations, in order.
std::vector<std::string> swept_operations();
// The operation of that name.
SweptOperation sweep_operation(const std::string& name, const SweepOptions& options);

}  // namespace assay::fuzz
