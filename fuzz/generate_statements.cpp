// See function_generator.h. Here: values, single operations, memory.
#include <algorithm>
#include <iterator>

#include "fuzz/function_generator.h"

namespace assay::fuzz {

// ---- values ----

Value FunctionGenerator::emit1(const InstData& data) {
  --budget_;
  return f_.result(b_.insert(data));
}

Value FunctionGenerator::constant_of(Type type, Bits bits) {
  budget_ -= type == kI128 ? 2 : 1;
  return b_.constant(type, bits);
}

bool FunctionGenerator::is_constant(Value v) const {
  const Inst def = f_.def_inst(v);
  return !def.is_none() && f_.inst(def).opcode == Opcode::kIconst;
}

// A value of the type: from scope (recent ones more often), or a new constant.
Value FunctionGenerator::pick(Type type) {
  std::vector<Value>& values = values_[slot_of(type)];
  if (values.empty() || random_.chance(12)) {
    const Value v = constant(type);
    if (random_.chance(50)) add(v);
    return v;
  }
  const uint32_t size = static_cast<uint32_t>(values.size());
  const Value v = values[random_.chance(50) ? size - 1 - random_.below(std::min(size, 4u)) : random_.below(size)];
  if (!is_used(v)) used_[v.index] = true;
  return v;
}

// One of the function's parameters, whose values are others for each set of inputs. None: there is none of the type.
Value FunctionGenerator::parameter(Type type) {
  const std::span<const Value> all = f_.block_params(f_.entry_block());
  std::array<Value, 4> found;
  uint32_t count = 0;
  for (size_t i = 0; i < all.size() && count < found.size(); ++i) {
    const bool is_place = i < f_.signature.params.size() && f_.signature.params[i].purpose != Purpose::kNormal;
    if (f_.value_type(all[i]) == type && !is_place) found[count++] = all[i];
  }
  return count == 0 ? Value() : found[random_.below(count)];
}

// A parameter, or what is made of one; of operations on constants nothing is left to be lowered.
Value FunctionGenerator::varied(Type type) {
  if (const Value v = parameter(type); !v.is_none()) return v;
  if (type.is_float()) {
    const Value bits = parameter(type.as_int());
    return bits.is_none() ? pick(type) : bitcast(type, bits);
  }
  const uint32_t first = random_.below(4);
  for (uint32_t i = 0; i < 4; ++i) {
    if (const Value v = parameter(kTypes[(first + i) % 4]); !v.is_none()) return extend_or_reduce(v, type);
  }
  return pick(type);
}

Value FunctionGenerator::binary(Opcode opcode, Value x, Value y) {
  const Value args[] = {x, y};
  return emit1({.opcode = opcode, .type = f_.value_type(x), .args = f_.make_values(args)});
}

Value FunctionGenerator::convert(Opcode opcode, Type to, Value x) {
  return emit1({.opcode = opcode, .type = to, .args = f_.make_values({&x, 1})});
}

Value FunctionGenerator::widen(Value v) {
  if (f_.value_type(v).is_float()) v = bits_or_zero(v);
  if (f_.value_type(v) == kI64) return v;
  if (f_.value_type(v) == kI128) {  // both halves count
    const Inst split = b_.insert({.opcode = Opcode::kIsplit, .type = kI128, .args = f_.make_values({&v, 1})});
    return binary(Opcode::kBxor, f_.result(split, 0), f_.result(split, 1));
  }
  return convert(random_.chance(50) ? Opcode::kUextend : Opcode::kSextend, kI64, v);
}

Value FunctionGenerator::compare(Value x, Value y) {
  return compare(static_cast<IntCC>(random_.below(kIntCCCount)), x, y);
}

Value FunctionGenerator::compare(IntCC condition, Value x, Value y) {
  const Value args[] = {x, y};
  return emit1({.opcode = Opcode::kIcmp,
                .code = static_cast<uint8_t>(condition),
                .type = f_.value_type(x),
                .args = f_.make_values(args)});
}

Value FunctionGenerator::sign_test(Type type) {
  return compare(random_.chance(50) ? IntCC::kSlt : IntCC::kSge, pick(type), constant_of(type, 0));
}

// A comparison, often one of those that backends have a shorter form for.
Value FunctionGenerator::comparison() {
  if (has_floats_ && random_.chance(30)) return compare_floats();
  const Type type = any_type();
  switch (random_.below(8)) {
    case 0:
      return compare(pick(type), constant(type));
    case 1:
      return compare(constant(type), pick(type));
    case 2:
      return sign_test(type);
    case 3:
      return compare(random_.chance(50) ? IntCC::kEq : IntCC::kNe, pick(type), constant_of(type, 0));
    case 4: {
      const Value x = masked(type), zero = constant_of(type, 0);
      if (random_.chance(25)) return compare(x, zero);
      return compare(random_.chance(50) ? IntCC::kEq : IntCC::kNe, x, zero);
    }
    case 5:
      return compare_extended();
    default:
      return compare(pick(type), pick(type));
  }
}

Value FunctionGenerator::condition() {
  if (random_.chance(80)) return comparison();
  return random_.chance(70) ? pick(any_type()) : masked(any_type());
}

// ---- statements ----

void FunctionGenerator::statement() {
  if (options_.tilt.is_set() && random_.chance(50)) return tilted();
  if (random_.chance(program_.has_throws ? 8 : 4)) return special();
  if (random_.chance(12)) {
    rule_shape();
    return;
  }
  const unsigned what = is_for_memory_ && random_.chance(50) ? random_.between(68, 84) : random_.below(100);
  if (what < 60) {
    add(straight_line(any_value_type()));
  } else if (what < 68) {
    overflow();
  } else if (what < 76) {
    add(load_something());
  } else if (what < 85) {
    if (random_.chance(15)) {
      overlapping();
    } else {
      store_something();
    }
  } else if (what < 92 && !f_.functions.empty()) {
    if (random_.chance(30)) {
      across_call();
    } else if (random_.chance(15)) {
      memory_across_call();
    } else {
      call();
    }
  } else if (what < 95 && risks(100)) {
    conditional_trap();
  } else if (what < 96) {
    b_.insert({.opcode = Opcode::kNop});
  } else {
    add(constant(any_value_type()));
  }
}

// One operation with a result of the type.
Value FunctionGenerator::straight_line(Type type) {
  static constexpr Opcode kUnary[] = {Opcode::kIneg, Opcode::kIabs, Opcode::kBnot, Opcode::kBitrev,
                                      Opcode::kClz,  Opcode::kCls,  Opcode::kCtz,  Opcode::kPopcnt};
  static constexpr Opcode kShift[] = {Opcode::kIshl, Opcode::kUshr, Opcode::kSshr, Opcode::kRotl, Opcode::kRotr};
  static constexpr Opcode kDivide[] = {Opcode::kUdiv, Opcode::kSdiv, Opcode::kUrem, Opcode::kSrem};
  if (type.is_float()) return float_operation(type);
  if (has_floats_ && random_.chance(15)) return integer_of_float(type);
  switch (random_.below(17)) {
    default: {
      const Opcode opcode = kBinary[random_.below(std::size(kBinary))];
      if ((opcode == Opcode::kUmulhi || opcode == Opcode::kSmulhi) && type != kI128 && random_.chance(30)) {
        const auto [x, y] = near_product(type, opcode == Opcode::kSmulhi);
        return binary(opcode, x, y);
      }
      return binary(opcode, pick(type), pick(type));
    }
    case 5:
    case 6:
      return convert_same(kUnary[random_.below(std::size(kUnary))], pick(type));
    case 7:
    case 8: {
      const Value args[] = {pick(type), pick(any_type())};
      return emit1({.opcode = kShift[random_.below(std::size(kShift))], .type = type, .args = f_.make_values(args)});
    }
    case 9: {
      // Mostly divisors that are not zero: a trap ends the run and hides what comes after.
      if (random_.chance(2)) {
        const Value least = constant_of(type, Bits(1) << (type.bits() - 1));
        return binary(random_.chance(50) ? Opcode::kSdiv : Opcode::kSrem, least, constant_of(type, ~Bits(0)));
      }
      Value y = random_.chance(10) ? constant(type) : pick(type);
      if (!is_constant(y) && random_.chance(85)) y = binary(Opcode::kBor, y, constant_of(type, 1u << random_.below(8)));
      return binary(kDivide[random_.below(std::size(kDivide))], pick(type), y);
    }
    case 10: {
      const Opcode opcode = random_.chance(70)   ? Opcode::kSelect
                            : random_.chance(60) ? Opcode::kBitselect
                                                 : Opcode::kSelectSpectreGuard;
      const Value args[] = {opcode == Opcode::kBitselect ? pick(type) : condition(), pick(type), pick(type)};
      return emit1({.opcode = opcode, .type = type, .args = f_.make_values(args)});
    }
    case 11:
      return extend_or_reduce(comparison(), type);
    case 12:
      return has_halves_ && random_.chance(50) ? halves(type) : extend_or_reduce(pick(any_type()), type);
    case 13:
      return convert(Opcode::kBmask, type, pick(any_type()));
    case 14:
      if (type == kI8) return convert_same(Opcode::kBnot, pick(type));
      return convert_same(Opcode::kBswap, pick(type));
    case 15:
    case 16:
      return shape(type);
  }
}

Value FunctionGenerator::extend_or_reduce(Value v, Type to) {
  const unsigned from = f_.value_type(v).bits();
  if (from == to.bits()) return v;
  if (from > to.bits()) return convert(Opcode::kIreduce, to, v);
  return convert(random_.chance(50) ? Opcode::kUextend : Opcode::kSextend, to, v);
}

// Of two halves, or one of them.
Value FunctionGenerator::halves(Type type) {
  const Type widest = has_wide_ ? kI128 : kI64;
  if (type != kI8 && (type == widest || random_.chance(50))) {
    const Type half = kTypes[slot_of(type) - 1];
    const Value args[] = {pick(half), pick(half)};
    return emit1({.opcode = Opcode::kIconcat, .type = half, .args = f_.make_values(args)});
  }
  const Type whole = kTypes[slot_of(type) + 1];
  const Value x = pick(whole);
  --budget_;
  const Inst inst = b_.insert({.opcode = Opcode::kIsplit, .type = whole, .args = f_.make_values({&x, 1})});
  const bool low_first = random_.chance(50);
  add(f_.result(inst, low_first ? 0 : 1));
  return f_.result(inst, low_first ? 1 : 0);
}

Value FunctionGenerator::either_way(Opcode opcode, Value x, Value y) {
  return random_.chance(60) ? binary(opcode, x, y) : binary(opcode, y, x);
}

void FunctionGenerator::conditional_trap() {
  // Mostly a condition that seldom traps: a comparison with a random constant or, for equality, with zero.
  const Type type = any_type();
  const bool when_zero = random_.chance(50);
  Value condition;
  if (random_.chance(20)) {
    condition = random_.chance(60) ? pick(type) : comparison();
  } else {
    const Value other = constant_of(type, random_.chance(30) ? 0 : random_.next());
    condition = compare(when_zero ? IntCC::kNe : IntCC::kEq, pick(type), other);
  }
  b_.insert({.opcode = when_zero ? Opcode::kTrapz : Opcode::kTrapnz,
             .code = trap_code(),
             .type = f_.value_type(condition),
             .args = f_.make_values({&condition, 1})});
}

// ---- memory ----

// An address with `size` bytes behind it, mostly.
FunctionGenerator::Place FunctionGenerator::place(uint32_t size) {
  if (!structs_.empty() && random_.chance(15)) {
    const Struct& one = structs_[random_.below(static_cast<uint32_t>(structs_.size()))];
    if (one.bytes >= size) {
      const uint32_t room = one.bytes - size, at = random_.chance(70) ? random_.below(room + 1) : room;
      return {one.address, static_cast<int32_t>(at), true, {}};
    }
  }
  const uint32_t slot = initialised_.empty() ? 0 : random_.below(static_cast<uint32_t>(initialised_.size()));
  if (!initialised_.empty() && initialised_[slot].bytes >= size && random_.chance(35)) {
    const uint32_t at = initialised_[slot].begin + random_.below(initialised_[slot].bytes - size + 1);
    // The same part of several slots, often: their addresses differ in nothing else.
    const uint32_t part = random_.chance(50) ? 0 : random_.below(at + 1);
    return {emit1({.opcode = Opcode::kStackAddr, .type = kI64, .entity = slot, .imm = part}),
            static_cast<int32_t>(at - part), true, alias_region(program_.regions.size())};
  }
  const uint32_t number = random_.below(static_cast<uint32_t>(program_.regions.size()));
  const oracles::RegionDirective& region = program_.regions[number];
  const AliasRegion alias = alias_region(number);
  if (risks(4)) return {constant_of(kI64, kUnmappedAddress), static_cast<int32_t>(random_.below(64)), false, {}};
  const uint32_t room = region.size - size;
  if (risks(8)) {
    // Around the region's end: some of these trap. Regions end at a page's end.
    const uint32_t at = room - std::min(room, 4u) + random_.below(12);
    return {constant_of(kI64, region.address + at), 0, false, alias};
  }
  // A constant base plus, perhaps, a masked index; the displacement is of any size that instructions have.
  static constexpr int32_t kOffsets[] = {0,     8,     -8,     120,    248,     255,     256,     504,       -256,
                                         -257,  2040,  2047,   2048,   -2048,   -2049,   4088,    4095,      4096,
                                         32760, 32768, 524287, 524288, -524288, -524289, 1 << 24, -(1 << 24)};
  int32_t offset =
      random_.chance(50) ? static_cast<int32_t>(random_.below(64)) : kOffsets[random_.below(std::size(kOffsets))];
  if (random_.chance(60)) {
    // index << shift stays inside: the index is masked by a power of two minus one. A shift by the access's size is
    // what machines have; one by 8 more is not, and differs above its lowest bits only.
    const bool is_shifted = random_.chance(50);
    const auto log_size = static_cast<uint32_t>(std::countr_zero(size));
    const uint32_t shift = !is_shifted          ? 0
                           : random_.chance(45) ? log_size
                           : random_.chance(30) ? log_size + 8
                                                : random_.below(4);
    uint32_t mask = std::bit_floor((room >> std::max(shift, 3u)) + 1) - 1;
    const Type type = random_.chance(40) ? kI64 : random_.chance(60) ? kI32 : narrow_type();
    if (type == kI8) mask &= 127;  // not negative
    Value index;
    if (type != kI64 && random_.chance(50)) {
      // What lies above the type in the register is not what lies above it in the extended index.
      const uint64_t above = ~uint64_t(0) << type.bits();
      index = convert(Opcode::kIreduce, type, binary(Opcode::kBand, pick(kI64), constant_of(kI64, above | mask)));
    } else {
      index = binary(Opcode::kBand, pick(type), constant_of(type, mask));
    }
    // Its sign, or another bit that is not masked, may be set, and the base be as far away: how it is extended matters.
    uint64_t high = 0;
    const auto masked = static_cast<unsigned>(std::bit_width(mask));
    if (masked < type.bits() && random_.chance(30)) {
      const unsigned bit = random_.chance(60) ? type.bits() - 1 : masked + random_.below(type.bits() - masked);
      high = uint64_t(1) << bit;
      index = binary(Opcode::kBor, index, constant_of(type, high));
    }
    if (type != kI64) {
      const bool is_signed = random_.chance(40);
      index = convert(is_signed ? Opcode::kSextend : Opcode::kUextend, kI64, index);
      if (is_signed && high >> (type.bits() - 1) != 0) high |= ~uint64_t(0) << type.bits();
    }
    if (is_shifted) {
      const Value args[] = {index, constant_of(any_type(), shift + (random_.chance(8) ? 64 : 0))};
      index = emit1({.opcode = Opcode::kIshl, .type = kI64, .args = f_.make_values(args)});
    }
    // A further term, which the instruction's displacement may or may not have room for.
    const int32_t term = kOffsets[random_.below(std::size(kOffsets))];
    const bool has_term = random_.chance(25);
    if (random_.chance(55)) offset = 0;
    const int64_t displacement = static_cast<int64_t>(offset) + (has_term ? term : 0);
    const uint64_t indexed = high << (is_shifted ? shift : 0);
    const Value base = constant_of(kI64, region.address - static_cast<uint64_t>(displacement) - indexed);
    const Value sum = either_way(Opcode::kIadd, opaque(base), index);
    return {has_term ? either_way(Opcode::kIadd, sum, constant_of(kI64, static_cast<int64_t>(term))) : sum, offset,
            true, alias};
  }
  // Often where other functions and the host's write, too.
  const uint32_t at = random_.below(random_.chance(30) ? std::min(room + 1, 64u) : room + 1);
  return {constant_of(kI64, region.address + at - static_cast<int64_t>(offset)), offset, true, alias};
}

// One of the last accesses to so many bytes, or none.
const FunctionGenerator::Access* FunctionGenerator::recent_access(uint32_t bytes, bool is_aligned) {
  if (accesses_.empty()) return nullptr;
  const size_t back = random_.below(static_cast<uint32_t>(std::min<size_t>(accesses_.size(), 6)));
  const Access& found = accesses_[accesses_.size() - 1 - back];
  return found.bytes >= bytes && (found.is_aligned || !is_aligned) ? &found : nullptr;
}

// Of what was accessed before, now and then: what is known of memory must be forgotten in time, on every way.
FunctionGenerator::Access FunctionGenerator::access(uint32_t bytes) {
  if (const Access* again = random_.chance(is_for_memory_ ? 85 : 35) ? recent_access(bytes, false) : nullptr) {
    Access made = *again;
    if (random_.chance(is_for_memory_ ? 5 : 20))
      made.place.offset += static_cast<int32_t>(random_.below(made.bytes - bytes + 1));
    return made;
  }
  const Place at = place(bytes);
  accesses_.push_back({at, bytes, mem_flags(at), false});
  return accesses_.back();
}

// The same value, half the time in a way that hides it from rules for constants.
Value FunctionGenerator::opaque(Value v) {
  if (random_.chance(50)) return v;
  const Type type = f_.value_type(v);
  return binary(Opcode::kBor, v, binary(Opcode::kBand, pick(type), constant_of(type, 0)));
}

// The same value, that nothing in the compiler knows: what stood in memory before a fence is not looked for behind it.
Value FunctionGenerator::hidden(Value v) {
  const Type type = f_.value_type(v);
  const Value address = constant_of(kI64, program_.regions[0].address + 16 * random_.below(16));
  store(Opcode::kStore, type, MemFlags(), v, address, 0);
  b_.insert({.opcode = Opcode::kFence});
  return emit1({.opcode = Opcode::kLoad, .type = type, .args = f_.make_values({&address, 1})});
}

// None if it is not declared: in functions that are mutated.
AliasRegion FunctionGenerator::alias_region(size_t number) const {
  return f_.regions.size() == program_.regions.size() + 1 ? AliasRegion(static_cast<uint32_t>(number)) : AliasRegion();
}

MemFlags FunctionGenerator::mem_flags(const Place& place) {
  MemFlags flags;
  if (!place.region.is_none() && random_.chance(85)) flags = flags.with_region(place.region);
  const unsigned order = random_.below(10);
  if (order < 3) flags = flags.with_endianness(Endianness::kLittle);
  if (order >= 7) flags = flags.with_endianness(Endianness::kBig);
  if (place.trusted && random_.chance(30))
    flags = flags.with_notrap();
  else if (random_.chance(30))
    flags = flags.with_trap(TrapCode{trap_code()});
  return flags;
}

uint32_t FunctionGenerator::bytes_accessed(Opcode opcode, Type type) {
  switch (opcode) {
    case Opcode::kUload8:
    case Opcode::kSload8:
    case Opcode::kIstore8:
      return 1;
    case Opcode::kUload16:
    case Opcode::kSload16:
    case Opcode::kIstore16:
      return 2;
    case Opcode::kUload32:
    case Opcode::kSload32:
    case Opcode::kIstore32:
      return 4;
    default:
      return type.bytes();
  }
}

Value FunctionGenerator::load(Opcode opcode, Type type) {
  const Access at = access(bytes_accessed(opcode, type));
  return emit1({.opcode = opcode,
                .type = type,
                .flags = at.flags,
                .args = f_.make_values({&at.place.address, 1}),
                .imm = static_cast<uint64_t>(static_cast<int64_t>(at.place.offset))});
}

Value FunctionGenerator::load_something() {
  static constexpr struct {
    Opcode opcode;
    uint32_t bytes;
  } kLoads[] = {{Opcode::kUload8, 1},  {Opcode::kSload8, 1},  {Opcode::kUload16, 2},
                {Opcode::kSload16, 2}, {Opcode::kUload32, 4}, {Opcode::kSload32, 4}};
  Type type = accessed_type();
  if (type.is_int() && (type != kI128 || has_wide_atomics_) && random_.chance(12)) return atomic_access(type);
  if (type.is_float() || random_.chance(60)) return load(Opcode::kLoad, type);
  const auto& chosen = kLoads[random_.below(std::size(kLoads))];
  while (type == kI128 || type.bytes() <= chosen.bytes) type = narrow_type();
  return load(chosen.opcode, type);
}

// Aligned: of other atomic accesses CLIF says nothing. At a constant place, or one that follows from a value.
FunctionGenerator::Access FunctionGenerator::aligned_access(Type type) {
  if (const Access* again = random_.chance(35) ? recent_access(type.bytes(), true) : nullptr) return *again;
  const uint32_t number = random_.below(static_cast<uint32_t>(program_.regions.size()));
  const oracles::RegionDirective& region = program_.regions[number];
  const uint32_t unit = std::max(8u, type.bytes());
  const Value at = risks(6) ? constant_of(kI64, kUnmappedAddress)
                            : constant_of(kI64, region.address + random_.below(region.size) / unit * unit);
  // Within so many bytes, so that narrow accesses are neighbours.
  const Value within = binary(Opcode::kBand, pick(kI64), constant_of(kI64, unit - type.bytes()));
  const Value address = random_.chance(30) ? at : binary(Opcode::kIadd, opaque(at), within);
  const Place place{address, 0, /*trusted=*/false, alias_region(number)};
  accesses_.push_back({place, type.bytes(), mem_flags(place), true});
  return accesses_.back();
}

Value FunctionGenerator::atomic_access(Type type) {
  const Access at = aligned_access(type);
  return atomic_access(type, at.place.address, at.flags);
}

Value FunctionGenerator::atomic_access(Type type, Value address, MemFlags flags) {
  const auto load_it = [&] {
    return emit1({.opcode = Opcode::kAtomicLoad, .type = type, .flags = flags, .args = f_.make_values({&address, 1})});
  };
  switch (random_.below(8)) {
    case 0:
      return load_it();
    case 1: {
      const Value x = pick(type), args[] = {x, address};
      b_.insert({.opcode = Opcode::kAtomicStore, .type = type, .flags = flags, .args = f_.make_values(args)});
      if (random_.chance(30)) b_.insert({.opcode = Opcode::kFence});
      return x;
    }
    case 2:
    case 3: {
      // What is there, often: else nothing would be written.
      const Value args[] = {address, random_.chance(70) ? load_it() : pick(type), pick(type)};
      return emit1({.opcode = Opcode::kAtomicCas, .type = type, .flags = flags, .args = f_.make_values(args)});
    }
    default: {
      const Value args[] = {address, pick(type)};
      const Value old = emit1({.opcode = Opcode::kAtomicRmw,
                               .code = static_cast<uint8_t>(random_.below(kAtomicRmwOpCount)),
                               .type = type,
                               .flags = flags,
                               .args = f_.make_values(args)});
      return random_.chance(30) ? args[1] : old;  // machines may do better if nobody uses the old one
    }
  }
}

void FunctionGenerator::store_something() {
  static constexpr Opcode kStores[] = {Opcode::kIstore8, Opcode::kIstore16, Opcode::kIstore32};
  Type type = accessed_type();
  if (type.is_float() || random_.chance(60)) return store_value(Opcode::kStore, pick(type));
  const uint32_t which = random_.below(3);
  while (type == kI128 || type.bytes() <= (1u << which)) type = narrow_type();
  store_value(kStores[which], pick(type));
}

void FunctionGenerator::store_value(Opcode opcode, Value value) {
  const Type type = f_.value_type(value);
  const Access at = access(bytes_accessed(opcode, type));
  store(opcode, type, at.flags, value, at.place.address, at.place.offset);
}

void FunctionGenerator::store(Opcode opcode, Type type, MemFlags flags, Value value, Value address, int32_t offset) {
  --budget_;
  const Value args[] = {value, address};
  b_.insert({.opcode = opcode,
             .type = type,
             .flags = flags,
             .args = f_.make_values(args),
             .imm = static_cast<uint64_t>(static_cast<int64_t>(offset))});
}

}  // namespace assay::fuzz
