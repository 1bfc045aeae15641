// See interpreted_encoder.h. Written from docs/notation.md and Intel's manual (SDM 2A, 2.1, 2.2), not from the
// generator.
#include "verify/interpreted_encoder.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "verify/static_value.h"
#ifdef ASSAY_HAS_AARCH64
#include "compiler/isa/aarch64/bitmask.h"
#endif

namespace assay::verify {

namespace {

using machine::EncodedInst;
using machine::EncodeError;
using machine::Operand;
using machine::OperandKind;
using machine::RegClass;
using notation::BitField;
using notation::ImmKind;
using notation::OperandDef;
using notation::OperandDefKind;
using notation::X64Step;

using ImmHatch = bool (*)(int64_t value, uint32_t& bits);

ImmHatch find_hatch([[maybe_unused]] IsaKind isa, [[maybe_unused]] std::string_view name) {
#ifdef ASSAY_HAS_AARCH64
  if (isa == IsaKind::aarch64 && name == "bitmask64") return isa::aarch64::bitmask64;
  if (isa == IsaKind::aarch64 && name == "bitmask32") return isa::aarch64::bitmask32;
#endif
  return nullptr;
}

machine::RelocKind reloc_kind(std::string_view name) {
  using machine::RelocKind;
  constexpr std::pair<std::string_view, RelocKind> kKinds[] = {
      {"Abs8", RelocKind::Abs8},
      {"X86PcRel4", RelocKind::X86PcRel4},
      {"Arm64Call", RelocKind::Arm64Call},
      {"Arm64Jump", RelocKind::Arm64Jump},
      {"Arm64AdrPrelPgHi21", RelocKind::Arm64AdrPrelPgHi21},
      {"Arm64AddAbsLo12Nc", RelocKind::Arm64AddAbsLo12Nc},
      {"RiscvCallPlt", RelocKind::RiscvCallPlt},
      {"RiscvPcrelHi20Lo12", RelocKind::RiscvPcrelHi20Lo12},
      {"S390xPlt32Dbl", RelocKind::S390xPlt32Dbl},
      {"S390xPcRel32Dbl", RelocKind::S390xPcRel32Dbl},
  };
  const auto* it =
      std::find_if(std::begin(kKinds), std::end(kKinds), [&](const auto& kind) { return kind.first == name; });
  return it == std::end(kKinds) ? RelocKind::Abs8 : it->second;
}

bool is_distance(const OperandDef& operand) {
  return operand.kind == OperandDefKind::Label || operand.kind == OperandDefKind::Constant;
}

class Encoder {
 public:
  Encoder(IsaKind isa, const notation::Definitions& definitions, const notation::InstDef& inst,
          std::span<const Operand> operands, const machine::EncodeContext& context, EncodedInst& out)
      : isa_(isa),
        definitions_(definitions),
        inst_(inst),
        o_(operands),
        context_(context),
        out_(out),
        distances_(inst.operands.size(), 0) {}

  EncodeError encode() {
    out_.size = 0;
    out_.trap_offset = 0;
    out_.has_symbol = false;
    out_.features = 0;
    if (inst_.bits.empty() && inst_.forms.empty()) {
      return inst_.hatch.empty() ? EncodeError::None : EncodeError::NeedsHatch;
    }
    if (o_.size() < inst_.slot_count) return EncodeError::BadOperand;
    out_.trap_offset = static_cast<uint8_t>(inst_.trap_at);
    check_operands();
    if (bad_) return EncodeError::BadOperand;
    for (const notation::ExprId when : inst_.when) require(values().holds(when));
    if (inst_.bits.empty()) {
      forms();
    } else if (const notation::ShortForm* form = bad_ ? nullptr : short_form()) {
      put_line(form->bits, 0);
      out_.features = form->features;
    } else {
      lines();
    }
    if (bad_) return EncodeError::BadOperand;
    return far_ ? EncodeError::OutOfRange : EncodeError::None;
  }

