// A machine as the shared code sees it: one struct of tables and a few functions. Every compiler/isa/<isa>/isa.cpp
// fills one.
//
// The tables come from the instruction definitions (InstSet) and abi.cpp (AbiTable, RegisterEnv); the lowering
// functions from the rules. The functions written by hand are those that moves, frames and jump tables need. Nothing
// outside compiler/isa asks which machine it is working for.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "compiler/ir/entities.h"
#include "compiler/ir/immediates.h"
#include "compiler/ir/signature.h"
#include "compiler/ir/types.h"
#include "compiler/isle/rule_table.h"
#include "compiler/machine/inst_desc.h"
#include "compiler/machine/isa_kind.h"
#include "compiler/machine/vcode.h"
#include "compiler/regalloc/allocation.h"

namespace assay::machine {

class LowerContext;
struct InstOutput;

// An instruction made by hand, outside of any VCode.
struct SimpleInst {
  static constexpr unsigned kCapacity = 8;
  uint16_t opcode = 0;
  uint8_t operand_count = 0;
  Operand operands[kCapacity];

  SimpleInst() = default;
  SimpleInst(uint16_t opcode, std::initializer_list<Operand> list)
      : opcode(opcode), operand_count(static_cast<uint8_t>(list.size())) {
    assert(list.size() <= kCapacity);
    unsigned i = 0;
    for (const Operand& operand : list) operands[i++] = operand;
  }
  std::span<const Operand> span() const { return {operands, operand_count}; }
  std::span<Operand> span() { return {operands, operand_count}; }
};

// Instructions in order, over physical registers: what prologues and epilogues are written to.
class InstList {
 public:
  void push(const SimpleInst& inst) { insts_.push_back(inst); }
  void push(uint16_t opcode, std::initializer_list<Operand> operands) { insts_.emplace_back(opcode, operands); }
  std::span<SimpleInst> insts() { return insts_; }
  std::span<const SimpleInst> insts() const { return insts_; }
  bool empty() const { return insts_.empty(); }
  void clear() { insts_.clear(); }

 private:
  std::vector<SimpleInst> insts_;
};

// How a convention passes a number of two words (i128).
enum class Pairs : uint8_t {
  None,           // the backend has no i128
  WholeOrMemory,  // in the next two registers, or whole in memory; a register left over stays for later arguments (x64)
  NextOrMemory,   // in the next two registers; once in memory, so is what follows (Apple)
  EvenOrMemory,   // the first register's place in the sequence is even; once in memory, so is what follows (AArch64)
  Split,          // the last register takes the low half, memory the high one (RISC-V)
  ByReference,    // the address of a copy in the caller's frame; results are in memory (s390x)
};

// A calling convention as tables. See abi.h for what is made of it. What the frame consists of (from stack_pointer to
// linkage_bytes, saves_in_caller_frame) is the same in all conventions of an ISA.
struct AbiTable {
  std::span<const PReg> argument_registers;        // in order
  std::span<const PReg> result_registers;          // in order: CLIF's several results use all, then memory (abi.h)
  std::span<const PReg> float_argument_registers;  // none: the backend has no floats
  std::span<const PReg> float_result_registers;
  bool has_f16 = true;                      // floats of 16 bits have registers, too
  bool loads_f16 = true;                    // from memory; else as a word, which TargetIsa::transfer makes one (RISC-V)
  bool has_f128 = false;                    // one float register passes a float of 128 bits; else it goes as an i128
  bool floats_overflow_to_integer = false;  // once float registers are used up, integer ones take floats (RISC-V)
  Pairs pairs = Pairs::None;
  PReg stack_pointer;
  PReg frame_pointer;  // none: the frame has no frame pointer (s390x)
  PReg link_register;  // none: calls push the return address (x64)
  PReg pinned;         // CLIF's pinned register; none: the machine has none
  PReg frame_scratch;  // holds addresses of frame places that do not fit a displacement
  uint8_t stack_align = 16;
  uint8_t return_address_bytes = 0;  // pushed by a call (x64: 8)
  uint8_t linkage_bytes = 0;         // at the top of a frame with a frame pointer: saved frame pointer, return address
  uint32_t outgoing_base = 0;  // first stack argument, from the stack pointer at the call instruction (s390x: 160)
  bool saves_in_caller_frame = false;   // callee-saved registers go to the area the caller provides (s390x)
  bool sret_in_result = false;          // a callee also returns its `sret` pointer in the first result register (x64)
  bool frame_pointer_at_entry = false;  // it holds the stack pointer at entry, not the place of the linkage
  int16_t return_address_at = 0;        // where a frame has it, from FrameArea::Linkage
  uint8_t vec_save_bytes = 8;           // how much of a callee-saved float register is kept
  PReg sret_register;                   // none: an `sret` pointer is an ordinary argument
  bool by_position = false;             // the nth argument takes the nth register of its class (Windows)
  bool packed_arguments = false;        // on the stack, arguments take no more bytes than they need (Apple)
  bool callee_pops = false;             // a callee removes its stack arguments (`tail`)
  PReg tail_scratch;                    // free when a tail call's arguments are in place: no argument, not tail_target
  PReg tail_target;                     // where an indirect tail call has the address (`tail`)
  const PRegSet* callee_saved = nullptr;  // null: RegisterEnv's
};

// A frame once its size is known. The stack pointer is lowered by `size` once, by the prologue; offsets count from the
// lowered stack pointer. From the bottom: Outgoing, Slots, Spills, saved registers, linkage.
struct FrameLayout {
  uint32_t size = 0;           // bytes between the lowered stack pointer and the one at entry (incl. linkage)
  uint32_t outgoing_size = 0;  // incl. outgoing_base
  uint32_t slots_offset = 0;
  uint32_t spills_offset = 0;
  uint32_t saves_offset = 0;    // of the saved registers (each_save)
  uint32_t linkage_offset = 0;  // == size - linkage bytes
  int64_t incoming_offset = 0;  // of the first incoming stack argument
  bool needs_frame = false;     // false: a leaf function that leaves the stack pointer alone
  bool has_calls = false;
  FeatureSet features = 0;      // VCode's
  uint8_t probe_log2 = 0;       // VCode's
  std::vector<PReg> saved;      // callee-saved registers that the function writes, by class and number
  uint32_t vec_save_bytes = 8;  // of a saved float register
  // A function that makes tail calls with more stack arguments than it has itself begins by lowering the stack pointer
  // by the difference (and moves the return address along); `size` and what follows count from there.
  uint32_t growth = 0;
  uint32_t popped = 0;          // by a return: stack arguments and growth, if the callee pops
  int64_t linkage_pointer = 0;  // FrameArea::Linkage

