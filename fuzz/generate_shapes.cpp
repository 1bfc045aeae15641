// See function_generator.h. Here: combinations that chance seldom makes: what backends match as a whole, operands about
// the limit of an overflow, extended operands of comparisons, permutations in loops, many values alive over a call.
#include <algorithm>
#include <iterator>

#include "fuzz/function_generator.h"

namespace assay::fuzz {

// Small combinations that backends match as a whole: x + (y << k), x & ~y, x - y * z, (x << k) | (x >> w-k), …
Value FunctionGenerator::shape(Type type) {
  const Value x = pick(type), y = pick(type);
  const Value amount = constant_of(any_type(), random_.below(type.bits() + 3));
  const Opcode sum = random_.chance(60) ? Opcode::kIadd : Opcode::kIsub;
  switch (random_.below(15)) {
    case 8:
    case 9:
    case 10:
      return constant_chain(type);
    case 11:
    case 12:
    case 13:
      return dense(type);
    case 0: {
      const Value args[] = {y, amount};
      const Value shifted = emit1(
          {.opcode = random_.chance(70) ? Opcode::kIshl : Opcode::kUshr, .type = type, .args = f_.make_values(args)});
      return either_way(random_.chance(75) ? sum : Opcode::kBor, x, shifted);
    }
    case 1:
      return either_way(random_.chance(40)   ? Opcode::kBand
                        : random_.chance(50) ? Opcode::kBor
                                             : Opcode::kBxor,
                        x, convert_same(Opcode::kBnot, y));
    case 2:
      return either_way(sum, x, binary(Opcode::kImul, y, pick(type)));
    case 3:
      return convert_same(Opcode::kIneg, binary(random_.chance(50) ? Opcode::kIsub : Opcode::kImul, x, y));
    case 4:
      return either_way(sum, x, constant(type));
    case 6:
      return either_way(sum, x, extend_or_reduce(pick(any_type()), type));
    case 7:
      return either_way(sum, either_way(Opcode::kIadd, x, y), constant(type));
    case 5:
      return convert_same(Opcode::kBnot, binary(Opcode::kBxor, x, y));
    default:
      return extend_or_reduce(extend_or_reduce(x, any_type()), type);
  }
}

// (x op c) op d, or with an extension inside: what the mid-end folds, distributes and moves outwards.
Value FunctionGenerator::constant_chain(Type type) {
  static constexpr Opcode kShifts[] = {Opcode::kIshl, Opcode::kUshr, Opcode::kSshr, Opcode::kRotl, Opcode::kRotr};
  static constexpr Opcode kOthers[] = {Opcode::kIadd, Opcode::kIsub, Opcode::kImul, Opcode::kBand, Opcode::kBor,
                                       Opcode::kBxor, Opcode::kUmin, Opcode::kUmax, Opcode::kSmin, Opcode::kSmax};
  Value v = random_.chance(30) ? extend_or_reduce(pick(any_type()), type) : pick(type);
  uint64_t amount = random_.below(type.bits() + 3);
  for (unsigned n = random_.chance(70) ? 2 : 3; n != 0; --n) {
    if (random_.chance(35)) {
      // The same amount again, often: there and back.
      if (random_.chance(50)) amount = random_.below(type.bits() + 3);
      const Value args[] = {v, constant_of(narrow_type(), amount)};
      v = emit1({.opcode = kShifts[random_.below(std::size(kShifts))], .type = type, .args = f_.make_values(args)});
      continue;
    }
    const Opcode opcode = kOthers[random_.below(std::size(kOthers))];
    v = random_.chance(80) ? binary(opcode, v, constant(type)) : binary(opcode, constant(type), v);
  }
  return v;
}

// An expression of two or three values, so that operations meet the same ones: what absorbs, distributes, cancels, or
// is a minimum. Comparisons among them are of the same pair, often.
Value FunctionGenerator::dense(Type type, unsigned depth, std::span<const Value> leaves) {
  static constexpr Opcode kUnary[] = {Opcode::kBnot, Opcode::kIneg,   Opcode::kBnot, Opcode::kIneg,
                                      Opcode::kIabs, Opcode::kBitrev, Opcode::kClz,  Opcode::kPopcnt};
  static constexpr Opcode kLogic[] = {Opcode::kBand, Opcode::kBor, Opcode::kBxor};
  static constexpr Opcode kOthers[] = {Opcode::kIadd, Opcode::kIsub, Opcode::kImul, Opcode::kSmin,
                                       Opcode::kSmax, Opcode::kUmin, Opcode::kUmax, Opcode::kIshl,
                                       Opcode::kUshr, Opcode::kSshr, Opcode::kRotl, Opcode::kRotr};
  const Value leaf = leaves[random_.below(static_cast<uint32_t>(leaves.size()))];
  if (depth == 0 || random_.chance(10)) return leaf;
  const auto inner = [&] { return dense(type, depth - 1, leaves); };
  const auto comparison_of_two = [&] { return compare(leaves[0], random_.chance(80) ? leaves[1] : leaf); };
  switch (random_.below(20)) {
    case 0:
    case 1:
    case 2:
      return convert_same(kUnary[random_.below(std::size(kUnary))], inner());
    case 3:
      return type == kI8 ? convert_same(Opcode::kBnot, inner()) : convert_same(Opcode::kBswap, inner());
    case 4:
    case 5: {
      const Value c = random_.chance(60) ? comparison_of_two() : compare(inner(), inner());
      const Value args[] = {c, inner(), inner()};
      return emit1({.opcode = Opcode::kSelect, .type = type, .args = f_.make_values(args)});
    }
    case 6:
    case 7: {
      const Value x = comparison_of_two(), y = comparison_of_two();
      const Value both = binary(kLogic[random_.below(std::size(kLogic))], x, y);
      return extend_or_reduce(random_.chance(80) ? both : x, type);
    }
    case 8: {
      // In a wider type, of extended values.
      const Type wide = any_type();
      std::vector<Value> extended;
      for (Value v : leaves) extended.push_back(extend_or_reduce(v, wide));
      return extend_or_reduce(dense(wide, depth - 1, extended), type);
    }
    case 9:
    case 10:
    case 11:
    case 12:
    case 13: {
      // The same operation on both sides, often: what can be taken out.
      const Opcode outer = kLogic[random_.below(std::size(kLogic))];
      const Opcode same =
          random_.chance(50) ? kLogic[random_.below(std::size(kLogic))] : kOthers[random_.below(std::size(kOthers))];
      if (random_.chance(40)) return binary(outer, binary(same, leaf, inner()), binary(same, inner(), leaf));
      return either_way(outer, inner(), inner());
    }
    default:
      return either_way(kOthers[random_.below(std::size(kOthers))], inner(), inner());
  }
}

Value FunctionGenerator::dense(Type type) {
  Value leaves[] = {pick(type), pick(type), random_.chance(50) ? constant(type) : pick(type)};
  if (random_.chance(20)) leaves[1] = constant_of(type, Bits(0) - random_.below(2));
  return dense(type, random_.chance(80) ? 2 : 3, std::span(leaves, random_.chance(60) ? 2 : 3));
}

// A comparison with an extended operand, mostly of something that another extension would make equal, or just about.
Value FunctionGenerator::compare_extended() {
  const Type type = random_.chance(50) ? kI32 : kI64;
  Type narrow_type = any_type();
  while (narrow_type.bits() >= type.bits()) narrow_type = any_type();
  const Value narrow = pick(narrow_type);
  const uint32_t shift = random_.chance(25) ? random_.between(1, 4) : 0;
  const auto extended = [&] {
    const Value x = convert(random_.chance(50) ? Opcode::kUextend : Opcode::kSextend, type, narrow);
    if (shift == 0) return x;
    const Value args[] = {x, constant_of(any_type(), shift)};
    return emit1({.opcode = Opcode::kIshl, .type = type, .args = f_.make_values(args)});
  };
  const Value x = extended();
  Value y;
  switch (random_.below(4)) {
    case 0:
      y = pick(type);
      break;
    case 1:
      y = constant(type);
      break;
    default:
      y = binary(Opcode::kIadd, extended(), constant_of(type, uint64_t(random_.below(3)) - 1));
      break;
  }
  return random_.chance(50) ? compare(x, y) : compare(y, x);
}

// ---- overflow ----

// An operand whose sums lie about the limits more often than those of arbitrary values.
Value FunctionGenerator::near_limit(Type type) {
  if (random_.chance(25)) return constant(type);
  return random_.chance(30) ? extend_or_reduce(pick(any_type()), type) : pick(type);
}

// Two numbers of either sign whose product is just below or above the limit of the type: one of any size, and the limit
// divided by it, or one more or less.
std::pair<Value, Value> FunctionGenerator::near_product(Type type, bool is_signed) {
  const unsigned width = type.bits();
  const unsigned middle = width / 2 - 1 + random_.below(3);
  const unsigned exponent = random_.chance(40) ? middle : random_.below(is_signed ? width - 1 : width);
  uint64_t x = uint64_t(1) << exponent;
  x = std::max<uint64_t>(1, random_.chance(60) ? x + random_.below(3) - 1 : x + (random_.next() & (x - 1)));
  const auto limit = static_cast<unsigned __int128>(1) << (is_signed ? width - 1 : width);
  uint64_t y = static_cast<uint64_t>(limit / x) + random_.below(3) - 1;
  if (is_signed && random_.chance(50)) x = 0 - x;
  if (is_signed && random_.chance(50)) y = 0 - y;
  const Value first = opaque(constant_of(type, x)), second = opaque(constant_of(type, y));
  if (random_.chance(50)) return {first, second};
  return {second, first};
}

// What with `x` makes a sum or difference about the limit of the type.
Value FunctionGenerator::near_sum(Value x, bool subtract, bool is_signed) {
  const Type type = f_.value_type(x);
  const Bits limit = (is_signed ? Bits(1) << (type.bits() - 1) : 0) + random_.below(3) - 1;
  const Value c = constant_of(type, limit);
  return subtract ? binary(Opcode::kIsub, x, c) : binary(Opcode::kIsub, c, x);
}

void FunctionGenerator::overflow() {
  struct Operation {
    Opcode opcode;
    bool subtract, is_signed;
  };
  static constexpr Operation kTwo[] = {{Opcode::kUaddOverflow, false, false}, {Opcode::kSaddOverflow, false, true},
                                       {Opcode::kUsubOverflow, true, false},  {Opcode::kSsubOverflow, true, true},
                                       {Opcode::kUmulOverflow, false, false}, {Opcode::kSmulOverflow, false, true}};
  static constexpr Operation kThree[] = {{Opcode::kUaddOverflowCin, false, false},
                                         {Opcode::kSaddOverflowCin, false, true},
                                         {Opcode::kUsubOverflowBin, true, false},
                                         {Opcode::kSsubOverflowBin, true, true}};
  const bool traps = risks(15), has_carry = !traps && random_.chance(35);
  Type type = !traps ? any_type() : random_.chance(50) ? kI32 : kI64;
  const Operation op = traps       ? Operation{Opcode::kUaddOverflowTrap, false, false}
                       : has_carry ? kThree[random_.below(std::size(kThree))]
                                   : kTwo[random_.below(std::size(kTwo))];
  const bool is_product = op.opcode == Opcode::kUmulOverflow || op.opcode == Opcode::kSmulOverflow;
  if (is_product && type == kI128) type = kI64;
  if (is_product && random_.chance(80)) {
    for (unsigned n = random_.between(1, 5); n != 0; --n) {
      const bool is_signed = random_.chance(50);
      const auto [a, b] = near_product(narrow_type(), is_signed);
      overflow(is_signed ? Opcode::kSmulOverflow : Opcode::kUmulOverflow, {a, b});
    }
    return;
  }
  const Value x = near_limit(type);
  const Value y = random_.chance(8)                   ? x
                  : !is_product && random_.chance(30) ? near_sum(x, op.subtract, op.is_signed)
                                                      : near_limit(type);
  if (traps) {
    const Value args[] = {x, y};
    add(emit1({.opcode = op.opcode, .code = trap_code(), .type = type, .args = f_.make_values(args)}));
    return;
  }
  if (!has_carry) return overflow(op.opcode, {x, y});
  overflow(op.opcode, {x, y, random_.chance(70) ? compare(x, y) : pick(kI8)});
}

void FunctionGenerator::overflow(Opcode opcode, std::initializer_list<Value> args) {
  const Inst inst = b_.insert({.opcode = opcode,
                               .type = f_.value_type(*args.begin()),
                               .args = f_.make_values(std::span(args.begin(), args.size()))});
  --budget_;
  add(f_.result(inst, 0));
  add(f_.result(inst, 1));
}

// A value that a plan leaves open: mostly one in scope, or one with something above its bits in a register, or one
// whose upper bits are known.
Value FunctionGenerator::planned_leaf(Type type, bool is_zero) {
  if (type.is_float() && is_zero) return zero_of_either_sign(type);
  if (is_for_rules_ && random_.chance(40)) return varied(type);
  if (type.is_float()) return pick(type);
  const unsigned what = random_.below(100);
  if (what < 70) {
    const Value v = pick(type);
    return is_for_rules_ && is_constant(v) && random_.chance(75) ? varied(type) : v;
  }
  if (what < 80 && type.bits() < 64) return convert(Opcode::kIreduce, type, pick(kI64));
  if (what < 92) return extend_or_reduce(pick(any_type()), type);
  return opaque(constant(type));
}

// The operation of a node that reads or writes memory. None: there is no such access here, or nothing is read.
Value FunctionGenerator::planned_access(const ShapeNode& node, std::vector<Value> args) {
  const OperationInfo& info = operation_info(node.opcode);
  const auto pointer = std::ranges::find_if(args, [](Value v) { return v.is_none(); }) - args.begin();
  MemFlags flags;
  uint64_t offset = 0;
  if (info.has(kOtherSideEffects)) {
    if (node.controlling == kI128 && !has_wide_atomics_) return {};
    const Access at = aligned_access(node.controlling);
    args[static_cast<size_t>(pointer)] = at.place.address;
    flags = at.flags;
  } else {
    const Access at = access(bytes_accessed(node.opcode, node.controlling));
    args[static_cast<size_t>(pointer)] = at.place.address;
    offset = static_cast<uint64_t>(static_cast<int64_t>(at.place.offset));
    flags = at.flags;
  }
  --budget_;
  const Inst inst = b_.insert({.opcode = node.opcode,
                               .code = node.code,
                               .type = node.controlling,
                               .flags = flags,
                               .args = f_.make_values(args),
                               .imm = offset});
  return info.results.empty() ? Value() : f_.result(inst);
}

// The value that it comes to; none: it has no value, or there is nothing of the kind here.
Value FunctionGenerator::rule_shape() {
  const RuleShapes* machine = options_.focus ? RuleShapes::of_machine(*options_.focus) : nullptr;
  const auto machines = RuleShapes::of_machines();
  if (machine == nullptr && !machines.empty())
    machine = &machines[random_.below(static_cast<uint32_t>(machines.size()))];
  return rule_shape(machine == nullptr || random_.chance(40) ? RuleShapes::of_optimizer() : *machine);
}

// What the left side of a rule asks for, of values in scope.
Value FunctionGenerator::rule_shape(const RuleShapes& shapes) {
  std::vector<Type> types(kTypes.begin(), kTypes.end());
  if (!has_wide_) types.pop_back();
  if (has_floats_) types.insert(types.end(), kFloatTypes.begin(), kFloatTypes.end() - (has_odd_floats_ ? 0 : 2));
  std::vector<ShapeNode> plan;
  for (unsigned tries = 0; tries < 4 && plan.empty(); ++tries) {
    RulePlan planned = shapes.plan(random_, types);
    plan = std::move(planned.nodes);
    const bool may_trap = std::ranges::any_of(plan, [](const ShapeNode& node) {
      return node.kind == ShapeNode::Kind::Operation &&
             (node.opcode == Opcode::kFcvtToSint || node.opcode == Opcode::kFcvtToUint ||
              node.opcode == Opcode::kUaddOverflowTrap || node.opcode == Opcode::kTrapz ||
              node.opcode == Opcode::kTrapnz);
    });
    if (may_trap && !risks(25)) plan.clear();
    program_.wants_features |= planned.needs_features && !plan.empty();
  }
  const bool has_zeros = random_.chance(8);  // of floats, of either sign
  std::vector<Value> made;
  for (const ShapeNode& node : plan) {
    if (node.kind != ShapeNode::Kind::Operation) {
      made.push_back(node.kind == ShapeNode::Kind::Leaf       ? planned_leaf(node.type, has_zeros)
                     : node.kind == ShapeNode::Kind::Constant ? constant_of(node.type, node.bits)
                                                              : Value());
      continue;
    }
    const bool is_root = &node == &plan.back();
    std::vector<Value> args;
    bool is_access = false;
    for (const uint32_t operand : node.operands) {
      args.push_back(made[operand]);
      is_access = is_access || plan[operand].kind == ShapeNode::Kind::Address;
    }
    if (is_access) {
      const Value read = planned_access(node, args);
      if (read.is_none()) return {};  // the last node
      made.push_back(read);
      continue;
    }
    if (!args.empty() && plan[node.operands[0]].kind == ShapeNode::Kind::Leaf && random_.chance(35)) {
      const bool to_float = node.opcode == Opcode::kFcvtFromSint || node.opcode == Opcode::kFcvtFromUint;
      const bool to_integer = node.opcode == Opcode::kFcvtToSintSat || node.opcode == Opcode::kFcvtToUintSat ||
                              node.opcode == Opcode::kFcvtToSint || node.opcode == Opcode::kFcvtToUint;
      if (to_float) args[0] = integer_at_tie(f_.value_type(args[0]));
      if (to_integer) args[0] = float_at_limit(f_.value_type(args[0]), node.controlling.bits());
    }
    if (node.opcode == Opcode::kBrif) {
      if (!is_within_block_) two_way(0, args[0]);
      return {};
    }
    if (node.opcode == Opcode::kUdiv || node.opcode == Opcode::kSdiv || node.opcode == Opcode::kUrem ||
        node.opcode == Opcode::kSrem) {
      // Seldom a divisor that may be zero.
      const ShapeNode& divisor = plan[node.operands[1]];
      const bool may_be_zero = divisor.kind != ShapeNode::Kind::Constant || divisor.bits == 0;
      if (may_be_zero && !risks(10)) {
        args[1] = binary(Opcode::kBor, args[1], constant_of(node.controlling, Bits(1) << random_.below(7)));
      }
    }
    --budget_;
    const Inst inst =
        b_.insert({.opcode = node.opcode, .code = node.code, .type = node.controlling, .args = f_.make_values(args)});
    const std::span<const Value> results = f_.results(inst);
    if (results.empty()) return {};
    made.push_back(results[node.is_second_result ? 1 : 0]);
    if (is_root && results.size() > 1) add(results[node.is_second_result ? 0 : 1]);
  }
  if (made.empty()) return {};
  add(made.back());
  return made.back();
}

// ---- many values at once ----

// A value that no other is sure to equal, and that is no constant.
Value FunctionGenerator::fresh(Type type) {
  if (type.is_float()) return binary(Opcode::kBxor, pick(type), constant(type));
  return binary(random_.chance(50) ? Opcode::kIadd : Opcode::kBxor, pick(type), constant(type));
}

// One number in which each value counts, and its place.
Value FunctionGenerator::mix(std::span<const Value> values) {
  const Value factor = constant_of(kI64, 2 * random_.below(1000) + 3);
  Value sum = widen(values[0]);
  for (Value v : values.subspan(1)) sum = binary(Opcode::kIadd, binary(Opcode::kImul, sum, factor), widen(v));
  return sum;
}

// The same values in another order; each stays where its type is wanted. Some may be there twice, or anew.
std::vector<Value> FunctionGenerator::permuted(const std::vector<Value>& values) {
  std::vector<Value> out = values;
  const unsigned how = random_.below(3);
  for (size_t slot = 0; slot < kSlots; ++slot) {
    std::vector<size_t> places;
    for (size_t i = 0; i < values.size(); ++i) {
      if (slot_of(f_.value_type(values[i])) == slot) places.push_back(i);
    }
    const auto count = static_cast<uint32_t>(places.size());
    for (uint32_t i = 0; i < count; ++i) {
      if (how == 0) out[places[i]] = values[places[(i + 1) % count]];                      // a cycle
      if (how == 1 && (i ^ 1) < count) out[places[i]] = values[places[i ^ 1]];             // pairs change places
      if (how == 2) std::swap(out[places[i]], out[places[i + random_.below(count - i)]]);  // any order
    }
  }
  if (random_.chance(40)) {
    for (size_t i = 0; i < out.size(); ++i) {
      if (random_.chance(10)) out[i] = random_.chance(50) ? fresh(f_.value_type(out[i])) : pick(f_.value_type(out[i]));
    }
  }
  return out;
}

// A loop whose parameters change places on the way round and on the way out: parallel moves with cycles, in registers
// or, if there are many, in spill slots.
void FunctionGenerator::rotation(unsigned depth) {
  const Type types[] = {any_value_type(), any_value_type()};
  std::vector<Value> initial;
  for (unsigned n = random_.chance(65) ? random_.between(3, 7) : random_.between(12, 30); n != 0; --n) {
    initial.push_back(fresh(types[random_.chance(80) ? 0 : 1]));
  }
  const Block header = new_block(), exit = new_block();
  const auto enter_with_params = [&](Block block) {
    enter(block);
    std::vector<Value> params;
    for (Value v : initial) params.push_back(f_.append_block_param(block, f_.value_type(v)));
    for (Value v : params) add(v);
    return params;
  };
  const auto call_with = [&](Block block, std::vector<Value> args, Value count) {
    if (!count.is_none()) args.push_back(count);
    return f_.make_block_call(block, args);
  };
  const BlockCall into = call_with(header, initial, constant_of(kI32, random_.between(1, 5)));
  b_.insert({.opcode = Opcode::kJump, .calls = f_.make_calls({&into, 1})});

  const Scope scope = open();
  const std::vector<Value> params = enter_with_params(header);
  const Value counter = f_.append_block_param(header, kI32);
  if (random_.chance(50)) region(depth);
  const Value next = binary(Opcode::kIadd, counter, constant_of(kI32, 0xffffffff));
  const std::vector<Value> again = permuted(params), leaving = random_.chance(50) ? params : permuted(params);
  const BlockCall calls[] = {call_with(header, again, next), call_with(exit, leaving, {})};
  branch(Opcode::kBrif, next, calls);
  close(scope);
  keep_in_memory(mix(enter_with_params(exit)));
}

// Values of every kind that are needed again after a call, often more than there are registers that outlive one.
void FunctionGenerator::across_call() {
  std::vector<Value> values;
  for (unsigned n = random_.chance(50) ? random_.between(4, 12) : random_.between(12, 34); n != 0; --n) {
    values.push_back(fresh(any_value_type()));
  }
  call();
  keep_in_memory(mix(values));
}

// What a callee may have written is loaded again, by the same name.
void FunctionGenerator::memory_across_call() {
  const Value address = opaque(constant_of(kI64, program_.regions[0].address + 8 * random_.below(5)));
  const Type type = any_value_type();
  const MemFlags flags = mem_flags({address, 0, /*trusted=*/true, alias_region(0)});
  const auto read = [&] {
    return emit1({.opcode = Opcode::kLoad, .type = type, .flags = flags, .args = f_.make_values({&address, 1})});
  };
  if (random_.chance(40)) {
    store(Opcode::kStore, type, flags, pick(type), address, 0);
  } else {
    add(read());
  }
  call();
  add(read());
}

// ---- what a campaign wants more of ----

// The tilt's operation at its type, mostly of its inner operation.
void FunctionGenerator::tilted() {
  const Tilt& tilt = options_.tilt;
  Value inner;
  if (random_.chance(80)) {
    inner = operation(tilt.inner, random_.chance(70) ? tilt.type : any_type(), {});
    if (random_.chance(15)) inner = extend_or_reduce(inner, any_type());
  }
  const auto value = [&] { return inner.is_none() ? pick(tilt.type) : extend_or_reduce(inner, tilt.type); };
  switch (tilt.operation) {
    case Opcode::kStore:
      return store_value(Opcode::kStore, value());
    case Opcode::kIstore8:
    case Opcode::kIstore16:
    case Opcode::kIstore32:
      return store_value(tilt.operation, value());
    case Opcode::kBrif:
      return two_way(0, value());
    case Opcode::kTrapz:
    case Opcode::kTrapnz: {
      // One that seldom traps.
      const Value x = value();
      const bool when_zero = tilt.operation == Opcode::kTrapz;
      const Value c = when_zero ? binary(Opcode::kBor, x, constant_of(tilt.type, 1u << random_.below(8)))
                                : binary(Opcode::kBand, x, constant_of(tilt.type, 0));
      const Value condition = random_.chance(85) ? c : x;
      b_.insert(
          {.opcode = tilt.operation, .code = trap_code(), .type = tilt.type, .args = f_.make_values({&condition, 1})});
      return;
    }
    default:
      add(operation(tilt.operation, tilt.type, inner));
      return;
  }
}

// An operation at a type, with operands from scope; `inner`, if there is one, is among them.
Value FunctionGenerator::operation(Opcode opcode, Type type, Value inner) {
  const OperationInfo& op = operation_info(opcode);
  while (!has_type(opcode, type)) type = any_type();
  if (opcode == Opcode::kIconst) return constant(type);
  if (op.format == Format::kLoad) return load(opcode, type);
  const uint32_t place = random_.below(op.value_operands);
  std::vector<Value> args;
  for (const OperandInfo& operand : op.inputs) {
    if (operand.kind != OperandKind::kValue) continue;
    Type wanted = type;
    if (!operand.type.allows(wanted, type)) {
      do wanted = any_type();
      while (!operand.type.allows(wanted, type));
    } else if (operand.type.kind == TypeConstraint::Kind::kFree && random_.chance(50)) {
      if (const Type other = any_type(); operand.type.allows(other, type)) wanted = other;
    }
    if (!inner.is_none() && args.size() == place) {
      const bool fits = operand.type.allows(f_.value_type(inner), type);
      args.push_back(fits ? inner : extend_or_reduce(inner, wanted));
    } else {
      args.push_back(random_.chance(25) ? constant(wanted) : pick(wanted));
    }
  }
  if (opcode == Opcode::kUdiv || opcode == Opcode::kSdiv || opcode == Opcode::kUrem || opcode == Opcode::kSrem) {
    // Seldom a divisor that may be zero.
    if (random_.chance(90)) args[1] = binary(Opcode::kBor, args[1], constant_of(type, 1u << random_.below(7)));
  }
  InstData data{.opcode = opcode, .args = f_.make_values(args)};
  if (op.polymorphic) data.type = type;
  if (opcode == Opcode::kIcmp) data.code = static_cast<uint8_t>(random_.below(kIntCCCount));
  if (op.format == Format::kIntAddTrap) data.code = trap_code();
  --budget_;
  const Inst inst = b_.insert(data);
  for (size_t n = 1; n < f_.results(inst).size(); ++n) add(f_.results(inst)[n]);
  return f_.result(inst, 0);
}

}  // namespace assay::fuzz
