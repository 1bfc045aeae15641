// `assay verify --operations`: single operations on very many operands, interpreter against machines.
#pragma once

#include "fuzz/operation_sweep.h"

namespace assay::cli {

struct SweepArguments {
  bool wanted = false;
  fuzz::SweepOptions options;
  double seconds = 0;  // no new operation after that; 0: all
  unsigned jobs = 0;   // threads; 0: one per processor
  bool list = false;   // a line for each operation
  bool json = false;
};

// The exit status: a finding if a machine disagrees.
int run_sweep(const SweepArguments& arguments);

}  // namespace assay::cli
