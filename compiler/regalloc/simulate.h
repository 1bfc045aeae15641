// Concrete execution for tests: VCode over virtual registers, VCode with an allocation beside it, and VCode after
// apply_allocation, with opaque instructions. A def's value is a hash of the instruction, the operand, the values used
// and how often it ran; the log of all values used must be the same in all three. It judges the allocator and the
// checker, and shares no code with either.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compiler/regalloc/allocation.h"

namespace assay::regalloc {

struct SimulationLog {
  std::vector<uint64_t> values;  // of all uses in order of execution, branch decisions included
  std::string error;             // a rule of the machine was broken (scratch, tied registers, early definitions)
};

// `seed` makes the branch decisions; stops after `max_insts` instructions that are not moves.
SimulationLog simulate_virtual(const machine::VCode& code, uint64_t seed, uint32_t max_insts);

// Clobbered and scratch registers get garbage after every instruction.
SimulationLog simulate_allocated(const machine::VCode& code, const Allocation& allocation, const RegisterEnv& env,
                                 const InstClobbers& clobbers, uint64_t seed, uint32_t max_insts);

// `original` is the code before apply_allocation: it tells which uses are logged, and names instructions.
SimulationLog simulate_applied(const machine::VCode& applied, const machine::VCode& original, const RegisterEnv& env,
                               const InstClobbers& clobbers, uint64_t seed, uint32_t max_insts);

}  // namespace assay::regalloc
