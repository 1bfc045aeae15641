// RISC-V 64: the calling convention as tables, and what frames, moves and jump tables are made of.
//
// Inside a function s0 is the stack pointer at entry; ra and the caller's s0 stand in the 16 bytes below it. sp is
// constant. t6 is free for addresses, t5 for moves between two frame places. See machine/isa.h for what each
// function has to guarantee.
#pragma once

#include <vector>

#include "compiler/machine/isa.h"

namespace assay::isa::riscv64 {

extern const machine::AbiTable kAbi;
// The registers as the allocator sees them.
regalloc::RegisterEnv register_env();

machine::SimpleInst move(machine::RegClass reg_class, machine::Reg to, machine::Reg from);
machine::SimpleInst load(ir::Type type, machine::Reg to, const machine::Amode& place);
machine::SimpleInst store(ir::Type type, machine::Reg from, const machine::Amode& place);
machine::SimpleInst address(machine::Reg to, const machine::Amode& place);
void prologue(const machine::FrameLayout& frame, machine::InstList& out);
void epilogue(const machine::FrameLayout& frame, machine::InstList& out);
void frame_address(machine::PReg to, int64_t offset, machine::InstList& out);
uint16_t longer_branch(uint16_t opcode);
// Two hatches: far_jump and jump_table.
machine::EncodeError encode_hatch(uint16_t opcode, std::span<const machine::Operand> operands,
                                  const machine::HatchContext& context, std::vector<uint8_t>& out,
                                  uint32_t& data_begin);

}  // namespace assay::isa::riscv64
