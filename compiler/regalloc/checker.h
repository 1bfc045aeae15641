// The judge of register allocation: does every use read, at the place its constraint demands, the value it read before?
//
// It works backwards over symbolic demands. A demand (P, L, v) says: at program point P, location L (a register, or
// an 8-byte unit of the spill area) must hold virtual register v. The lattice is sets of demands per point under
// inclusion, union at joins; the analysis is the least set that contains the demand of every use in reachable code and
// is closed under the transfer functions, each of which takes a demand across the last thing before P that writes L:
//
//   a def of v in L                 the demand is met
//   a def of another value, a clobber, a write of unknown content:  an error
//   a move L := M                   demand (before the move, M, v); a 16-byte slot is two units with one half each
//   nothing before the entry        an error
//   nothing before the block start  demand (end of p, L, v') for every predecessor p, where v' is the argument that p
//                                   passes if v is a parameter of the block, and v otherwise
//
// If no demand ends in an error, then along every path each use finds in its location the value last written there by
// v's own definition (arguments standing for parameters), which is what SSA says it reads. Nothing is assumed of how
// the allocator works: values may be copied, sit in several places, or swap. Demands cover live values only, so two
// live values can't share a location: the later write would fail the demand of the other.
//
// Checked besides, instruction by instruction: fixed, tied and early-definition constraints, register classes, that no
// definition is lost to another one or to a clobber, that reserved and scratch registers carry nothing across an
// instruction, that slots are in range, that moves stand where every path they belong to executes them, and never touch
// flags. Flags must find their definition within the block (V4).
//
// Shares no code with the allocator or the resolution of parallel moves. A transfer is a binary search among the writes
// of the location, and crosses a chain of blocks, each the only predecessor of the next, at once. Time O(n log n) in
// operands, moves and pairs of chain and live location; beyond 2^27 demands it gives up, and says so.
#pragma once

#include "compiler/regalloc/allocation.h"

namespace assay::regalloc {

// Nothing if the allocation is right; else up to a hundred findings, each naming instruction, operand, the virtual
// register and what was found. The code must satisfy V1-V5.
Diagnostics check(const machine::VCode& code, const Allocation& allocation, const RegisterEnv& env,
                  const InstClobbers& clobbers);

}  // namespace assay::regalloc
