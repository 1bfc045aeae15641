// The layout of a function's stack frame, once register allocation has settled what is spilled and saved.
//
//   incoming stack arguments     (the caller's outgoing area)
//   return address               (x64 only, pushed by the call)
//   ---------------------------- stack pointer at entry
//   linkage                      saved frame pointer and return address, if the machine has a frame pointer
//   saved registers              those callee-saved ones that the function writes
//   spills
//   slots                        explicit stack slots, the area for results in memory
//   outgoing                     arguments for callees, the callee's save area
//   ---------------------------- stack pointer, a multiple of the stack's alignment
//
// A leaf function that needs none of these has no frame at all.
#pragma once

#include <vector>

#include "compiler/ir/function.h"
#include "compiler/machine/isa.h"
#include "compiler/machine/vcode.h"
#include "compiler/support/diagnostic.h"

namespace assay::machine {

// Every displacement of every machine reaches so many bytes from the stack pointer.
inline constexpr int64_t kNearInFrame = 248;

// Where each stack slot is within FrameArea::Slots, and, behind them, where what follows may begin. Fails if that is
// more than frames may have, or a slot wants more alignment than the stack pointer has.
Expected<std::vector<uint32_t>> lay_out_slots(const ir::Function& function, const TargetIsa& isa);

// Works on VCode over physical registers. Reuses `out`'s memory. Linear.
void layout_frame(const VCode& vcode, const TargetIsa& isa, FrameLayout& out);

}  // namespace assay::machine
