// Registers: physical ones of a machine, and the virtual ones that lowering makes and the allocator removes.
//
// PReg is a class and a hardware number; Reg is one 32-bit word that holds a physical register, a virtual one, or none.
#pragma once

#include <cassert>
#include <compare>
#include <cstdint>

namespace assay::machine {

// Flags are values too: a condition-code register is a class of its own with one register, which is never allocated
// or spilled: a flags value must reach its uses with no other writer of flags in between (checked by verify_vcode).
enum class RegClass : uint8_t { Gpr = 0, Vec = 1, Flags = 2 };
inline constexpr unsigned kRegClasses = 3;

// A physical register; `number` is the hardware's own encoding (x64: 0 = rax, 1 = rcx …; s390x: 15 = r15).
struct PReg {
  uint8_t code = 0xff;  // class * 64 + number, or 0xff for none

  constexpr PReg() = default;
  constexpr PReg(RegClass reg_class, unsigned number) : code(static_cast<uint8_t>(unsigned(reg_class) * 64 + number)) {}
  static constexpr PReg from_code(uint8_t code) {
    PReg reg;
    reg.code = code;
    return reg;
  }
  constexpr RegClass reg_class() const { return RegClass(code >> 6); }
  constexpr unsigned number() const { return code & 63; }
  constexpr explicit operator bool() const { return code != 0xff; }
  constexpr auto operator<=>(const PReg&) const = default;
};
inline constexpr PReg kFlagsReg{RegClass::Flags, 0};

// A set of physical registers (all classes), as a bit set by code.
struct PRegSet {
  uint64_t words[kRegClasses] = {};

  constexpr void add(PReg reg) { words[reg.code >> 6] |= uint64_t(1) << (reg.code & 63); }
  constexpr void remove(PReg reg) { words[reg.code >> 6] &= ~(uint64_t(1) << (reg.code & 63)); }
  constexpr bool contains(PReg reg) const { return (words[reg.code >> 6] >> (reg.code & 63)) & 1; }
  constexpr bool empty() const { return (words[0] | words[1] | words[2]) == 0; }
  constexpr PRegSet operator|(const PRegSet& other) const {
    PRegSet result = *this;
    for (unsigned i = 0; i < kRegClasses; ++i) result.words[i] |= other.words[i];
    return result;
  }
  constexpr bool operator==(const PRegSet&) const = default;
};

// A register operand: virtual, physical, or none.
struct Reg {
  static constexpr uint32_t kFirstVirtual = 256;
  uint32_t bits = 0xffffffffu;

  constexpr Reg() = default;
  constexpr Reg(PReg reg) : bits(reg ? reg.code : 0xffffffffu) {}
  static constexpr Reg virtual_reg(uint32_t index) {
    Reg reg;
    reg.bits = index + kFirstVirtual;
    return reg;
  }
  constexpr bool is_none() const { return bits == 0xffffffffu; }
  constexpr bool is_virtual() const { return bits >= kFirstVirtual && !is_none(); }
  constexpr bool is_physical() const { return bits < kFirstVirtual; }
  constexpr uint32_t virtual_index() const {
    assert(is_virtual());
    return bits - kFirstVirtual;
  }
  constexpr PReg preg() const {
    assert(is_physical());
    return PReg::from_code(static_cast<uint8_t>(bits));
  }
  constexpr auto operator<=>(const Reg&) const = default;
};

// The registers of a CLIF value: one, or the low and the high half of an i128.
struct ValueRegs {
  Reg low, high;  // high: none for a value in one register

  bool is_none() const { return low.is_none(); }
  bool operator==(const ValueRegs&) const = default;
};

}  // namespace assay::machine
