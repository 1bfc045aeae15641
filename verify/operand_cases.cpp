// See operand_cases.h.
#include "verify/operand_cases.h"

#include <algorithm>

#include "verify/static_value.h"

namespace assay::verify {

using machine::Constraint;
using machine::Operand;
using machine::OperandDesc;
using machine::PReg;
using machine::RegClass;
using machine::Role;
using machine::SlotKind;
using notation::ImmKind;
using notation::OperandDef;
using notation::OperandDefKind;

namespace {

// The edges of a range, and values around powers of two inside it.
std::vector<int64_t> edge_values(const ImmKind& kind) {
  std::vector<int64_t> values;
  const int64_t scale = kind.scale;
  auto add = [&](int64_t value) {
    value = value / scale * scale;
    if (kind.contains(value)) values.push_back(value);
  };
  if (kind.kind == ImmKind::Kind::Hatch) {  // what masks and shifted constants look like
    for (unsigned length : {1u, 2u, 3u, 7u, 8u, 16u, 31u, 32u, 33u, 48u, 63u}) {
      const uint64_t run = length == 64 ? ~uint64_t(0) : (uint64_t(1) << length) - 1;
      for (unsigned shift : {0u, 1u, 4u, 8u, 12u, 16u, 24u, 31u, 32u, 48u, 63u}) {
        const uint64_t rotated = run << shift | (shift == 0 ? 0 : run >> (64 - shift));
        for (uint64_t value : {rotated, ~rotated, rotated & 0xffffffff, uint64_t(uint32_t(rotated)) * 0x100000001u}) {
          values.push_back(static_cast<int64_t>(value));
        }
      }
    }
    for (uint64_t unit : {0x5555555555555555u, 0x3333333333333333u, 0x0f0f0f0f0f0f0f0fu, 0x00ff00ff00ff00ffu}) {
      values.push_back(static_cast<int64_t>(unit));
      values.push_back(static_cast<int64_t>(unit & 0xffffffff));
    }
    for (int64_t small = -20; small < 100; ++small) values.push_back(small);
    return values;
  }
  for (int64_t value : {0, 1, -1, 2, -2, 3, 5, 10, 42}) {
    add(value);
    if (scale > 1) add(value * scale);
  }
  for (unsigned bit = 0; bit < 64; ++bit) {
    const int64_t power = static_cast<int64_t>(uint64_t(1) << bit);
    for (int64_t value : {power, power == INT64_MIN ? power : -power}) {
      add(value);
      if (value != INT64_MIN) add(value - scale);
      if (value != INT64_MAX) add(value + scale);
    }
  }
  add(0x123456789abcdef0);
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return values;
}

// The numbers that stand in the conditions, and those before them: a bound, and what it keeps out.
std::vector<int64_t> bounds_of(const notation::Definitions& definitions, std::vector<notation::ExprId> work) {
  const notation::Ast& ast = definitions.library.ast;
  std::vector<int64_t> out;
  while (!work.empty()) {
    const notation::ExprNode& node = ast.nodes[work.back()];
    work.pop_back();
    for (unsigned i = 0; i < node.child_count; ++i) work.push_back(ast.child(node, i));
    if (node.kind != notation::ExprKind::Number || node.number > INT32_MAX) continue;
    out.push_back(static_cast<int64_t>(node.number));
    out.push_back(static_cast<int64_t>(node.number) - 1);
  }
  return out;
}

}  // namespace

bool is_wanted(std::span<const std::string> names, std::string_view name) {
  return names.empty() || std::find(names.begin(), names.end(), name) != names.end();
}

OperandCases::OperandCases(IsaKind isa, const machine::InstSet& insts, const notation::Definitions& definitions,
                           uint64_t seed)
    : insts_(insts), definitions_(definitions), random_(seed) {
  const bool sixteen = isa == IsaKind::x64 || isa == IsaKind::s390x;
  // AArch64's 31 is the stack pointer or zero, depending on the instruction.
  const unsigned count = sixteen ? 16 : isa == IsaKind::aarch64 ? 31 : 32;
  for (unsigned i = 0; i < count; ++i) general_.push_back(i);
  for (unsigned i = 0; i < (sixteen ? 16u : 32u); ++i) vector_.push_back(i);
}

const OperandDef* OperandCases::operand_of(uint16_t opcode, unsigned slot) const {
  for (const OperandDef& operand : definitions_.insts[opcode].operands) {
    const unsigned size = operand.kind == OperandDefKind::Mem ? machine::kAmodeOperands : 1;
    if (slot >= operand.slot && slot < operand.slot + size) return &operand;
  }
  return nullptr;
}

const std::vector<Operand>& OperandCases::values(uint16_t opcode, unsigned slot) {
  const auto [it, is_new] = values_.try_emplace(uint32_t(opcode) << 8 | slot);
  if (!is_new) return it->second;
  const OperandDesc& desc = insts_.descs[opcode].operands[slot];
  const OperandDef* operand = operand_of(opcode, slot);
  std::vector<Operand>& list = it->second;
  list = make_values(desc, operand);
  if (desc.kind != SlotKind::Imm) return list;
  for (const int64_t bound : bounds_of(definitions_, definitions_.insts[opcode].required)) {
    const bool is_known =
        std::any_of(list.begin(), list.end(), [&](const Operand& known) { return known.imm == bound; });
    if (!is_known && operand->imm.kind != ImmKind::Kind::Hatch && operand->imm.contains(bound)) {
      list.push_back(Operand::immediate(bound));
    }
  }
  return list;
}

std::vector<Operand> OperandCases::make_values(const OperandDesc& slot, const OperandDef* operand) const {
  std::vector<Operand> list;
  auto registers = [&](Role role) {
    for (unsigned number : slot.reg_class == RegClass::Vec ? vector_ : general_) {
      Operand reg =
          role == Role::Use ? Operand::use(PReg(slot.reg_class, number)) : Operand::def(PReg(slot.reg_class, number));
      reg.role = role;
      list.push_back(reg);
    }
  };
  switch (slot.kind) {
    case SlotKind::Param:
      break;
    case SlotKind::Reg:
      if (slot.reg_class == RegClass::Flags) {
        list.push_back(slot.role == Role::Use ? Operand::use(machine::kFlagsReg) : Operand::def(machine::kFlagsReg));
      } else if (slot.constraint == Constraint::Fixed) {
        const PReg at = PReg::from_code(slot.detail);
        list.push_back(slot.role == Role::Use ? Operand::use(at) : Operand::def(at));
        list.back().role = slot.role;
      } else {
        registers(slot.role);
        if (slot.optional) list.push_back({});
      }
      break;
    case SlotKind::MemBase:
    case SlotKind::MemIndex: {
      const notation::AmodeDef& amode = definitions_.amodes[static_cast<size_t>(operand->amode)];
      if (slot.kind == SlotKind::MemBase ? amode.has_base : amode.has_index) registers(Role::Use);
      if (slot.optional) list.push_back({});
      break;
    }
    case SlotKind::MemShift: {
      const notation::AmodeDef& amode = definitions_.amodes[static_cast<size_t>(operand->amode)];
      for (int64_t shift = 0; shift < (amode.has_shift ? 4 : 1); ++shift) list.push_back(Operand::immediate(shift));
      break;
    }
    case SlotKind::MemDisp: {
      const notation::AmodeDef& amode = definitions_.amodes[static_cast<size_t>(operand->amode)];
      if (!amode.has_disp)
        list.push_back(Operand::immediate(0));
      else
        for (int64_t value : edge_values(amode.disp)) list.push_back(Operand::immediate(value));
      break;
    }
    case SlotKind::Imm:
    case SlotKind::Label:
    case SlotKind::Place:
    case SlotKind::Constant:
      // An immediate in the slot of a label or constant is its distance.
      for (int64_t value : edge_values(operand->imm)) list.push_back(Operand::immediate(value));
      break;
    case SlotKind::Symbol:
      list.push_back(Operand::symbol(0));
      break;
  }
  return list;
}

std::vector<std::vector<Operand>> OperandCases::params(uint16_t opcode) const {
  std::vector<std::vector<Operand>> lists;
  notation::for_each_param_combination(definitions_, definitions_.insts[opcode],
                                       [&](std::span<const unsigned> indices) {
                                         std::vector<Operand> list;
                                         for (unsigned index : indices) list.push_back(Operand::immediate(index));
                                         lists.push_back(std::move(list));
                                       });
  return lists;
}

void OperandCases::tie(uint16_t opcode, std::vector<Operand>& operands) const {
  const machine::InstDesc& desc = insts_.descs[opcode];
  for (unsigned slot = 0; slot < desc.operands.size(); ++slot) {
    if (desc.operands[slot].constraint == Constraint::Reuse)
      operands[slot].reg = operands[desc.operands[slot].detail].reg;
  }
}

bool OperandCases::legal(uint16_t opcode, std::span<const Operand> operands) const {
  // A fixed-width machine's index without a base is possible and never made.
  if (!definitions_.insts[opcode].bits.empty()) {
    const auto& slots = insts_.descs[opcode].operands;
    for (size_t i = 0; i + 1 < operands.size() && i < slots.size(); ++i) {
      if (slots[i].kind == SlotKind::MemBase && !operands[i].is_reg() && operands[i + 1].is_reg()) return false;
    }
  }
  // As the allocator sees to it, definitions share no register, and one that is written early shares none with a use.
  for (size_t i = 0; i < operands.size(); ++i) {
    for (size_t j = 0; j < operands.size(); ++j) {
      if (i == j || !operands[i].is_def() || !operands[j].is_reg() || operands[i].reg != operands[j].reg) continue;
      if (operands[j].is_def() || operands[i].role == Role::EarlyDef) return false;
    }
  }
  machine::EncodedInst encoded;
  return insts_.encode(opcode, operands, {}, encoded) == machine::EncodeError::None;
}

Operand OperandCases::pick(uint16_t opcode, unsigned slot) {
  const OperandDesc& desc = insts_.descs[opcode].operands[slot];
  const OperandDef* operand = operand_of(opcode, slot);
  if (desc.kind == SlotKind::Imm && random_() % 4 == 0) {
    const int64_t value = static_cast<int64_t>(random_() >> random_() % 64) * static_cast<int64_t>(operand->imm.scale);
    for (const int64_t candidate : {value, -value}) {
      if (operand->imm.contains(candidate) && random_() % 2 == 0) return Operand::immediate(candidate);
    }
  }
  const std::vector<Operand>& choices = values(opcode, slot);
  return choices.empty() ? Operand() : choices[random_() % choices.size()];
}

bool OperandCases::random(uint16_t opcode, std::span<const Operand> params, std::vector<Operand>& out) {
  const machine::InstDesc& desc = insts_.descs[opcode];
  constexpr int kAttempts = 200;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    out.assign(params.begin(), params.end());
    while (out.size() < desc.operands.size()) out.push_back(pick(opcode, static_cast<unsigned>(out.size())));
    tie(opcode, out);
    if (legal(opcode, out)) return true;
  }
  return false;
}

