// What the code that instgen generates calls: reading operands, putting bytes together, printing. Included by generated
// files only.
//
// OperandReader checks while it reads: an operand of the wrong kind, class or register, or an immediate out of range
// makes it `bad`, and the encoder answers BadOperand; a distance out of range makes it `far` (OutOfRange).
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "compiler/machine/inst_desc.h"

namespace assay::notation::runtime {

using machine::Operand;
using machine::OperandKind;
using machine::RegClass;

inline bool has(const Operand& operand) { return operand.kind != OperandKind::None; }

inline bool in_signed(int64_t value, unsigned bits, unsigned scale = 1) {
  const int64_t half = int64_t(1) << (bits - 1);
  return (bits >= 64 || (value >= -half && value < half)) && (value & int64_t(scale - 1)) == 0;
}
inline bool in_unsigned(int64_t value, unsigned bits, unsigned scale = 1) {
  return value >= 0 && (bits >= 63 || value < (int64_t(1) << bits)) && (value & int64_t(scale - 1)) == 0;
}
inline int64_t shift_left(int64_t value, int64_t amount) {
  return amount < 0 || amount > 63 ? 0 : static_cast<int64_t>(static_cast<uint64_t>(value) << amount);
}
inline int64_t shift_right_unsigned(int64_t value, int64_t amount) {
  return amount < 0 || amount > 63 ? 0 : static_cast<int64_t>(static_cast<uint64_t>(value) >> amount);
}
inline int64_t shift_right_signed(int64_t value, int64_t amount) {
  return value >> (amount < 0 || amount > 63 ? 63 : amount);
}

// Of a register that is there.
inline int64_t number_of(const Operand& operand) { return operand.reg.preg().number(); }

// Bits [low + width - 1 : low] of `value`, at `position` of a word.
inline uint64_t field(uint64_t value, unsigned low, unsigned width, unsigned position) {
  return ((value >> low) & (width >= 64 ? ~uint64_t(0) : (uint64_t(1) << width) - 1)) << position;
}

class OperandReader {
 public:
  OperandReader(std::span<const Operand> operands, const machine::EncodeContext& context, unsigned count)
      : operands_(operands), context_(context), bad_(operands.size() < count) {}

  bool bad() const { return bad_; }
  bool far() const { return far_; }

  uint64_t reg(unsigned slot, RegClass reg_class) {
    const Operand& operand = operands_[slot];
    if (operand.kind != OperandKind::Reg || !operand.reg.is_physical() || operand.reg.preg().reg_class() != reg_class) {
      bad_ = true;
      return 0;
    }
    return operand.reg.preg().number();
  }
  uint64_t optional_reg(unsigned slot, RegClass reg_class) { return has(operands_[slot]) ? reg(slot, reg_class) : 0; }
  // The operand must be that register.
  void fixed(unsigned slot, machine::PReg at) {
    if (operands_[slot].kind != OperandKind::Reg || operands_[slot].reg != machine::Reg(at)) bad_ = true;
  }
  // The two operands must be one register.
  void tied(unsigned slot, unsigned other) {
    if (operands_[slot].reg != operands_[other].reg) bad_ = true;
  }
  void absent(unsigned slot) {
    if (has(operands_[slot])) bad_ = true;
  }
  int64_t imm(unsigned slot) {
    if (operands_[slot].kind != OperandKind::Imm) bad_ = true;
    return operands_[slot].imm;
  }
  int64_t imm_signed(unsigned slot, unsigned bits, unsigned scale) {
    const int64_t value = imm(slot);
    if (!in_signed(value, bits, scale)) bad_ = true;
    return value;
  }
  int64_t imm_unsigned(unsigned slot, unsigned bits, unsigned scale) {
    const int64_t value = imm(slot);
    if (!in_unsigned(value, bits, scale)) bad_ = true;
    return value;
  }
  // The index of an enumerator.
  int64_t param(unsigned slot, unsigned count) {
    const int64_t value = imm(slot);
    if (value < 0 || value >= int64_t(count)) {
      bad_ = true;
      return 0;
    }
    return value;
  }
  // The distance of a label or constant from the start of the instruction; an Imm operand is the distance itself.
  int64_t distance(unsigned slot, OperandKind kind) {
    const Operand& operand = operands_[slot];
    if (operand.kind == OperandKind::Imm) return operand.imm;
    if (operand.kind != kind || context_.displacement == nullptr) {
      bad_ = true;
      return 0;
    }
    return context_.displacement(context_.user, slot);
  }
  void symbol(unsigned slot) {
    if (operands_[slot].kind != OperandKind::Symbol) bad_ = true;
  }
  void require(bool condition) { bad_ = bad_ || !condition; }
  void require_near(bool condition) { far_ = far_ || !condition; }

