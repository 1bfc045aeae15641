// The external terms of prelude.isle that look at CLIF, and small ones that make operands.
#include <algorithm>

#include "compiler/machine/lower.h"

namespace assay::machine {
namespace {

// Cheap enough to be done again by every user that can fold it in.
bool is_cheap(ir::Opcode opcode) {
  switch (opcode) {
    case ir::Opcode::kIconst:
    case ir::Opcode::kUextend:
    case ir::Opcode::kSextend:
    case ir::Opcode::kIreduce:
    case ir::Opcode::kIcmp:
    case ir::Opcode::kFcmp:
    case ir::Opcode::kStackAddr:
    case ir::Opcode::kFuncAddr:
      return true;
    default:
      return false;
  }
}

}  // namespace

std::optional<ir::Inst> LowerContext::def_inst(Value v) const {
  v = resolve(v);
  const Inst inst = function_->def_inst(v);
  if (inst.is_none()) return std::nullopt;
  const ir::Opcode opcode = function_->inst(inst).opcode;
  if (opcode == ir::Opcode::kIconst) return inst;
  if (!options_.look_through) return std::nullopt;
  const ir::OperationInfo& info = function_->info(inst);
  if (info.effects != 0 || info.variable_results) return std::nullopt;
  if (uses_[v.index] > 1 && !is_cheap(opcode)) return std::nullopt;
  return inst;
}

std::optional<int64_t> LowerContext::iconst_sext(Value v) const {
  v = resolve(v);
  const Inst def = function_->def_inst(v);
  if (def.is_none() || function_->inst(def).opcode != ir::Opcode::kIconst) return std::nullopt;
  const unsigned unused = 64 - function_->value_type(v).bits();
  return static_cast<int64_t>(function_->inst(def).imm << unused) >> unused;
}

std::optional<uint64_t> LowerContext::iconst_zext(Value v) const {
  v = resolve(v);
  const Inst def = function_->def_inst(v);
  if (def.is_none() || function_->inst(def).opcode != ir::Opcode::kIconst) return std::nullopt;
  return function_->inst(def).imm & ty_mask(function_->value_type(v));
}

std::optional<int64_t> LowerContext::signed_fits(uint8_t bits, int64_t k) const {
  if (bits >= 64) return k;
  if (bits == 0) return k == 0 ? std::optional<int64_t>(k) : std::nullopt;
  const int64_t bound = int64_t(1) << (bits - 1);
  return k >= -bound && k < bound ? std::optional<int64_t>(k) : std::nullopt;
}

std::optional<int64_t> LowerContext::unsigned_fits(uint8_t bits, int64_t k) const {
  return bits >= 64 || uint64_t(k) >> bits == 0 ? std::optional<int64_t>(k) : std::nullopt;
}

std::optional<Unit> LowerContext::mem_big(MemFlags flags) const {
  const bool native_big = endianness(isa_->kind) == std::endian::big;
  const ir::Endianness order = flags.endianness(native_big ? ir::Endianness::kBig : ir::Endianness::kLittle);
  return order == ir::Endianness::kBig ? std::optional<Unit>(Unit{}) : std::nullopt;
}

std::optional<Unit> LowerContext::mem_little(MemFlags flags) const {
  return mem_big(flags) ? std::nullopt : std::optional<Unit>(Unit{});
}

Amode LowerContext::amode_disp(Reg base, int64_t disp) { return amode_index(base, Reg(), 0, disp); }

Amode LowerContext::amode_index(Reg base, Reg index, uint8_t shift, int64_t disp) {
  if (disp != int32_t(disp)) unsupported("a displacement of more than 32 bits");  // a rule forgot its range
  return {.base = base, .index = index, .shift = shift, .disp = static_cast<int32_t>(disp)};
}

Amode LowerContext::amode_slot(StackSlot slot, Offset32 offset) const {
  return frame_amode(FrameArea::Slots, slot_offsets_[slot.index] + static_cast<uint32_t>(offset.value));
}

Amode LowerContext::frame_amode(FrameArea area, uint32_t offset) const {
  return {.base = {}, .index = {}, .shift = 0, .in_frame = true, .area = area, .disp = static_cast<int32_t>(offset)};
}

InstOutput LowerContext::output1(Reg r) {
  output_regs_.push_back(r);
  return {static_cast<uint32_t>(output_regs_.size() - 1), 1};
}

InstOutput LowerContext::output2(Reg a, Reg b) {
  const InstOutput output = output1(a);
  output_regs_.push_back(b);
  return {output.first, 2};
}

InstOutput LowerContext::output_pair_and(const MultiReg& m, Reg other) {
  const InstOutput output = output_pair(m);
  output_regs_.push_back(other);
  return {output.first, 3};
}

std::optional<std::tuple<Block, Block>> LowerContext::two_targets(MachLabelSlice labels) const {
  if (labels.size() != 2) return std::nullopt;
  return std::tuple(labels[0], labels[1]);
}

std::optional<Block> LowerContext::one_target(MachLabelSlice labels) const {
  return labels.size() == 1 ? std::optional<Block>(labels[0]) : std::nullopt;
}

std::optional<std::tuple<Block, MachLabelSlice>> LowerContext::table_targets(MachLabelSlice labels) const {
  if (labels.empty()) return std::nullopt;
  return std::tuple(labels[0], labels.subspan(1));
}

Unit LowerContext::emit_jump(MachLabel target) {
  emit(isa_->opcodes.jump, {Operand::label(target)});
  return {};
}

PoolConstant LowerContext::pool_constant(std::span<const uint8_t> bytes) {
  std::vector<std::vector<uint8_t>>& pool = vcode_->constants;
  // Pools are small; a linear search bounded to the newest entries keeps this constant time.
  const size_t begin = pool.size() > 32 ? pool.size() - 32 : 0;
  for (size_t i = pool.size(); i-- > begin;) {
    if (std::ranges::equal(pool[i], bytes)) return {static_cast<uint32_t>(i)};
  }
  pool.emplace_back(bytes.begin(), bytes.end());
  return {static_cast<uint32_t>(pool.size() - 1)};
}

void LowerContext::amode_operands(const Amode& amode, Operand out[kAmodeOperands]) const {
  machine::amode_operands(*isa_, amode, out);
}

void amode_operands(const TargetIsa& isa, const Amode& amode, Operand out[kAmodeOperands]) {
  const Reg base = amode.in_frame ? Reg(isa.abi.stack_pointer) : amode.base;
  out[0] = base.is_none() ? Operand{} : Operand::use(base);
  out[1] = amode.index.is_none() ? Operand{} : Operand::use(amode.index);
  out[2] = Operand::immediate(amode.shift);
  out[3] = amode.in_frame ? Operand::frame(amode.area, amode.disp) : Operand::immediate(amode.disp);
}

SimpleInst with_amode(const TargetIsa& isa, uint16_t opcode, std::initializer_list<Operand> before, const Amode& amode,
                      std::initializer_list<Operand> after) {
  SimpleInst inst(opcode, before);
  amode_operands(isa, amode, inst.operands + inst.operand_count);
  inst.operand_count += kAmodeOperands;
  for (const Operand& operand : after) inst.operands[inst.operand_count++] = operand;
  return inst;
}

}  // namespace assay::machine
