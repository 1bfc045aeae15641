// See scalar.h. Arithmetic whose exact result may not fit in 64 bits is done in 128: "does it overflow" is then the
// question whether the exact result is representable, asked in so many words.
#include "interpreter/scalar.h"

#include <bit>
#include <cassert>

#include "interpreter/compare.h"

namespace assay::interpreter {

namespace {

using ir::Opcode;
using Wide = __int128;
using UnsignedWide = unsigned __int128;

constexpr ScalarResult trapped(ir::TrapCode code) { return {.trap = code}; }

// The low bits of an exact result, and whether it was out of the range of a signed or unsigned number of that width.
ScalarResult with_signed_overflow(Wide exact, unsigned bits) {
  const uint64_t value = truncate(static_cast<uint64_t>(exact), bits);
  return {.value = value, .second = exact != Wide{sign_extend(value, bits)}};
}
ScalarResult with_unsigned_overflow(Wide exact, unsigned bits) {
  const uint64_t value = truncate(static_cast<uint64_t>(exact), bits);
  return {.value = value, .second = exact != Wide{value}};
}
ScalarResult with_unsigned_overflow(UnsignedWide exact, unsigned bits) {
  const uint64_t value = truncate(static_cast<uint64_t>(exact), bits);
  return {.value = value, .second = exact != UnsignedWide{value}};
}

uint64_t reverse_bits(uint64_t x, unsigned bits) {
  uint64_t reversed = 0;
  for (unsigned i = 0; i < bits; ++i) reversed |= (x >> i & 1) << (bits - 1 - i);
  return reversed;
}

uint64_t reverse_bytes(uint64_t x, unsigned bits) {
  uint64_t reversed = 0;
  for (unsigned i = 0; i < bits; i += 8) reversed |= (x >> i & 0xff) << (bits - 8 - i);
  return reversed;
}

// How many bits below the sign bit are equal to it, without a gap, from the top.
uint64_t count_leading_sign_bits(uint64_t x, unsigned bits) {
  const uint64_t sign = x >> (bits - 1) & 1;
  uint64_t count = 0;
  for (unsigned i = bits - 1; i-- > 0 && (x >> i & 1) == sign;) ++count;
  return count;
}

// Every shift takes its amount modulo the width of what it shifts; the amount may be of another type.
uint64_t rotate_left(uint64_t x, uint64_t amount, unsigned bits) {
  const unsigned n = amount % bits;
  return n == 0 ? x : truncate(x << n | x >> (bits - n), bits);
}

}  // namespace

bool is_scalar_operation(Opcode opcode) {
  // clang-format off
  switch (opcode) {
    case Opcode::kIadd: case Opcode::kIsub: case Opcode::kIneg: case Opcode::kIabs: case Opcode::kImul:
    case Opcode::kUmulhi: case Opcode::kSmulhi:
    case Opcode::kUdiv: case Opcode::kSdiv: case Opcode::kUrem: case Opcode::kSrem:
    case Opcode::kUmin: case Opcode::kSmin: case Opcode::kUmax: case Opcode::kSmax:
    case Opcode::kBand: case Opcode::kBor: case Opcode::kBxor: case Opcode::kBnot: case Opcode::kBitselect:
    case Opcode::kIshl: case Opcode::kUshr: case Opcode::kSshr: case Opcode::kRotl: case Opcode::kRotr:
    case Opcode::kClz: case Opcode::kCls: case Opcode::kCtz: case Opcode::kPopcnt:
    case Opcode::kBitrev: case Opcode::kBswap:
    case Opcode::kIcmp: case Opcode::kSelect: case Opcode::kSelectSpectreGuard: case Opcode::kBmask:
    case Opcode::kUextend: case Opcode::kSextend: case Opcode::kIreduce: case Opcode::kIsplit: case Opcode::kIconcat:
    case Opcode::kUaddOverflow: case Opcode::kSaddOverflow: case Opcode::kUsubOverflow: case Opcode::kSsubOverflow:
    case Opcode::kUmulOverflow: case Opcode::kSmulOverflow:
    case Opcode::kUaddOverflowCin: case Opcode::kSaddOverflowCin:
    case Opcode::kUsubOverflowBin: case Opcode::kSsubOverflowBin:
    case Opcode::kUaddOverflowTrap:
      return true;
    default: return false;
  }
  // clang-format on
}

ScalarResult evaluate(const ScalarOperation& operation, uint64_t x, uint64_t y, uint64_t z) {
  const unsigned bits = operation.bits;
  const int64_t signed_x = sign_extend(x, bits);
  const int64_t signed_y = sign_extend(y, bits);
  const auto of = [bits](uint64_t value) { return ScalarResult{.value = truncate(value, bits)}; };

  switch (operation.opcode) {
    case Opcode::kIadd:
      return of(x + y);
    case Opcode::kIsub:
      return of(x - y);
    case Opcode::kIneg:
      return of(0 - x);
    case Opcode::kIabs:
      return of(signed_x < 0 ? 0 - x : x);  // of the least number: itself
    case Opcode::kImul:
      return of(x * y);
    case Opcode::kUmulhi:
      return of(static_cast<uint64_t>(UnsignedWide{x} * y >> bits));
    case Opcode::kSmulhi:
      return of(static_cast<uint64_t>(Wide{signed_x} * signed_y >> bits));

    case Opcode::kUdiv:
      if (y == 0) return trapped(ir::kIntegerDivisionByZero);
      return of(x / y);
    case Opcode::kSdiv:
      if (y == 0) return trapped(ir::kIntegerDivisionByZero);
      if (signed_y == -1 && signed_x == sign_extend(uint64_t{1} << (bits - 1), bits)) {
        return trapped(ir::kIntegerOverflow);
      }
      return of(static_cast<uint64_t>(signed_x / signed_y));
    case Opcode::kUrem:
      if (y == 0) return trapped(ir::kIntegerDivisionByZero);
      return of(x % y);
    case Opcode::kSrem:  // the sign of the dividend; never overflows
      if (y == 0) return trapped(ir::kIntegerDivisionByZero);
      return of(signed_y == -1 ? 0 : static_cast<uint64_t>(signed_x % signed_y));

    case Opcode::kUmin:
      return of(x < y ? x : y);
    case Opcode::kUmax:
      return of(x > y ? x : y);
    case Opcode::kSmin:
      return of(signed_x < signed_y ? x : y);
    case Opcode::kSmax:
      return of(signed_x > signed_y ? x : y);

    case Opcode::kBand:
      return of(x & y);
    case Opcode::kBor:
      return of(x | y);
    case Opcode::kBxor:
      return of(x ^ y);
    case Opcode::kBnot:
      return of(~x);
    case Opcode::kBitselect:
      return of((x & y) | (~x & z));  // x is the mask

    case Opcode::kIshl:
      return of(x << (y % bits));
    case Opcode::kUshr:
      return of(x >> (y % bits));
    case Opcode::kSshr:
      return of(static_cast<uint64_t>(signed_x >> (y % bits)));
    case Opcode::kRotl:
      return of(rotate_left(x, y, bits));
    case Opcode::kRotr:
      return of(rotate_left(x, bits - y % bits, bits));

    case Opcode::kClz:
      return of(static_cast<uint64_t>(std::countl_zero(x)) - (64 - bits));
    case Opcode::kCtz:
      return of(x == 0 ? bits : static_cast<uint64_t>(std::countr_zero(x)));
    case Opcode::kCls:
      return of(count_leading_sign_bits(x, bits));
    case Opcode::kPopcnt:
      return of(static_cast<uint64_t>(std::popcount(x)));
    case Opcode::kBitrev:
      return of(reverse_bits(x, bits));
    case Opcode::kBswap:
      return of(reverse_bytes(x, bits));

    case Opcode::kIcmp:
      return {.value =
                  compare(static_cast<ir::IntCC>(operation.code), x, y, sign_extend(x, bits), sign_extend(y, bits))};
    case Opcode::kSelect:
    case Opcode::kSelectSpectreGuard:
      return {.value = x != 0 ? y : z};
    case Opcode::kBmask:
      return {.value = x != 0 ? truncate(~uint64_t{0}, operation.result_bits) : 0};

    case Opcode::kUextend:
      return {.value = x};
    case Opcode::kSextend:
      return {.value = truncate(static_cast<uint64_t>(signed_x), operation.result_bits)};
    case Opcode::kIreduce:
      return {.value = truncate(x, operation.result_bits)};
    case Opcode::kIsplit:
      return {.value = truncate(x, bits / 2), .second = x >> (bits / 2)};
    case Opcode::kIconcat:
      return {.value = x | y << bits};

    case Opcode::kUaddOverflow:
      return with_unsigned_overflow(Wide{x} + Wide{y}, bits);
    case Opcode::kSaddOverflow:
      return with_signed_overflow(Wide{signed_x} + signed_y, bits);
    case Opcode::kUsubOverflow:
      return with_unsigned_overflow(Wide{x} - Wide{y}, bits);
    case Opcode::kSsubOverflow:
      return with_signed_overflow(Wide{signed_x} - signed_y, bits);
    case Opcode::kUmulOverflow:
      return with_unsigned_overflow(UnsignedWide{x} * y, bits);
    case Opcode::kSmulOverflow:
      return with_signed_overflow(Wide{signed_x} * signed_y, bits);
    // A carry or borrow is a truth value: anything but 0 counts as 1.
    case Opcode::kUaddOverflowCin:
      return with_unsigned_overflow(Wide{x} + Wide{y} + (z != 0), bits);
    case Opcode::kSaddOverflowCin:
      return with_signed_overflow(Wide{signed_x} + signed_y + (z != 0), bits);
    case Opcode::kUsubOverflowBin:
      return with_unsigned_overflow(Wide{x} - Wide{y} - (z != 0), bits);
    case Opcode::kSsubOverflowBin:
      return with_signed_overflow(Wide{signed_x} - signed_y - (z != 0), bits);
    case Opcode::kUaddOverflowTrap: {
      const ScalarResult sum = with_unsigned_overflow(Wide{x} + Wide{y}, bits);
      return sum.second != 0 ? trapped(ir::TrapCode{operation.code}) : ScalarResult{.value = sum.value};
    }
    default:
      break;
  }
  assert(false && "not a scalar operation");
  return {};
}

}  // namespace assay::interpreter