 private:
  std::span<const Operand> operands_;
  const machine::EncodeContext& context_;
  bool bad_;
  bool far_ = false;
};

inline void put_little(machine::EncodedInst& out, uint64_t value, unsigned bytes) {
  for (unsigned i = 0; i < bytes; ++i) out.bytes[out.size++] = static_cast<uint8_t>(value >> (8 * i));
}
inline void put_big(machine::EncodedInst& out, uint64_t value, unsigned bytes) {
  for (unsigned i = bytes; i-- > 0;) out.bytes[out.size++] = static_cast<uint8_t>(value >> (8 * i));
}
inline void put_reloc(machine::EncodedInst& out, machine::RelocKind kind, unsigned offset, int addend) {
  out.has_symbol = true;
  out.reloc = kind;
  out.symbol_offset = static_cast<uint8_t>(offset);
  out.symbol_addend = static_cast<int8_t>(addend);
}

// The R, X, B bits and ModRM/SIB bytes of an x64 instruction, gathered before its first byte is written.
class X64Encoder {
 public:
  explicit X64Encoder(machine::EncodedInst& out) : out_(out) {}

  void prefix(uint8_t byte) { put_little(out_, byte, 1); }
  void set_w(bool w) { rex_ |= w ? 8 : 0; }
  // 8-bit registers 4 to 7 are spl, bpl, sil, dil only with a REX prefix.
  void byte_register(uint64_t number) { force_rex_ = force_rex_ || (number >= 4 && number < 8); }
  void set_reg(uint64_t number) {
    reg_ = static_cast<uint8_t>(number & 7);
    if (number & 8) rex_ |= 4;
  }
  void set_digit(unsigned digit) { reg_ = static_cast<uint8_t>(digit); }
  void set_opreg(uint64_t number) {
    opreg_ = static_cast<uint8_t>(number & 7);
    if (number & 8) rex_ |= 1;
  }
  void set_rm(uint64_t number) {
    if (number & 8) rex_ |= 1;
    modrm_[modrm_size_++] = static_cast<uint8_t>(0xc0 | (number & 7));
  }
  // base (or none) + (index << shift) (or none) + disp
  void set_memory(bool has_base, uint64_t base, bool has_index, uint64_t index, int64_t shift, int32_t disp);
  // A displacement from the instruction's end, patched by finish_rip().
  void set_rip() {
    modrm_[modrm_size_++] = 0x05;
    modrm_size_ += 4;
    rip_ = true;
  }

  void put_rex() {
    if (rex_ != 0 || force_rex_) put_little(out_, 0x40u | rex_, 1);
  }
  // In place of REX: map and prefix as in X64Step::Kind::Vex, a further register. The form of two bytes, if it has room
  // for all. SDM 2A, 2.3.5.
  void put_vex(unsigned map_and_prefix, uint64_t vvvv) {
    if ((map_and_prefix & 0x1f) == 1 && (rex_ & 0xb) == 0) {
      put_little(out_, 0xc5, 1);
      put_little(out_, (~unsigned(rex_) & 4) << 5 | (~vvvv & 15) << 3 | map_and_prefix >> 5, 1);
      return;
    }
    put_little(out_, 0xc4, 1);
    put_little(out_, (~unsigned(rex_) & 7) << 5 | (map_and_prefix & 0x1f), 1);
    put_little(out_, (rex_ & 8u) << 4 | (~vvvv & 15) << 3 | map_and_prefix >> 5, 1);
  }
  void put_byte(uint8_t byte) { put_little(out_, byte, 1); }
  void put_byte_reg(uint8_t byte) { put_little(out_, byte + opreg_, 1); }
  void put_modrm() {
    modrm_[0] = static_cast<uint8_t>(modrm_[0] | reg_ << 3);
    if (rip_) rip_offset_ = out_.size + 1;
    for (unsigned i = 0; i < modrm_size_; ++i) put_little(out_, modrm_[i], 1);
  }
  unsigned rip_offset() const { return rip_offset_; }
  // Fills in the distance of a constant from the start of the whole instruction; false if it does not fit.
  bool finish_rip(int64_t distance) {
    const int64_t value = distance - out_.size;
    for (unsigned i = 0; i < 4; ++i) out_.bytes[rip_offset_ + i] = static_cast<uint8_t>(value >> (8 * i));
    return in_signed(value, 32);
  }