bool OperandCases::random_short(uint16_t opcode, const notation::ShortForm& form, std::span<const Operand> params,
                                std::vector<Operand>& out) {
  const notation::InstDef& inst = definitions_.insts[opcode];
  const machine::InstDesc& desc = insts_.descs[opcode];
  std::vector<int64_t> numbers{0};
  if (form.condition != notation::kNoExpr) numbers = bounds_of(definitions_, {form.condition});
  numbers.push_back(0);
  const auto number = [&] { return numbers[random_() % numbers.size()]; };
  // What a condition asks for is rare among all values: its own numbers, small multiples, registers that are equal.
  const auto likely = [&](unsigned slot) {
    const OperandDesc& kind = desc.operands[slot];
    Operand operand = pick(opcode, slot);
    if (random_() % 3 == 0) return operand;
    if (operand.is_reg() && random_() % 2 == 0) {
      const auto same_class = [&](const Operand& other) {
        return other.is_reg() && other.reg.preg().reg_class() == operand.reg.preg().reg_class();
      };
      const auto known = std::find_if(out.begin(), out.end(), same_class);
      if (known != out.end()) operand.reg = known->reg;
    } else if (operand.is_reg() && kind.reg_class == RegClass::Gpr) {
      operand.reg = PReg(RegClass::Gpr, static_cast<unsigned>(number()) % 32);
    } else if (kind.kind == SlotKind::Imm || kind.kind == SlotKind::MemDisp || kind.kind == SlotKind::Label) {
      const int64_t small = static_cast<int64_t>(random_() % 64 << random_() % 5);
      const int64_t choices[] = {number(), -number(), small, -small};
      operand = Operand::immediate(choices[random_() % std::size(choices)]);
    }
    return operand;
  };
  constexpr int kAttempts = 3000;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    out.assign(params.begin(), params.end());
    while (out.size() < desc.operands.size()) out.push_back(likely(static_cast<unsigned>(out.size())));
    tie(opcode, out);
    std::vector<int64_t> distances;
    for (const OperandDef& operand : inst.operands) distances.push_back(out[operand.slot].imm);
    const StaticValues values{definitions_, &inst, out, distances, true};
    if (legal(opcode, out) && values.holds(form.condition)) return true;
  }
  return false;
}

