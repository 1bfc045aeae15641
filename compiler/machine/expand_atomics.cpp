// Read-modify-writes as loops around a compare-and-swap, and narrow ones on the aligned word that they are in. Loads
// and stores of 128 bits by a compare-and-swap, where the machine has nothing better.
//
//   whole:   old = atomic_load p; do { seen = atomic_cas p, old, combine(old, x) } while (seen != old, old = seen)
//   narrow:  the same on the word, of which only the field is changed. A narrow atomic_cas gives up as soon as the
//   field
//            is not what it expects; it is tried again if only its neighbours have changed.
#include <optional>

#include "compiler/machine/expand_parts.h"

namespace assay::machine::expansion {

namespace {

using ir::AtomicRmwOp;
using ir::Block;
using ir::IntCC;
using ir::Opcode;
using ir::Type;
using ir::Value;

constexpr Type kWord = ir::kI32;

Value combine(Rewriter& r, AtomicRmwOp operation, Value old, Value x) {
  ir::InstBuilder& b = r.b;
  switch (operation) {
    case AtomicRmwOp::kAdd:
      return b.iadd(old, x);
    case AtomicRmwOp::kSub:
      return b.isub(old, x);
    case AtomicRmwOp::kAnd:
      return b.band(old, x);
    case AtomicRmwOp::kNand:
      return b.bnot(b.band(old, x));
    case AtomicRmwOp::kOr:
      return b.bor(old, x);
    case AtomicRmwOp::kXor:
      return b.bxor(old, x);
    case AtomicRmwOp::kXchg:
      return x;
    case AtomicRmwOp::kUmin:
      return b.umin(old, x);
    case AtomicRmwOp::kUmax:
      return b.umax(old, x);
    case AtomicRmwOp::kSmin:
      return b.smin(old, x);
    case AtomicRmwOp::kSmax:
      return b.smax(old, x);
  }
  return x;
}

// The field of a word that a narrow access is about.
class Field {
 public:
  // Builds what says where it is.
  Field(Rewriter& r, Value p, Type type, const TargetIsa& isa) : r_(r), type_(type) {
    ir::InstBuilder& b = r.b;
    const ir::Endianness order =
        endianness(isa.kind) == std::endian::big ? ir::Endianness::kBig : ir::Endianness::kLittle;
    const ir::MemFlags flags = r.data().flags;
    swaps_ = type.bits() > 8 && flags.endianness(order) != order;
    flags_ = flags.with_endianness(ir::Endianness::kNative);
    base_ = b.band(p, b.iconst(ir::kI64, -4));
    Value offset = b.band(b.ireduce(kWord, p), b.iconst(kWord, 3));
    if (order == ir::Endianness::kBig) offset = b.isub(b.iconst(kWord, 4 - type.bytes()), offset);
    shift_ = b.ishl(offset, b.iconst(kWord, 3));
    others_ = b.bnot(b.ishl(r.b.constant(kWord, low_mask(type.bits())), shift_));
  }

  Value load_word() { return r_.b.atomic_load(kWord, flags_, base_); }
  Value of(Value word) { return swapped(r_.b.ireduce(type_, r_.b.ushr(word, shift_))); }
  // Tries to change `word` in memory; what was there.
  Value exchange(Value word, Value field) {
    ir::InstBuilder& b = r_.b;
    const Value placed = b.ishl(b.uextend(kWord, swapped(field)), shift_);
    return b.atomic_cas(flags_, base_, word, b.bor(b.band(word, others_), placed));
  }

 private:
  Value swapped(Value x) { return swaps_ ? r_.b.bswap(x) : x; }

