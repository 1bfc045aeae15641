// What the allocator's phases share: positions, values, pieces of live ranges, register reservations.
//
// Positions. Every block has an entry unit, followed by one unit per instruction; units are numbered through the
// function. Unit u of an instruction reads at 2u and writes at 2u+1; the gap 2u lies just before it, and is where moves
// stand. The position 2u of an entry unit is the start of its block, where values arrive. A range is half open: [from,
// to).
//     plain use           live to 2u+1
//     fixed or tied use   live to the gap 2u: a move there copies it into place
//     branch argument     live to the end of the block
//     plain def           live from 2u+1; EarlyDef and Reuse from 2u; Fixed from the gap 2u+2, by a move from its
//     register block parameter     live from the start of the block
// A fixed operand or a clobber reserves its register for one position; a reservation may have an owner, the value that
// the operand names, which may sit in the register over it.
//
// I1  A piece of a live range is contiguous, and lies in one register or in the value's spill slot from end to end. Two
//     pieces in one register do not overlap, nor does a piece overlap a reservation of its register but its owner's.
// I2  A value with a spill slot is stored there once, right after its definition. So a piece may end in favour of the
//     slot at any position, without a move; a piece in a register begins at a def, a block start or a gap.
// I3  The branches at the end of a block are one unit, for no move can stand between them: the gap of each is the gap
//     before the first of them.
// I4  No pieces of two different values have a hull (first position to last) in common and the same spill slot.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "compiler/regalloc/allocation.h"
#include "compiler/regalloc/parallel_move.h"
#include "compiler/support/random_choices.h"

namespace assay::regalloc {

inline constexpr uint32_t kNone = 0xffffffffu;

enum class DefKind : uint8_t { None, Parameter, Plain, Early, Fixed };

// Ordered by position, linked per value.
struct UseRecord {
  uint32_t position;   // 2u, or the end of the block for an argument
  uint32_t earliest;   // the gap in which it may be reloaded
  uint32_t reach;      // how far the value must live for it
  uint32_t next;       // the next use of the value
  uint32_t next_must;  // this or the next one that needs a register
  bool must() const { return must_; }
  bool must_;
};

struct Value {
  uint32_t def_position;  // 2u, or the start of the block for a parameter
  uint32_t first_use;
  uint32_t use_cursor;   // the scan's: the first use not passed
  uint32_t last_use;     // the scan's: position of the last use passed
  uint32_t first_piece;  // ordered by position
  uint32_t def_piece;    // the one that starts at the def; none if the value needs no place there
  uint32_t tied_to;      // for a Reuse def: the value whose register it takes over
  uint32_t group;        // union-find parent: values that should share a register (parameters, arguments, ties)
  uint32_t partner;      // the parameter it is passed to, or the argument it comes from, next to it in the code
  uint32_t slot;
  RegClass reg_class;
  DefKind def_kind;
  PReg fixed_def;       // of DefKind::Fixed
  PReg preferred;       // by a fixed use ahead
  PReg last_register;   // of the piece last assigned
  PReg group_register;  // at the root of a group: last assigned to a member
  bool spilled;
  bool in_memory;  // where the scan last put it
};

struct Piece {
  uint32_t value;
  uint32_t from, to;
  uint32_t next;        // of the same value, by position
  uint32_t must_until;  // a def needs the register up to here; 0: does not begin at a def
  PReg reg;             // none: in the spill slot
  bool strict;          // begins at the early position of its instruction, and needs the register at the late one too
  bool is_reload;
};

struct Reservation {
  uint32_t position;
  uint32_t owner;  // a value, or kNone
};

struct Loop {
  uint32_t start, end;  // positions
  uint32_t parent;
  uint32_t depth;
};

// A move in a parallel set: those with equal (inst, stage, reg_class).
struct PendingMove {
  uint32_t inst;
  uint8_t stage;
  RegClass reg_class;
  ParallelMove move;
  uint64_t key() const { return uint64_t(inst) << 8 | uint64_t(stage) << 4 | uint64_t(reg_class); }
};

struct AllocatorState {
  // The task.
  const machine::VCode* code = nullptr;
  const RegisterEnv* env = nullptr;
  const InstClobbers* clobbers = nullptr;
  Allocation* result = nullptr;
  unsigned max_registers = 0;
  RandomChoices choices;

