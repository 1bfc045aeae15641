// What register allocation takes and gives. The allocator does not change VCode: it returns where every register
// operand lives and which moves to insert; apply_allocation() then rewrites the VCode, and check() (checker.h), which
// shares no code with any allocator, compares the two.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "compiler/machine/vcode.h"
#include "compiler/support/diagnostic.h"

namespace assay::regalloc {

using machine::PReg;
using machine::PRegSet;
using machine::RegClass;

// The registers of a machine as the allocator sees them.
struct RegisterEnv {
  // Per class, in order of preference: caller-saved first. Never contains reserved registers (stack pointer, scratch
  // …).
  std::vector<PReg> allocatable[machine::kRegClasses];
  PRegSet callee_saved;
  // Reserved for moves between two stack slots and for cycles; never allocatable. None: the class has no moves.
  PReg scratch[machine::kRegClasses];
};

// The registers that instructions overwrite beside their defs, by opcode; the instruction's own set
// (VCode::clobber_sets) comes on top. A clobber strikes at the end of the instruction, after the uses are read; a
// fixed def of a clobbered register wins.
struct InstClobbers {
  std::span<const PRegSet> by_opcode;  // opcodes past its end have none

  PRegSet of(const machine::VCode& code, const machine::Inst& inst) const {
    PRegSet set;
    if (inst.opcode < by_opcode.size()) set = by_opcode[inst.opcode];
    if (inst.clobbers != 0 && inst.clobbers < code.clobber_sets.size()) set = set | code.clobber_sets[inst.clobbers];
    return set;
  }
};

// Where a value is: a physical register or a spill slot (8-byte slots for Gpr, 16 for Vec, counted in 8-byte units).
struct Location {
  static constexpr uint32_t kSlotBit = 0x80000000u;
  uint32_t bits = 0xffffffffu;

  static Location reg(PReg reg) { return {reg.code}; }
  static Location slot(uint32_t index) { return {index | kSlotBit}; }
  bool is_none() const { return bits == 0xffffffffu; }
  bool is_slot() const { return !is_none() && (bits & kSlotBit); }
  bool is_reg() const { return !is_none() && !(bits & kSlotBit); }
  PReg preg() const { return PReg::from_code(static_cast<uint8_t>(bits)); }
  uint32_t slot_index() const { return bits & ~kSlotBit; }
  auto operator<=>(const Location&) const = default;
};

enum class Point : uint8_t { Before, After };

// A sequential move (parallel moves have been resolved): moves at one point are done in the order of the list.
// Any combination but slot to slot is allowed (the scratch register is used for that).
struct Move {
  uint32_t inst = 0;  // index into VCode::insts
  Point point = Point::Before;
  RegClass reg_class = RegClass::Gpr;
  Location from;
  Location to;
};

struct Allocation {
  std::vector<PReg> operands;     // parallel to VCode::operands; none for operands that are not registers
  std::vector<Move> moves;        // sorted by (inst, point), in execution order within a point
  uint32_t spill_slot_count = 0;  // in 8-byte units
  // Statistics: values with a spill slot, ranges cut in two, moves inserted.
  uint32_t spilled_ranges = 0, splits = 0, move_count = 0;
};

struct AllocateOptions {
  // Use only the first N allocatable registers of each class that no constraint needs (0: all): for fuzzing pressure.
  unsigned max_registers = 0;
  // Not 0: takes registers, and what to spill, at random from this seed, wherever it may choose.
  uint64_t choice_seed = 0;
};

}  // namespace assay::regalloc
