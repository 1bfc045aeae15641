// Values of operators, and the text form of typed semantics (semantics.h).
#include "compiler/isle/notation/semantics.h"

#include <algorithm>
#include <bit>
#include <iterator>

#include "compiler/isle/notation/floats.h"

namespace assay::notation {

namespace {

constexpr const char* kOpNames[] = {
    "input",         "constant",     "not",   "neg",   "clz",      "ctz",           "cls",
    "popcnt",        "bitrev",       "bswap", "add",   "sub",      "mul",           "udiv",
    "sdiv",          "urem",         "srem",  "and",   "or",       "xor",           "shl",
    "lshr",          "ashr",         "rotl",  "rotr",  "eq",       "ult",           "ule",
    "slt",           "sle",          "if",    "slice", "concat",   "zext",          "sext",
    "load",          "fadd",         "fsub",  "fmul",  "fdiv",     "fsqrt",         "ffma",
    "fround",        "feq",          "flt",   "fle",   "fconvert", "sint_to_float", "uint_to_float",
    "float_to_sint", "float_to_uint"};
static_assert(std::size(kOpNames) == static_cast<size_t>(Op::FToUInt) + 1);

Bits not_(const Bits& a, unsigned width) {
  Bits result;
  for (unsigned i = 0; i < Bits::kWords; ++i) result.words[i] = ~a.words[i];
  return truncated(result, width);
}

Bits add(const Bits& a, const Bits& b, unsigned width, bool carry = false) {
  Bits result;
  unsigned __int128 sum = carry;
  for (unsigned i = 0; i < Bits::kWords; ++i) {
    sum += a.words[i];
    sum += b.words[i];
    result.words[i] = static_cast<uint64_t>(sum);
    sum >>= 64;
  }
  return truncated(result, width);
}

Bits sub(const Bits& a, const Bits& b, unsigned width) { return add(a, not_(b, kMaxWidth), width, true); }
Bits neg(const Bits& a, unsigned width) { return sub(Bits(), a, width); }

Bits mul(const Bits& a, const Bits& b, unsigned width) {
  Bits result;
  for (unsigned i = 0; i < Bits::kWords; ++i) {
    uint64_t carry = 0;
    for (unsigned j = 0; i + j < Bits::kWords; ++j) {
      const unsigned __int128 sum =
          static_cast<unsigned __int128>(a.words[i]) * b.words[j] + result.words[i + j] + carry;
      result.words[i + j] = static_cast<uint64_t>(sum);
      carry = static_cast<uint64_t>(sum >> 64);
    }
  }
  return truncated(result, width);
}

bool less_unsigned(const Bits& a, const Bits& b) {
  for (unsigned i = Bits::kWords; i-- > 0;) {
    if (a.words[i] != b.words[i]) return a.words[i] < b.words[i];
  }
  return false;
}

bool less_signed(const Bits& a, const Bits& b, unsigned width) {
  const bool a_negative = a.bit(width - 1);
  const bool b_negative = b.bit(width - 1);
  return a_negative != b_negative ? a_negative : less_unsigned(a, b);
}

Bits shift_left(const Bits& a, unsigned amount, unsigned width) {
  Bits result;
  if (amount >= width) return result;
  const unsigned words = amount / 64;
  const unsigned bits = amount % 64;
  for (unsigned i = Bits::kWords; i-- > words;) {
    result.words[i] = a.words[i - words] << bits;
    if (bits != 0 && i > words) result.words[i] |= a.words[i - words - 1] >> (64 - bits);
  }
  return truncated(result, width);
}

Bits shift_right(const Bits& a, unsigned amount) {
  Bits result;
  if (amount >= kMaxWidth) return result;
  const unsigned words = amount / 64;
  const unsigned bits = amount % 64;
  for (unsigned i = 0; i + words < Bits::kWords; ++i) {
    result.words[i] = a.words[i + words] >> bits;
    if (bits != 0 && i + words + 1 < Bits::kWords) result.words[i] |= a.words[i + words + 1] << (64 - bits);
  }
  return result;
}

Bits or_(const Bits& a, const Bits& b) {
  Bits result;
  for (unsigned i = 0; i < Bits::kWords; ++i) result.words[i] = a.words[i] | b.words[i];
  return result;
}

Bits sign_extended(const Bits& a, unsigned from, unsigned to) {
  if (!a.bit(from - 1)) return a;
  return or_(a, truncated(shift_left(not_(Bits(), kMaxWidth), from, kMaxWidth), to));
}

// A shift amount clamped to the width: the amount is a bit vector of any value.
unsigned clamped(const Bits& amount, unsigned width) {
  if ((amount.words[1] | amount.words[2] | amount.words[3]) != 0 || amount.words[0] > width) return width;
  return static_cast<unsigned>(amount.words[0]);
}

// Schoolbook division, a bit at a time above 64 bits: only wide remainders in tests come here.
void divide(const Bits& a, const Bits& b, unsigned width, Bits& quotient, Bits& remainder) {
  quotient = remainder = Bits();
  if ((a.words[1] | a.words[2] | a.words[3] | b.words[1] | b.words[2] | b.words[3]) == 0) {
    quotient.words[0] = a.words[0] / b.words[0];
    remainder.words[0] = a.words[0] % b.words[0];
    return;
  }
  for (unsigned i = width; i-- > 0;) {
    remainder = shift_left(remainder, 1, kMaxWidth);
    if (a.bit(i)) remainder.words[0] |= 1;
    if (!less_unsigned(remainder, b)) {
      remainder = sub(remainder, b, kMaxWidth);
      quotient.set_bit(i);
    }
  }
}

Bits divide_unsigned(const Bits& a, const Bits& b, unsigned width, bool want_remainder) {
  if (b.is_zero()) return want_remainder ? a : not_(Bits(), width);
  Bits quotient;
  Bits remainder;
  divide(a, b, width, quotient, remainder);
  return want_remainder ? remainder : quotient;
}

Bits divide_signed(const Bits& a, const Bits& b, unsigned width, bool want_remainder) {
  const bool a_negative = a.bit(width - 1);
  const bool b_negative = b.bit(width - 1);
  const Bits result =
      divide_unsigned(a_negative ? neg(a, width) : a, b_negative ? neg(b, width) : b, width, want_remainder);
  return (want_remainder ? a_negative : a_negative != b_negative) ? neg(result, width) : result;
}

unsigned leading_zeros(const Bits& a, unsigned width) {
  for (unsigned i = width; i-- > 0;) {
    if (a.bit(i)) return width - 1 - i;
  }
  return width;
}

unsigned trailing_zeros(const Bits& a, unsigned width) {
  for (unsigned i = 0; i < width; ++i) {
    if (a.bit(i)) return i;
  }
  return width;
}

unsigned rotate_amount(const Bits& b, unsigned width) {
  return static_cast<unsigned>(divide_unsigned(b, Bits(width), kMaxWidth, true).low());
}

Bits rotate_left(const Bits& a, unsigned amount, unsigned width) {
  return or_(shift_left(a, amount, width), shift_right(a, width - amount));
}

}  // namespace

const char* name(Op op) { return kOpNames[static_cast<size_t>(op)]; }

Bits apply(Op op, unsigned width, unsigned operand_width, unsigned low_width, uint32_t aux, const Bits& a,
           const Bits& b, const Bits& c) {
  const unsigned bits = width == 0 ? 1 : width;
  switch (op) {
    case Op::Not:
      return not_(a, bits);
    case Op::Neg:
      return neg(a, width);
    case Op::Clz:
      return truncated(Bits(leading_zeros(a, width)), width);
    case Op::Ctz:
      return truncated(Bits(trailing_zeros(a, width)), width);
    case Op::Cls: {
      const Bits same = a.bit(width - 1) ? not_(a, width) : a;
      return truncated(Bits(leading_zeros(same, width) - 1), width);
    }
    case Op::Popcnt: {
      unsigned count = 0;
      for (uint64_t word : a.words) count += static_cast<unsigned>(std::popcount(word));
      return truncated(Bits(count), width);
    }
    case Op::BitRev: {
      Bits result;
      for (unsigned i = 0; i < width; ++i) {
        if (a.bit(i)) result.set_bit(width - 1 - i);
      }
      return result;
    }
    case Op::BSwap: {
      Bits result;
      for (unsigned i = 0; i < width; i += 8) {
        result = or_(result, shift_left(Bits(shift_right(a, i).low() & 0xff), width - 8 - i, width));
      }
      return result;
    }
    case Op::Add:
      return add(a, b, width);
    case Op::Sub:
      return sub(a, b, width);
    case Op::Mul:
      return mul(a, b, width);
    case Op::UDiv:
      return divide_unsigned(a, b, width, false);
    case Op::SDiv:
      return divide_signed(a, b, width, false);
    case Op::URem:
      return divide_unsigned(a, b, width, true);
    case Op::SRem:
      return divide_signed(a, b, width, true);
    case Op::And: {
      Bits result;
      for (unsigned i = 0; i < Bits::kWords; ++i) result.words[i] = a.words[i] & b.words[i];
      return result;
    }
    case Op::Or:
      return or_(a, b);
    case Op::Xor: {
      Bits result;
      for (unsigned i = 0; i < Bits::kWords; ++i) result.words[i] = a.words[i] ^ b.words[i];
      return result;
    }
    case Op::Shl:
      return shift_left(a, clamped(b, width), width);
    case Op::LShr:
      return shift_right(a, clamped(b, width));
    case Op::AShr:
      return truncated(shift_right(sign_extended(a, width, kMaxWidth), clamped(b, width)), width);
    case Op::Rotl:
      return rotate_left(a, rotate_amount(b, width), width);
    case Op::Rotr:
      return rotate_left(a, width - rotate_amount(b, width), width);
    case Op::Eq:
      return Bits(a == b);
    case Op::Ult:
      return Bits(less_unsigned(a, b));
    case Op::Ule:
      return Bits(!less_unsigned(b, a));
    case Op::Slt:
      return Bits(less_signed(a, b, operand_width));
    case Op::Sle:
      return Bits(!less_signed(b, a, operand_width));
    case Op::If:
      return a.low() != 0 ? b : c;
    case Op::Slice:
      return truncated(shift_right(a, aux), width);
    case Op::Concat:
      return or_(shift_left(a, low_width, width), b);
    case Op::ZExt:
      return a;
    case Op::SExt:
      return sign_extended(a, operand_width, width);
    case Op::Input:
    case Op::Constant:
    case Op::Load:
      break;
    default:
      return Bits(apply_float(op, width, operand_width, aux, a.low(), b.low(), c.low()));
  }
  return {};
}

bool Semantics::loads() const {
  return std::any_of(events.begin(), events.end(), [](const Event& event) { return !event.is_store; });
}
bool Semantics::stores() const {
  return std::any_of(events.begin(), events.end(), [](const Event& event) { return event.is_store; });
}

std::string Semantics::to_string() const {
  auto hex = [](const Bits& bits) {
    std::string digits;
    for (unsigned i = Bits::kWords * 16; i-- > 0;) {
      const unsigned digit = (bits.words[i / 16] >> (i % 16 * 4)) & 15;
      if (digit != 0 || !digits.empty() || i == 0) digits += "0123456789abcdef"[digit];
    }
    return "0x" + digits;
  };
  auto ref = [](NodeId id) { return "%" + std::to_string(id); };
  std::string out;
  for (NodeId id = 0; id < nodes.size(); ++id) {
    const Node& node = nodes[id];
    out += ref(id) + ": " + (node.width == 0 ? "bool" : std::to_string(node.width)) + " = " + name(node.op);
    if (node.op == Op::Input) out += " " + inputs[node.aux].name;
    if (node.op == Op::Constant) out += " " + hex(constants[node.aux]);
    for (NodeId operand : {node.a, node.b, node.c}) {
      if (operand != kNoNode) out += " " + ref(operand);
    }
    if (node.op == Op::FRound) out += " way " + std::to_string(node.aux);
    if (node.op == Op::Slice) out += " from " + std::to_string(node.aux);
    if (node.op == Op::Load) out += events[node.aux].big_endian ? " big" : " little";
    out += "\n";
  }
  for (const Trap& trap : traps)
    out += "trap " + trap.code + (trap.code.empty() ? "" : " ") + ref(trap.condition) + "\n";
  for (const Event& event : events) {
    if (event.is_store) {
      out += "store " + std::to_string(event.bits) + (event.big_endian ? " big " : " little ") + ref(event.address) +
             " " + ref(event.value) + "\n";
    }
  }
  for (const Assignment& result : results) out += result.name + " := " + ref(result.value) + "\n";
  if (branch != kNoNode) out += "branch " + ref(branch) + "\n";
  for (NodeId id : required) out += "require " + ref(id) + "\n";
  return out;
}

Binding Binding::of_value(unsigned width, uint32_t id) {
  Binding binding;
  binding.width = static_cast<uint16_t>(width);
  binding.id = id;
  return binding;
}
Binding Binding::of_bool(uint32_t id) {
  Binding binding;
  binding.kind = BindingKind::Bool;
  binding.id = id;
  return binding;
}
Binding Binding::of_imm(unsigned width, uint32_t id) {
  Binding binding = of_value(width, id);
  binding.kind = BindingKind::Imm;
  return binding;
}
Binding Binding::of_result(unsigned width, uint32_t id) {
  Binding binding = of_value(width, id);
  binding.kind = BindingKind::Result;
  return binding;
}
Binding Binding::of_int(int64_t value) {
  Binding binding;
  binding.kind = BindingKind::StaticInt;
  binding.value = value;
  return binding;
}
Binding Binding::of_enum(uint32_t enumeration, int64_t index) {
  Binding binding;
  binding.kind = BindingKind::StaticEnum;
  binding.enumeration = enumeration;
  binding.value = index;
  return binding;
}

}  // namespace assay::notation
