// See abi.h.
#include "compiler/isa/riscv64/abi.h"

#include "compiler/isa/riscv64/context.h"

namespace assay::isa::riscv64 {

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

constexpr PReg x(unsigned number) { return PReg(RegClass::Gpr, number); }
constexpr PReg kRa = x(1), kSp = x(2), kS0 = x(8), kT5 = x(30), kT6 = x(31);

// RISC-V psABI, "Integer calling convention".
constexpr PReg kArguments[] = {x(10), x(11), x(12), x(13), x(14), x(15), x(16), x(17)};
constexpr PReg kResults[] = {x(10), x(11)};

constexpr PReg f(unsigned number) { return PReg(RegClass::Vec, number); }
// "Hardware floating-point calling convention".
constexpr PReg kFloatArguments[] = {f(10), f(11), f(12), f(13), f(14), f(15), f(16), f(17)};
constexpr PReg kFloatResults[] = {f(10), f(11)};

constexpr int64_t kLinkage = 16;

SimpleInst addi(PReg rd, PReg rs, int64_t imm) {
  return {kAddi, {Operand::def(rd), Operand::use(rs), Operand::immediate(imm)}};
}

Operand float_size(ir::Type type) {
  return Operand::immediate(int64_t(type == ir::kF64 ? FloatSize::D : FloatSize::S));
}

bool fits_12(int64_t value) { return value >= -2048 && value < 2048; }

// The upper 20 bits of what auipc or lui adds, given that the low 12 are added as a signed number.
int64_t high_20(int64_t value) { return (value + 0x800) >> 12; }
int64_t low_12(int64_t value) { return value - (high_20(value) << 12); }

// to := from + offset, where `to` is not `from` unless the offset is small. Offsets are below 2^31.
void add_offset(PReg to, PReg from, int64_t offset, PReg scratch, InstList& out) {
  if (fits_12(offset)) return out.push(addi(to, from, offset));
  out.push(kLui, {Operand::def(scratch), Operand::immediate(high_20(offset))});
  if (low_12(offset) != 0) {
    out.push(kAddiw, {Operand::def(scratch), Operand::use(scratch), Operand::immediate(low_12(offset))});
  }
  out.push(kAdd, {Operand::def(to), Operand::use(from), Operand::use(scratch)});
}

Amode at(PReg base, int64_t disp) { return {.base = base, .index = {}, .disp = static_cast<int32_t>(disp)}; }

void put32(std::vector<uint8_t>& out, uint64_t value) {
  for (unsigned i = 0; i < 4; ++i) out.push_back(static_cast<uint8_t>(value >> (8 * i)));
}

// auipc t6, hi ; jalr zero, lo(t6)
EncodeError encode_far_jump(const machine::HatchContext& context, std::vector<uint8_t>& out, uint32_t& data_begin) {
  const int64_t distance = context.displacement(context.user, 0);
  if (distance + 0x800 != int32_t(distance + 0x800)) return EncodeError::OutOfRange;
  put32(out, uint64_t(high_20(distance)) << 12 | 31 << 7 | 0x17);
  put32(out, uint64_t(low_12(distance)) << 20 | 31 << 15 | 0x67);
  data_begin = static_cast<uint32_t>(out.size());
  return EncodeError::None;
}

// auipc rd, hi ; addi rd, rd, lo
EncodeError encode_load_place(std::span<const Operand> operands, const machine::HatchContext& context,
                              std::vector<uint8_t>& out, uint32_t& data_begin) {
  if (!operands[0].is_reg() || !operands[0].reg.is_physical()) return EncodeError::BadOperand;
  const int64_t distance = context.displacement(context.user, 1);
  if (distance + 0x800 != int32_t(distance + 0x800)) return EncodeError::OutOfRange;
  const uint32_t rd = operands[0].reg.preg().number();
  put32(out, uint64_t(high_20(distance)) << 12 | rd << 7 | 0x17);
  put32(out, uint64_t(low_12(distance)) << 20 | rd << 15 | rd << 7 | 0x13);
  data_begin = static_cast<uint32_t>(out.size());
  return EncodeError::None;
}

// Operand 0 is the index, the labels follow. Entries are 32-bit distances from the table's start, which is a multiple
// of 4: between instructions of two bytes, two further ones stand before the code (c.nop) or behind the table.
//   auipc t6, 0 ; slli t5, index, 2 ; add t5, t5, t6 ; lw t5, 24(t5) ; add t6, t6, t5 ; jalr zero, 24(t6) ; table: …
EncodeError encode_jump_table(std::span<const Operand> operands, const machine::HatchContext& context,
                              std::vector<uint8_t>& out, uint32_t& data_begin) {
  if (operands.empty() || !operands[0].is_reg() || !operands[0].reg.is_physical()) return EncodeError::BadOperand;
  constexpr uint32_t kCodeSize = 24;
  constexpr uint8_t kNop[] = {0x01, 0x00};
  const bool is_padded = (context.features & kHasC) != 0;
  const bool has_nop = is_padded && context.start % 4 != 0;
  if (has_nop) out.insert(out.end(), std::begin(kNop), std::end(kNop));
  const uint32_t table = kCodeSize + (has_nop ? sizeof kNop : 0);
  const uint32_t index = operands[0].reg.preg().number();
  put32(out, 31 << 7 | 0x17);
  put32(out, 2u << 20 | index << 15 | 1u << 12 | 30 << 7 | 0x13);
  put32(out, 31u << 20 | 30u << 15 | 30 << 7 | 0x33);
  put32(out, kCodeSize << 20 | 30u << 15 | 2u << 12 | 30 << 7 | 0x03);
  put32(out, 30u << 20 | 31u << 15 | 31 << 7 | 0x33);
  put32(out, kCodeSize << 20 | 31u << 15 | 0x67);
  data_begin = table;
  for (unsigned slot = 1; slot < operands.size(); ++slot) {
    if (operands[slot].kind != machine::OperandKind::Label) return EncodeError::BadOperand;
    put32(out, uint64_t(context.displacement(context.user, slot) - int64_t(table)));
  }
  if (is_padded && !has_nop) out.insert(out.end(), sizeof kNop, uint8_t(0));
  return EncodeError::None;
}

const machine::AbiTable kAbi = {
    .argument_registers = kArguments,
    .result_registers = kResults,
    .float_argument_registers = kFloatArguments,
    .float_result_registers = kFloatResults,
    .loads_f16 = false,
    .floats_overflow_to_integer = true,
    .pairs = machine::Pairs::Split,
    .stack_pointer = kSp,
    .frame_pointer = kS0,
    .link_register = kRa,
    .pinned = x(27),
    .frame_scratch = kT6,
    .stack_align = 16,
    .return_address_bytes = 0,
    .linkage_bytes = kLinkage,
    .outgoing_base = 0,
    .saves_in_caller_frame = false,
    .sret_in_result = false,
    .frame_pointer_at_entry = true,
    .return_address_at = -8,
    .tail_scratch = kT5,
};

void set_conventions(machine::TargetIsa& isa) {
  static const machine::AbiTable tail = [] {
    machine::AbiTable abi = kAbi;
    abi.callee_pops = true;
    abi.tail_target = x(6);
    return abi;
  }();
  static const machine::PRegSet all = machine::all_registers(isa.registers);
  static const machine::AbiTable preserve_all = [] {
    machine::AbiTable abi = kAbi;
    abi.callee_saved = &all;
    return abi;
  }();
  isa.conventions[size_t(ir::CallConv::kTail)] = &tail;
  isa.conventions[size_t(ir::CallConv::kPreserveAll)] = &preserve_all;
}

ir::Type save_type(PReg reg) { return reg.reg_class() == RegClass::Vec ? ir::kF64 : ir::kI64; }

regalloc::RegisterEnv register_env() {
  regalloc::RegisterEnv env;
  // a0–a7, t0–t4, then the callee-saved s1–s11.
  for (unsigned n : {10, 11, 12, 13, 14, 15, 16, 17, 5, 6, 7, 28, 29}) env.allocatable[0].push_back(x(n));
  for (unsigned n : {9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27}) {
    env.allocatable[0].push_back(x(n));
    env.callee_saved.add(x(n));
  }
  env.callee_saved.add(kS0);
  env.scratch[0] = kT5;
  for (unsigned n : {10, 11, 12, 13, 14, 15, 16, 17, 0, 1, 2, 3, 4, 5, 6, 7, 28, 29, 30}) {
    env.allocatable[1].push_back(f(n));
  }
  // fs0 to fs11.
  for (unsigned n : {8, 9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27}) {
    env.allocatable[1].push_back(f(n));
    env.callee_saved.add(f(n));
  }
  env.scratch[1] = f(31);
  return env;
}

SimpleInst move(RegClass reg_class, Reg to, Reg from) {
  if (reg_class == RegClass::Vec) return {kFmv, {Operand::def(to), Operand::use(from)}};
  return {kAddi, {Operand::def(to), Operand::use(from), Operand::immediate(0)}};
}

// Not of f16: what is above it would have to be set.
SimpleInst load(ir::Type type, Reg to, const Amode& place) {
  if (type.is_float())
    return machine::with_amode(target_isa(), kLoadFloat, {float_size(type), Operand::def(to)}, place);
  return machine::with_amode(target_isa(), kLoad, {Operand::immediate(int64_t(LoadWidth::Ld)), Operand::def(to)},
                             place);
}

SimpleInst store(ir::Type type, Reg from, const Amode& place) {
  if (type.is_float()) {
    return machine::with_amode(target_isa(), kStoreFloat, {float_size(type), Operand::use(from)}, place);
  }
  return machine::with_amode(target_isa(), kStore, {Operand::immediate(int64_t(StoreWidth::Sd)), Operand::use(from)},
                             place);
}

SimpleInst transfer(ir::Type type, RegClass to_class, Reg to, Reg from) {
  if (type == ir::kF16 && to_class == RegClass::Vec) return {kBoxHalf, {Operand::def(to), Operand::use(from)}};
  return {to_class == RegClass::Vec ? kFmvFrom : kFmvTo, {float_size(type), Operand::def(to), Operand::use(from)}};
}

SimpleInst address(Reg to, const Amode& place) {
  return machine::with_amode(target_isa(), kLea, {Operand::def(to)}, place);
}

void prologue(const FrameLayout& frame, InstList& out) {
  if (frame.growth != 0) add_offset(kSp, kSp, -int64_t(frame.growth), kT6, out);
  out.push(addi(kSp, kSp, -kLinkage));
  out.push(store(ir::kI64, kRa, at(kSp, 8)));
  out.push(store(ir::kI64, kS0, at(kSp, 0)));
  out.push(addi(kS0, kSp, kLinkage));
  const int64_t saves = int64_t(frame.saves_offset) - frame.size;
  frame.each_save(false,
                  [&](PReg reg, int64_t place) { out.push(store(save_type(reg), reg, at(kS0, saves + place))); });
  if (frame.size != kLinkage) add_offset(kSp, kSp, kLinkage - int64_t(frame.size), kT6, out);
}

void epilogue(const FrameLayout& frame, uint32_t popped, InstList& out) {
  const int64_t saves = int64_t(frame.saves_offset) - frame.size;
  frame.each_save(false, [&](PReg reg, int64_t place) { out.push(load(save_type(reg), reg, at(kS0, saves + place))); });
  if (frame.size != kLinkage) out.push(addi(kSp, kS0, -kLinkage));
  out.push(load(ir::kI64, kRa, at(kSp, 8)));
  out.push(load(ir::kI64, kS0, at(kSp, 0)));
  if (fits_12(kLinkage + int64_t(popped))) return out.push(addi(kSp, kSp, kLinkage + int64_t(popped)));
  add_offset(kSp, kSp, kLinkage + int64_t(popped), kT6, out);
}

void lower_stack(uint32_t bytes, InstList& out) { add_offset(kSp, kSp, -int64_t(bytes), kT6, out); }

void frame_address(PReg to, int64_t offset, InstList& out) { add_offset(to, kSp, offset, to, out); }

uint16_t longer_branch(uint16_t opcode) { return opcode == kJ ? uint16_t(kFarJump) : machine::kNoOpcode; }

// Three hatches: far_jump, load_place and jump_table.
EncodeError encode_hatch(uint16_t opcode, std::span<const Operand> operands, const machine::HatchContext& context,
                         std::vector<uint8_t>& out, uint32_t& data_begin) {
  if (opcode == kFarJump) return encode_far_jump(context, out, data_begin);
  if (opcode == kLoadPlace) return encode_load_place(operands, context, out, data_begin);
  if (opcode == kJumpTable) return encode_jump_table(operands, context, out, data_begin);
  return EncodeError::NeedsHatch;
}

}  // namespace

void set_abi(machine::TargetIsa& isa) {
  isa.registers = register_env();
  isa.abi = kAbi;
  set_conventions(isa);
  isa.spill_types[1] = ir::kF64;
  isa.transfer = transfer;
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

}  // namespace assay::isa::riscv64