 private:
  void require(bool condition) { bad_ = bad_ || !condition; }
  void require_near(bool condition) { far_ = far_ || !condition; }
  StaticValues values() const { return {definitions_, &inst_, o_, distances_}; }

  void put(uint64_t byte) {
    if (out_.size == EncodedInst::kCapacity) {
      bad_ = true;
      return;
    }
    out_.bytes[out_.size++] = static_cast<uint8_t>(byte);
  }
  void put_little(uint64_t value, unsigned bytes) {
    for (unsigned i = 0; i < bytes; ++i) put(value >> (8 * i));
  }
  void put_symbol(machine::RelocKind kind, unsigned offset, int addend) {
    out_.has_symbol = true;
    out_.reloc = kind;
    out_.symbol_offset = static_cast<uint8_t>(offset);
    out_.symbol_addend = static_cast<int8_t>(addend);
  }

  // ---- operands ----

  const OperandDef& operand(int index) const { return inst_.operands[static_cast<size_t>(index)]; }
  const notation::EnumDef& enum_of(int param) const {
    const int index = inst_.params[static_cast<size_t>(param)].enumeration;
    return definitions_.library.enums[static_cast<size_t>(index)];
  }
  // The number of a parameter's enumerator, or of its inverse.
  int64_t number_of(int param, bool inverse) const {
    const notation::EnumDef& def = enum_of(param);
    const notation::Enumerator& chosen = def.enumerators[static_cast<size_t>(o_[static_cast<size_t>(param)].imm)];
    return inverse ? def.enumerators[static_cast<size_t>(chosen.inverse)].number : chosen.number;
  }

  bool is_there(unsigned slot) const { return o_[slot].kind != OperandKind::None; }
  uint64_t reg(unsigned slot) const { return is_there(slot) ? o_[slot].reg.preg().number() : 0; }

  void check_reg(unsigned slot, RegClass reg_class, bool optional) {
    if (optional && !is_there(slot)) return;
    require(o_[slot].kind == OperandKind::Reg && o_[slot].reg.is_physical() &&
            o_[slot].reg.preg().reg_class() == reg_class);
  }
  void check_imm(unsigned slot, const ImmKind& kind) {
    require(o_[slot].kind == OperandKind::Imm);
    if (bad_) return;
    if (kind.kind != ImmKind::Kind::Hatch) {
      require(kind.contains(o_[slot].imm));
    } else {
      uint32_t bits = 0;
      const ImmHatch hatch = find_hatch(isa_, kind.hatch);
      require(hatch != nullptr && hatch(o_[slot].imm, bits));
    }
  }

  void check_operands() {
    for (size_t i = 0; i < inst_.params.size(); ++i) {
      const auto count = static_cast<int64_t>(enum_of(static_cast<int>(i)).enumerators.size());
      require(o_[i].kind == OperandKind::Imm && o_[i].imm >= 0 && o_[i].imm < count);
    }
    for (size_t i = 0; i < inst_.operands.size(); ++i) {
      const OperandDef& operand = inst_.operands[i];
      const unsigned slot = operand.slot;
      switch (operand.kind) {
        case OperandDefKind::Reg:
          check_reg(slot, operand.reg_class, operand.optional);
          if (operand.fixed >= 0) {
            require(o_[slot].reg ==
                    machine::Reg(machine::PReg(operand.reg_class, static_cast<unsigned>(operand.fixed))));
          } else if (operand.reuse_operand >= 0) {
            require(o_[slot].reg == o_[this->operand(operand.reuse_operand).slot].reg);
          }
          break;
        case OperandDefKind::Imm:
          check_imm(slot, operand.imm);
          break;
        case OperandDefKind::Mem:
          check_memory(operand);
          break;
        case OperandDefKind::Label:
        case OperandDefKind::Constant: {
          const OperandKind kind = operand.kind == OperandDefKind::Constant ? OperandKind::Constant
                                   : operand.is_place                       ? OperandKind::Place
                                                                            : OperandKind::Label;
          if (o_[slot].kind == OperandKind::Imm) {
            distances_[i] = o_[slot].imm;
          } else if (o_[slot].kind == kind && context_.displacement != nullptr) {
            distances_[i] = context_.displacement(context_.user, slot);
          } else {
            bad_ = true;
          }
          break;
        }
        case OperandDefKind::Symbol:
          require(o_[slot].kind == OperandKind::Symbol);
          break;
      }
    }
  }

