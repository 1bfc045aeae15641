// Calls, returns and arguments: abi.h's locations turned into instructions.
//
// Arguments in registers are fixed uses of the call itself and results fixed defs, so the allocator makes the moves.
// What is passed on by tail calls and by the edges of try_calls is here, too. Results in memory go through one area of
// the caller's Slots that all its calls share: they are loaded right behind the call. Behind them in that area are the
// copies of arguments that are passed by reference.
#include <algorithm>
#include <utility>

#include "compiler/machine/lower.h"

namespace assay::machine {
namespace {

using ir::Type;

constexpr uint32_t kNoSymbol = 0xffffffffu;

// How much of a register goes to memory as part of a value of this type.
Type part_type(Type type) { return type.is_float() ? type : ir::kI64; }

// How many registers a value has there.
unsigned words(const AbiLocation& location) { return location.is_whole ? 2 : location.part_count; }

Reg half(const ValueRegs& regs, unsigned part) { return part == 0 ? regs.low : regs.high; }

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

// What goes to a register that is a location's part.
Reg LowerContext::in_part(Value v, const AbiLocation& location, unsigned part) {
  const ValueRegs regs = put_in_regs(v);
  if (location.is_whole) return isa_->join(*this, regs.low, regs.high);
  return own_reg(for_part(half(regs, part), location, part));
}

// The same of memory, or of either: the register with the extension the signature asks for, in the part's class.
Reg LowerContext::for_part(Reg reg, const AbiLocation& location, unsigned part) {
  if (location.extension != ir::Extension::kNone && location.type.is_int() && location.type.bits() < 64) {
    return isa_->extend(*this, reg, location.type.bits(), location.extension == ir::Extension::kSext);
  }
  const PReg place = location.parts[part].reg;
  if (!place || place.reg_class() == reg_class(location.type)) return reg;
  const Reg other = new_reg(place.reg_class());
  emit(isa_->transfer(location.type, place.reg_class(), other, reg));
  return other;
}

// What comes in memory.
void LowerContext::load_part(const AbiLocation& location, Reg reg, const Amode& place) {
  if (location.type != ir::kF16 || isa_->abi.loads_f16) return emit(isa_->load(part_type(location.type), reg, place));
  const Reg word = new_reg(RegClass::Gpr);
  emit(isa_->load(ir::kI64, word, place));
  emit(isa_->transfer(location.type, RegClass::Vec, reg, word));
}

const AbiSignature& LowerContext::abi_of_try(Inst inst) { return abi_of(function_->exception_table(inst).signature); }

InstOutput LowerContext::gen_call(FuncRef callee, ValueSlice args) {
  const AbiSignature& abi = abi_of(function_->functions[callee].signature);
  return emit_call(abi, isa_->opcodes.call, Operand::symbol(symbol(callee)), args);
}

InstOutput LowerContext::gen_call_indirect(SigRef signature, Value callee, ValueSlice args) {
  const Reg address = own_reg(put_in_reg(callee));
  return emit_call(abi_of(signature), isa_->opcodes.call_indirect, Operand::use(address), args);
}

InstOutput LowerContext::gen_return_call(FuncRef callee, ValueSlice args) {
  const SigRef signature = function_->functions[callee].signature;
  check_tail_results(function_->signatures[signature]);
  return emit_tail_call(abi_of(signature), isa_->opcodes.tail_call, Operand::symbol(symbol(callee)), args);
}

InstOutput LowerContext::gen_return_call_indirect(SigRef signature, Value callee, ValueSlice args) {
  check_tail_results(function_->signatures[signature]);
  const AbiSignature& abi = abi_of(signature);
  const Reg address = own_reg(put_in_reg(callee));
  const PReg place = isa_->abi_of(abi.call_conv).tail_target;
  return emit_tail_call(abi, isa_->opcodes.tail_call_indirect, Operand::fixed_use(address, place), args);
}

Unit LowerContext::gen_try_call(FuncRef callee, ValueSlice args, MachLabelSlice labels) {
  return emit_try_call(abi_of_try(current_inst_), isa_->opcodes.call, Operand::symbol(symbol(callee)), args, labels);
}

Unit LowerContext::gen_try_call_indirect(Value callee, ValueSlice args, MachLabelSlice labels) {
  const Reg address = own_reg(put_in_reg(callee));
  return emit_try_call(abi_of_try(current_inst_), isa_->opcodes.call_indirect, Operand::use(address), args, labels);
}

// The address of a place in the area that calls share.
Reg LowerContext::copy_address(uint32_t offset) {
  const Reg address = new_reg(RegClass::Gpr);
  emit(isa_->address(address, frame_amode(FrameArea::Slots, call_area_offset_ + offset)));
  return address;
}

// Puts stack arguments in their places, and all others into call_operands_ as fixed uses.
void LowerContext::pass(const AbiSignature& abi, ValueSlice args, Reg return_area) {
  const uint32_t base = isa_->abi_of(abi.call_conv).outgoing_base;
  vcode_->outgoing_size = std::max(vcode_->outgoing_size, abi.stack_size + base - isa_->abi.outgoing_base);
  // Stack arguments first: each is stored at once, so it needs a register only for that long.
  const auto store = [&](Reg reg, const AbiPart& part, Type type) {
    emit(isa_->store(type, reg, frame_amode(FrameArea::Outgoing, base + part.offset)));
  };
  constants_in_place_ = true;
  for (size_t i = 0; i < args.size(); ++i) {
    const AbiLocation& location = abi.params[i];
    if (location.purpose == ir::Purpose::kStructArgument) {
      copy_struct(own_reg(put_in_reg(args[i])), location, base);
      continue;
    }
    if (location.by_reference) {
      store_copy(args[i], call_area_offset_ + abi.return_area_size + location.copy_offset);
      if (location.parts[0].in_memory()) {
        store(copy_address(abi.return_area_size + location.copy_offset), location.parts[0], ir::kI64);
      }
      continue;
    }
    for (unsigned part = 0; part < location.part_count; ++part) {
      if (!location.parts[part].in_memory()) continue;
      store(for_part(half(put_in_regs(args[i]), part), location, part), location.parts[part], part_type(location.type));
      ++stamp_;  // a constant is made again rather than kept for the next
    }
  }
  if (abi.has_return_area && abi.return_area.in_memory()) store(return_area, abi.return_area, ir::kI64);

  for (size_t i = 0; i < args.size(); ++i) {
    const AbiLocation& location = abi.params[i];
    for (unsigned part = 0; part < location.part_count; ++part) {
      if (location.parts[part].in_memory()) continue;
      const Reg reg = location.by_reference ? copy_address(abi.return_area_size + location.copy_offset)
                                            : in_part(args[i], location, part);
      call_operands_.push_back(Operand::fixed_use(reg, location.parts[part].reg));
    }
  }
  constants_in_place_ = false;
  if (abi.has_return_area && !abi.return_area.in_memory()) {
    call_operands_.push_back(Operand::fixed_use(return_area, abi.return_area.reg));
  }
}

// A struct of a multiple of 8 bytes, word by word.
void LowerContext::copy_struct(Reg from, const AbiLocation& location, uint32_t base) {
  constexpr uint32_t kLargest = 1 << 16, kReach = 2040;
  if (location.struct_size > kLargest) return unsupported("argument passed as a struct of more than 64 KiB");
  for (uint32_t at = 0, base_at = 0; at < location.struct_size; at += 8) {
    if (at - base_at > kReach) {
      const Reg further = new_reg(RegClass::Gpr);
      emit(isa_->address(further, Amode{.base = from, .index = {}, .disp = kReach}));
      from = further;
      base_at += kReach;
    }
    const Reg word = new_reg(RegClass::Gpr);
    emit(isa_->load(ir::kI64, word, Amode{.base = from, .index = {}, .disp = static_cast<int32_t>(at - base_at)}));
    emit(isa_->store(ir::kI64, word, frame_amode(FrameArea::Outgoing, base + location.parts[0].offset + at)));
  }
}

PRegSet LowerContext::clobbers_of(ir::CallConv convention) const {
  const PRegSet& saved = isa_->callee_saved(convention);
  PRegSet clobbers;
  for (unsigned reg_class = 0; reg_class < kRegClasses; ++reg_class) {
    for (PReg reg : isa_->registers.allocatable[reg_class]) {
      if (!saved.contains(reg)) clobbers.add(reg);
    }
    // No value is ever there, but this function's own caller may want it kept.
    const PReg scratch = isa_->registers.scratch[reg_class];
    if (scratch && !saved.contains(scratch) && isa_->callee_saved(own_abi_.call_conv).contains(scratch)) {
      clobbers.add(scratch);
    }
  }
  return clobbers;
}

InstOutput LowerContext::emit_call(const AbiSignature& abi, uint16_t opcode, Operand callee, ValueSlice args) {
  vcode_->has_calls = true;
  call_area_size_ = std::max(call_area_size_, (abi.return_area_size + abi.copies_size + 15) / 16 * 16);
  if (args.size() != abi.params.size()) return {};  // refused already
  call_operands_.assign(1, callee);
  pass(abi, args, abi.has_return_area ? copy_address(0) : Reg());

  PRegSet clobbers = clobbers_of(abi.call_conv);
  arrivals_.clear();
  const uint32_t first = static_cast<uint32_t>(output_regs_.size());
  for (const AbiLocation& result : abi.returns) {
    for (unsigned part = 0; part < words(result); ++part) output_regs_.push_back(new_reg(reg_class(result.type)));
    for (unsigned part = 0; part < result.part_count; ++part) {
      if (result.parts[part].in_memory()) continue;
      Reg reg = output_regs_[output_regs_.size() - words(result) + part];
      if (result.is_whole) arrivals_.push_back(reg = new_reg(RegClass::Vec));
      call_operands_.push_back(Operand::fixed_def(reg, result.parts[part].reg));
      clobbers.remove(result.parts[part].reg);
    }
  }
  if (isa_->abi_of(abi.call_conv).callee_pops && abi.stack_size != 0) {
    call_operands_.push_back(Operand::immediate(abi.stack_size));
  }
  emit_with_clobbers(opcode, call_operands_, kNoTrap, clobber_set(clobbers));
  uint32_t next = first;
  size_t arrived = 0;
  for (const AbiLocation& result : abi.returns) {
    if (result.is_whole) {
      isa_->split(*this, output_regs_[next], output_regs_[next + 1], arrivals_[arrived++]);
      next += 2;
      continue;
    }
    for (unsigned part = 0; part < result.part_count; ++part, ++next) {
      if (!result.parts[part].in_memory()) continue;
      load_part(result, output_regs_[next],
                frame_amode(FrameArea::Slots, call_area_offset_ + result.parts[part].offset));
    }
  }
  return {first, next - first};
}

// Nothing of this function runs after the call: the callee must extend what this function promises to extend.
void LowerContext::check_tail_results(const ir::Signature& callee) {
  const auto keeps = [](const ir::AbiParam& promised, const ir::AbiParam& made) {
    return promised.extension == ir::Extension::kNone || promised.extension == made.extension ||
           promised.type.bits() >= 64;
  };
  if (!std::ranges::equal(function_->signature.returns, callee.returns, keeps)) {
    unsupported("a return_call of a function that does not extend its results as this one's signature says");
  }
}

// Stack arguments are put together in the outgoing area; the emitter moves them to where they belong once the frame is
// no longer needed. Results in memory go where this function's would.
InstOutput LowerContext::emit_tail_call(const AbiSignature& abi, uint16_t opcode, Operand callee, ValueSlice args) {
  if (args.size() != abi.params.size()) return {};
  vcode_->has_tail_calls = true;
  vcode_->tail_size = std::max(vcode_->tail_size, abi.stack_size);
  call_operands_.assign(1, callee);
  pass(abi, args, return_area_);
  call_operands_.push_back(Operand::immediate(abi.stack_size));
  emit(opcode, call_operands_);
  return {};
}

// With handlers, what the call leaves in registers is defined where it goes on (land).
Unit LowerContext::emit_try_call(const AbiSignature& abi, uint16_t opcode, Operand callee, ValueSlice args,
                                 MachLabelSlice labels) {
  const ir::ExceptionTableData& table = function_->exception_table(current_inst_);
  const bool has_handlers = labels.size() > 1;
  if (!has_handlers) {
    const InstOutput results = emit_call(abi, opcode, callee, args);
    uint32_t next = results.first;
    for (size_t i = 0; i < abi.returns.size(); ++i) {
      const ValueRegs wanted = i < landed_.size() ? landed_[i] : ValueRegs();
      for (unsigned part = 0; part < words(abi.returns[i]); ++part, ++next) {
        const Reg reg = half(wanted, part);
        if (!reg.is_none()) alias(reg, output_regs_[next]);
      }
    }
    output_regs_.resize(results.first);
    return emit_jump(labels[0]);
  }
  vcode_->has_calls = true;
  if (args.size() != abi.params.size()) return {};
  call_operands_.assign(1, callee);
  pass(abi, args, abi.has_return_area ? copy_address(0) : Reg());
  const bool pops = isa_->abi_of(abi.call_conv).callee_pops;
  call_operands_.push_back(Operand::immediate(pops ? abi.stack_size : 0));
  constexpr uint32_t kContextSize = 16;
  uint32_t contexts = (abi.return_area_size + abi.copies_size + kContextSize - 1) / kContextSize * kContextSize;
  Value context;
  for (const ir::ExceptionItem& item : table.items) {
    if (item.kind == ir::ExceptionItem::Kind::kContext) {
      context = item.context;
      continue;
    }
    if (!context.is_none()) {  // all handlers up to the next context share it
      const uint32_t place = call_area_offset_ + contexts;
      const uint32_t size = store_context(std::exchange(context, {}), place);
      call_operands_.push_back(Operand::frame(FrameArea::Slots, place));
      call_operands_.push_back(Operand::immediate(size));
      contexts += kContextSize;
    }
    const bool any = item.kind == ir::ExceptionItem::Kind::kDefault;
    call_operands_.push_back(Operand::immediate(any ? -1 : int64_t(item.tag)));
    call_operands_.push_back(Operand::label(labels[item.call_index]));
  }
  call_area_size_ = std::max(call_area_size_, contexts);
  // Unwinding restores no registers.
  PRegSet clobbers;
  for (unsigned reg_class = 0; reg_class < kRegClasses; ++reg_class) {
    for (PReg reg : isa_->registers.allocatable[reg_class]) clobbers.add(reg);
    const PReg scratch = isa_->registers.scratch[reg_class];
    if (scratch && isa_->callee_saved(own_abi_.call_conv).contains(scratch)) clobbers.add(scratch);
  }
  emit_with_clobbers(opcode, call_operands_, kNoTrap, clobber_set(clobbers));
  return emit_jump(labels[0]);
}

// At the start of an edge of a try_call: registers for the results, or words of the exception, that it passes on. Into
// landed_: by argument of the edge (an only edge without handlers: by result, for emit_try_call to define).
void LowerContext::land(const BlockOrder::Entry& edge) {
  const AbiSignature& abi = abi_of_try(edge.branch);
  const bool has_handlers = function_->block_calls(edge.branch).size() > 1;
  const std::span<const ir::BlockArg> args = function_->args(edge.call);
  landed_.assign(has_handlers ? args.size() : abi.returns.size(), {});
  const auto new_regs = [&](Type type) {
    return ValueRegs{new_reg(reg_class(type)), type == ir::kI128 ? new_reg(RegClass::Gpr) : Reg()};
  };
  call_operands_.clear();
  arrivals_.clear();
  for (size_t i = 0; i < args.size(); ++i) {
    const ir::BlockArg& arg = args[i];
    if (arg.is_value()) continue;
    if (!has_handlers) {
      if (landed_[arg.index()].is_none()) landed_[arg.index()] = new_regs(abi.returns[arg.index()].type);
      continue;
    }
    const size_t same = static_cast<size_t>(std::ranges::find(args, arg) - args.begin());
    if (same != i) {
      landed_[i] = landed_[same];
    } else if (arg.is_exn()) {
      landed_[i] = new_regs(ir::kI64);
      call_operands_.push_back(Operand::fixed_def(landed_[i].low, isa_->abi.result_registers[arg.index()]));
    } else {
      const AbiLocation& result = abi.returns[arg.index()];
      landed_[i] = new_regs(result.type);
      if (result.is_whole) {
        arrivals_.push_back(new_reg(RegClass::Vec));
        call_operands_.push_back(Operand::fixed_def(arrivals_.back(), result.parts[0].reg));
        continue;
      }
      for (unsigned part = 0; part < result.part_count; ++part) {
        if (result.parts[part].in_memory()) continue;
        call_operands_.push_back(Operand::fixed_def(half(landed_[i], part), result.parts[part].reg));
      }
    }
  }
  if (!call_operands_.empty()) emit(isa_->opcodes.args, call_operands_);
  size_t arrived = 0;
  const bool only_edge = order_.only_edge(edge.call.block) != nullptr;
  const std::span<const Value> params = function_->block_params(edge.call.block);
  for (size_t i = 0; i < args.size(); ++i) {
    if (args[i].is_value()) continue;
    const ValueRegs regs = landed_[has_handlers ? i : args[i].index()];
    const bool is_first = static_cast<size_t>(std::ranges::find(args, args[i]) - args.begin()) == i;
    if (has_handlers && args[i].is_ret() && is_first) {
      const AbiLocation& result = abi.returns[args[i].index()];
      if (result.is_whole) isa_->split(*this, regs.low, regs.high, arrivals_[arrived++]);
      for (unsigned part = 0; part < result.part_count; ++part) {
        if (!result.parts[part].in_memory()) continue;
        load_part(result, half(regs, part),
                  frame_amode(FrameArea::Slots, call_area_offset_ + result.parts[part].offset));
      }
    }
    if (!only_edge) continue;
    const ValueRegs wanted = value_regs_[params[i].index];
    if (!wanted.low.is_none()) alias(wanted.low, regs.low);
    if (!wanted.high.is_none()) alias(wanted.high, regs.high);
  }
}

// Nobody goes to a handler of a try_call that is never made: any place will do.
MachLabel LowerContext::handler_label() {
  const ir::InstData& data = function_->inst(current_inst_);
  const BlockOrder::Entry* entry = order_.entry_of(data.raw_block());
  return entry == nullptr ? MachLabel(0) : order_.labels(*entry)[data.imm + 1];
}

// ---- special registers ----

InstOutput LowerContext::gen_stack_pointer() {
  const Reg reg = new_reg(RegClass::Gpr);
  emit(isa_->address(reg, frame_amode(FrameArea::Outgoing, 0)));
  return output1(reg);
}

InstOutput LowerContext::gen_frame_pointer() {
  vcode_->needs_linkage = true;
  const Reg reg = new_reg(RegClass::Gpr);
  emit(isa_->address(reg, frame_amode(FrameArea::Linkage, 0)));
  return output1(reg);
}

InstOutput LowerContext::gen_return_address() {
  vcode_->needs_linkage = vcode_->has_calls = true;  // so that the link register is saved
  const Reg reg = new_reg(RegClass::Gpr);
  Amode place = frame_amode(FrameArea::Linkage, 0);
  place.disp = isa_->abi.return_address_at;
  emit(isa_->load(ir::kI64, reg, place));
  return output1(reg);
}

InstOutput LowerContext::gen_get_pinned() {
  const PReg pinned = isa_->abi.pinned;
  if (!options_.pinned_register || !pinned) unsupported("a pinned register (enable_pinned_reg is off)");
  const Reg reg = new_reg(RegClass::Gpr);
  if (pinned) emit(isa_->move(RegClass::Gpr, reg, pinned));
  return output1(reg);
}

InstOutput LowerContext::gen_set_pinned(Value v) {
  const PReg pinned = isa_->abi.pinned;
  if (!options_.pinned_register || !pinned) unsupported("a pinned register (enable_pinned_reg is off)");
  const Reg reg = put_in_reg(v);
  if (pinned) emit(isa_->move(RegClass::Gpr, pinned, reg));
  return {};
}

SymbolRef LowerContext::global_symbol(GlobalValue global) {
  const ir::GlobalValueData& data = function_->global_values[global];
  if (data.kind != ir::GlobalValueData::Kind::kSymbol || data.tls) {
    unsupported("a symbol_value of a global value that is no symbol");
  }
  vcode_->symbols.push_back({to_string(data.name), data.colocated, data.offset});
  return {static_cast<uint32_t>(vcode_->symbols.size() - 1)};
}

// An i128 to a place in Slots, in the machine's byte order.
void LowerContext::store_copy(Value v, uint32_t offset) {
  const bool is_big = endianness(isa_->kind) == std::endian::big;
  const ValueRegs regs = put_in_regs(v);
  emit(isa_->store(ir::kI64, regs.low, frame_amode(FrameArea::Slots, offset + (is_big ? 8 : 0))));
  emit(isa_->store(ir::kI64, regs.high, frame_amode(FrameArea::Slots, offset + (is_big ? 0 : 8))));
}

// The context of exception handlers, to where who unwinds finds it; its size there.
uint32_t LowerContext::store_context(Value v, uint32_t offset) {
  const Type type = value_type(v);
  if (type == ir::kI128) {
    store_copy(v, offset);
    return 16;
  }
  const bool fits = type.is_int() || type == ir::kF32 || type == ir::kF64;
  if (!fits) unsupported("an exception context of type " + type.to_string());
  Reg reg = put_in_reg(v);
  if (type.is_int() && type.bits() < 64) reg = isa_->extend(*this, reg, type.bits(), false);
  emit(isa_->store(part_type(type), reg, frame_amode(FrameArea::Slots, offset)));
  return type.is_float() ? type.bits() / 8 : 8;
}

InstOutput LowerContext::gen_return(ValueSlice results) {
  constants_in_place_ = true;
  // Every machine's displacements reach this far; beyond it, results are stored from a base further up.
  constexpr uint32_t kReach = 2040;
  Reg base = return_area_;
  uint32_t base_offset = 0;
  const auto place_of = [&](uint32_t offset) {
    if (offset - base_offset > kReach) {
      const Reg further = new_reg(RegClass::Gpr);
      emit(isa_->address(further, Amode{.base = base, .index = {}, .disp = kReach}));
      base = further;
      base_offset += kReach;
    }
    return Amode{.base = base, .index = {}, .disp = static_cast<int32_t>(offset - base_offset)};
  };
  for (size_t i = 0; i < results.size(); ++i) {
    const AbiLocation& location = own_abi_.returns[i];
    for (unsigned slot = 0; slot < location.part_count; ++slot) {
      // By rising offset, as place_of only goes up: on a big-endian machine the high half is first.
      const bool swapped = location.part_count == 2 && location.parts[1].offset < location.parts[0].offset;
      const unsigned part = swapped ? 1 - slot : slot;
      if (!location.parts[part].in_memory()) continue;
      const Amode place = place_of(location.parts[part].offset);
      emit(isa_->store(part_type(location.type), for_part(half(put_in_regs(results[i]), part), location, part), place));
      ++stamp_;
    }
  }
  call_operands_.clear();
  for (size_t i = 0; i < results.size(); ++i) {
    const AbiLocation& location = own_abi_.returns[i];
    for (unsigned part = 0; part < location.part_count; ++part) {
      if (location.parts[part].in_memory()) continue;
      call_operands_.push_back(Operand::fixed_use(in_part(results[i], location, part), location.parts[part].reg));
    }
  }
  constants_in_place_ = false;
  const AbiTable& convention = isa_->abi_of(own_abi_.call_conv);
  if (convention.sret_in_result && results.empty()) {
    const std::span<const Value> params = function_->block_params(function_->entry_block());
    for (size_t i = 0; i < own_abi_.params.size(); ++i) {
      if (own_abi_.params[i].purpose != ir::Purpose::kStructReturn) continue;
      call_operands_.push_back(Operand::fixed_use(put_in_reg(params[i]), convention.result_registers[0]));
    }
  }
  emit(isa_->opcodes.ret, call_operands_);
  return {};
}

// The first instruction defines the arguments that come in registers; the others are loaded behind it.
void LowerContext::receive_arguments() {
  const std::span<const Value> params = function_->block_params(function_->entry_block());
  arrivals_.clear();
  call_operands_.clear();
  const auto each_part = [&](auto&& act) {
    for (size_t i = 0; i < params.size() && i < own_abi_.params.size(); ++i) {
      const AbiLocation& location = own_abi_.params[i];
      if (value_regs_[params[i].index].is_none()) continue;
      for (unsigned part = 0; part < location.part_count; ++part) act(i, location, part);
    }
  };
  each_part([&](size_t i, const AbiLocation& location, unsigned part) {
    const PReg from = location.parts[part].reg;
    if (!from) return;  // in memory, below
    const bool is_direct = !location.by_reference && !location.is_whole && from.reg_class() == reg_class(location.type);
    if (!is_direct) arrivals_.push_back(new_reg(from.reg_class()));
    call_operands_.push_back(
        Operand::fixed_def(is_direct ? half(value_regs_[params[i].index], part) : arrivals_.back(), from));
  });
  if (own_abi_.has_return_area && !own_abi_.return_area.in_memory()) {
    call_operands_.push_back(Operand::fixed_def(return_area_, own_abi_.return_area.reg));
  }
  if (!call_operands_.empty()) emit(isa_->opcodes.args, call_operands_);

  size_t arrived = 0;
  const bool is_big = endianness(isa_->kind) == std::endian::big;
  each_part([&](size_t i, const AbiLocation& location, unsigned part) {
    const ValueRegs regs = value_regs_[params[i].index];
    const AbiPart& from = location.parts[part];
    const Amode place = frame_amode(FrameArea::Incoming, from.offset);
    if (location.purpose == ir::Purpose::kStructArgument) {
      emit(isa_->address(regs.low, place));
    } else if (location.by_reference) {
      const Reg reference = from.in_memory() ? new_reg(RegClass::Gpr) : arrivals_[arrived++];
      if (from.in_memory()) emit(isa_->load(ir::kI64, reference, place));
      emit(isa_->load(ir::kI64, regs.low, Amode{.base = reference, .index = {}, .disp = is_big ? 8 : 0}));
      emit(isa_->load(ir::kI64, regs.high, Amode{.base = reference, .index = {}, .disp = is_big ? 0 : 8}));
    } else if (location.is_whole) {
      isa_->split(*this, regs.low, regs.high, arrivals_[arrived++]);
    } else if (from.in_memory()) {
      load_part(location, half(regs, part), place);
    } else if (from.reg.reg_class() != reg_class(location.type)) {
      emit(isa_->transfer(location.type, RegClass::Vec, half(regs, part), arrivals_[arrived++]));
    }
  });
  if (own_abi_.has_return_area && own_abi_.return_area.in_memory()) {
    emit(isa_->load(ir::kI64, return_area_, frame_amode(FrameArea::Incoming, own_abi_.return_area.offset)));
  }
}

}  // namespace assay::machine
