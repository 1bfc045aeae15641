// See mutator.h. Here: mutations of single instructions.
#include <algorithm>
#include <iterator>

#include "fuzz/function_generator.h"
#include "fuzz/mutator.h"

namespace assay::fuzz {

namespace {

// Operations that take and give the same types: any may take another's place.
constexpr Opcode kBinary[] = {
    Opcode::kIadd, Opcode::kIsub, Opcode::kImul, Opcode::kUmulhi, Opcode::kSmulhi, Opcode::kSmin, Opcode::kUmin,
    Opcode::kSmax, Opcode::kUmax, Opcode::kBand, Opcode::kBor,    Opcode::kBxor,   Opcode::kUdiv, Opcode::kSdiv,
    Opcode::kUrem, Opcode::kSrem, Opcode::kIshl, Opcode::kUshr,   Opcode::kSshr,   Opcode::kRotl, Opcode::kRotr};
constexpr Opcode kUnary[] = {Opcode::kIneg, Opcode::kIabs, Opcode::kBnot, Opcode::kBitrev,
                             Opcode::kClz,  Opcode::kCls,  Opcode::kCtz,  Opcode::kPopcnt};
constexpr Opcode kExtend[] = {Opcode::kUextend, Opcode::kSextend};
constexpr Opcode kSelect[] = {Opcode::kSelect, Opcode::kSelectSpectreGuard};
constexpr Opcode kOverflow[] = {Opcode::kUaddOverflow, Opcode::kSaddOverflow, Opcode::kUsubOverflow,
                                Opcode::kSsubOverflow, Opcode::kUmulOverflow, Opcode::kSmulOverflow};
constexpr Opcode kCarry[] = {Opcode::kUaddOverflowCin, Opcode::kSaddOverflowCin, Opcode::kUsubOverflowBin,
                             Opcode::kSsubOverflowBin};
constexpr Opcode kLoad8[] = {Opcode::kUload8, Opcode::kSload8};
constexpr Opcode kLoad16[] = {Opcode::kUload16, Opcode::kSload16};
constexpr Opcode kLoad32[] = {Opcode::kUload32, Opcode::kSload32};
constexpr Opcode kFloatBinary[] = {Opcode::kFadd, Opcode::kFsub, Opcode::kFmul,     Opcode::kFdiv,
                                   Opcode::kFmin, Opcode::kFmax, Opcode::kFcopysign};
constexpr Opcode kFloatUnary[] = {Opcode::kFneg,  Opcode::kFabs,  Opcode::kSqrt,   Opcode::kCeil,
                                  Opcode::kFloor, Opcode::kTrunc, Opcode::kNearest};
constexpr Opcode kFloatToInt[] = {Opcode::kFcvtToSint, Opcode::kFcvtToUint, Opcode::kFcvtToSintSat,
                                  Opcode::kFcvtToUintSat};
constexpr Opcode kIntToFloat[] = {Opcode::kFcvtFromSint, Opcode::kFcvtFromUint};
constexpr Opcode kTrapIf[] = {Opcode::kTrapz, Opcode::kTrapnz};
constexpr std::span<const Opcode> kFamilies[] = {kBinary,      kUnary,      kExtend,     kSelect,    kOverflow,
                                                 kCarry,       kLoad8,      kLoad16,     kLoad32,    kTrapIf,
                                                 kFloatBinary, kFloatUnary, kFloatToInt, kIntToFloat};

std::span<const Opcode> family_of(Opcode opcode) {
  for (const std::span<const Opcode> family : kFamilies) {
    if (std::find(family.begin(), family.end(), opcode) != family.end()) return family;
  }
  return {};
}

bool accesses_memory(const Function& f, Inst inst) {
  const Format format = f.info(inst).format;
  return format == Format::kLoad || format == Format::kStore;
}

// The number of the address among the operands.
unsigned address_operand(const Function& f, Inst inst) { return f.info(inst).format == Format::kStore ? 1 : 0; }

}  // namespace

bool Mutator::insert_operation() {
  if (!may_grow()) return false;
  Editor editor(f(), random_);
  const Inst before = editor.any();
  if (before.is_none()) return false;
  return generate_before(before, editor, random_.between(1, 3), 0);
}

bool Mutator::delete_instruction() {
  Editor editor(f(), random_);
  const Inst inst = editor.any([&](Inst i) { return !f().info(i).is_terminator() && editor.may_change(i); });
  if (inst.is_none()) return false;
  if (editor.makes_address(inst)) editor.distrust_accesses();
  const std::vector<Value> results(f().results(inst).begin(), f().results(inst).end());
  for (Value v : results) {
    const Type type = f().value_type(v);
    if (!Editor::is_scalar(type)) return false;
    // An operand in the place of the result keeps what belongs together together.
    Value now;
    for (Value arg : f().args(inst)) {
      if (f().value_type(arg) == type && random_.chance(60)) now = arg;
    }
    if (now.is_none()) now = editor.pick(type, inst);
    editor.replace_uses(v, now);
  }
  f().remove_inst(inst);
  return true;
}

bool Mutator::replace_operand() {
  Editor editor(f(), random_);
  const auto uses = [&](Inst inst) {
    uint32_t count = 0;
    f().for_each_use(inst, [&](Value) { ++count; });
    return count;
  };
  const Inst inst = editor.any([&](Inst i) { return editor.may_change(i) && uses(i) != 0; });
  if (inst.is_none()) return false;
  if (editor.makes_address(inst)) editor.distrust_accesses();
  // Addresses only become addresses, else nearly all accesses would trap.
  if (accesses_memory(f(), inst) && random_.chance(95)) {
    const unsigned n = address_operand(f(), inst);
    if (n == 0) return false;
    const Value v = f().arg(inst, 0);
    const Value now = editor.pick(f().value_type(v), inst);
    f().args(inst)[0] = now;
    return v != now;
  }
  uint32_t chosen = random_.below(uses(inst)), at = 0;
  Value old;
  f().for_each_use(inst, [&](Value v) {
    if (at++ == chosen) old = v;
  });
  if (!Editor::is_scalar(f().value_type(old)) || editor.is_address(old)) return false;
  if (f().info(inst).is_terminator()) {
    // What is passed for a loop's counter stays.
    uint32_t number = static_cast<uint32_t>(f().args(inst).size());
    for (const BlockCall& call : f().block_calls(inst)) {
      for (size_t i = 0; i < f().args(call).size(); ++i, ++number) {
        if (number == chosen && editor.is_counter(f().block_params(call.block)[i])) return false;
      }
    }
  }
  Value now = editor.pick_existing(f().value_type(old), inst, old);
  if (now.is_none() || random_.chance(15)) now = editor.random_constant(f().value_type(old), inst);
  at = 0;
  f().for_each_use_mutable(inst, [&](Value& v) {
    if (at++ == chosen) v = now;
  });
  // An access that promised not to trap may now.
  if (accesses_memory(f(), inst)) {
    f().inst(inst).flags = f().inst(inst).flags.with_trap(kHeapOutOfBounds);
  }
  return true;
}

bool Mutator::replace_operation() {
  Editor editor(f(), random_);
  const Inst inst =
      editor.any([&](Inst i) { return editor.may_change(i) && family_of(f().inst(i).opcode).size() > 1; });
  if (inst.is_none()) return false;
  if (editor.makes_address(inst)) editor.distrust_accesses();
  const std::span<const Opcode> family = family_of(f().inst(inst).opcode);
  const Opcode now = family[random_.below(static_cast<uint32_t>(family.size()))];
  const Type type = f().inst(inst).type;
  if (now == f().inst(inst).opcode || !operation_info(now).controlling.contains(type)) return false;
  const bool divides = now == Opcode::kUdiv || now == Opcode::kSdiv || now == Opcode::kUrem || now == Opcode::kSrem;
  if (divides && random_.chance(85)) {
    const Value y = f().arg(inst, 1);
    if (f().value_type(y) != type) return false;
    const Value one = editor.constant(type, 1u << random_.below(7), inst);
    const Value odd = editor.binary(Opcode::kBor, y, one, inst);
    f().args(inst)[1] = odd;
  }
  f().inst(inst).opcode = now;
  return true;
}

// The operation at another type, its operands and results converted.
bool Mutator::retype() {
  Editor editor(f(), random_);
  const Inst inst = editor.any([&](Inst i) {
    if (!editor.is_plain(i) || !f().info(i).polymorphic || editor.makes_address(i)) return false;
    const Type type = f().inst(i).type;
    return f().value_type(f().result(i)) == type && f().inst(i).opcode != Opcode::kIconst;
  });
  if (inst.is_none()) return false;
  const OperationInfo& op = f().info(inst);
  const Type old = f().inst(inst).type, now = editor.any_type();
  if (now == old || !op.controlling.contains(now)) return false;
  InstData data = f().inst(inst);
  data.type = now;
  data.results = {};
  std::vector<Value> args(f().args(inst).begin(), f().args(inst).end());
  for (unsigned i = 0; i < args.size(); ++i) {
    const Type type = f().value_type(args[i]);
    if (op.inputs[i].type.allows(type, now)) continue;
    if (!Editor::is_int(type) || !op.inputs[i].type.allows(now, now)) return false;
    args[i] = editor.convert(args[i], now, inst);
  }
  data.args = f().make_values(args);
  const Value result = editor.emit(data, inst);
  const Value back = editor.convert(result, old, inst);
  editor.replace_uses(f().result(inst), back);
  f().remove_inst(inst);
  return true;
}

bool Mutator::constant_to_edge() {
  Editor editor(f(), random_);
  const Inst inst = editor.any([&](Inst i) {
    const Opcode opcode = f().inst(i).opcode;
    const bool is_float = opcode == Opcode::kF32const || opcode == Opcode::kF64const;
    return (is_float || (opcode == Opcode::kIconst && Editor::is_int(f().inst(i).type))) && editor.may_change(i);
  });
  if (inst.is_none()) return false;
  if (f().inst(inst).opcode != Opcode::kIconst) {
    const uint64_t old = f().inst(inst).imm;
    f().inst(inst).imm = static_cast<uint64_t>(random_float_bits(random_, f().value_type(f().result(inst)).bits()));
    return f().inst(inst).imm != old;
  }
  if (editor.makes_address(inst)) editor.distrust_accesses();
  InstData& data = f().inst(inst);
  const uint64_t old = data.imm, mask = ~uint64_t(0) >> (64 - data.type.bits());
  // Addresses of regions mostly stay near: only the edges of what displacements reach.
  const bool is_address = data.type == kI64 && old >= kRegionsBase - 0x2000000 && old < kUnmappedAddress;
  switch (is_address && random_.chance(80) ? 0 : random_.below(4)) {
    case 0:
      data.imm = old + random_.below(17) - 8;
      break;
    case 1:
      data.imm = old ^ (uint64_t(1) << random_.below(data.type.bits()));
      break;
    default:
      data.imm = static_cast<uint64_t>(random_bits(random_, data.type.bits()));
      break;
  }
  data.imm &= mask;
  return data.imm != old;
}

bool Mutator::change_condition() {
  Editor editor(f(), random_);
  const Inst inst = editor.any([&](Inst i) {
    return (f().inst(i).opcode == Opcode::kIcmp || f().inst(i).opcode == Opcode::kFcmp) && !editor.is_protected(i);
  });
  if (inst.is_none()) return false;
  const bool is_float = f().inst(inst).opcode == Opcode::kFcmp;
  f().inst(inst).code = static_cast<uint8_t>(random_.below(is_float ? kFloatCCCount : kIntCCCount));
  if (random_.chance(30)) std::swap(f().args(inst)[0], f().args(inst)[1]);
  return true;
}

// Another byte order, trap code or width, or another share of the address in the displacement.
bool Mutator::change_memory() {
  Editor editor(f(), random_);
  const Inst inst = editor.any([&](Inst i) { return accesses_memory(f(), i); });
  if (inst.is_none()) return false;
  const MemFlags flags = f().inst(inst).flags;
  // Nothing promised.
  const auto plain = [&](TrapCode code) { return MemFlags().with_trap(code).with_endianness(flags.endianness()); };
  switch (random_.below(4)) {
    case 0:
      f().inst(inst).flags = flags.with_endianness(static_cast<Endianness>(random_.below(3)));
      return true;
    case 1:
      f().inst(inst).flags = plain(TrapCode{static_cast<uint8_t>(random_.between(1, 250))});
      return true;
    case 2: {
      // A step beyond may leave the region, so the access may trap from now on.
      if (editor.is_address(f().arg(inst, address_operand(f(), inst)))) return false;
      f().inst(inst).flags = plain(kHeapOutOfBounds);
      const int64_t offset = f().inst(inst).offset() + static_cast<int64_t>(random_.below(33)) - 16;
      f().inst(inst).imm = static_cast<uint64_t>(static_cast<int64_t>(static_cast<int32_t>(offset)));
      return true;
    }
    default: {
      // The same place: what the displacement gains the address loses. About the limits of displacements.
      static constexpr int32_t kLimits[] = {0,     255,    256,    -256,   -257,    2047,    2048,    -2048,
                                            -2049, 4095,   4096,   8191,   8192,    16380,   32760,   32767,
                                            32768, -32768, 524287, 524288, -524288, -524289, 1 << 24, 0x7fffffff};
      const unsigned n = address_operand(f(), inst);
      const Value address = f().arg(inst, n);
      if (f().value_type(address) != kI64) return false;
      const int32_t now = kLimits[random_.below(std::size(kLimits))];
      const int64_t difference = static_cast<int64_t>(f().inst(inst).offset()) - now;
      const Value c = editor.constant(kI64, static_cast<uint64_t>(difference), inst);
      const Value moved = editor.binary(Opcode::kIadd, address, c, inst);
      f().args(inst)[n] = moved;
      f().inst(inst).imm = static_cast<uint64_t>(static_cast<int64_t>(now));
      return true;
    }
  }
}

// Many values made at one place and needed at a later one of the same block, or at its end.
bool Mutator::spill_pressure() {
  if (!may_grow(80)) return false;
  Editor editor(f(), random_);
  const Inst begin = editor.any();
  const auto address = region_address();
  if (begin.is_none() || !address) return false;
  Inst end = begin;
  for (uint32_t n = random_.below(30); n != 0 && !f().next_inst(end).is_none(); --n) end = f().next_inst(end);
  std::vector<Value> values;
  for (uint32_t n = random_.between(8, 36); n != 0; --n) {
    const Type type = random_.chance(60) ? kI64 : editor.any_type();
    const Value x = editor.pick(type, begin), c = editor.random_constant(type, begin);
    values.push_back(editor.binary(random_.chance(50) ? Opcode::kIadd : Opcode::kBxor, x, c, begin));
  }
  Value sum = editor.constant(kI64, 0, end);
  for (Value v : values) {
    const Value wide = editor.convert(v, kI64, end);
    sum = editor.binary(random_.chance(50) ? Opcode::kIadd : Opcode::kBxor, sum, wide, end);
  }
  const Value args[] = {sum, editor.constant(kI64, *address + 8 * random_.below(16), end)};
  editor.insert({.opcode = Opcode::kStore, .type = kI64, .args = f().make_values(args)}, end);
  return true;
}

}  // namespace assay::fuzz
