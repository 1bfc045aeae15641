// The enumerated immediates of CLIF: condition codes, read-modify-write operations, trap codes, memory flags.
// Each has to_string (the text spelling) and a parse_… that is its inverse.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "compiler/ir/entities.h"

namespace assay::ir {

// Integer condition codes, in the order of their text table: eq ne slt sge sgt sle ult uge ugt ule.
enum class IntCC : uint8_t { kEq, kNe, kSlt, kSge, kSgt, kSle, kUlt, kUge, kUgt, kUle };
inline constexpr unsigned kIntCCCount = 10;
std::string_view to_string(IntCC cc);
std::optional<IntCC> parse_int_cc(std::string_view text);
IntCC complement(IntCC cc);     // the condition that holds when `cc` does not
IntCC swap_operands(IntCC cc);  // the condition with its operands exchanged
bool is_signed(IntCC cc);
bool is_unsigned(IntCC cc);

// Float condition codes. `one` is less or greater (ordered and unequal), `ueq` unordered or equal, and so on.
enum class FloatCC : uint8_t { kOrd, kUno, kEq, kNe, kOne, kUeq, kLt, kLe, kGt, kGe, kUlt, kUle, kUgt, kUge };
inline constexpr unsigned kFloatCCCount = 14;
std::string_view to_string(FloatCC cc);
std::optional<FloatCC> parse_float_cc(std::string_view text);
FloatCC complement(FloatCC cc);
FloatCC swap_operands(FloatCC cc);

enum class AtomicRmwOp : uint8_t { kAdd, kSub, kAnd, kNand, kOr, kXor, kXchg, kUmin, kUmax, kSmin, kSmax };
inline constexpr unsigned kAtomicRmwOpCount = 11;
std::string_view to_string(AtomicRmwOp op);
std::optional<AtomicRmwOp> parse_atomic_rmw_op(std::string_view text);

// Why a trap happens: one byte. user1 … user250 are 1 … 250; the named ones are above; 0 is not a trap code.
struct TrapCode {
  uint8_t code = 0;

  static constexpr TrapCode user(uint8_t number) { return TrapCode{number}; }
  constexpr bool is_valid() const { return code != 0; }
  constexpr bool is_user() const { return code >= 1 && code <= 250; }
  constexpr bool operator==(const TrapCode&) const = default;
};
inline constexpr TrapCode kStackOverflow{251}, kHeapOutOfBounds{252}, kIntegerOverflow{253},
    kIntegerDivisionByZero{254}, kBadConversionToInteger{255};
std::string to_string(TrapCode code);                            // stk_ovf heap_oob int_ovf int_divz bad_toint user7
std::optional<TrapCode> parse_trap_code(std::string_view text);  // those spellings only

enum class Endianness : uint8_t { kNative, kLittle, kBig };

// What is known or promised about a memory access: a small value type.
// The default is an access that may trap with heap_oob, in the target's byte order, nothing promised.
class MemFlags {
 public:
  constexpr MemFlags() = default;
  // Cannot trap and is aligned: what accesses to a function's own slots are.
  static constexpr MemFlags trusted() { return MemFlags().with_notrap().with_aligned(); }

  constexpr bool notrap() const { return trap_ == 0; }
  constexpr TrapCode trap_code() const { return TrapCode{trap_}; }  // invalid if notrap()
  constexpr bool aligned() const { return bits_ & kAligned; }
  constexpr bool readonly() const { return bits_ & kReadonly; }
  constexpr bool can_move() const { return bits_ & kCanMove; }
  // As written; kNative means the target's order.
  constexpr Endianness endianness() const {
    return bits_ & kLittleBit ? Endianness::kLittle : bits_ & kBigBit ? Endianness::kBig : Endianness::kNative;
  }
  // The order the access has on a target of order `native` (kLittle or kBig).
  constexpr Endianness endianness(Endianness native) const {
    return endianness() == Endianness::kNative ? native : endianness();
  }
  constexpr AliasRegion region() const { return region_ == 0 ? AliasRegion() : AliasRegion(region_ - 1u); }

  constexpr MemFlags with_notrap() const { return with_trap(TrapCode{0}); }
  constexpr MemFlags with_trap(TrapCode code) const {
    MemFlags f = *this;
    f.trap_ = code.code;
    return f;
  }
  constexpr MemFlags with_aligned() const { return with_bits(kAligned); }
  constexpr MemFlags with_readonly() const { return with_bits(kReadonly); }
  constexpr MemFlags with_can_move() const { return with_bits(kCanMove); }
  constexpr MemFlags with_endianness(Endianness e) const {
    MemFlags f = *this;
    f.bits_ = (f.bits_ & ~(kLittleBit | kBigBit)) | (e == Endianness::kLittle ? kLittleBit
                                                     : e == Endianness::kBig  ? kBigBit
                                                                              : 0);
    return f;
  }
  // `region` must be below 65535 (the parser sees to it) or none.
  constexpr MemFlags with_region(AliasRegion region) const {
    MemFlags f = *this;
    f.region_ = region.is_none() ? 0 : static_cast<uint16_t>(region.index + 1);
    return f;
  }
  constexpr bool operator==(const MemFlags&) const = default;
  // The whole value as one word, for hashing and tables, and back.
  constexpr uint32_t word() const {
    return bits_ | static_cast<uint32_t>(trap_) << 8 | static_cast<uint32_t>(region_) << 16;
  }
  static constexpr MemFlags from_word(uint32_t word) {
    MemFlags f;
    f.bits_ = static_cast<uint8_t>(word);
    f.trap_ = static_cast<uint8_t>(word >> 8);
    f.region_ = static_cast<uint16_t>(word >> 16);
    return f;
  }

 private:
  static constexpr uint8_t kAligned = 1, kReadonly = 2, kCanMove = 4, kLittleBit = 8, kBigBit = 16;
  constexpr MemFlags with_bits(uint8_t bits) const {
    MemFlags f = *this;
    f.bits_ |= bits;
    return f;
  }
  uint8_t bits_ = 0;
  uint8_t trap_ = kHeapOutOfBounds.code;
  uint16_t region_ = 0;
};
// The flags with a space before each, as they follow an opcode: ` notrap aligned`. Empty for the default.
std::string to_string(MemFlags flags);

// A float of 16, 32, 64 or 128 bits (the low ones of `bits`) as CLIF spells it: `0x1.800000p3`, `0.0`, `+Inf`, `-NaN`,
// `+sNaN:0x1`. parse_float reads those and shorter forms (`0x1.8p3`, `Inf`); values that would need rounding are
// refused.
std::string float_to_string(unsigned __int128 bits, unsigned width);
std::optional<unsigned __int128> parse_float(std::string_view text, unsigned width);

// `12`, `-3`, `+8`, `0xdead_beef`: an integer as written, of at most 128 bits.
struct IntegerLiteral {
  bool negative = false;
  unsigned __int128 magnitude = 0;

  // The two's complement bits if it is a signed or an unsigned number of that many bits.
  std::optional<unsigned __int128> to_bits(unsigned width) const;
};
std::optional<IntegerLiteral> parse_integer(std::string_view text);

// An integer immediate as CLIF prints it: small ones in decimal (signed), others as 0x with groups of four digits.
std::string imm64_to_string(int64_t value);

}  // namespace assay::ir