  void check_memory(const OperandDef& operand) {
    const notation::AmodeDef& amode = definitions_.amodes[static_cast<size_t>(operand.amode)];
    const bool is_modrm = inst_.bits.empty();
    const unsigned slot = operand.slot;
    const auto part = [&](bool has, bool optional, unsigned at) {
      if (has) {
        check_reg(at, RegClass::Gpr, optional || is_modrm);
      } else {
        require(!is_there(at));
      }
    };
    part(amode.has_base, amode.base_optional, slot);
    part(amode.has_index, amode.index_optional, slot + 1);
    if (amode.has_shift) {
      require(o_[slot + 2].kind == OperandKind::Imm && o_[slot + 2].imm >= 0 && o_[slot + 2].imm < 64);
    } else {
      require(o_[slot + 2].imm == 0);
    }
    if (amode.has_disp) {
      check_imm(slot + 3, amode.disp);
    } else {
      require(o_[slot + 3].imm == 0);
    }
  }

  // The bits that an immediate stands for.
  uint64_t immediate(unsigned slot, const ImmKind& kind) const {
    if (kind.kind != ImmKind::Kind::Hatch) return static_cast<uint64_t>(o_[slot].imm);
    uint32_t bits = 0;
    find_hatch(isa_, kind.hatch)(o_[slot].imm, bits);
    return bits;
  }

  // ---- fixed-width machines ----

  void lines() {
    int64_t start = 0;  // of the line in the instruction
    std::vector<bool> is_checked(inst_.operands.size(), false);
    for (const notation::BitsLine& line : inst_.bits) {
      for (const BitField& field : line.fields) {
        if (field.kind == BitField::Kind::Operand && is_distance(operand(field.index))) {
          const auto index = static_cast<size_t>(field.index);
          is_checked[index] = true;
          check_distance(operand(field.index), distances_[index] - start);
        }
      }
      put_line(line, start);
      start += line.width / 8;
    }
    for (size_t i = 0; i < inst_.operands.size(); ++i) {
      if (is_distance(inst_.operands[i]) && !is_checked[i]) check_distance(inst_.operands[i], distances_[i]);
    }
    if (inst_.reloc.present) put_symbol(reloc_kind(inst_.reloc.kind), inst_.reloc.at, inst_.reloc.addend);
  }

  void check_distance(const OperandDef& operand, int64_t distance) {
    if (operand.imm.kind == ImmKind::Kind::Signed) require_near(operand.imm.contains(distance));
  }

  // The first that is possible, or null.
  const notation::ShortForm* short_form() const {
    StaticValues with_registers = values();
    with_registers.registers = true;
    const auto form = std::ranges::find_if(inst_.shorts, [&](const notation::ShortForm& candidate) {
      return (candidate.features & ~context_.features) == 0 && with_registers.holds(candidate.condition);
    });
    return form == inst_.shorts.end() ? nullptr : &*form;
  }

  void put_line(const notation::BitsLine& line, int64_t start) {
    std::vector<bool> bits;
    for (const BitField& field : line.fields) {
      const uint64_t value = value_of(field, start);
      for (unsigned i = field.width; i-- > 0;) bits.push_back(i < 64 && (value >> i & 1) != 0);
    }
    put_bits(bits);
  }

