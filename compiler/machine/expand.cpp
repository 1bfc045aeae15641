// See expand.h.
#include "compiler/machine/expand.h"

#include <algorithm>
#include <bit>
#include <span>

#include "compiler/machine/abi.h"
#include "compiler/machine/expand_division.h"
#include "compiler/machine/expand_parts.h"

namespace assay::machine {

namespace expansion {

using ir::Block;
using ir::Inst;
using ir::Type;
using ir::Value;

void Rewriter::replace_with(Value value) {
  const Value result = result_.is_none() ? f.result(inst_) : result_;
  if (result_.is_none()) {
    f.detach_results(inst_);
    f.remove_inst(inst_);
  }
  f.make_alias(result, value);
}

Block Rewriter::split() {
  const Block first = f.inst_block(inst_);
  last_ = first;
  const Block rest = f.make_block();
  f.insert_block_after(rest, first);
  f.move_tail(f.next_inst(inst_), rest);
  result_ = f.result(inst_);
  f.detach_results(inst_);
  f.remove_inst(inst_);
  b.set_block(first);
  return rest;
}

Block Rewriter::new_block() {
  const Block block = f.make_block();
  f.insert_block_after(block, last_);
  return last_ = block;
}

Value Rewriter::call(const ir::ExternalName& name, std::initializer_list<Value> args, Type result) {
  ir::FuncRef callee;
  for (uint32_t i = first_library_; i < f.functions.size() && callee.is_none(); ++i) {
    if (f.functions[ir::FuncRef(i)].name == name) callee = ir::FuncRef(i);
  }
  if (callee.is_none()) {
    ir::Signature signature{.params = {}, .returns = {{result}}, .call_conv = ir::CallConv::kSystemV};
    for (const Value v : args) signature.params.push_back({f.value_type(v)});
    callee = f.functions.push({.name = name, .signature = f.signatures.push(std::move(signature))});
  }
  return f.result(b.call(callee, args));
}

Value Rewriter::bitcast(Type to, Value x) { return f.value_type(x) == to ? x : b.bitcast(to, ir::MemFlags(), x); }

}  // namespace expansion

namespace {

using namespace expansion;

bool wants(const ir::Function& function, ir::Inst inst, const TargetIsa& isa, UsedValues& used) {
  return wants_symbol(function, inst) || is_wide_division(function.inst(inst)) ||
         wants_atomic(function, inst, isa, used) || wants_wide_conversion(function, inst) ||
         wants_float(function, inst, isa);
}

// The limit is vmctx, or what loads and sums make of it. The function's own stack pointer is held against it before
// anything else; the trap is the function's first instruction's.
void expand_stack_limit(ir::Function& function) {
  using Kind = ir::GlobalValueData::Kind;
  std::vector<ir::GlobalValue> chain = {function.stack_limit};
  for (;;) {
    const ir::GlobalValueData& data = function.global_values[chain.back()];
    if (data.kind != Kind::kLoad && data.kind != Kind::kIaddImm) break;
    chain.push_back(data.base);
  }
  const std::span<const ir::AbiParam> params = function.signature.params;
  const auto vmctx =
      std::ranges::find(params, ir::Purpose::kVMContext, [](const ir::AbiParam& param) { return param.purpose; });
  const ir::Block entry = function.entry_block();
  if (function.global_values[chain.back()].kind != Kind::kVMContext || vmctx == params.end()) return;
  ir::Value limit = function.block_params(entry)[static_cast<size_t>(vmctx - params.begin())];
  ir::InstBuilder builder(function);
  builder.set_before(function.first_inst(entry));
  const auto emit = [&](ir::InstData data, std::initializer_list<ir::Value> args) {
    data.args = function.make_values(std::vector<ir::Value>(args));
    return function.result(builder.insert(data));
  };
  for (chain.pop_back(); !chain.empty(); chain.pop_back()) {
    const ir::GlobalValueData data = function.global_values[chain.back()];
    if (data.kind == Kind::kLoad) {
      ir::InstData load{.opcode = ir::Opcode::kLoad, .type = data.type, .flags = data.flags};
      load.imm = static_cast<uint64_t>(data.offset);
      limit = emit(load, {limit});
    } else {
      const ir::Value addend =
          emit({.opcode = ir::Opcode::kIconst, .type = data.type, .imm = static_cast<uint64_t>(data.offset)}, {});
      limit = emit({.opcode = ir::Opcode::kIadd, .type = data.type}, {limit, addend});
    }
  }
  const ir::Value pointer = emit({.opcode = ir::Opcode::kGetStackPointer, .type = ir::kI64}, {});
  ir::InstData compare{.opcode = ir::Opcode::kIcmp, .type = ir::kI64};
  compare.code = static_cast<uint8_t>(ir::IntCC::kUlt);
  const ir::Value below = emit(compare, {pointer, limit});
  ir::InstData trap{.opcode = ir::Opcode::kTrapnz, .type = ir::kI8};
  trap.code = ir::kStackOverflow.code;
  trap.args = function.make_values(std::vector<ir::Value>{below});
  builder.insert(trap);
  function.stack_limit = {};
}

// More than the stack pointer is aligned to, up to the least page of any system.
bool is_overaligned(const ir::StackSlotData& slot, const TargetIsa& isa) {
  constexpr unsigned kMost = 12;
  return slot.align_log2 <= kMost && uint64_t{1} << slot.align_log2 > isa.abi.stack_align;
}

bool has_overaligned_slots(const ir::Function& function, const TargetIsa& isa) {
  return std::ranges::any_of(function.stack_slots, [&](const auto& slot) { return is_overaligned(slot, isa); });
}

// Such a slot gets room to move up in, and its address is rounded up wherever it is taken.
void expand_overaligned_slots(ir::Function& function, const TargetIsa& isa, const auto& belongs_to) {
  const auto count = static_cast<uint32_t>(function.inst_count());
  for (uint32_t i = 0; i < count; ++i) {
    const ir::Inst inst(i);
    const ir::InstData data = function.inst(inst);
    if (function.inst_block(inst).is_none() || data.opcode != ir::Opcode::kStackAddr) continue;
    const ir::StackSlotData& slot = function.stack_slots[data.stack_slot()];
    if (!is_overaligned(slot, isa)) continue;
    Rewriter r(function, inst, 0);
    const uint64_t alignment = uint64_t{1} << slot.align_log2;
    ir::InstData begin = data;
    begin.imm = 0;
    begin.results = {};
    const ir::Value lowest = function.result(r.b.insert(begin));
    const ir::Value above = r.b.iadd(lowest, r.b.constant(data.type, alignment - 1));
    const ir::Value aligned = r.b.band(above, r.b.constant(data.type, 0 - alignment));
    r.replace_with(data.offset() == 0 ? aligned : r.b.iadd(aligned, r.b.constant(data.type, data.imm)));
    belongs_to(inst);
  }
  for (ir::StackSlotData& slot : function.stack_slots) {
    if (!is_overaligned(slot, isa)) continue;
    slot.size += (uint32_t{1} << slot.align_log2) - isa.abi.stack_align;
    slot.align_log2 = static_cast<uint8_t>(std::countr_zero(isa.abi.stack_align));
  }
}

}  // namespace

bool needs_expansion(const ir::Function& function, const TargetIsa& isa, bool canonical_nans) {
  if (has_unknown_floats(function, isa) || !function.stack_limit.is_none()) return true;
  if (has_overaligned_slots(function, isa) || has_odd_structs(function)) return true;
  UsedValues used(function);
  for (uint32_t i = 0; i < function.inst_count(); ++i) {
    if (function.inst_block(ir::Inst(i)).is_none()) continue;
    if (wants(function, ir::Inst(i), isa, used) || (canonical_nans && makes_nans(function, ir::Inst(i)))) return true;
  }
  return false;
}

void expand(ir::Function& function, const TargetIsa& isa, bool canonical_nans, std::vector<ir::Inst>& origins) {
  origins.clear();
  const auto count = static_cast<uint32_t>(function.inst_count());
  const auto first_library = static_cast<uint32_t>(function.functions.size());
  const auto belongs_to = [&](ir::Inst inst) {
    origins.resize(function.inst_count() - count, inst.index < count ? inst : origins[inst.index - count]);
  };
  if (!function.stack_limit.is_none()) {
    const ir::Inst first = function.first_inst(function.entry_block());
    expand_stack_limit(function);
    belongs_to(first);
  }
  if (has_overaligned_slots(function, isa)) expand_overaligned_slots(function, isa, belongs_to);
  if (has_odd_structs(function)) expand_odd_structs(function, belongs_to);
  if (canonical_nans) {
    for (uint32_t i = 0; i < count; ++i) {
      if (function.inst_block(ir::Inst(i)).is_none() || !makes_nans(function, ir::Inst(i))) continue;
      canonicalize_nan(function, ir::Inst(i));
      belongs_to(ir::Inst(i));
    }
  }
  UsedValues used(function);
  for (uint32_t i = 0; i < function.inst_count(); ++i) {
    const ir::Inst inst(i);
    if (function.inst_block(inst).is_none() || !wants(function, inst, isa, used)) continue;
    if (is_wide_division(function.inst(inst))) {
      expand_wide_division(function, inst);
    } else {
      Rewriter r(function, inst, first_library);
      if (wants_symbol(function, inst)) {
        expand_symbol(r);
      } else if (wants_atomic(function, inst, isa, used)) {
        expand_atomic(r, isa);
      } else if (wants_wide_conversion(function, inst)) {
        expand_wide_conversion(r);
      } else {
        expand_float(r, isa);
      }
    }
    belongs_to(inst);
  }
  if (has_unknown_floats(function, isa)) make_integers_of_floats(function, isa);
}

}  // namespace assay::machine