 private:
  machine::EncodedInst& out_;
  uint8_t rex_ = 0;
  bool force_rex_ = false;
  bool rip_ = false;
  uint8_t reg_ = 0;
  uint8_t opreg_ = 0;
  uint8_t modrm_[6] = {};
  uint8_t modrm_size_ = 0;
  unsigned rip_offset_ = 0;
};

inline void X64Encoder::set_memory(bool has_base, uint64_t base, bool has_index, uint64_t index, int64_t shift,
                                   int32_t disp) {
  if (!has_index) shift = 0;  // a scale without an index means nothing
  if (has_base && (base & 8)) rex_ |= 1;
  if (has_index && (index & 8)) rex_ |= 2;
  auto put_disp = [&](unsigned bytes) {
    for (unsigned i = 0; i < bytes; ++i) modrm_[modrm_size_++] = static_cast<uint8_t>(disp >> (8 * i));
  };
  const uint8_t low = static_cast<uint8_t>(base & 7);
  if (!has_base) {  // no base: always a SIB byte (mod 00, base 101) and 32 bits of displacement
    modrm_[modrm_size_++] = 0x04;
    modrm_[modrm_size_++] = static_cast<uint8_t>(shift << 6 | (has_index ? index & 7 : 4) << 3 | 5);
    put_disp(4);
    return;
  }
  // rbp and r13 as base with mod 00 would mean "no base": they take a displacement of 0.
  const unsigned disp_bytes = disp == 0 && low != 5 ? 0 : in_signed(disp, 8) ? 1 : 4;
  const uint8_t mod = disp_bytes == 0 ? 0x00 : disp_bytes == 1 ? 0x40 : 0x80;
  if (has_index || low == 4) {  // rsp and r12 as base are only reachable through a SIB byte; 100 as index is none
    modrm_[modrm_size_++] = static_cast<uint8_t>(mod | 4);
    modrm_[modrm_size_++] = static_cast<uint8_t>(shift << 6 | (has_index ? index & 7 : 4) << 3 | low);
  } else {
    modrm_[modrm_size_++] = static_cast<uint8_t>(mod | low);
  }
  put_disp(disp_bytes);
}

// ---- printing ----

struct RegNames {
  const char* names[64];  // null: none in this set
};

struct PrintPiece {
  enum class Kind : uint8_t { Literal, Reg, Imm, Param, Label, Symbol, Constant, Memory } kind;
  const char* literal = "";  // Literal; Imm: what stands before it
  uint8_t slot = 0;
  uint8_t part = 0;  // inside an addressing mode: 0 base, 1 index, 2 shift, 3 disp, 4 scale
  bool hexadecimal = false;
  uint8_t low_bits = 0;  // Imm: print only so many bits, unsigned
  int8_t set_slot = -1;  // Reg: the set is sets[operand set_slot], else sets[0]
  const RegNames* const* sets = nullptr;
  const char* const* texts = nullptr;        // Param: by enumerator
  const struct PrintText* memory = nullptr;  // Memory: texts of the addressing mode
  uint16_t count = 0;                        // of texts or memory
};

struct PrintText {
  bool (*condition)(const Operand* operands);  // null: always
  std::span<const PrintPiece> pieces;
};

struct PrintTables {
  const RegNames* class_names[machine::kRegClasses];
  std::span<const std::span<const PrintText>> texts;  // by opcode
  std::span<const machine::InstDesc> descs;
};

std::string print(const PrintTables& tables, uint16_t opcode, std::span<const Operand> operands);

}  // namespace assay::notation::runtime