  // The most significant bit first.
  void put_bits(const std::vector<bool>& bits) {
    const size_t bytes = bits.size() / 8;
    for (size_t i = 0; i < bytes; ++i) {
      const size_t from = definitions_.isa.big_endian ? i : bytes - 1 - i;
      unsigned byte = 0;
      for (size_t bit = 0; bit < 8; ++bit) byte = byte * 2 + (bits[from * 8 + bit] ? 1 : 0);
      put(byte);
    }
  }

  uint64_t value_of(const BitField& field, int64_t start) const {
    uint64_t value = 0;
    bool complement = field.inverse;
    switch (field.kind) {
      case BitField::Kind::Literal:
        value = field.value;
        break;
      case BitField::Kind::Expr:
        value = static_cast<uint64_t>(values().value(field.expr));
        break;
      case BitField::Kind::Param: {
        const bool inverse = field.inverse && enum_of(field.index).has_inverses();
        complement = field.inverse && !inverse;
        value = static_cast<uint64_t>(number_of(field.index, inverse));
        break;
      }
      case BitField::Kind::Operand: {
        const OperandDef& operand = this->operand(field.index);
        if (operand.kind == OperandDefKind::Reg) value = reg(operand.slot);
        if (operand.kind == OperandDefKind::Imm) value = immediate(operand.slot, operand.imm);
        if (is_distance(operand)) {
          value = static_cast<uint64_t>(distances_[static_cast<size_t>(field.index)] - start);
        }
        break;
      }
      case BitField::Kind::Part: {
        const OperandDef& operand = this->operand(field.index);
        const notation::AmodeDef& amode = definitions_.amodes[static_cast<size_t>(operand.amode)];
        const unsigned slot = operand.slot + field.part;
        value = field.part < 2    ? reg(slot)
                : field.part == 2 ? static_cast<uint64_t>(o_[slot].imm)
                                  : immediate(slot, amode.disp);
        break;
      }
    }
    if (complement) value = ~value;
    return field.low < 64 ? value >> field.low : 0;
  }

  // ---- x64 ----

  void forms() {
    for (const notation::X64Alternative& alternative : inst_.forms) {
      if (!is_chosen(alternative)) continue;
      put_sequence(alternative);
      return;
    }
    bad_ = true;
  }

  // In a condition a label's distance counts from the end of the encoding that it chooses.
  bool is_chosen(const notation::X64Alternative& alternative) {
    if (alternative.condition == notation::kNoExpr) return true;
    const bool was_bad = bad_, was_far = far_;
    put_sequence(alternative);
    std::vector<int64_t> from_end = distances_;
    for (size_t i = 0; i < from_end.size(); ++i) {
      if (inst_.operands[i].kind == OperandDefKind::Label) from_end[i] -= out_.size;
    }
    out_.size = 0;
    out_.has_symbol = false;
    bad_ = was_bad;
    far_ = was_far;
    return StaticValues{definitions_, &inst_, o_, from_end}.holds(alternative.condition);
  }

  void put_sequence(const notation::X64Alternative& alternative) {
    for (const notation::X64Encoding& encoding : alternative.sequence) {
      if (inst_.trap_at_last && &encoding == &alternative.sequence.back()) out_.trap_offset = out_.size;
      put_encoding(encoding);
    }
  }

  // What REX and ModRM say about the operands of one encoding.
  struct Fields {
    bool w = false, r = false, x = false, b = false;
    bool is_needed = false;  // for spl, bpl, sil, dil
    unsigned reg = 0, opreg = 0;
    std::vector<uint8_t> rm;  // ModRM without reg, SIB, displacement
    bool is_rip = false;
  };