  // ranges.cpp
  std::vector<Value> values;
  std::vector<UseRecord> uses;
  std::vector<Piece> pieces;
  std::vector<uint32_t> unit_block;   // block of each unit
  std::vector<uint32_t> block_tail;   // first branch of each block (or its end)
  std::vector<uint32_t> block_chain;  // see ranges.cpp
  std::vector<uint32_t> chain_head;   // first block of each chain, and one past the last
  std::vector<uint32_t> block_loop;   // innermost loop of each block
  std::vector<Loop> loops;
  std::vector<Reservation> reserved[machine::kRegClasses * 64];  // by register code, last position first
  std::vector<uint8_t> reserved_used;                            // codes with reservations
  PRegSet allocatable;

  // Scratch memory of the phases.
  std::vector<uint32_t> chain_stamp, chain_reach, touched, worklist, loop_end;
  std::vector<uint8_t> operand_flags;
  std::vector<uint64_t> queue;  // sorted initial pieces
  std::vector<uint64_t> heap;   // pieces cut off later
  std::vector<PendingMove> pending;
  std::vector<ParallelMove> parallel, sequence;
  std::vector<uint64_t> order, free_slots;
  std::vector<uint32_t> value_pieces;
  ParallelMoveResolver resolver;

  // Position of an instruction, and of a block's start and end (the start of the next).
  static uint32_t position_of(uint32_t inst, uint32_t block) { return 2 * (inst + block + 1); }
  uint32_t block_start(uint32_t block) const { return 2 * (code->blocks[block].first_inst + block); }
  uint32_t block_end(uint32_t block) const { return position_of(code->blocks[block].end_inst, block); }
  uint32_t block_at(uint32_t position) const { return unit_block[position / 2]; }
  // The instruction at a position; for a block's start, its first one.
  uint32_t inst_at(uint32_t position) const {
    const uint32_t unit = position / 2;
    const uint32_t block = unit_block[unit];
    const uint32_t first = code->blocks[block].first_inst;
    return unit == first + block ? first : unit - block - 1;
  }
  // The last gap at or before a position (I3).
  uint32_t gap_at(uint32_t position) const {
    const uint32_t unit = position / 2;
    if (unit >= unit_block.size()) return 2 * unit;
    const uint32_t block = unit_block[unit];
    return std::min(2 * unit, position_of(block_tail[block], block));
  }
  bool is_gap(uint32_t position) const { return gap_at(position) == position; }
  uint32_t find_group(uint32_t value) {
    while (values[value].group != value) {
      values[value].group = values[values[value].group].group;
      value = values[value].group;
    }
    return value;
  }
  void join_groups(uint32_t a, uint32_t b) {
    a = find_group(a);
    b = find_group(b);
    if (a != b && values[a].reg_class == values[b].reg_class) values[a].group = b;
  }
  uint32_t innermost_loop(uint32_t position) const {
    return loops.empty() || position / 2 >= unit_block.size() ? kNone : block_loop[block_at(position)];
  }
};

// Fills values, uses, reservations and initial pieces.
Expected<void> build_ranges(AllocatorState& state);
// Gives every piece a register or the slot, cutting pieces as needed.
Expected<void> scan_pieces(AllocatorState& state);
// Gives spill slots, operands and moves: fills the result.
Expected<void> place_moves(AllocatorState& state);

// "instruction 7" as the place of an error.
Place instruction_place(uint32_t inst);

}  // namespace assay::regalloc
