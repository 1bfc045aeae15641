// One machine instruction, the same representation on every ISA: an opcode and a slice of 16-byte operands.
//
// What an opcode means (its operands, their roles, its encoding, text and semantics) stands in one place, the ISA's
// instruction definitions (*.inst), from which the InstDesc tables are generated (inst_desc.h). Nothing here knows an
// ISA.
#pragma once

#include <cstdint>
#include <span>

#include "compiler/machine/reg.h"
#include "compiler/support/entity.h"

namespace assay::machine {

struct BlockTag;
using Block = Entity<BlockTag>;  // a block of VCode, not of CLIF
struct InstTag;
using InstRef = Entity<InstTag>;  // an instruction of VCode, in emission order

enum class OperandKind : uint8_t {
  None,      // an absent optional operand (no index register)
  Reg,       // `reg`
  Imm,       // `imm`: immediates, displacements, and static parameters (the index of the enumerator)
  Label,     // `imm` = Block index, a branch target
  Place,     // `imm` = Block index, for its code's address: nothing goes there from here
  Frame,     // `imm` = byte offset within the frame area `detail` (FrameArea); becomes Imm when the frame is laid out
  Symbol,    // `imm` = index into VCode::symbols
  Constant,  // `imm` = index into VCode::constants (the constant pool)
};

// How the allocator sees a register operand. Uses are read at the start of the instruction, defs written at its end;
// an EarlyDef is written at the start already, so it never shares a register with a use.
enum class Role : uint8_t { Use, Def, EarlyDef };

enum class Constraint : uint8_t {
  Reg,    // any allocatable register of the class
  Fixed,  // the physical register with code `detail`
  Reuse,  // (Def only) the same register as the use that is operand number `detail` of this instruction
};

// Areas of a stack frame, as known before the frame is laid out. All but Incoming lie above the final stack pointer.
enum class FrameArea : uint8_t {
  Outgoing,  // arguments for callees, at the stack pointer
  Slots,     // explicit stack slots of the function
  Spills,    // allocator's spill slots
  Incoming,  // stack arguments of this function, in the caller's frame
  Linkage,   // where the frame pointer stands (s390x: the stack pointer at entry)
};

struct Operand {
  OperandKind kind = OperandKind::None;
  Role role = Role::Use;
  Constraint constraint = Constraint::Reg;
  uint8_t detail = 0;
  Reg reg;
  int64_t imm = 0;

  static Operand use(Reg reg) { return {OperandKind::Reg, Role::Use, Constraint::Reg, 0, reg, 0}; }
  static Operand def(Reg reg) { return {OperandKind::Reg, Role::Def, Constraint::Reg, 0, reg, 0}; }
  // Of the register that operand number `use` has.
  static Operand reuse_def(Reg reg, uint8_t use) {
    return {OperandKind::Reg, Role::Def, Constraint::Reuse, use, reg, 0};
  }
  static Operand fixed_use(Reg reg, PReg at) {
    return {OperandKind::Reg, Role::Use, Constraint::Fixed, at.code, reg, 0};
  }
  static Operand fixed_def(Reg reg, PReg at) {
    return {OperandKind::Reg, Role::Def, Constraint::Fixed, at.code, reg, 0};
  }
  static Operand immediate(int64_t value) { return {OperandKind::Imm, Role::Use, Constraint::Reg, 0, {}, value}; }
  static Operand label(Block block) {
    return {OperandKind::Label, Role::Use, Constraint::Reg, 0, {}, int64_t(block.index)};
  }
  static Operand place(Block block) {
    return {OperandKind::Place, Role::Use, Constraint::Reg, 0, {}, int64_t(block.index)};
  }
  static Operand frame(FrameArea area, int64_t offset) {
    return {OperandKind::Frame, Role::Use, Constraint::Reg, uint8_t(area), {}, offset};
  }
  static Operand symbol(uint32_t index) {
    return {OperandKind::Symbol, Role::Use, Constraint::Reg, 0, {}, int64_t(index)};
  }
  static Operand constant(uint32_t index) {
    return {OperandKind::Constant, Role::Use, Constraint::Reg, 0, {}, int64_t(index)};
  }

  bool is_reg() const { return kind == OperandKind::Reg; }
  bool is_use() const { return is_reg() && role == Role::Use; }
  bool is_def() const { return is_reg() && role != Role::Use; }
  FrameArea area() const { return FrameArea(detail); }
  bool operator==(const Operand&) const = default;
};
static_assert(sizeof(Operand) == 16);

inline constexpr uint32_t kNoSource = 0xffffffffu;
inline constexpr uint8_t kNoTrap = 0;
inline constexpr uint16_t kNoRuleChain = 0xffff;

// 16 bytes; the operands stand in VCode::operands[first_operand .. first_operand + operand_count).
struct Inst {
  uint16_t opcode = 0;         // index into the ISA's InstDesc table
  uint16_t operand_count = 0;  // >= the desc's operands; calls, returns and jump tables append more
  uint32_t first_operand = 0;
  uint32_t source = kNoSource;    // index of the CLIF instruction it comes from
  uint8_t trap = kNoTrap;         // CLIF trap code raised if the instruction traps; kNoTrap: it cannot
  uint8_t clobbers = 0;           // index into VCode::clobber_sets (0 = none beside the desc's own)
  uint16_t rules = kNoRuleChain;  // the rules that emitted it: index into VCode::rule_chains; if observed
};
static_assert(sizeof(Inst) == 16);

// A memory operand before it is flattened into four consecutive operands: base, index, shift, displacement.
// With `in_frame`, base must be none: the stack pointer is filled in and the displacement is relative to `area`.
struct Amode {
  Reg base;
  Reg index;          // none if there is no index
  uint8_t shift = 0;  // the index is shifted left by this
  bool in_frame = false;
  FrameArea area = FrameArea::Slots;
  int32_t disp = 0;

  bool operator==(const Amode&) const = default;
};
inline constexpr unsigned kAmodeOperands = 4;

}  // namespace assay::machine
