// Register allocation: linear scan over SSA with live-range splitting (after Wimmer and Franz, "Linear Scan Register
// Allocation on SSA Form", CGO 2010).
//
// The phases, one file each: ranges.cpp (live ranges and register reservations), scan.cpp (the scan: assigns, splits,
// spills), moves.cpp (operands, moves, spill slots). They share AllocatorState (state.h), which holds the positions'
// definition and the invariants.
//
// Assumes V1-V5 of vcode.h (verify_vcode.h checks them) and these limits, which are reported as errors:
//   - a block with one successor has branches without virtual operands other than flags (a jump);
//   - a value defined by a branch is not used;
//   - Fixed and Reuse constraints do not stand on a second branch of a block.
// Time is O(n log n) in instructions, operands and pieces of live ranges, plus the number of (chain, live value) pairs,
// where a chain is a run of blocks that only fall into each other; beyond 2^29 of those pairs it gives up with an
// error.
#pragma once

#include <memory>

#include "compiler/regalloc/allocation.h"

namespace assay::regalloc {

struct AllocatorState;

// Keeps its memory between functions.
class Allocator {
 public:
  Allocator();
  ~Allocator();
  Allocator(const Allocator&) = delete;
  Allocator& operator=(const Allocator&) = delete;

  // Overwrites `result` (its memory is reused). Fails if an instruction needs more registers than there are, or
  // if two of its constraints contradict each other.
  Expected<void> run(const machine::VCode& code, const RegisterEnv& env, const InstClobbers& clobbers,
                     const AllocateOptions& options, Allocation& result);

 private:
  std::unique_ptr<AllocatorState> state_;
};

// One function with a fresh Allocator.
Expected<Allocation> allocate(const machine::VCode& code, const RegisterEnv& env, const InstClobbers& clobbers,
                              const AllocateOptions& options = {});

}  // namespace assay::regalloc