std::vector<std::vector<Operand>> OperandCases::around_shorts(uint16_t opcode, size_t limit) {
  const notation::InstDef& inst = definitions_.insts[opcode];
  const size_t slots = insts_.descs[opcode].operands.size();
  const std::vector<std::vector<Operand>> combinations = params(opcode);
  std::vector<std::vector<Operand>> lists;
  const auto add = [&](const std::vector<Operand>& list) {
    if (legal(opcode, list)) lists.push_back(list);
  };
  for (const notation::ShortForm& form : inst.shorts) {
    const size_t before = lists.size();
    for (const std::vector<Operand>& combination : combinations) {
      std::vector<Operand> base;
      if (!random_short(opcode, form, combination, base)) continue;
      add(base);
      for (const std::vector<Operand>& other : combinations) {
        std::vector<Operand> list = base;
        std::copy(other.begin(), other.end(), list.begin());
        add(list);
      }
      for (auto slot = static_cast<unsigned>(combination.size()); slot < slots; ++slot) {
        for (const Operand& value : values(opcode, slot)) {
          random_short(opcode, form, combination, base);
          std::vector<Operand> alone = base;
          alone[slot] = value;
          tie(opcode, alone);
          add(alone);
          if (!value.is_reg() || !base[slot].is_reg()) continue;
          for (Operand& operand : base) {
            if (operand.is_reg() && operand.reg == base[slot].reg && &operand != &base[slot]) operand.reg = value.reg;
          }
          base[slot].reg = value.reg;
          add(base);
        }
      }
    }
    const size_t share = std::max<size_t>(8, limit / inst.shorts.size());
    if (lists.size() - before > share) {
      std::shuffle(lists.begin() + static_cast<std::ptrdiff_t>(before), lists.end(), random_);
      lists.resize(before + share);
    }
  }
  return lists;
}

