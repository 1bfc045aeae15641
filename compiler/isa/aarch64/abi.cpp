#include "compiler/isa/aarch64/abi.h"

#include "compiler/isa/aarch64/context.h"

namespace assay::isa::aarch64 {

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
constexpr PReg kX16 = x(16), kX17 = x(17), kFp = x(29), kLr = x(30), kSp = x(31);

// Procedure Call Standard for the Arm 64-bit Architecture, "Parameter passing".
constexpr PReg kArguments[] = {x(0), x(1), x(2), x(3), x(4), x(5), x(6), x(7)};
constexpr PReg kResults[] = {x(0), x(1), x(2), x(3), x(4), x(5), x(6), x(7)};

constexpr PReg v(unsigned number) { return PReg(RegClass::Vec, number); }
constexpr PReg kFloats[] = {v(0), v(1), v(2), v(3), v(4), v(5), v(6), v(7)};

constexpr PReg kTailTarget = x(9), kPinned = x(21);
constexpr int64_t kLinkage = 16;

template <class Enum>
Operand param(Enum value) {
  return Operand::immediate(int64_t(value));
}

Amode at(PReg base, int64_t disp) {
  Amode amode;
  amode.base = base;
  amode.disp = static_cast<int32_t>(disp);
  return amode;
}

SimpleInst add_imm(PReg to, PReg from, int64_t imm) {
  return {kAddImm,
          {param(Size::X), param(ImmShift::Lsl0), Operand::def(to), Operand::use(from), Operand::immediate(imm)}};
}
SimpleInst sub_imm(PReg to, PReg from, int64_t imm) {
  return {kSubImm,
          {param(Size::X), param(ImmShift::Lsl0), Operand::def(to), Operand::use(from), Operand::immediate(imm)}};
}

FloatMem float_mem(ir::Type type) {
  return type == ir::kF64 ? FloatMem::Fd : type == ir::kF32 ? FloatMem::Fs : FloatMem::Fh;
}

// to := value, at most 32 bits signed.
void set_constant(PReg to, int64_t value, InstList& out) {
  const int64_t base = value < 0 ? ~value : value;
  out.push(value < 0 ? kMovn : kMovz, {param(Piece::P0), Operand::def(to), Operand::immediate(base & 0xffff)});
  if (base >> 16 == 0) return;
  out.push(kMovk, {param(Piece::P16), Operand::def(to), Operand::use(to), Operand::immediate((value >> 16) & 0xffff)});
}

// to := from + offset, where `scratch` is not `from`.
void add_offset(PReg to, PReg from, int64_t offset, PReg scratch, InstList& out) {
  if (offset >= 0 && offset < 4096) return out.push(add_imm(to, from, offset));
  if (offset < 0 && offset > -4096) return out.push(sub_imm(to, from, -offset));
  set_constant(scratch, offset, out);
  out.push(kAddSp, {Operand::def(to), Operand::use(from), Operand::use(scratch)});
}

// The place itself, or, if one register cannot be stored that far down, x17 as its base.
Amode within_reach(const Amode& place, InstList& out) {
  if (place.disp >= -256) return place;
  add_offset(kX17, kFp, place.disp, kX17, out);
  return at(kX17, 0);
}

// The saved registers, general ones two by two, right below x29.
void each_saved(const FrameLayout& frame, auto pair, auto single) {
  const int64_t saves = int64_t(frame.saves_offset) - frame.linkage_offset;
  PReg first;
  int64_t first_place = 0;
  frame.each_save(false, [&](PReg reg, int64_t place) {
    const bool is_vec = reg.reg_class() == RegClass::Vec;
    if (first && !is_vec) {
      pair(first, reg, at(kFp, saves + first_place));
      first = {};
      return;
    }
    if (first) single(first, at(kFp, saves + first_place));
    first = is_vec ? PReg() : reg;
    first_place = place;
    if (is_vec) single(reg, at(kFp, saves + place));
  });
  if (first) single(first, at(kFp, saves + first_place));
}

ir::Type save_type(PReg reg) { return reg.reg_class() == RegClass::Vec ? ir::kF64 : ir::kI64; }

void put32(std::vector<uint8_t>& out, uint64_t value) {
  for (unsigned i = 0; i < 4; ++i) out.push_back(static_cast<uint8_t>(value >> (8 * i)));
}

// adr rd, . ; movz w17, low half ; movk w17, high half ; add rd, rd, w17, sxtw
EncodeError encode_adr_far(std::span<const Operand> operands, const machine::HatchContext& context,
                           std::vector<uint8_t>& out, uint32_t& data_begin) {
  if (!operands[0].is_reg() || !operands[0].reg.is_physical()) return EncodeError::BadOperand;
  const int64_t distance = context.displacement(context.user, 1);
  if (distance != int32_t(distance)) return EncodeError::OutOfRange;
  const uint32_t rd = operands[0].reg.preg().number(), bits = static_cast<uint32_t>(distance);
  put32(out, 0x10000000 | rd);
  put32(out, 0x52800000 | (bits & 0xffff) << 5 | 17);
  put32(out, 0x72a00000 | (bits >> 16) << 5 | 17);
  put32(out, 0x8b20c000 | 17u << 16 | rd << 5 | rd);
  data_begin = static_cast<uint32_t>(out.size());
  return EncodeError::None;
}

// Operand 0 is the index, the labels follow. Entries are 32-bit distances from the table's start.
//   adr x16, table ; ldrsw x17, [x16, index, uxtw #2] ; add x16, x16, x17 ; br x16 ; table: …
EncodeError encode_jump_table(std::span<const Operand> operands, const machine::HatchContext& context,
                              std::vector<uint8_t>& out, uint32_t& data_begin) {
  if (operands.empty() || !operands[0].is_reg() || !operands[0].reg.is_physical()) return EncodeError::BadOperand;
  constexpr uint32_t kCodeSize = 16;
  const uint32_t index = operands[0].reg.preg().number();
  if (index == kX16.number() || index == kX17.number() || index == kSp.number()) return EncodeError::BadOperand;
  put32(out, 0x10000000 | (kCodeSize / 4) << 5 | 16);
  put32(out, 0xb8a05800 | index << 16 | 16u << 5 | 17);
  put32(out, 0x8b000000 | 17u << 16 | 16u << 5 | 16);
  put32(out, 0xd61f0000 | 16u << 5);
  data_begin = kCodeSize;
  for (unsigned slot = 1; slot < operands.size(); ++slot) {
    if (operands[slot].kind != machine::OperandKind::Label) return EncodeError::BadOperand;
    put32(out, static_cast<uint64_t>(context.displacement(context.user, slot) - int64_t(kCodeSize)));
  }
  return EncodeError::None;
}

const machine::AbiTable kAbi = {
    .argument_registers = kArguments,
    .result_registers = kResults,
    .float_argument_registers = kFloats,
    .float_result_registers = kFloats,
    .has_f128 = true,
    .pairs = machine::Pairs::EvenOrMemory,
    .stack_pointer = kSp,
    .frame_pointer = kFp,
    .link_register = kLr,
    .pinned = kPinned,
    .frame_scratch = kX17,
    .stack_align = 16,
    .return_address_bytes = 0,
    .linkage_bytes = kLinkage,
    .outgoing_base = 0,
    .saves_in_caller_frame = false,
    .sret_in_result = false,
    .return_address_at = 8,
    .sret_register = x(8),
    .tail_scratch = kX16,
};

void set_conventions(machine::TargetIsa& isa) {
  static const machine::AbiTable tail = [] {
    machine::AbiTable abi = kAbi;
    abi.callee_pops = true;
    abi.tail_target = kTailTarget;
    abi.sret_register = {};
    return abi;
  }();
  // "Writing ARM64 code for Apple platforms".
  static const machine::AbiTable apple = [] {
    machine::AbiTable abi = kAbi;
    abi.pairs = machine::Pairs::NextOrMemory;
    abi.packed_arguments = true;
    return abi;
  }();
  static const machine::PRegSet all = machine::all_registers(isa.registers);
  static const machine::AbiTable preserve_all = [] {
    machine::AbiTable abi = kAbi;
    abi.callee_saved = &all;
    return abi;
  }();
  isa.conventions[size_t(ir::CallConv::kTail)] = &tail;
  isa.conventions[size_t(ir::CallConv::kAppleAarch64)] = &apple;
  isa.conventions[size_t(ir::CallConv::kPreserveAll)] = &preserve_all;
}

regalloc::RegisterEnv register_env() {
  regalloc::RegisterEnv env;
  for (unsigned n = 0; n < 16; ++n) env.allocatable[0].push_back(x(n));
  for (unsigned n = 19; n < 29; ++n) {
    env.allocatable[0].push_back(x(n));
    env.callee_saved.add(x(n));
  }
  env.callee_saved.add(kFp);
  env.scratch[0] = kX16;
  for (unsigned n = 0; n < 31; ++n) {
    if (n < 8 || n > 15) env.allocatable[1].push_back(v(n));
  }
  // A callee keeps the low halves of v8 to v15: enough, as long as no value is wider.
  for (unsigned n = 8; n < 16; ++n) {
    env.allocatable[1].push_back(v(n));
    env.callee_saved.add(v(n));
  }
  env.scratch[1] = v(31);
  return env;
}

SimpleInst move(RegClass reg_class, Reg to, Reg from) {
  return {reg_class == RegClass::Vec ? kVmov : kMov, {Operand::def(to), Operand::use(from)}};
}

SimpleInst load(ir::Type type, Reg to, const Amode& place) {
  const bool unscaled = !place.in_frame && place.disp < 0;
  if (type == ir::kF128) {
    return machine::with_amode(target_isa(), unscaled ? kLoadVecUnscaled : kLoadVec, {Operand::def(to)}, place);
  }
  if (type.is_float()) {
    const uint16_t opcode = unscaled ? kLoadFloatUnscaled : kLoadFloat;
    return machine::with_amode(target_isa(), opcode, {param(float_mem(type)), Operand::def(to)}, place);
  }
  const uint16_t opcode = unscaled ? kLoadUnscaled : kLoad;
  return machine::with_amode(target_isa(), opcode, {param(Load::X), Operand::def(to)}, place);
}

SimpleInst store(ir::Type type, Reg from, const Amode& place) {
  const bool unscaled = !place.in_frame && place.disp < 0;
  if (type == ir::kF128) {
    return machine::with_amode(target_isa(), unscaled ? kStoreVecUnscaled : kStoreVec, {Operand::use(from)}, place);
  }
  if (type.is_float()) {
    const uint16_t opcode = unscaled ? kStoreFloatUnscaled : kStoreFloat;
    return machine::with_amode(target_isa(), opcode, {param(float_mem(type)), Operand::use(from)}, place);
  }
  const uint16_t opcode = unscaled ? kStoreUnscaled : kStore;
  return machine::with_amode(target_isa(), opcode, {param(Store::X), Operand::use(from)}, place);
}

SimpleInst address(Reg to, const Amode& place) {
  return machine::with_amode(target_isa(), kLea, {Operand::def(to)}, place);
}

// The two halves of a float of 128 bits, in one register and in two.
Reg join(machine::LowerContext& context, Reg low, Reg high) {
  const Reg first = context.new_reg(RegClass::Vec), whole = context.new_reg(RegClass::Vec);
  context.emit(kFmovFrom, {param(Size::X), Operand::def(first), Operand::use(low)});
  context.emit(kInsertHigh, {Operand::reuse_def(whole, 1), Operand::use(first), Operand::use(high)});
  return whole;
}

void split(machine::LowerContext& context, Reg low, Reg high, Reg whole) {
  context.emit(kFmovTo, {param(Size::X), Operand::def(low), Operand::use(whole)});
  context.emit(kHighHalf, {Operand::def(high), Operand::use(whole)});
}

constexpr machine::FeatureSet kSigned = kSignReturnAddress | kSignReturnAddressAll;

// The signature's key, and the link register, which is written and read.
void push_signature(uint16_t opcode, const FrameLayout& frame, InstList& out) {
  if ((frame.features & kSigned) == 0) return;
  const Key key = (frame.features & kSignReturnAddressWithBkey) != 0 ? Key::B : Key::A;
  out.push(opcode, {param(key), Operand::def(kLr), Operand::use(kLr)});
}

void prologue(const FrameLayout& frame, InstList& out) {
  if (frame.growth != 0) add_offset(kSp, kSp, -int64_t(frame.growth), kX17, out);
  push_signature(kPaciasp, frame, out);
  out.push(kPushPair, {Operand::use(kFp), Operand::use(kLr)});
  out.push(kMovSp, {Operand::def(kFp), Operand::use(kSp)});
  if (frame.linkage_offset != 0) add_offset(kSp, kSp, -int64_t(frame.linkage_offset), kX17, out);
  each_saved(
      frame,
      [&](PReg a, PReg b, const Amode& place) {
        out.push(machine::with_amode(target_isa(), kStorePair, {Operand::use(a), Operand::use(b)}, place));
      },
      [&](PReg a, const Amode& place) { out.push(store(save_type(a), a, within_reach(place, out))); });
}

void epilogue(const FrameLayout& frame, uint32_t popped, InstList& out) {
  each_saved(
      frame,
      [&](PReg a, PReg b, const Amode& place) {
        out.push(machine::with_amode(target_isa(), kLoadPair, {Operand::def(a), Operand::def(b)}, place));
      },
      [&](PReg a, const Amode& place) { out.push(load(save_type(a), a, within_reach(place, out))); });
  if (frame.linkage_offset != 0) out.push(kMovSp, {Operand::def(kSp), Operand::use(kFp)});
  out.push(kPopPair, {Operand::def(kFp), Operand::def(kLr)});
  push_signature(kAutiasp, frame, out);
  if (popped != 0) add_offset(kSp, kSp, popped, kX17, out);
}

void lower_stack(uint32_t bytes, InstList& out) { add_offset(kSp, kSp, -int64_t(bytes), kX17, out); }

void landing(bool is_entry, InstList& out) { out.push(kBti, {param(is_entry ? Landing::Call : Landing::Jump)}); }

void frame_address(PReg to, int64_t offset, InstList& out) { add_offset(to, kSp, offset, to, out); }

uint16_t longer_branch(uint16_t opcode) { return opcode == kAdr ? uint16_t(kAdrFar) : machine::kNoOpcode; }

// Two hatches: adr_far and jump_table.
EncodeError encode_hatch(uint16_t opcode, std::span<const Operand> operands, const machine::HatchContext& context,
                         std::vector<uint8_t>& out, uint32_t& data_begin) {
  if (opcode == kAdrFar) return encode_adr_far(operands, context, out, data_begin);
  if (opcode == kJumpTable) return encode_jump_table(operands, context, out, data_begin);
  return EncodeError::NeedsHatch;
}

}  // namespace

void set_abi(machine::TargetIsa& isa) {
  isa.registers = register_env();
  isa.abi = kAbi;
  set_conventions(isa);
  isa.spill_types[1] = ir::kF128;
  isa.move = move;
  isa.load = load;
  isa.store = store;
  isa.join = join;
  isa.split = split;
  isa.address = address;
  isa.prologue = prologue;
  isa.epilogue = epilogue;
  isa.lower_stack = lower_stack;
  isa.frame_features = kSignReturnAddressAll;
  isa.landing_features = kUseBti;
  isa.landing = landing;
  isa.frame_address = frame_address;
  isa.longer_branch = longer_branch;
  isa.hatch = encode_hatch;
}

}  // namespace assay::isa::aarch64
