// Writes an allocation into VCode: physical registers in all operands, moves as instructions.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "compiler/regalloc/allocation.h"

namespace assay::regalloc {

enum class MoveKind : uint8_t {
  Move,    // to := from
  Spill,   // slot := from
  Reload,  // to := slot
};

// How an ISA makes moves. None of these instructions may write flags or any register but `to`.
struct MoveHooks {
  // Appends the instruction (one or several) and its operands; Inst::first_operand is operands.size() before. The slot
  // lies at offset slot * 8 of FrameArea::Spills; `to` or `from` is none where the slot takes its part.
  std::function<void(MoveKind kind, PReg to, PReg from, RegClass reg_class, uint32_t slot,
                     std::vector<machine::Inst>& insts, std::vector<machine::Operand>& operands)>
      make_move;
  // Optional: whether the instruction, whose operands are physical by now, does nothing (a move to the same register,
  // no part of which it changes). Such instructions are dropped.
  std::function<bool(const machine::VCode& code, const machine::Inst& inst)> is_no_op;
};

// The allocation must be of this VCode. Afterwards no virtual register is left, block parameters and branch arguments
// are gone (they have become moves), and spills_size is set. Linear.
// If `origins` is given, it becomes by instruction: the index it had before, or kNoSource for a move that was inserted.
void apply_allocation(machine::VCode& code, const Allocation& allocation, const MoveHooks& hooks,
                      std::vector<uint32_t>* origins = nullptr);

}  // namespace assay::regalloc