// Whether there are legal operands with this value in the slot.
bool OperandCases::is_possible(uint16_t opcode, unsigned slot, const Operand& value) {
  constexpr int kAttempts = 20;
  for (const std::vector<Operand>& combination : params(opcode)) {
    std::vector<Operand> list;
    for (int attempt = 0; attempt < kAttempts && random(opcode, combination, list); ++attempt) {
      list[slot] = value;
      tie(opcode, list);
      if (legal(opcode, list)) return true;
    }
  }
  return false;
}

std::vector<std::vector<Operand>> OperandCases::edges(uint16_t opcode) {
  const std::span<const OperandDesc> slots = insts_.descs[opcode].operands;
  std::vector<std::vector<Operand>> lists;
  for (const std::vector<Operand>& combination : params(opcode)) {
    std::vector<Operand> list;
    if (!random(opcode, combination, list)) continue;
    for (unsigned slot = 0; slot < slots.size(); ++slot) {
      if (slots[slot].kind != SlotKind::Imm || operand_of(opcode, slot)->imm.kind == ImmKind::Kind::Hatch) continue;
      for (const Operand& value : values(opcode, slot)) {
        lists.push_back(list);
        lists.back()[slot] = value;
      }
    }
  }
  return lists;
}

std::vector<OperandCases::Refused> OperandCases::refused(uint16_t opcode) {
  std::vector<Refused> out;
  const std::span<const OperandDesc> slots = insts_.descs[opcode].operands;
  for (unsigned slot = 0; slot < slots.size(); ++slot) {
    const OperandDef* operand = operand_of(opcode, slot);
    const ImmKind* range = nullptr;
    const bool of_displacement = slots[slot].kind == SlotKind::MemDisp;
    if (of_displacement) {
      const notation::AmodeDef& amode = definitions_.amodes[static_cast<size_t>(operand->amode)];
      if (amode.has_disp) range = &amode.disp;
    } else if (slots[slot].kind == SlotKind::Imm || slots[slot].kind == SlotKind::Label ||
               slots[slot].kind == SlotKind::Place) {
      range = &operand->imm;
    }
    if (range == nullptr || range->kind == ImmKind::Kind::Hatch) continue;
    const std::vector<Operand>& all = values(opcode, slot);
    const auto ask = [&](const std::string& what, const auto& is_meant) {
      const auto possible = [&](const Operand& value) {
        return is_meant(value.imm) && is_possible(opcode, slot, value);
      };
      if (std::any_of(all.begin(), all.end(), [&](const Operand& value) { return is_meant(value.imm); }) &&
          std::none_of(all.begin(), all.end(), possible)) {
        out.push_back({slot, what, of_displacement});
      }
    };
    int64_t least = 0, greatest = 0;
    for (const Operand& value : all) {
      least = std::min(least, value.imm);
      greatest = std::max(greatest, value.imm);
    }
    const int64_t high = greatest - greatest / 2, low = least - least / 2, scale = range->scale;
    if (greatest > 0) {
      ask("from " + std::to_string(high) + " to " + std::to_string(greatest), [&](int64_t v) { return v >= high; });
    }
    if (least < 0) {
      ask("from " + std::to_string(least) + " to " + std::to_string(low), [&](int64_t v) { return v <= low; });
    }
    ask("odd multiples of " + std::to_string(scale), [&](int64_t v) { return v / scale % 2 != 0; });
  }
  return out;
}