  Rewriter& r_;
  Type type_;
  bool swaps_ = false;
  ir::MemFlags flags_;
  Value base_, shift_, others_;
};

bool is_narrow(Type type, const TargetIsa& isa) { return type.bits() < isa.expanded.least_atomic_bits; }

bool is_loop(const ir::InstData& data, const TargetIsa& isa, auto is_unused) {
  // No machine counts with bytes in the other order.
  static constexpr uint16_t kNumbers = rmw_kinds({AtomicRmwOp::kAdd, AtomicRmwOp::kSub, AtomicRmwOp::kUmin,
                                                  AtomicRmwOp::kUmax, AtomicRmwOp::kSmin, AtomicRmwOp::kSmax});
  const ir::Endianness order =
      endianness(isa.kind) == std::endian::big ? ir::Endianness::kBig : ir::Endianness::kLittle;
  const bool swaps = data.flags.endianness(order) != order;
  if (!swaps && (isa.expanded.unused_atomic_rmw >> data.code & 1) != 0 && is_unused()) return false;
  return ((isa.expanded.atomic_rmw | (swaps ? kNumbers : 0)) >> data.code & 1) != 0;
}

}  // namespace

bool UsedValues::has(ir::Value v) {
  if (used_.empty()) {
    used_.assign(function_.value_count(), false);
    for (uint32_t i = 0; i < function_.inst_count(); ++i) {
      const ir::Inst inst(i);
      if (function_.inst_block(inst).is_none()) continue;
      for (const Value arg : function_.args(inst)) used_[function_.resolve(arg).index] = true;
      for (const ir::BlockCall& call : function_.block_calls(inst)) {
        for (const ir::BlockArg& arg : function_.args(call)) {
          if (arg.is_value()) used_[function_.resolve(arg.value()).index] = true;
        }
      }
    }
  }
  return v.index >= used_.size() || used_[v.index];
}

bool wants_atomic(const ir::Function& function, ir::Inst inst, const TargetIsa& isa, UsedValues& used) {
  const ir::InstData& data = function.inst(inst);
  const bool is_store = data.opcode == Opcode::kAtomicStore, is_rmw = data.opcode == Opcode::kAtomicRmw;
  const bool is_access = is_store || data.opcode == Opcode::kAtomicLoad;
  if (!is_access && !is_rmw && data.opcode != Opcode::kAtomicCas) return false;
  if (function.value_type(function.arg(inst, is_store ? 1 : 0)) != ir::kI64) return false;
  if (data.type == ir::kI128) {
    const bool has_rule = data.opcode == Opcode::kAtomicCas || (is_access && !is_store && isa.expanded.wide_loads);
    return isa.expanded.wide_cas && !has_rule;
  }
  return !is_access && (is_narrow(data.type, isa) ||
                        (is_rmw && is_loop(data, isa, [&] { return !used.has(function.result(inst)); })));
}

void expand_atomic(Rewriter& r, const TargetIsa& isa) {
  ir::InstBuilder& b = r.b;
  if (r.data().opcode == Opcode::kAtomicStore) {
    b.atomic_rmw(r.data().type, r.data().flags, AtomicRmwOp::kXchg, r.arg(1), r.arg(0));
    r.f.remove_inst(r.inst());
    return;
  }
  if (r.data().opcode == Opcode::kAtomicLoad) {
    const Value zero = b.constant(r.data().type, 0);
    return r.replace_with(b.atomic_cas(r.data().flags, r.arg(0), zero, zero));
  }
  const ir::InstData data = r.data();
  const bool narrow = is_narrow(data.type, isa), is_cas = data.opcode == Opcode::kAtomicCas;
  const Value p = r.arg(0), first = r.arg(1), second = is_cas ? r.arg(2) : Value();
  Field* field = nullptr;
  std::optional<Field> made;
  if (narrow) field = &made.emplace(r, p, data.type, isa);
  const Block rest = r.split();

  // Of 128 bits, halves of different times will do to begin with.
  const Value begin = narrow                   ? field->load_word()
                      : data.type == ir::kI128 ? b.load(data.type, data.flags, p, 0)
                                               : b.atomic_load(data.type, data.flags, p);
  const Block loop = r.new_block();
  const Value seen = r.f.append_block_param(loop, r.type_of(begin));
  b.jump(b.call_to(loop, {begin}));

  r.build_in(loop);
  const Value old = narrow ? field->of(seen) : seen;
  Value next = second;
  if (is_cas) {
    const Block attempt = r.new_block();
    b.brif(b.icmp(IntCC::kEq, old, first), b.call_to(attempt), b.call_to(rest));
    r.build_in(attempt);
  } else {
    next = combine(r, data.rmw_op(), old, first);
  }
  const Value was = narrow ? field->exchange(seen, next) : b.atomic_cas(data.flags, p, old, next);
  b.brif(b.icmp(IntCC::kEq, was, seen), b.call_to(rest), b.call_to(loop, {was}));
  r.replace_with(old);
}

}  // namespace assay::machine::expansion