  // Calls f(register, offset from saves_offset) of what is saved there, in order: all but those that `in_caller_frame`.
  void each_save(bool in_caller_frame, auto f) const {
    int64_t place = 0;
    for (PReg reg : saved) {
      const bool is_vec = reg.reg_class() == RegClass::Vec;
      if (in_caller_frame && !is_vec) continue;
      f(reg, place);
      place += is_vec ? vec_save_bytes : 8;
    }
  }

  int64_t offset_of(FrameArea area) const {
    switch (area) {
      case FrameArea::Outgoing:
        return 0;
      case FrameArea::Slots:
        return slots_offset;
      case FrameArea::Spills:
        return spills_offset;
      case FrameArea::Incoming:
        return incoming_offset;
      case FrameArea::Linkage:
        return linkage_pointer;
    }
    return 0;
  }
};

// What a jump table's hatch is given beside the operands: displacements from the instruction's first byte.
struct HatchContext {
  int64_t (*displacement)(const void* user, unsigned slot) = nullptr;
  const void* user = nullptr;
  int64_t start = 0;        // of the instruction in the function, which begins at a multiple of 16
  FeatureSet features = 0;  // of the function
};

// Opcodes that the shared code emits. Each is an instruction of the ISA's definitions.
struct CommonOpcodes {
  uint16_t args = 0;           // pseudo, variadic, no bytes: defines the arguments in their registers
  uint16_t ret = 0;            // variadic: results are appended uses
  uint16_t call = 0;           // variadic: symbol, then fixed uses of arguments and fixed defs of results
  uint16_t call_indirect = 0;  // variadic: register, then as above
  uint16_t jump = 0;           // to a label; the shortest form
  uint16_t tail_call = 0;      // variadic: symbol, then fixed uses of arguments, then the bytes of those on the stack
  uint16_t tail_call_indirect = 0;  // variadic: register, then as above
};

inline constexpr uint16_t kNoOpcode = 0xffff;

// What the rules leave to expand.h, which makes other CLIF of it.
struct Expanded {
  bool fma = false;                // of f32 and f64: library calls
  bool half_conversions = false;   // between f16 and f32 or f64: rules
  bool half = false;               // arithmetic on f16 but fma, and comparisons: rules
  bool half_all = false;           // fma and copysign of f16, and f16 from integers: rules
  uint8_t least_atomic_bits = 8;   // a narrower atomic_rmw or atomic_cas works on the aligned word that it is in
  uint16_t atomic_rmw = 0x7ff;     // these kinds (bits: by ir::AtomicRmwOp) are loops around an atomic_cas
  uint16_t unused_atomic_rmw = 0;  // these there are rules for if nobody uses what was there before
  bool wide_cas = false;           // atomic_cas of i128 has rules: atomic_rmw and atomic_store are loops around it,
  bool wide_loads = false;         // and atomic_load is one of it, unless it has rules, too
};
// The bits of Expanded::atomic_rmw for these kinds.
constexpr uint16_t rmw_kinds(std::initializer_list<ir::AtomicRmwOp> kinds) {
  uint16_t bits = 0;
  for (const ir::AtomicRmwOp kind : kinds) bits |= static_cast<uint16_t>(1 << static_cast<unsigned>(kind));
  return bits;
}

struct TargetIsa {
  IsaKind kind{};
  const char* name = "";
  const InstSet* insts = nullptr;
  regalloc::RegisterEnv registers;
  ir::Type spill_types[kRegClasses] = {ir::kI64};                 // what of a register a spill slot keeps
  AbiTable abi;                                                   // the platform's C convention
  std::array<const AbiTable*, ir::kCallConvCount> conventions{};  // where they differ from it, by ir::CallConv
  CommonOpcodes opcodes;
  Expanded expanded;
  // What is different with these features. Null: nothing.
  void (*expanded_with)(FeatureSet features, Expanded& expanded) = nullptr;
  // The lowering rules: by RuleId: names, places (islec's <unit>_rules()).
  std::span<const isle::RuleInfo> rules;

