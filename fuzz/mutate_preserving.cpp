// See mutator.h. Here: mutations that keep what a program does, and the judge of such pairs.
//
// Identities hold for all values of the type, in CLIF's arithmetic: modulo 2^w, with shift amounts modulo w. What traps
// is neither added, removed nor put in another order. Rewriting rules read backwards are here in C++, a line each.
#include <algorithm>
#include <iterator>

#include "fuzz/function_generator.h"
#include "fuzz/mutator.h"

namespace assay::fuzz {

namespace {

bool is_commutative(Opcode opcode) {
  switch (opcode) {
    case Opcode::kIadd:
    case Opcode::kImul:
    case Opcode::kUmulhi:
    case Opcode::kSmulhi:
    case Opcode::kUmin:
    case Opcode::kUmax:
    case Opcode::kSmin:
    case Opcode::kSmax:
    case Opcode::kBand:
    case Opcode::kBor:
    case Opcode::kBxor:
    case Opcode::kFadd:
    case Opcode::kFmul:
    case Opcode::kFmin:
    case Opcode::kFmax:
    case Opcode::kUaddOverflow:
    case Opcode::kSaddOverflow:
    case Opcode::kUmulOverflow:
    case Opcode::kSmulOverflow:
    case Opcode::kUaddOverflowCin:
    case Opcode::kSaddOverflowCin:
    case Opcode::kUaddOverflowTrap:
      return true;
    default:
      return false;
  }
}

bool is_pure(const Function& f, Inst inst) { return f.info(inst).effects == kNoEffects; }

}  // namespace

Value Mutator::opaque_true(Editor& editor, Inst before) {
  const Type type = editor.any_type();
  const Value x = editor.pick(type, before);
  switch (random_.below(5)) {
    case 0:
      return editor.binary(Opcode::kBor, x, editor.constant(type, 1, before), before);
    case 1: {
      const Value c = editor.random_constant(type, before);
      return editor.compare(IntCC::kUle, editor.binary(Opcode::kBand, x, c, before), c, before);
    }
    case 2: {
      const Value y = editor.pick(type, before);
      return editor.compare(IntCC::kUge, editor.binary(Opcode::kUmax, x, y, before), x, before);
    }
    case 3:
      return editor.compare(IntCC::kEq, x, editor.binary(Opcode::kBor, x, x, before), before);
    default: {
      // x (x + 1) is even.
      const Value one = editor.constant(type, 1, before);
      const Value product = editor.binary(Opcode::kImul, x, editor.binary(Opcode::kIadd, x, one, before), before);
      return editor.compare(IntCC::kNe, editor.binary(Opcode::kBand, product, one, before), one, before);
    }
  }
}

bool Mutator::add_dead_code() {
  if (!may_grow(10)) return false;
  static constexpr Opcode kDead[] = {Opcode::kIadd, Opcode::kIsub, Opcode::kImul, Opcode::kUmulhi,
                                     Opcode::kBand, Opcode::kBor,  Opcode::kBxor, Opcode::kIshl,
                                     Opcode::kSshr, Opcode::kRotl, Opcode::kSmin, Opcode::kUmax};
  Editor editor(f(), random_);
  const Inst before = editor.any();
  if (before.is_none()) return false;
  Type type = editor.any_type();
  Value v = editor.pick(type, before);
  for (unsigned n = random_.between(1, 4); n != 0; --n) {
    const Opcode opcode = kDead[random_.below(std::size(kDead))];
    v = editor.binary(opcode, v, editor.pick(type, before), before);
  }
  return true;
}

// Perhaps with values passed as arguments that would reach the new block anyway.
bool Mutator::split_block() {
  Editor editor(f(), random_);
  const Inst inst = editor.any();
  if (inst.is_none()) return false;
  const Block block = f().inst_block(inst);
  std::vector<Value> passed;
  const std::vector<Value> available = editor.available(inst);
  for (unsigned n = random_.below(4); n != 0 && !available.empty(); --n) {
    passed.push_back(available[random_.below(static_cast<uint32_t>(available.size()))]);
  }
  const Block rest = editor.split_before(inst);
  for (Value v : passed) {
    const Value param = f().append_block_param(rest, f().value_type(v));
    for (Inst user : f().insts(rest)) {
      if (random_.chance(30)) continue;
      f().for_each_use_mutable(user, [&](Value& use) {
        if (use == v) use = param;
      });
    }
  }
  editor.jump(block, rest, passed);
  return true;
}

// An instruction moves over those before it that have nothing to do with it.
bool Mutator::permute() {
  Editor editor(f(), random_);
  const auto may_swap = [&](Inst first, Inst second) {
    if (f().info(first).is_terminator() || f().info(second).is_terminator()) return false;
    if (!is_pure(f(), first) && !is_pure(f(), second)) return false;
    const auto args = f().args(second);
    return std::none_of(args.begin(), args.end(), [&](Value v) { return f().def_inst(v) == first; });
  };
  const Inst inst = editor.any([&](Inst i) { return !f().prev_inst(i).is_none() && may_swap(f().prev_inst(i), i); });
  if (inst.is_none()) return false;
  for (unsigned n = random_.between(1, 12); n != 0; --n) {
    const Inst previous = f().prev_inst(inst);
    if (previous.is_none() || !may_swap(previous, inst)) break;
    f().remove_inst(inst);
    f().insert_inst_before(inst, previous);
  }
  return true;
}

bool Mutator::duplicate() {
  if (!may_grow(1)) return false;
  Editor editor(f(), random_);
  const Inst inst = editor.any([&](Inst i) { return is_pure(f(), i) && !f().results(i).empty(); });
  if (inst.is_none()) return false;
  const Inst copy = f().copy_inst(inst);
  f().make_results(copy);
  f().insert_inst_after(copy, inst);
  bool any = false;
  const std::vector<Value> old(f().results(inst).begin(), f().results(inst).end());
  const std::vector<Value> now(f().results(copy).begin(), f().results(copy).end());
  for (Inst user : editor.insts()) {
    f().for_each_use_mutable(user, [&](Value& use) {
      for (size_t n = 0; n < old.size(); ++n) {
        if (use != old[n] || !random_.chance(50)) continue;
        use = now[n];
        any = true;
        break;
      }
    });
  }
  return any;
}

bool Mutator::opaque_branch() {
  if (!may_grow(20)) return false;
  Editor editor(f(), random_);
  const Inst inst = editor.any();
  if (inst.is_none()) return false;
  const Block block = f().inst_block(inst);
  Value condition = opaque_true(editor, inst);
  const bool inverted = random_.chance(40);
  if (inverted) {
    condition = editor.compare(IntCC::kEq, condition, editor.constant(f().value_type(condition), 0, inst), inst);
  }
  // What is never run: some operations on what is at hand, then a trap or on to the rest.
  const Block other = f().make_block();
  const std::vector<Value> available = editor.available(inst);
  const Block rest = editor.split_before(inst);
  f().insert_block_after(other, random_.chance(50) ? block : f().last_block());
  f().append_inst(f().make_inst({.opcode = Opcode::kTrap, .code = TrapCode::user(99).code}), other);
  const Inst end = f().last_inst(other);
  for (unsigned n = random_.below(4); n != 0 && !available.empty(); --n) {
    const Value x = available[random_.below(static_cast<uint32_t>(available.size()))];
    const Value y = editor.random_constant(f().value_type(x), end);
    editor.binary(random_.chance(50) ? Opcode::kIadd : Opcode::kImul, x, y, end);
  }
  if (random_.chance(50)) {
    f().remove_inst(end);
    editor.jump(other, rest);
  }
  const BlockCall on = f().make_block_call(rest), off = f().make_block_call(other);
  editor.brif(block, condition, inverted ? off : on, inverted ? on : off);
  return true;
}

bool Mutator::commute() {
  Editor editor(f(), random_);
  const Inst inst = editor.any([&](Inst i) {
    const Opcode opcode = f().inst(i).opcode;
    return is_commutative(opcode) || opcode == Opcode::kIcmp || opcode == Opcode::kFcmp || opcode == Opcode::kSelect;
  });
  if (inst.is_none()) return false;
  const Opcode opcode = f().inst(inst).opcode;
  if (opcode == Opcode::kSelect) {
    const Value c = f().arg(inst, 0);
    if (!Editor::is_int(f().value_type(c))) return false;
    const Value inverted = editor.compare(IntCC::kEq, c, editor.constant(f().value_type(c), 0, inst), inst);
    f().args(inst)[0] = inverted;
    std::swap(f().args(inst)[1], f().args(inst)[2]);
    return true;
  }
  if (opcode == Opcode::kIcmp) {
    f().inst(inst).code = static_cast<uint8_t>(swap_operands(f().inst(inst).int_cc()));
  } else if (opcode == Opcode::kFcmp) {
    f().inst(inst).code = static_cast<uint8_t>(swap_operands(f().inst(inst).float_cc()));
  }
  std::swap(f().args(inst)[0], f().args(inst)[1]);
  return true;
}

// An operand becomes an expression that equals it.
bool Mutator::identity() {
  if (!may_grow(6)) return false;
  Editor editor(f(), random_);
  const auto is_candidate = [&](Value v) { return Editor::is_int(f().value_type(v)); };
  const Inst inst = editor.any([&](Inst i) {
    bool any = false;
    f().for_each_use(i, [&](Value v) { any |= is_candidate(v); });
    return any;
  });
  if (inst.is_none()) return false;
  std::vector<Value> candidates;
  f().for_each_use(inst, [&](Value v) {
    if (is_candidate(v)) candidates.push_back(v);
  });
  const Value v = candidates[random_.below(static_cast<uint32_t>(candidates.size()))];
  const Type type = f().value_type(v);
  const unsigned width = type.bits();
  const auto k = [&](Bits bits) { return editor.constant(type, bits, inst); };
  const auto two = [&](Opcode opcode, Value x, Value y) { return editor.binary(opcode, x, y, inst); };
  const auto one = [&](Opcode opcode, Value x) { return editor.unary(opcode, type, x, inst); };
  Value now;
  switch (random_.below(22)) {
    case 0:
      now = two(Opcode::kIadd, v, k(0));
      break;
    case 1:
      now = two(Opcode::kIsub, v, k(0));
      break;
    case 2:
      now = two(Opcode::kImul, v, k(1));
      break;
    case 3:
      now = two(Opcode::kBor, v, k(0));
      break;
    case 4:
      now = two(Opcode::kBand, v, k(~Bits(0)));
      break;
    case 5:
      now = two(Opcode::kBxor, v, k(0));
      break;
    case 6:
      now = two(random_.chance(50) ? Opcode::kIshl : Opcode::kRotr, v, k(width * random_.below(2)));
      break;
    case 7:
      now = one(Opcode::kIneg, one(Opcode::kIneg, v));
      break;
    case 8:
      now = one(Opcode::kBnot, one(Opcode::kBnot, v));
      break;
    case 9: {
      const Value c = editor.pick(type, inst);
      now = two(Opcode::kBxor, two(Opcode::kBxor, v, c), c);
      break;
    }
    case 10: {
      const Value c = editor.pick(type, inst);
      now = two(Opcode::kIsub, two(Opcode::kIadd, v, c), c);
      break;
    }
    case 11: {
      const Value args[] = {opaque_true(editor, inst), v, editor.pick(type, inst)};
      now = editor.emit({.opcode = Opcode::kSelect, .type = type, .args = f().make_values(args)}, inst);
      break;
    }
    case 12: {
      const Value args[] = {editor.pick(type, inst), v, v};
      now = editor.emit({.opcode = Opcode::kBitselect, .type = type, .args = f().make_values(args)}, inst);
      break;
    }
    case 13: {
      if (type == kI128) return false;
      Type wide = editor.any_type();
      while (wide.bits() <= width) wide = editor.any_type();
      now = editor.unary(Opcode::kIreduce, type, editor.convert(v, wide, inst), inst);
      break;
    }
    case 14:
      now = two(random_.chance(50) ? Opcode::kUmin : Opcode::kSmax, v, v);
      break;
    case 15:
      now = two(random_.chance(50) ? Opcode::kBor : Opcode::kBand, v, v);
      break;
    case 16:
      now = type == kI8 ? one(Opcode::kBitrev, one(Opcode::kBitrev, v)) : one(Opcode::kBswap, one(Opcode::kBswap, v));
      break;
    case 17:
      now = two(random_.chance(50) ? Opcode::kUdiv : Opcode::kSdiv, v, k(1));
      break;
    case 18: {
      const Value amount = editor.pick(type, inst);
      now = two(Opcode::kRotr, two(Opcode::kRotl, v, amount), amount);
      break;
    }
    case 19: {
      const Value mask = editor.pick(type, inst);
      now = two(Opcode::kBor, two(Opcode::kBand, v, mask), two(Opcode::kBand, v, one(Opcode::kBnot, mask)));
      break;
    }
    case 20: {
      if (type == kI128) return false;
      // Two of them in one, and taken out again.
      const Value args[] = {v, editor.pick(type, inst)};
      const Value both = editor.emit({.opcode = Opcode::kIconcat, .type = type, .args = f().make_values(args)}, inst);
      const Inst parts = editor.insert(
          {.opcode = Opcode::kIsplit, .type = f().value_type(both), .args = f().make_values({&both, 1})}, inst);
      now = f().result(parts, 0);
      break;
    }
    default: {
      // v - (v - c) is c.
      const Value c = editor.pick(type, inst);
      now = two(Opcode::kIsub, c, two(Opcode::kIsub, c, v));
      break;
    }
  }
  f().for_each_use_mutable(inst, [&](Value& use) {
    if (use == v) use = now;
  });
  return true;
}

// An operation becomes others that compute the same.
bool Mutator::rewrite() {
  if (!may_grow(8)) return false;
  Editor editor(f(), random_);
  const Inst inst = editor.any([&](Inst i) { return is_pure(f(), i) && f().results(i).size() == 1; });
  if (inst.is_none()) return false;
  const Opcode opcode = f().inst(inst).opcode;
  const Value old = f().result(inst);
  const Type type = f().value_type(old);
  const std::vector<Value> args(f().args(inst).begin(), f().args(inst).end());
  if (!Editor::is_scalar(type)) return false;
  for (Value v : args) {
    if (!Editor::is_scalar(f().value_type(v))) return false;
  }
  const Value x = args.empty() ? Value() : args[0], y = args.size() > 1 ? args[1] : Value();
  const unsigned width = type.bits();
  const auto k = [&](Bits bits) { return editor.constant(type, bits, inst); };
  const auto two = [&](Opcode op, Value a, Value b) { return editor.binary(op, a, b, inst); };
  const auto one = [&](Opcode op, Value a) { return editor.unary(op, f().value_type(a), a, inst); };
  const auto select = [&](Value c, Value a, Value b) {
    const Value operands[] = {c, a, b};
    return editor.emit({.opcode = Opcode::kSelect, .type = f().value_type(a), .args = f().make_values(operands)}, inst);
  };
  const auto test = [&](IntCC cc, Value a, Value b) { return editor.compare(cc, a, b, inst); };
  const bool first = random_.chance(50);
  Value now;
  switch (opcode) {
    case Opcode::kIadd:
      now = first ? two(Opcode::kIsub, x, one(Opcode::kIneg, y))
                  : two(Opcode::kIadd, two(Opcode::kBxor, x, y), two(Opcode::kIshl, two(Opcode::kBand, x, y), k(1)));
      break;
    case Opcode::kIsub:
      now = first ? two(Opcode::kIadd, x, one(Opcode::kIneg, y))
                  : one(Opcode::kBnot, two(Opcode::kIadd, one(Opcode::kBnot, x), y));
      break;
    case Opcode::kImul:
      now = two(Opcode::kIadd, two(Opcode::kImul, x, two(Opcode::kIsub, y, k(1))), x);
      break;
    case Opcode::kBand:
      now = first ? one(Opcode::kBnot, two(Opcode::kBor, one(Opcode::kBnot, x), one(Opcode::kBnot, y)))
                  : two(Opcode::kIsub, two(Opcode::kIadd, x, y), two(Opcode::kBor, x, y));
      break;
    case Opcode::kBor:
      now = first ? one(Opcode::kBnot, two(Opcode::kBand, one(Opcode::kBnot, x), one(Opcode::kBnot, y)))
                  : two(Opcode::kIadd, two(Opcode::kBxor, x, y), two(Opcode::kBand, x, y));
      break;
    case Opcode::kBxor:
      now = two(Opcode::kIsub, two(Opcode::kBor, x, y), two(Opcode::kBand, x, y));
      break;
    case Opcode::kBnot:
      now = first ? two(Opcode::kBxor, x, k(~Bits(0))) : two(Opcode::kIsub, one(Opcode::kIneg, x), k(1));
      break;
    case Opcode::kIneg:
      now = first ? two(Opcode::kIsub, k(0), x) : two(Opcode::kIadd, one(Opcode::kBnot, x), k(1));
      break;
    case Opcode::kIabs:
      now = select(test(IntCC::kSlt, x, editor.constant(type, 0, inst)), one(Opcode::kIneg, x), x);
      break;
    case Opcode::kIcmp: {
      const IntCC cc = f().inst(inst).int_cc();
      const Type operand = f().value_type(x);
      if ((cc == IntCC::kEq || cc == IntCC::kNe) && first) {
        now = test(cc, two(Opcode::kBxor, x, y), editor.constant(operand, 0, inst));
      } else if ((is_signed(cc) || is_unsigned(cc)) && random_.chance(50)) {
        // Signed order is unsigned order with the sign bits inverted.
        static constexpr std::pair<IntCC, IntCC> kOther[] = {{IntCC::kSlt, IntCC::kUlt},
                                                             {IntCC::kSle, IntCC::kUle},
                                                             {IntCC::kSgt, IntCC::kUgt},
                                                             {IntCC::kSge, IntCC::kUge}};
        const Value sign = editor.constant(operand, Bits(1) << (operand.bits() - 1), inst);
        IntCC other = cc;
        for (const auto& [a, b] : kOther) {
          if (cc == a) other = b;
          if (cc == b) other = a;
        }
        now = test(other, two(Opcode::kBxor, x, sign), two(Opcode::kBxor, y, sign));
      } else {
        now = two(Opcode::kBxor, test(complement(cc), x, y), editor.constant(kI8, 1, inst));
      }
      break;
    }
    case Opcode::kFcmp: {
      // The complement says of NaNs what the condition doesn't.
      const Value operands[] = {x, y};
      const Value other = editor.emit({.opcode = Opcode::kFcmp,
                                       .code = static_cast<uint8_t>(complement(f().inst(inst).float_cc())),
                                       .type = f().value_type(x),
                                       .args = f().make_values(operands)},
                                      inst);
      now = two(Opcode::kBxor, other, editor.constant(kI8, 1, inst));
      break;
    }
    case Opcode::kFneg:
    case Opcode::kFabs:
    case Opcode::kFcopysign: {
      // They are about bits, of NaNs too.
      const Type word = Type::integer(width);
      const Value sign = editor.constant(word, Bits(1) << (width - 1), inst);
      const Value rest = editor.constant(word, ~(Bits(1) << (width - 1)), inst);
      Value bits = editor.convert(x, word, inst);
      if (opcode == Opcode::kFneg) {
        bits = two(Opcode::kBxor, bits, sign);
      } else {
        bits = two(Opcode::kBand, bits, rest);
        if (opcode == Opcode::kFcopysign) {
          bits = two(Opcode::kBor, bits, two(Opcode::kBand, editor.convert(y, word, inst), sign));
        }
      }
      now = editor.unary(Opcode::kBitcast, type, bits, inst);
      break;
    }
    case Opcode::kUmin:
      now = select(test(IntCC::kUlt, x, y), x, y);
      break;
    case Opcode::kUmax:
      now = select(test(IntCC::kUgt, x, y), x, y);
      break;
    case Opcode::kSmin:
      now = select(test(IntCC::kSle, x, y), x, y);
      break;
    case Opcode::kSmax:
      now = select(test(IntCC::kSge, x, y), x, y);
      break;
    case Opcode::kRotl:
      now = first ? two(Opcode::kRotr, x, one(Opcode::kIneg, y))
                  : two(Opcode::kBor, two(Opcode::kIshl, x, y), two(Opcode::kUshr, x, one(Opcode::kIneg, y)));
      break;
    case Opcode::kRotr:
      now = first ? two(Opcode::kRotl, x, one(Opcode::kIneg, y))
                  : two(Opcode::kBor, two(Opcode::kUshr, x, y), two(Opcode::kIshl, x, one(Opcode::kIneg, y)));
      break;
    case Opcode::kSextend: {
      const unsigned difference = width - f().value_type(x).bits();
      const Value wide = editor.unary(Opcode::kUextend, type, x, inst);
      now = two(Opcode::kSshr, two(Opcode::kIshl, wide, k(difference)), k(difference));
      break;
    }
    case Opcode::kUextend: {
      const Value wide = editor.unary(Opcode::kSextend, type, x, inst);
      now = two(Opcode::kBand, wide, k(~Bits(0) >> (128 - f().value_type(x).bits())));
      break;
    }
    case Opcode::kIreduce: {
      const Type from = f().value_type(x);
      const Value above = editor.constant(from, Bits(random_.next()) << width, inst);
      now = editor.unary(Opcode::kIreduce, type, two(first ? Opcode::kBor : Opcode::kIadd, x, above), inst);
      break;
    }
    case Opcode::kSelect: {
      if (!Editor::is_int(type)) return false;
      const Value mask = editor.unary(Opcode::kBmask, type, x, inst);
      const Value operands[] = {mask, y, args[2]};
      now = editor.emit({.opcode = Opcode::kBitselect, .type = type, .args = f().make_values(operands)}, inst);
      break;
    }
    case Opcode::kBitselect:
      now = two(Opcode::kBor, two(Opcode::kBand, y, x), two(Opcode::kBand, args[2], one(Opcode::kBnot, x)));
      break;
    case Opcode::kBmask:
      now = select(x, k(~Bits(0)), k(0));
      break;
    case Opcode::kCtz:
      now = one(Opcode::kPopcnt, two(Opcode::kBand, one(Opcode::kBnot, x), two(Opcode::kIsub, x, k(1))));
      break;
    case Opcode::kClz:
      now = one(Opcode::kCtz, one(Opcode::kBitrev, x));
      break;
    case Opcode::kUmulhi:
    case Opcode::kSmulhi: {
      if (type == kI128) return false;
      const Type wide = Type::integer(2 * width);
      const Opcode extend = opcode == Opcode::kUmulhi ? Opcode::kUextend : Opcode::kSextend;
      const Value product =
          two(Opcode::kImul, editor.unary(extend, wide, x, inst), editor.unary(extend, wide, y, inst));
      const Value high = two(first ? Opcode::kUshr : Opcode::kSshr, product, editor.constant(wide, width, inst));
      now = editor.unary(Opcode::kIreduce, type, high, inst);
      break;
    }
    case Opcode::kIconst: {
      const uint64_t bits = f().inst(inst).imm, part = static_cast<uint64_t>(random_bits(random_, width));
      now = first ? two(Opcode::kIadd, k(bits - part), k(part)) : two(Opcode::kBxor, k(bits ^ part), k(part));
      break;
    }
    default:
      return false;
  }
  editor.replace_uses(old, now);
  return true;
}

// A value is stored in a slot of its own and loaded again, perhaps in parts.
bool Mutator::through_memory() {
  if (!may_grow(8)) return false;
  Editor editor(f(), random_);
  const Inst inst = editor.any([&](Inst i) {
    bool any = false;
    f().for_each_use(i, [&](Value v) { any |= Editor::is_scalar(f().value_type(v)); });
    return any;
  });
  if (inst.is_none()) return false;
  Value v;
  f().for_each_use(inst, [&](Value use) {
    if (v.is_none() && Editor::is_scalar(f().value_type(use)) && !editor.is_address(use)) v = use;
  });
  if (v.is_none()) return false;
  const Type type = f().value_type(v);
  const StackSlot slot = f().stack_slots.push({.size = 32});
  const auto order = static_cast<Endianness>(random_.below(3));
  const MemFlags flags = MemFlags().with_notrap().with_endianness(order);
  const auto address = [&](uint64_t at) {
    return editor.emit({.opcode = Opcode::kStackAddr, .type = kI64, .entity = slot.index, .imm = at}, inst);
  };
  const uint64_t at = random_.below(9);
  const Value stored[] = {v, address(at)};
  editor.insert({.opcode = Opcode::kStore, .type = type, .flags = flags, .args = f().make_values(stored)}, inst);
  Value now;
  if (type == kI8 || type.is_float() || order != Endianness::kLittle || random_.chance(60)) {
    const Value from = address(at);
    now =
        editor.emit({.opcode = Opcode::kLoad, .type = type, .flags = flags, .args = f().make_values({&from, 1})}, inst);
  } else {
    const Type half = Type::integer(type.bits() / 2);
    const auto load = [&](uint64_t offset) {
      const Value from = address(at);
      const Value part = editor.emit(
          {.opcode = Opcode::kLoad, .type = half, .flags = flags, .args = f().make_values({&from, 1}), .imm = offset},
          inst);
      return editor.unary(Opcode::kUextend, type, part, inst);
    };
    const Value low = load(0), high = load(half.bytes());
    const Value shifted = editor.binary(Opcode::kIshl, high, editor.constant(type, half.bits(), inst), inst);
    now = editor.binary(Opcode::kBor, low, shifted, inst);
  }
  f().for_each_use_mutable(inst, [&](Value& use) {
    if (use == v) use = now;
  });
  return true;
}

bool Mutator::loop_once() {
  Editor editor(f(), random_);
  const std::vector<Inst> segment = editor.segment(12);
  if (segment.empty()) return false;
  return loop_around(segment, 1, editor);
}

// Where only the low bits of the operands count.
bool Mutator::widen_operation() {
  if (!may_grow(5)) return false;
  Editor editor(f(), random_);
  const Inst inst = editor.any([&](Inst i) {
    switch (f().inst(i).opcode) {
      case Opcode::kIadd:
      case Opcode::kIsub:
      case Opcode::kImul:
      case Opcode::kBand:
      case Opcode::kBor:
      case Opcode::kBxor:
        return f().inst(i).type.is_int() && f().inst(i).type.bits() < 128;
      default:
        return false;
    }
  });
  if (inst.is_none()) return false;
  const Type type = f().inst(inst).type;
  Type wide = editor.any_type();
  while (wide.bits() <= type.bits()) wide = editor.any_type();
  const Value x = editor.convert(f().arg(inst, 0), wide, inst), y = editor.convert(f().arg(inst, 1), wide, inst);
  const Value now = editor.unary(Opcode::kIreduce, type, editor.binary(f().inst(inst).opcode, x, y, inst), inst);
  editor.replace_uses(f().result(inst), now);
  return true;
}

// The rest of a block stands elsewhere.
bool Mutator::reorder_blocks() {
  Editor editor(f(), random_);
  const Inst inst = editor.any();
  if (inst.is_none()) return false;
  const Block block = f().inst_block(inst), rest = f().make_block();
  f().insert_block_after(rest, editor.blocks()[random_.below(static_cast<uint32_t>(editor.blocks().size()))]);
  f().move_tail(inst, rest);
  editor.jump(block, rest);
  return true;
}

// A value lives on to a later place, where it makes no difference.
bool Mutator::keep_alive() {
  if (!may_grow(2)) return false;
  Editor editor(f(), random_);
  const Inst inst = editor.any([&](Inst i) {
    const auto args = f().args(i);
    return !args.empty() && Editor::is_int(f().value_type(args[0]));
  });
  if (inst.is_none()) return false;
  const Value v = f().arg(inst, 0);
  Value now = v;
  for (unsigned n = random_.between(1, 6); n != 0; --n) {
    const Value other = editor.pick_existing(f().value_type(v), inst, v);
    if (other.is_none()) break;
    now = editor.binary(Opcode::kBxor, editor.binary(Opcode::kBxor, now, other, inst), other, inst);
  }
  if (now == v) return false;
  f().args(inst)[0] = now;
  return true;
}

// ---- the judge ----

void check_preserving(oracles::Harness& harness, const Case& before, const Case& after,
                      std::vector<oracles::Finding>& findings, const OriginalInst& original) {
  check_case(harness, before, findings);
  const std::vector<oracles::Harness::Reference> first(harness.references().begin(), harness.references().end());
  check_case(harness, after, findings);
  const auto second = harness.references();
  // Of the first version it may take more than one try to see that its outcome depends on where things are.
  std::vector<bool> depends;
  const auto first_depends = [&](size_t input) {
    if (depends.empty()) {
      oracles::HarnessOptions options = harness.options();
      options.isas.clear();
      options.layouts = oracles::Harness::kLayouts;
      oracles::Harness thorough(options);
      std::vector<oracles::Finding> none;
      check_case(thorough, before, none);
      for (const auto& reference : thorough.references()) depends.push_back(reference.depends);
    }
    return depends[input];
  };
  for (size_t i = 0; i < first.size() && i < second.size(); ++i) {
    if (!first[i].comparable || !(second[i].comparable || second[i].depends)) continue;
    const interpreter::Outcome &a = first[i].outcome, &b = second[i].outcome;
    // Bits that CLIF leaves open in either version are not compared: what a NaN goes through may say less of it.
    const auto same_results = [&] {
      if (a.results.size() != b.results.size()) return false;
      for (size_t n = 0; n < a.results.size(); ++n) {
        const Bits open = (a.free_bits.empty() ? 0 : a.free_bits[n]) | (b.free_bits.empty() ? 0 : b.free_bits[n]);
        if (((a.results[n].bits() ^ b.results[n].bits()) & ~open) != 0) return false;
      }
      return true;
    };
    const auto same_memory = [&] {  // the second may have more regions
      const size_t count = std::min(first[i].memory.size(), second[i].memory.size());
      for (size_t n = 0; n < count; ++n) {
        const auto &x = first[i].memory[n], &y = second[i].memory[n];
        const auto &open_x = first[i].free_memory[n], &open_y = second[i].free_memory[n];
        if (x.size() != y.size()) return false;
        for (size_t at = 0; at < x.size(); ++at) {
          const unsigned open = (open_x.empty() ? 0u : open_x[at]) | (open_y.empty() ? 0u : open_y[at]);
          if (((x[at] ^ y[at]) & ~open) != 0) return false;
        }
      }
      return true;
    };
    std::string what;
    if (second[i].depends) {
      what = "what it depends on";
    } else if (a.kind != b.kind) {
      what = "outcome";
    } else if (!same_results()) {
      what = "value";
    } else if (!(a.trap == b.trap)) {
      what = "trap code";
    } else if (a.calls != b.calls) {
      what = "calls";
    } else if (!same_memory()) {
      what = "memory";
    } else if (original && a.kind == interpreter::OutcomeKind::Trapped &&
               (a.function != b.function || a.inst != original(b.function, b.inst))) {
      what = "place of a trap";
    }
    if (what.empty() || first_depends(i)) continue;
    oracles::Finding finding{.kind = oracles::FindingKind::Meaning, .executor = "interpreter"};
    finding.input = i;
    finding.sort = what;
    finding.text = "two versions that mean the same differ in " + what + ": " + interpreter::describe(a) + "; " +
                   interpreter::describe(b);
    if (second[i].depends) finding.text += ", with other addresses or stack contents something else";
    findings.push_back(std::move(finding));
  }
}

}  // namespace assay::fuzz
