// The allocator's phases on trial, one by one: does each deliver what the next one builds on?
//
// The checker (checker.h) says whether an allocation is right; this says which function of the allocator made it wrong.
// Each phase is run on its own and its state (state.h) held against what can be worked out without it:
//
//   ranges   uses, definitions and reservations against the operands; live ranges against a plain data flow analysis
//   scan     no range lost; I1; a register wherever one is needed
//   moves    slots (I4); operands against the pieces; the parallel moves against those that the pieces call for; the
//            sequence against all of a set at once
//
// The first phase that fails is reported, not what follows from it. For triage and tests: slow, and for functions of
// moderate size (blocks times registers).
#pragma once

#include <string>
#include <vector>

#include "compiler/regalloc/allocation.h"

namespace assay::regalloc {

struct AuditFinding {
  const char* function;  // "MovePlacer::assign_slots"
  const char* file;      // "compiler/regalloc/moves.cpp"
  std::string text;
};

// Runs the allocator as Allocator::run does. Nothing: all phases deliver.
std::vector<AuditFinding> audit_allocator(const machine::VCode& code, const RegisterEnv& env,
                                          const InstClobbers& clobbers, const AllocateOptions& options = {});

// After every phase, for tests that spoil its state. `before` is what live_ranges() said before the scan.
struct AllocatorState;
using LiveRanges = std::vector<std::vector<std::pair<uint32_t, uint32_t>>>;  // by value; adjacent pieces joined
LiveRanges live_ranges(const AllocatorState& state);
std::vector<AuditFinding> audit_ranges(const AllocatorState& state);
std::vector<AuditFinding> audit_scan(const AllocatorState& state, const LiveRanges& before);
std::vector<AuditFinding> audit_moves(const AllocatorState& state);

}  // namespace assay::regalloc