  void put_encoding(const notation::X64Encoding& encoding) {
    Fields fields;
    bool is_byte = false;
    for (const X64Step& step : encoding.steps) {
      if (step.kind == X64Step::Kind::Rex8) is_byte = is_byte || values().holds(step.condition);
    }
    const auto number = [&](int index) {
      const uint64_t reg = this->reg(operand(index).slot);
      if (is_byte && reg >= 4 && reg < 8) fields.is_needed = true;
      return static_cast<unsigned>(reg);
    };
    for (const X64Step& step : encoding.steps) {
      switch (step.kind) {
        case X64Step::Kind::Prefix:
          if (values().holds(step.condition)) put(step.value);
          break;
        case X64Step::Kind::Rex:
          fields.w = fields.w || values().holds(step.condition);
          break;
        case X64Step::Kind::ByteReg:
          fields.opreg = number(encoding.opreg);
          fields.b = fields.opreg >= 8;
          break;
        case X64Step::Kind::ModRmReg:
          fields.reg = number(encoding.reg);
          fields.r = fields.reg >= 8;
          set_rm(operand(encoding.rm), number, fields);
          break;
        case X64Step::Kind::ModRmDigit:
          fields.reg = step.value;
          set_rm(operand(encoding.rm), number, fields);
          break;
        default:
          break;
      }
    }
    const unsigned wrxb = (fields.w ? 8u : 0) | (fields.r ? 4u : 0) | (fields.x ? 2u : 0) | (fields.b ? 1u : 0);
    const auto vex = std::ranges::find(encoding.steps, X64Step::Kind::Vex, &X64Step::kind);
    if (vex != encoding.steps.end()) {
      const uint64_t other = encoding.vvvv < 0 ? 0 : reg(operand(encoding.vvvv).slot);
      const bool is_short = vex->value % 32 == 1 && !fields.w && !fields.x && !fields.b;
      put(is_short ? 0xc5 : 0xc4);
      if (!is_short) put((7 - (wrxb & 7)) * 32 + vex->value % 32);
      put((is_short ? !fields.r : fields.w) * 128u + (15 - other) * 8 + vex->value / 32);
    } else if (wrxb != 0 || fields.is_needed) {
      put(0x40 | wrxb);
    }
    unsigned rip_field = 0;
    for (const X64Step& step : encoding.steps) {
      switch (step.kind) {
        case X64Step::Kind::Byte:
          put(step.value);
          break;
        case X64Step::Kind::ByteReg:
          put(step.value + fields.opreg % 8);
          break;
        case X64Step::Kind::ByteCond:
          put(step.value + static_cast<uint64_t>(number_of(encoding.cc, encoding.cc_inverse)));
          break;
        case X64Step::Kind::ModRmReg:
        case X64Step::Kind::ModRmDigit:
          fields.rm[0] = static_cast<uint8_t>(fields.rm[0] | fields.reg % 8 << 3);
          rip_field = out_.size + 1;
          for (const uint8_t byte : fields.rm) put(byte);
          break;
        case X64Step::Kind::Imm:
          put_immediate(operand(encoding.imm), step.value);
          break;
        case X64Step::Kind::Rel:
          put_relative(encoding.label, step.value);
          break;
        default:
          break;
      }
    }
    if (fields.is_rip) finish_rip(encoding.rm, rip_field);
  }

  template <class Number>
  void set_rm(const OperandDef& rm, const Number& number, Fields& fields) {
    if (rm.kind == OperandDefKind::Reg) {
      const unsigned reg = number(static_cast<int>(&rm - inst_.operands.data()));
      fields.b = reg >= 8;
      fields.rm = {static_cast<uint8_t>(0b11'000'000 | reg % 8)};
    } else if (rm.kind == OperandDefKind::Mem) {
      set_memory(rm.slot, fields);
    } else {  // relative to the instruction's end
      fields.is_rip = true;
      fields.rm = {0b00'000'101, 0, 0, 0, 0};
    }
  }

