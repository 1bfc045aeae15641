#include "compiler/isa/x64/abi.h"

#include "compiler/isa/x64/context.h"

namespace assay::isa::x64 {

using machine::Amode;
using machine::EncodeError;
using machine::InstList;
using machine::Operand;
using machine::PReg;
using machine::Reg;
using machine::RegClass;
using machine::SimpleInst;

namespace {

constexpr PReg gpr(unsigned number) { return PReg(RegClass::Gpr, number); }
constexpr PReg kRax = gpr(0), kRcx = gpr(1), kRdx = gpr(2), kRbx = gpr(3), kRsp = gpr(4), kRbp = gpr(5), kRsi = gpr(6),
               kRdi = gpr(7), kR8 = gpr(8), kR9 = gpr(9), kR10 = gpr(10), kR11 = gpr(11), kR12 = gpr(12),
               kR13 = gpr(13), kR14 = gpr(14), kR15 = gpr(15);

// System V AMD64 psABI 3.2.3.
constexpr PReg kArguments[] = {kRdi, kRsi, kRdx, kRcx, kR8, kR9};
constexpr PReg kResults[] = {kRax, kRdx};

constexpr PReg xmm(unsigned number) { return PReg(RegClass::Vec, number); }
constexpr PReg kFloatArguments[] = {xmm(0), xmm(1), xmm(2), xmm(3), xmm(4), xmm(5), xmm(6), xmm(7)};
constexpr PReg kFloatResults[] = {xmm(0), xmm(1)};

constexpr int64_t index_of(Wide size) { return int64_t(size); }

bool fits_displacement(int64_t value) { return value == int32_t(value); }

// dst := base + index + disp
SimpleInst lea(PReg dst, PReg base, Reg index, int64_t disp) {
  return {kLea,
          {Operand::immediate(index_of(Wide::Q)), Operand::def(dst), Operand::use(base),
           index.is_none() ? Operand() : Operand::use(index), Operand::immediate(0), Operand::immediate(disp)}};
}

Amode at(PReg base, int64_t disp) {
  Amode amode;
  amode.base = base;
  amode.disp = static_cast<int32_t>(disp);
  return amode;
}

void put32(std::vector<uint8_t>& out, uint64_t value) {
  for (unsigned i = 0; i < 4; ++i) out.push_back(static_cast<uint8_t>(value >> (8 * i)));
}

// jump_table: operand 0 is the index, the labels follow. Entries are 64-bit distances from the table's start.
//   leaq  table(%rip), %r11 ; addq (%r11,%index,8), %r11 ; jmpq *%r11 ; table: …
EncodeError encode_jump_table(std::span<const Operand> operands, const machine::HatchContext& context,
                              std::vector<uint8_t>& out, uint32_t& data_begin) {
  if (operands.empty() || !operands[0].is_reg() || !operands[0].reg.is_physical()) return EncodeError::BadOperand;
  constexpr unsigned kCodeSize = 14;
  const unsigned index = operands[0].reg.preg().number();
  if (index == kRsp.number()) return EncodeError::BadOperand;  // it can't be an index
  out.insert(out.end(), {0x4c, 0x8d, 0x1d});
  put32(out, kCodeSize - 7);
  const auto rex = static_cast<uint8_t>(0x4d | (index >= 8 ? 2 : 0));  // W, R and B for r11, X for the index
  out.insert(out.end(), {rex, 0x03, 0x1c, static_cast<uint8_t>(0xc3 | (index & 7) << 3)});
  out.insert(out.end(), {0x41, 0xff, 0xe3});
  data_begin = kCodeSize;
  for (unsigned slot = 1; slot < operands.size(); ++slot) {
    if (operands[slot].kind != machine::OperandKind::Label) return EncodeError::BadOperand;
    const auto distance = static_cast<uint64_t>(context.displacement(context.user, slot) - int64_t(kCodeSize));
    put32(out, distance);
    put32(out, distance >> 32);
  }
  return EncodeError::None;
}

// "Microsoft x64 calling convention": 32 bytes of shadow space below the stack arguments.
constexpr PReg kWindowsArguments[] = {kRcx, kRdx, kR8, kR9};
constexpr PReg kWindowsResults[] = {kRax};
constexpr PReg kWindowsFloatArguments[] = {xmm(0), xmm(1), xmm(2), xmm(3)};
constexpr PReg kWindowsFloatResults[] = {xmm(0)};

const machine::AbiTable kAbi = {
    .argument_registers = kArguments,
    .result_registers = kResults,
    .float_argument_registers = kFloatArguments,
    .float_result_registers = kFloatResults,
    .has_f128 = true,
    .pairs = machine::Pairs::WholeOrMemory,
    .stack_pointer = kRsp,
    .frame_pointer = kRbp,
    .link_register = {},
    .pinned = kR15,
    .frame_scratch = kR11,
    .stack_align = 16,
    .return_address_bytes = 8,
    .linkage_bytes = 8,
    .outgoing_base = 0,
    .saves_in_caller_frame = false,
    .sret_in_result = true,
    .return_address_at = 8,
    .tail_scratch = kRax,
};

regalloc::RegisterEnv register_env() {
  regalloc::RegisterEnv env;
  env.allocatable[unsigned(RegClass::Gpr)] = {kRax, kRcx, kRdx, kRsi, kRdi, kR8, kR9,
                                              kR10, kRbx, kR12, kR13, kR14, kR15};
  for (PReg reg : {kRbx, kRbp, kR12, kR13, kR14, kR15}) env.callee_saved.add(reg);
  env.scratch[unsigned(RegClass::Gpr)] = kR11;
  for (unsigned n = 0; n < 15; ++n) env.allocatable[unsigned(RegClass::Vec)].push_back(xmm(n));
  env.scratch[unsigned(RegClass::Vec)] = xmm(15);
  return env;
}

machine::PRegSet windows_callee_saved() {
  machine::PRegSet set;
  for (PReg reg : {kRbx, kRbp, kRsi, kRdi, kR12, kR13, kR14, kR15}) set.add(reg);
  for (unsigned n = 6; n < 16; ++n) set.add(xmm(n));
  return set;
}

void set_conventions(machine::TargetIsa& isa) {
  static const machine::AbiTable tail = [] {
    machine::AbiTable abi = kAbi;
    abi.callee_pops = true;
    abi.sret_in_result = false;
    abi.tail_target = kR10;
    return abi;
  }();
  static const machine::PRegSet windows_saved = windows_callee_saved();
  static const machine::AbiTable windows = [] {
    machine::AbiTable abi = kAbi;
    abi.argument_registers = kWindowsArguments;
    abi.result_registers = kWindowsResults;
    abi.float_argument_registers = kWindowsFloatArguments;
    abi.float_result_registers = kWindowsFloatResults;
    abi.has_f128 = false;
    abi.pairs = machine::Pairs::ByReference;
    abi.by_position = true;
    abi.outgoing_base = 32;
    abi.vec_save_bytes = 16;
    abi.callee_saved = &windows_saved;
    return abi;
  }();
  static const machine::PRegSet all = machine::all_registers(isa.registers);
  static const machine::AbiTable preserve_all = [] {
    machine::AbiTable abi = kAbi;
    abi.vec_save_bytes = 16;
    abi.callee_saved = &all;
    return abi;
  }();
  isa.conventions[size_t(ir::CallConv::kTail)] = &tail;
  isa.conventions[size_t(ir::CallConv::kWindowsFastcall)] = &windows;
  isa.conventions[size_t(ir::CallConv::kPreserveAll)] = &preserve_all;
}

SimpleInst move(RegClass reg_class, Reg to, Reg from) {
  return {reg_class == RegClass::Vec ? kMovaps : kMov, {Operand::def(to), Operand::use(from)}};
}

Operand float_size(ir::Type type) {
  return Operand::immediate(int64_t(type == ir::kF32 ? FloatSize::S : FloatSize::D));
}

SimpleInst load(ir::Type type, Reg to, const Amode& place) {
  if (type == ir::kF128) return machine::with_amode(target_isa(), kLoadVec, {Operand::def(to)}, place);
  if (type.is_float())
    return machine::with_amode(target_isa(), kLoadFloat, {float_size(type), Operand::def(to)}, place);
  return machine::with_amode(target_isa(), kLoad, {Operand::immediate(index_of(Wide::Q)), Operand::def(to)}, place);
}

SimpleInst store(ir::Type type, Reg from, const Amode& place) {
  if (type == ir::kF128) return machine::with_amode(target_isa(), kStoreVec, {Operand::use(from)}, place);
  if (type.is_float()) {
    return machine::with_amode(target_isa(), kStoreFloat, {float_size(type), Operand::use(from)}, place);
  }
  return machine::with_amode(target_isa(), kStore, {Operand::immediate(int64_t(Size::Q)), Operand::use(from)}, place);
}

SimpleInst address(Reg to, const Amode& place) {
  return machine::with_amode(target_isa(), kLea, {Operand::immediate(index_of(Wide::Q)), Operand::def(to)}, place);
}

// The stack pointer by so many bytes, with the return address that it points to.
void move_return_address(int64_t distance, InstList& out) {
  if (distance == 0) return;
  out.push(kPop, {Operand::def(kR11)});
  out.push(lea(kRsp, kRsp, {}, distance));
  out.push(kPush, {Operand::use(kR11)});
}

ir::Type save_type(PReg reg) { return reg.reg_class() == RegClass::Vec ? ir::kF128 : ir::kI64; }

// The two halves of a float of 128 bits, in one register and in two.
Reg join(machine::LowerContext& context, Reg low, Reg high) {
  const Reg first = context.new_reg(RegClass::Vec), second = context.new_reg(RegClass::Vec),
            whole = context.new_reg(RegClass::Vec);
  context.emit(kMovqFrom, {Operand::def(first), Operand::use(low)});
  context.emit(kMovqFrom, {Operand::def(second), Operand::use(high)});
  context.emit(kJoinHalves, {Operand::reuse_def(whole, 1), Operand::use(first), Operand::use(second)});
  return whole;
}

void split(machine::LowerContext& context, Reg low, Reg high, Reg whole) {
  const Reg upper = context.new_reg(RegClass::Vec);
  context.emit(kMovqTo, {Operand::def(low), Operand::use(whole)});
  context.emit(kHighHalf, {Operand::def(upper), Operand::use(whole)});
  context.emit(kMovqTo, {Operand::def(high), Operand::use(upper)});
}

// rbp stands at the linkage, right above the saved registers.
void prologue(const machine::FrameLayout& frame, InstList& out) {
  move_return_address(-int64_t(frame.growth), out);
  out.push(kPush, {Operand::use(kRbp)});
  out.push(move(RegClass::Gpr, kRbp, kRsp));
  if (frame.linkage_offset != 0) {
    const int64_t lower = -int64_t(frame.linkage_offset);
    if (fits_displacement(lower)) {
      out.push(lea(kRsp, kRsp, {}, lower));
    } else {
      out.push(kMovabs, {Operand::def(kR11), Operand::immediate(lower)});
      out.push(lea(kRsp, kRsp, kR11, 0));
    }
  }
  const int64_t saves = int64_t(frame.saves_offset) - frame.linkage_offset;
  frame.each_save(false, [&](PReg reg, int64_t place) {
    const Amode to = at(kRbp, saves + place);
    out.push(store(save_type(reg), reg, to));
  });
}

void epilogue(const machine::FrameLayout& frame, uint32_t popped, InstList& out) {
  const int64_t saves = int64_t(frame.saves_offset) - frame.linkage_offset;
  frame.each_save(false, [&](PReg reg, int64_t place) {
    const Amode from = at(kRbp, saves + place);
    out.push(load(save_type(reg), reg, from));
  });
  if (frame.linkage_offset != 0) out.push(move(RegClass::Gpr, kRsp, kRbp));
  out.push(kPop, {Operand::def(kRbp)});
  move_return_address(popped, out);
}

void lower_stack(uint32_t bytes, InstList& out) { out.push(lea(kRsp, kRsp, {}, -int64_t(bytes))); }

void frame_address(PReg to, int64_t offset, InstList& out) {
  if (fits_displacement(offset)) return out.push(lea(to, kRsp, {}, offset));
  out.push(kMovabs, {Operand::def(to), Operand::immediate(offset)});
  out.push(lea(to, kRsp, to, 0));
}

uint16_t longer_branch(uint16_t opcode) {
  switch (opcode) {
    case kJmp:
      return kJmpNear;
    case kJcc:
      return kJccNear;
    default:
      return machine::kNoOpcode;
  }
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
  isa.spill_types[unsigned(RegClass::Vec)] = ir::kF128;
  isa.move = move;
  isa.load = load;
  isa.store = store;
  isa.join = join;
  isa.split = split;
  isa.address = address;
  isa.prologue = prologue;
  isa.epilogue = epilogue;
  isa.lower_stack = lower_stack;
  isa.frame_address = frame_address;
  isa.longer_branch = longer_branch;
  isa.hatch = encode_hatch;
}

}  // namespace assay::isa::x64
