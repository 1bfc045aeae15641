// Calls, returns and arguments: abi.h's locations turned into instructions.
//
// Arguments in registers are fixed uses of the call itself and results fixed defs, so the allocator makes the moves.
// Results in memory go through one area of the caller's Slots that all its calls share: they are loaded right behind
// the call.
#include <algorithm>

#include "compiler/machine/lower.h"

namespace assay::machine {
namespace {

constexpr uint32_t kNoSymbol = 0xffffffffu;

}  // namespace

const AbiSignature& LowerContext::abi_of(SigRef signature) {
  AbiSignature& abi = abis_[signature.index];
  if (!abi_known_[signature.index]) {
    abi_known_[signature.index] = 1;
    if (Expected<void> computed = compute_abi(function_->signatures[signature], *isa_, abi); !computed) {
      const std::string& message = computed.error().message;
      const size_t colon = message.find(": ");
      unsupported(colon == std::string::npos ? message : message.substr(colon + 2));
      abi.params.clear();
      abi.returns.clear();
    }
  }
  return abi;
}

uint32_t LowerContext::symbol(FuncRef callee) {
  uint32_t& index = symbols_[callee.index];
  if (index == kNoSymbol) {
    const ir::FunctionDeclaration& declaration = function_->functions[callee];
    index = static_cast<uint32_t>(vcode_->symbols.size());
    vcode_->symbols.push_back({to_string(declaration.name), declaration.colocated});
  }
  return index;
}

SymbolRef LowerContext::func_ref_name(FuncRef callee) { return {symbol(callee)}; }

uint8_t LowerContext::clobber_set(const PRegSet& set) {
  std::vector<PRegSet>& sets = vcode_->clobber_sets;
  for (size_t i = 0; i < sets.size(); ++i) {
    if (sets[i] == set) return static_cast<uint8_t>(i);
  }
  assert(sets.size() < 256);  // one for each number of result registers
  sets.push_back(set);
  return static_cast<uint8_t>(sets.size() - 1);
}

Reg LowerContext::extended(Reg reg, const AbiLocation& location) {
  if (location.extension == ir::Extension::kNone || location.type.bits() >= 64) return reg;
  return isa_->extend(*this, reg, location.type.bits(), location.extension == ir::Extension::kSext);
}

InstOutput LowerContext::gen_call(FuncRef callee, ValueSlice args) {
  const AbiSignature& abi = abi_of(function_->functions[callee].signature);
  return emit_call(abi, isa_->opcodes.call, Operand::symbol(symbol(callee)), args);
}

InstOutput LowerContext::gen_call_indirect(SigRef signature, Value callee, ValueSlice args) {
  const Reg address = own_reg(put_in_reg(callee));
  return emit_call(abi_of(signature), isa_->opcodes.call_indirect, Operand::use(address), args);
}

InstOutput LowerContext::emit_call(const AbiSignature& abi, uint16_t opcode, Operand callee, ValueSlice args) {
  VCode& vcode = *vcode_;
  vcode.has_calls = true;
  vcode.outgoing_size = std::max(vcode.outgoing_size, abi.stack_size);
  call_area_size_ = std::max(call_area_size_, (abi.return_area_size + 15) / 16 * 16);
  if (args.size() != abi.params.size()) return {};  // refused already

  // Stack arguments first: each is stored at once, so it needs a register only for that long.
  const auto store = [&](Reg reg, const AbiLocation& location) {
    const Amode place = frame_amode(FrameArea::Outgoing, isa_->abi.outgoing_base + location.offset);
    emit(isa_->store(RegClass::Gpr, reg, place));
  };
  constants_in_place_ = true;
  for (size_t i = 0; i < args.size(); ++i) {
    if (!abi.params[i].in_memory()) continue;
    store(extended(put_in_reg(args[i]), abi.params[i]), abi.params[i]);
    ++stamp_;  // a constant is made again rather than kept for the next
  }
  Reg area;
  if (abi.has_return_area) {
    area = new_reg(RegClass::Gpr);
    emit(isa_->address(area, frame_amode(FrameArea::Slots, call_area_offset_)));
    if (abi.return_area.in_memory()) store(area, abi.return_area);
  }

  call_operands_.assign(1, callee);
  for (size_t i = 0; i < args.size(); ++i) {
    if (abi.params[i].in_memory()) continue;
    const Reg reg = own_reg(extended(put_in_reg(args[i]), abi.params[i]));
    call_operands_.push_back(Operand::fixed_use(reg, abi.params[i].reg));
  }
  constants_in_place_ = false;
  if (abi.has_return_area && !abi.return_area.in_memory()) {
    call_operands_.push_back(Operand::fixed_use(area, abi.return_area.reg));
  }

  PRegSet clobbers;
  for (unsigned reg_class = 0; reg_class < kRegClasses; ++reg_class) {
    for (PReg reg : isa_->registers.allocatable[reg_class]) {
      if (!isa_->registers.callee_saved.contains(reg)) clobbers.add(reg);
    }
  }
  const uint32_t first = static_cast<uint32_t>(output_regs_.size());
  for (const AbiLocation& result : abi.returns) {
    const Reg reg = new_reg(RegClass::Gpr);
    output_regs_.push_back(reg);
    if (result.in_memory()) continue;
    call_operands_.push_back(Operand::fixed_def(reg, result.reg));
    clobbers.remove(result.reg);
  }
  emit_with_clobbers(opcode, call_operands_, kNoTrap, clobber_set(clobbers));
  for (size_t i = 0; i < abi.returns.size(); ++i) {
    if (!abi.returns[i].in_memory()) continue;
    emit(isa_->load(RegClass::Gpr, output_regs_[first + i],
                    frame_amode(FrameArea::Slots, call_area_offset_ + abi.returns[i].offset)));
  }
  return {first, static_cast<uint32_t>(abi.returns.size())};
}

InstOutput LowerContext::gen_return(ValueSlice results) {
  constants_in_place_ = true;
  // Every machine's displacements reach this far; beyond it, results are stored from a base further up.
  constexpr uint32_t kReach = 2040;
  Reg base = return_area_;
  uint32_t base_offset = 0;
  for (size_t i = 0; i < results.size(); ++i) {
    const AbiLocation& location = own_abi_.returns[i];
    if (!location.in_memory()) continue;
    if (location.offset - base_offset > kReach) {
      const Reg further = new_reg(RegClass::Gpr);
      emit(isa_->address(further, Amode{.base = base, .index = {}, .disp = kReach}));
      base = further;
      base_offset += kReach;
    }
    const Amode place{.base = base, .index = {}, .disp = static_cast<int32_t>(location.offset - base_offset)};
    emit(isa_->store(RegClass::Gpr, extended(put_in_reg(results[i]), location), place));
    ++stamp_;
  }
  call_operands_.clear();
  for (size_t i = 0; i < results.size(); ++i) {
    const AbiLocation& location = own_abi_.returns[i];
    if (location.in_memory()) continue;
    const Reg reg = own_reg(extended(put_in_reg(results[i]), location));
    call_operands_.push_back(Operand::fixed_use(reg, location.reg));
  }
  constants_in_place_ = false;
  if (isa_->abi.sret_in_result && results.empty()) {
    const std::span<const Value> params = function_->block_params(function_->entry_block());
    for (size_t i = 0; i < own_abi_.params.size(); ++i) {
      if (own_abi_.params[i].purpose != ir::Purpose::kStructReturn) continue;
      call_operands_.push_back(Operand::fixed_use(put_in_reg(params[i]), isa_->abi.result_registers[0]));
    }
  }
  emit(isa_->opcodes.ret, call_operands_);
  return {};
}

// The first instruction defines the arguments that come in registers; the others are loaded behind it.
void LowerContext::receive_arguments() {
  const std::span<const Value> params = function_->block_params(function_->entry_block());
  call_operands_.clear();
  for (size_t i = 0; i < params.size() && i < own_abi_.params.size(); ++i) {
    const Reg reg = value_regs_[params[i].index];
    const AbiLocation& location = own_abi_.params[i];
    if (!reg.is_none() && !location.in_memory()) call_operands_.push_back(Operand::fixed_def(reg, location.reg));
  }
  if (own_abi_.has_return_area && !own_abi_.return_area.in_memory()) {
    call_operands_.push_back(Operand::fixed_def(return_area_, own_abi_.return_area.reg));
  }
  if (!call_operands_.empty()) emit(isa_->opcodes.args, call_operands_);
  for (size_t i = 0; i < params.size() && i < own_abi_.params.size(); ++i) {
    const Reg reg = value_regs_[params[i].index];
    const AbiLocation& location = own_abi_.params[i];
    if (reg.is_none() || !location.in_memory()) continue;
    emit(isa_->load(RegClass::Gpr, reg, frame_amode(FrameArea::Incoming, location.offset)));
  }
  if (own_abi_.has_return_area && own_abi_.return_area.in_memory()) {
    emit(isa_->load(RegClass::Gpr, return_area_, frame_amode(FrameArea::Incoming, own_abi_.return_area.offset)));
  }
}

}  // namespace assay::machine