std::vector<std::vector<Operand>> OperandCases::systematic(uint16_t opcode, size_t limit) {
  const machine::InstDesc& desc = insts_.descs[opcode];
  std::vector<std::vector<Operand>> lists;
  const std::vector<std::vector<Operand>> combinations = params(opcode);
  const size_t share = std::max<size_t>(4, limit / combinations.size());
  for (const std::vector<Operand>& combination : combinations) {
    std::vector<Operand> base;
    if (!random(opcode, combination, base)) continue;
    std::vector<std::vector<Operand>> found{base};
    for (unsigned slot = static_cast<unsigned>(combination.size()); slot < desc.operands.size(); ++slot) {
      if (desc.operands[slot].constraint == Constraint::Reuse) continue;
      for (const Operand& value : values(opcode, slot)) {
        std::vector<Operand> list;
        if (!random(opcode, combination, list)) continue;
        for (int attempt = 0; attempt < 20; ++attempt) {
          list[slot] = value;
          tie(opcode, list);
          if (legal(opcode, list)) {
            found.push_back(list);
            break;
          }
          if (!random(opcode, combination, list)) break;
        }
      }
    }
    if (found.size() > share) {
      std::shuffle(found.begin() + 1, found.end(), random_);
      found.resize(share);
    }
    lists.insert(lists.end(), found.begin(), found.end());
  }
  return lists;
}

}  // namespace assay::verify