  // A fresh context of this ISA; lower() and lower_branch() take no other.
  std::unique_ptr<LowerContext> (*make_context)() = nullptr;
  // The generated entry points. No value: no rule matches.
  std::optional<InstOutput> (*lower)(LowerContext&, ir::Inst) = nullptr;
  bool (*lower_branch)(LowerContext&, ir::Inst, std::span<const Block> labels) = nullptr;
  // The low `bits` (8, 16, 32) of a register extended to 64, for arguments and results declared uext or sext.
  Reg (*extend)(LowerContext&, Reg value, unsigned bits, bool is_signed) = nullptr;

  // Between two whole registers of a class (virtual or physical).
  SimpleInst (*move)(RegClass reg_class, Reg to, Reg from) = nullptr;
  // Between a register and memory: i64 for a whole general register; a float or vector type for that much of a Vec one.
  // `place` is in the frame (the base is then the stack pointer and the displacement a Frame operand) or
  // base + displacement.
  SimpleInst (*load)(ir::Type type, Reg to, const Amode& place) = nullptr;
  SimpleInst (*store)(ir::Type type, Reg from, const Amode& place) = nullptr;
  // Between a general register and a Vec one, `to_class` being that of `to`, the type's bits unchanged. Null: the
  // convention never needs it.
  SimpleInst (*transfer)(ir::Type type, RegClass to_class, Reg to, Reg from) = nullptr;
  // A Vec register made of the halves of a float of 128 bits, and the halves of one. Null: no convention `has_f128`.
  Reg (*join)(LowerContext&, Reg low, Reg high) = nullptr;
  void (*split)(LowerContext&, Reg low, Reg high, Reg whole) = nullptr;
  // to := the address of a place; one instruction with the place as its `mem` operand, so that it can be legalised.
  SimpleInst (*address)(Reg to, const Amode& place) = nullptr;

  // Instructions that set up the frame, and that take it down just before a return or tail call, which find the stack
  // pointer `popped` bytes above where it was at entry (growth included). Displacements must fit whatever the size of
  // the frame (use abi.frame_scratch). Not called if the layout says !needs_frame.
  void (*prologue)(const FrameLayout& frame, InstList& out) = nullptr;
  void (*epilogue)(const FrameLayout& frame, uint32_t popped, InstList& out) = nullptr;
  // stack pointer := stack pointer - bytes, right behind a call.
  void (*lower_stack)(uint32_t bytes, InstList& out) = nullptr;
  // Functions compiled with one of these have a frame, be it empty, if they do not call either.
  FeatureSet frame_features = 0;
  // The instruction at the entry (else where a jump table leads) that code compiled with one of `landing_features`
  // wants there. Null: none.
  FeatureSet landing_features = 0;
  void (*landing)(bool is_entry, InstList& out) = nullptr;
  // to := stack pointer + offset, for any offset; no register but `to` may be written.
  void (*frame_address)(PReg to, int64_t offset, InstList& out) = nullptr;

  // The opcode with the same operands that reaches farther than this branch or jump, or kNoOpcode. A conditional branch
  // with no longer form is turned into an inverted one over a jump.
  uint16_t (*longer_branch)(uint16_t opcode) = nullptr;
  // Encodes an instruction for which InstSet::encode says NeedsHatch; appends its bytes, the same number whatever the
  // displacements. `data_begin` is set to where data starts among those bytes (jump tables), or left at their end.
  EncodeError (*hatch)(uint16_t opcode, std::span<const Operand> operands, const HatchContext& context,
                       std::vector<uint8_t>& out, uint32_t& data_begin) = nullptr;

  const InstDesc& desc(uint16_t opcode) const { return insts->descs[opcode]; }
  const AbiTable& abi_of(ir::CallConv convention) const {
    const AbiTable* own = conventions[size_t(convention)];
    return own != nullptr ? *own : abi;
  }
  const PRegSet& callee_saved(ir::CallConv convention) const {
    const PRegSet* own = abi_of(convention).callee_saved;
    return own != nullptr ? *own : registers.callee_saved;
  }
};

// All that an allocator may use, scratch registers included: what a function of `preserve_all` keeps.
PRegSet all_registers(const regalloc::RegisterEnv& env);

// The four operands of an addressing mode as they stand in an instruction. In a frame, the base is the stack pointer.
void amode_operands(const TargetIsa& isa, const Amode& amode, Operand out[kAmodeOperands]);

// Convenience for make-functions: opcode, leading operands, then the mode's four, then trailing ones.
SimpleInst with_amode(const TargetIsa& isa, uint16_t opcode, std::initializer_list<Operand> before, const Amode& amode,
                      std::initializer_list<Operand> after = {});

}  // namespace assay::machine
