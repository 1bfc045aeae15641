// Unrolling: innermost loops whose header counts, so that several rounds need one test.
//
// U1  A loop counts if its header ends with a branch on a comparison of a parameter with what does not change in the
//     loop, one way of which leaves it, and every jump back passes the parameter plus or minus a constant.
// U2  A loop that runs a known, small number of rounds becomes that many copies, without tests. What was around it may
//     then be innermost: a few passes are made, from the inside out.
// U3  Any other becomes two loops: one of copies, whose header asks whether so many rounds follow (without overflow on
//     the way), and the old one for the rest.
// U4  What a loop computes and is used after it goes through parameters of the blocks that it is left to. A loop where
//     such a block can be entered from elsewhere stays as it is.
// U5  Copies are the instructions that they were made from, to whoever asks what trapped (`copied_from`).
//
// Loops with calls stay as they are. Growth is limited for each loop and for the function: linear.
#pragma once

#include <cstdint>
#include <vector>

#include "compiler/ir/function.h"
#include "compiler/support/steps.h"

namespace assay::opt {

struct UnrollStats {
  uint64_t unrolled = 0;      // U3
  uint64_t unrolled_all = 0;  // U2

  uint64_t sum() const { return unrolled + unrolled_all; }
};

// The function must have no aliases or unreachable blocks. `copied_from` gets, by number above that of `first`, what an
// instruction is a copy of; none for those that are not.
void unroll_loops(ir::Function& function, ir::Inst first, std::vector<ir::Inst>& copied_from, UnrollStats& stats,
                  Steps* steps = nullptr);

}  // namespace assay::opt
