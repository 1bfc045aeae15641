#include "compiler/isa/s390x/abi.h"

#include <algorithm>

#include "compiler/isa/s390x/context.h"

namespace assay::isa::s390x {

using machine::Amode;
using machine::EncodeError;
using machine::FrameLayout;
using machine::InstList;
using machine::Operand;
using machine::PReg;
using machine::Reg;
using machine::RegClass;
using machine::SimpleInst;

namespace {

constexpr PReg r(unsigned number) { return PReg(RegClass::Gpr, number); }
constexpr PReg kR0 = r(0), kR1 = r(1), kLink = r(14), kSp = r(15);

// ELF ABI supplement for s390x, "Parameter passing". C returns one register only; CLIF's further results use the next
// ones.
constexpr PReg kArguments[] = {r(2), r(3), r(4), r(5), r(6)};
constexpr PReg kResults[] = {r(2), r(3), r(4), r(5)};

constexpr PReg f(unsigned number) { return PReg(RegClass::Vec, number); }
constexpr PReg kFloats[] = {f(0), f(2), f(4), f(6)};

constexpr PReg kTailArguments[] = {r(2), r(3), r(4)};  // r6 is callee-saved, r5 is for the address of the callee
constexpr int64_t kRegisterSaveArea = 160;

Amode at(PReg base, int64_t disp) {
  Amode amode;
  amode.base = base;
  amode.disp = static_cast<int32_t>(disp);
  return amode;
}

bool fits_20(int64_t value) { return value >= -(1 << 19) && value < 1 << 19; }

// r15 := r15 + offset.
void move_stack(int64_t offset, InstList& out) {
  if (offset == 0) return;
  if (fits_20(offset)) return out.push(machine::with_amode(target_isa(), kLay, {Operand::def(kSp)}, at(kSp, offset)));
  out.push(kAgfi, {Operand::def(kSp), Operand::use(kSp), Operand::immediate(offset), Operand::def(machine::kFlagsReg)});
}

// The first of the registers up to r15 that are saved, or none. r14 counts if there are calls.
PReg first_saved(const FrameLayout& frame) {
  PReg first;
  for (PReg reg : frame.saved) {
    if (reg.reg_class() == RegClass::Gpr && (!first || reg.number() < first.number())) first = reg;
  }
  if (first) return first;
  return frame.has_calls ? kLink : PReg();
}

// Where a register is saved, from the stack pointer at entry.
int64_t save_place(PReg reg) { return 8 * int64_t(reg.number()); }

void put(std::vector<uint8_t>& out, uint64_t value, unsigned bytes) {
  for (unsigned i = bytes; i-- > 0;) out.push_back(static_cast<uint8_t>(value >> (8 * i)));
}

// Operand 0 is the index, the labels follow. Entries are 32-bit distances from the table's start.
//   sllg %r1, index, 2 ; larl %r0, table ; agr %r1, %r0 ; lgf %r1, 0(%r1) ; agr %r1, %r0 ; br %r1 ; table: …
EncodeError encode_jump_table(std::span<const Operand> operands, const machine::HatchContext& context,
                              std::vector<uint8_t>& out, uint32_t& data_begin) {
  if (operands.empty() || !operands[0].is_reg() || !operands[0].reg.is_physical()) return EncodeError::BadOperand;
  constexpr uint32_t kCodeSize = 28, kLarl = 6;
  const uint64_t index = operands[0].reg.preg().number();
  put(out, 0xeb100002000d | index << 32, 6);
  put(out, 0xc00000000000 | (kCodeSize - kLarl) / 2, 6);
  put(out, 0xb9080010, 4);
  put(out, 0xe31010000014, 6);
  put(out, 0xb9080010, 4);
  put(out, 0x07f1, 2);
  data_begin = kCodeSize;
  for (unsigned slot = 1; slot < operands.size(); ++slot) {
    if (operands[slot].kind != machine::OperandKind::Label) return EncodeError::BadOperand;
    put(out, static_cast<uint64_t>(context.displacement(context.user, slot) - int64_t(kCodeSize)), 4);
  }
  return EncodeError::None;
}

const machine::AbiTable kAbi = {
    .argument_registers = kArguments,
    .result_registers = kResults,
    .float_argument_registers = kFloats,
    .float_result_registers = kFloats,
    .has_f16 = false,
    .pairs = machine::Pairs::ByReference,
    .stack_pointer = kSp,
    .frame_pointer = {},
    .link_register = kLink,
    .frame_scratch = kR1,
    .stack_align = 8,
    .return_address_bytes = 0,
    .linkage_bytes = 0,
    .outgoing_base = kRegisterSaveArea,
    .saves_in_caller_frame = true,
    .sret_in_result = false,
    .frame_pointer_at_entry = true,
    .return_address_at = 8 * 14,
    .tail_scratch = kR0,
};

void set_conventions(machine::TargetIsa& isa) {
  static const machine::AbiTable tail = [] {
    machine::AbiTable abi = kAbi;
    abi.argument_registers = kTailArguments;
    abi.pairs = machine::Pairs::WholeOrMemory;  // copies would lie in a frame that is gone
    abi.stack_align = 16;
    abi.callee_pops = true;
    abi.tail_target = r(5);
    return abi;
  }();
  // Registers up to r5 have no place in the area that the caller provides.
  static const machine::PRegSet all = [&isa] {
    machine::PRegSet set = isa.registers.callee_saved;
    for (unsigned n = 2; n < 6; ++n) set.add(r(n));
    for (PReg reg : isa.registers.allocatable[1]) set.add(reg);
    set.add(isa.registers.scratch[1]);
    return set;
  }();
  static const machine::AbiTable preserve_all = [] {
    machine::AbiTable abi = kAbi;
    abi.callee_saved = &all;
    return abi;
  }();
  isa.conventions[size_t(ir::CallConv::kTail)] = &tail;
  isa.conventions[size_t(ir::CallConv::kPreserveAll)] = &preserve_all;
}

regalloc::RegisterEnv register_env() {
  regalloc::RegisterEnv env;
  for (unsigned n = 2; n < 6; ++n) env.allocatable[0].push_back(r(n));
  for (unsigned n = 6; n < 14; ++n) {
    env.allocatable[0].push_back(r(n));
    env.callee_saved.add(r(n));
  }
  env.scratch[0] = kR0;
  for (unsigned n : {0, 2, 4, 6, 1, 3, 5}) env.allocatable[1].push_back(f(n));
  for (unsigned n = 8; n < 16; ++n) {
    env.allocatable[1].push_back(f(n));
    env.callee_saved.add(f(n));
  }
  env.scratch[1] = f(7);
  return env;
}

SimpleInst move(RegClass reg_class, Reg to, Reg from) {
  return {reg_class == RegClass::Vec ? kLdr : kLgr, {Operand::def(to), Operand::use(from)}};
}

SimpleInst load(ir::Type type, Reg to, const Amode& place) {
  if (type.is_float()) {
    const FloatLoad width = type == ir::kF32 ? FloatLoad::Le : FloatLoad::Ld;
    return machine::with_amode(target_isa(), kLoadFloat, {Operand::immediate(int64_t(width)), Operand::def(to)}, place);
  }
  return machine::with_amode(target_isa(), kLoad, {Operand::immediate(int64_t(Load::Lg)), Operand::def(to)}, place);
}

SimpleInst store(ir::Type type, Reg from, const Amode& place) {
  if (type.is_float()) {
    const FloatStore width = type == ir::kF32 ? FloatStore::Ste : FloatStore::Std;
    return machine::with_amode(target_isa(), kStoreFloat, {Operand::immediate(int64_t(width)), Operand::use(from)},
                               place);
  }
  return machine::with_amode(target_isa(), kStore, {Operand::immediate(int64_t(Store::Stg)), Operand::use(from)},
                             place);
}

SimpleInst address(Reg to, const Amode& place) {
  return machine::with_amode(target_isa(), kLay, {Operand::def(to)}, place);
}

// Leaves the condition code alone: this may stand between a comparison and its branch.
void frame_address(PReg to, int64_t offset, InstList& out) {
  if (fits_20(offset)) return out.push(address(to, at(kSp, offset)));
  if (offset >= 0) {
    out.push(kLlif, {Operand::immediate(int64_t(Half::Low)), Operand::def(to), Operand::immediate(offset)});
  } else {
    out.push(kLgfi, {Operand::def(to), Operand::immediate(offset)});
  }
  Amode sum = at(kSp, 0);
  sum.index = to;
  out.push(address(to, sum));
}

// Float registers are saved in the frame itself; r1 is free before the frame is set up and behind its end.
void each_float(const FrameLayout& frame, InstList& out, auto act) {
  frame.each_save(true, [&](PReg reg, int64_t place) {
    Amode to = at(kSp, frame.saves_offset + place);
    if (!fits_20(frame.saves_offset + place)) {
      frame_address(kR1, frame.saves_offset + place, out);
      to = at(kR1, 0);
    }
    out.push(act(reg, to));
  });
}

void prologue(const FrameLayout& frame, InstList& out) {
  move_stack(-int64_t(frame.growth), out);
  if (const PReg first = first_saved(frame)) {
    out.push(
        machine::with_amode(target_isa(), kStmg, {Operand::use(first), Operand::use(kSp)}, at(kSp, save_place(first))));
  }
  move_stack(-int64_t(frame.size), out);
  each_float(frame, out, [](PReg reg, const Amode& to) { return store(ir::kF64, reg, to); });
}

void epilogue(const FrameLayout& frame, uint32_t popped, InstList& out) {
  each_float(frame, out, [](PReg reg, const Amode& from) { return load(ir::kF64, reg, from); });
  const PReg first = first_saved(frame);
  if (!first) return move_stack(int64_t(frame.size) + popped, out);
  int64_t place = frame.size + save_place(first);  // from the lowered stack pointer; loading r15 raises it
  if (!fits_20(place)) {
    move_stack(frame.size, out);
    place = save_place(first);
  }
  out.push(machine::with_amode(target_isa(), kLmg, {Operand::def(first), Operand::def(kSp)}, at(kSp, place)));
  move_stack(popped, out);
}

void lower_stack(uint32_t bytes, InstList& out) { move_stack(-int64_t(bytes), out); }

uint16_t longer_branch(uint16_t opcode) {
  if (opcode == kJ) return kJg;
  if (opcode == kBranch) return kBranchLong;
  return machine::kNoOpcode;
}

// The one hatch: jump_table.
EncodeError encode_hatch(uint16_t opcode, std::span<const Operand> operands, const machine::HatchContext& context,
                         std::vector<uint8_t>& out, uint32_t& data_begin) {
  if (opcode != kJumpTable) return EncodeError::NeedsHatch;
  return encode_jump_table(operands, context, out, data_begin);
}

}  // namespace

void set_abi(machine::TargetIsa& isa) {
  isa.registers = register_env();
  isa.abi = kAbi;
  set_conventions(isa);
  isa.spill_types[1] = ir::kF64;
  isa.move = move;
  isa.load = load;
  isa.store = store;
  isa.address = address;
  isa.prologue = prologue;
  isa.epilogue = epilogue;
  isa.lower_stack = lower_stack;
  isa.frame_address = frame_address;
  isa.longer_branch = longer_branch;
  isa.hatch = encode_hatch;
}

}  // namespace assay::isa::s390x