  // SDM 2A, tables 2-2 and 2-3.
  void set_memory(unsigned slot, Fields& fields) {
    const bool has_base = is_there(slot), has_index = is_there(slot + 1);
    const auto base = static_cast<unsigned>(reg(slot)), index = static_cast<unsigned>(reg(slot + 1));
    const int64_t shift = o_[slot + 2].imm, disp = o_[slot + 3].imm;
    require(!has_index || index != 4);  // 100 without REX.X means none
    require(shift < 4);
    fields.b = base >= 8;
    fields.x = index >= 8;
    const unsigned scale = has_index ? static_cast<unsigned>(shift) & 3 : 0;
    const auto sib = static_cast<uint8_t>(scale << 6 | (has_index ? index % 8 : 4) << 3 | (has_base ? base % 8 : 5));
    unsigned bytes = 4;
    if (!has_base) {
      fields.rm = {0b00'000'100, sib};
    } else {
      if (disp == 0 && base % 8 != 5) {
        bytes = 0;
      } else if (disp >= -128 && disp < 128) {
        bytes = 1;
      }
      const unsigned mod = bytes == 4 ? 2 : bytes;
      const bool needs_sib = has_index || base % 8 == 4;
      fields.rm = {static_cast<uint8_t>(mod << 6 | (needs_sib ? 4 : base % 8))};
      if (needs_sib) fields.rm.push_back(sib);
    }
    for (unsigned i = 0; i < bytes; ++i) fields.rm.push_back(static_cast<uint8_t>(disp >> (8 * i)));
  }

  void finish_rip(int index, unsigned field) {
    const OperandDef& target = operand(index);
    if (target.kind == OperandDefKind::Symbol) {
      put_symbol(reloc_kind(inst_.reloc.present ? inst_.reloc.kind : "X86PcRel4"), field,
                 static_cast<int>(field) - static_cast<int>(out_.size));
      return;
    }
    const int64_t distance = distances_[static_cast<size_t>(index)] - out_.size;
    require_near(distance == static_cast<int32_t>(distance));
    for (unsigned i = 0; i < 4; ++i) out_.bytes[field + i] = static_cast<uint8_t>(distance >> (8 * i));
  }

  // Does the value fit so many bytes?
  static bool fits(int64_t value, unsigned bits, bool is_unsigned) {
    if (bits >= 64) return true;
    const __int128 one = 1, limit = one << (is_unsigned ? bits : bits - 1);
    return value < limit && value >= (is_unsigned ? 0 : -limit);
  }

  void put_immediate(const OperandDef& imm, unsigned bytes) {
    if (imm.kind == OperandDefKind::Symbol) {
      put_symbol(machine::RelocKind::Abs8, out_.size, 0);
      return put_little(0, 8);
    }
    const int64_t value = o_[imm.slot].imm;
    require(fits(value, 8 * bytes, imm.imm.kind == ImmKind::Kind::Unsigned));
    put_little(static_cast<uint64_t>(value), bytes);
  }

  void put_relative(int index, unsigned bytes) {
    const OperandDef& label = operand(index);
    if (label.kind == OperandDefKind::Symbol) {
      put_symbol(reloc_kind(inst_.reloc.present ? inst_.reloc.kind : "X86PcRel4"), out_.size, -static_cast<int>(bytes));
      return put_little(0, bytes);
    }
    const int64_t near = distances_[static_cast<size_t>(index)] - (out_.size + static_cast<int64_t>(bytes));
    if (label.imm.kind == ImmKind::Kind::Signed) require_near(fits(near, label.imm.bits, false));
    require_near(fits(near, 8 * bytes, false));
    put_little(static_cast<uint64_t>(near), bytes);
  }

  IsaKind isa_;
  const notation::Definitions& definitions_;
  const notation::InstDef& inst_;
  std::span<const Operand> o_;
  const machine::EncodeContext& context_;
  EncodedInst& out_;
  std::vector<int64_t> distances_;  // by operand
  bool bad_ = false, far_ = false;
};

}  // namespace

EncodeError encode_as_defined(IsaKind isa, const notation::Definitions& definitions, const notation::InstDef& inst,
                              std::span<const Operand> operands, const machine::EncodeContext& context,
                              EncodedInst& out) {
  return Encoder(isa, definitions, inst, operands, context, out).encode();
}

}  // namespace assay::verify
