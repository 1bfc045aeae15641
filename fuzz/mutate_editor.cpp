// See mutate_editor.h.
#include "fuzz/mutate_editor.h"

#include <algorithm>

#include "compiler/ir/builder.h"
#include "fuzz/function_generator.h"

namespace assay::fuzz {

using namespace ir;

void Editor::refresh() {
  cfg_.compute(f);
  dominators_.compute(f, cfg_);
  insts_.clear();
  blocks_.clear();
  values_.clear();
  position_.assign(f.inst_count(), 0);
  uint32_t next = 1;
  for (Block block : f.blocks()) {
    blocks_.push_back(block);
    for (Value v : f.block_params(block)) {
      if (is_scalar(f.value_type(v))) values_.push_back(v);
    }
    for (Inst inst : f.insts(block)) {
      insts_.push_back(inst);
      position_[inst.index] = next++;
      for (Value v : f.results(inst)) {
        if (is_scalar(f.value_type(v))) values_.push_back(v);
      }
    }
  }
  find_protected();
  find_addresses();
  find_address_makers();
}

// Backwards from the conditions of branches in loops that may leave or repeat them: from every branch with an edge
// back.
void Editor::find_protected() {
  protected_.assign(f.inst_count(), false);
  counters_.assign(f.value_count(), false);
  std::vector<bool> seen(f.value_count());
  std::vector<Value> work;
  const auto mark = [&](Value v) {
    if (seen[v.index]) return;
    seen[v.index] = true;
    work.push_back(v);
  };
  for (Block block : cfg_.reverse_postorder()) {
    const Inst last = f.terminator(block);
    if (last.is_none()) continue;
    const bool back = std::any_of(cfg_.successors(block).begin(), cfg_.successors(block).end(),
                                  [&](Block to) { return cfg_.position(to) <= cfg_.position(block); });
    if (!back) continue;
    protected_[last.index] = true;
    for (Value v : f.args(last)) mark(f.resolve(v));
  }
  while (!work.empty()) {
    const Value v = work.back();
    work.pop_back();
    const ValueDef def = f.value_def(v);
    if (def.kind == ValueKind::kResult) {
      protected_[def.inst.index] = true;
      for (Value arg : f.args(def.inst)) mark(f.resolve(arg));
    } else if (def.kind == ValueKind::kParam) {
      counters_[v.index] = true;
      for (const ControlFlowGraph::Predecessor& from : cfg_.predecessors(def.block)) {
        const BlockArg arg = f.args(f.block_calls(from.branch)[from.call_index])[def.number];
        if (arg.is_value()) mark(f.resolve(arg.value()));
      }
    }
  }
}

// Forwards once, in reverse post-order: what is made of addresses of slots, functions and handlers, but not through
// memory.
void Editor::find_addresses() {
  addresses_.assign(f.value_count(), false);
  for (Block block : cfg_.reverse_postorder()) {
    for (Inst inst : f.insts(block)) {
      const Opcode opcode = f.inst(inst).opcode;
      bool is =
          opcode == Opcode::kStackAddr || opcode == Opcode::kFuncAddr || opcode == Opcode::kGetExceptionHandlerAddress;
      if (!is && f.info(inst).effects == kNoEffects) {
        for (Value v : f.args(inst)) is |= addresses_[f.resolve(v).index];
      }
      if (is) {
        for (Value v : f.results(inst)) addresses_[v.index] = true;
      }
      for (const BlockCall& call : f.block_calls(inst)) {
        const auto params = f.block_params(call.block);
        const auto args = f.args(call);
        for (size_t i = 0; i < args.size(); ++i) {
          if (args[i].is_value() && addresses_[f.resolve(args[i].value()).index]) addresses_[params[i].index] = true;
        }
      }
    }
  }
}

// Backwards once over the layout: good enough for code whose blocks stand in an order of execution.
void Editor::find_address_makers() {
  makes_address_.assign(f.inst_count(), false);
  const auto mark = [&](Value v) {
    if (const Inst def = f.def_inst(v); !def.is_none()) makes_address_[def.index] = true;
  };
  for (size_t i = insts_.size(); i-- > 0;) {
    const Inst inst = insts_[i];
    const Format format = f.info(inst).format;
    if (format == Format::kLoad) mark(f.arg(inst, 0));
    if (format == Format::kStore) mark(f.arg(inst, 1));
    if (!makes_address_[inst.index] || f.info(inst).effects != kNoEffects) continue;
    for (Value v : f.args(inst)) {
      // What is masked may be anything, but not the mask.
      if (f.inst(inst).opcode != Opcode::kBand) mark(v);
    }
    if (f.inst(inst).opcode == Opcode::kBand) {
      for (Value v : f.args(inst)) {
        const Inst def = f.def_inst(v);
        if (!def.is_none() && f.inst(def).opcode == Opcode::kIconst) makes_address_[def.index] = true;
      }
    }
  }
}

void Editor::distrust_accesses() {
  for (Inst inst : insts_) {
    const Format format = f.info(inst).format;
    if (f.inst_block(inst).is_none() || (format != Format::kLoad && format != Format::kStore)) continue;
    const MemFlags flags = f.inst(inst).flags;
    if (!flags.notrap()) continue;
    const Inst def = f.def_inst(f.arg(inst, format == Format::kStore ? 1 : 0));
    const bool is_slot = !def.is_none() && f.inst(def).opcode == Opcode::kStackAddr;
    if (!is_slot) f.inst(inst).flags = flags.with_trap(kHeapOutOfBounds);
  }
}

bool Editor::is_plain(Inst inst) const {
  return f.info(inst).effects == kNoEffects && f.results(inst).size() == 1 && is_int(f.value_type(f.result(inst))) &&
         !is_protected(inst) && !is_address(f.result(inst));
}

bool Editor::is_available(Value v, Inst before) const {
  const ValueDef def = f.value_def(v);
  const Block here = f.inst_block(before);
  if (def.kind == ValueKind::kParam) return dominators_.dominates(def.block, here);
  if (def.kind != ValueKind::kResult) return false;
  const Block home = f.inst_block(def.inst);
  if (home.is_none() || position(def.inst) == 0) return false;
  if (home != here) return dominators_.dominates(home, here);
  return position(def.inst) < position(before);
}

std::vector<Value> Editor::available(Inst before) const {
  std::vector<Value> out;
  if (!cfg_.is_reachable(f.inst_block(before))) return out;
  for (Value v : values_) {
    if (!is_address(v) && is_available(v, before)) out.push_back(v);
  }
  return out;
}

Value Editor::pick_existing(Type type, Inst before, Value except) {
  constexpr unsigned kTries = 24;
  const uint32_t count = static_cast<uint32_t>(values_.size());
  for (unsigned n = 0; n < kTries && count != 0; ++n) {
    const Value v = values_[random.below(count)];
    if (f.value_type(v) == type && v != except && !is_address(v) && is_available(v, before)) return v;
  }
  return {};
}

Value Editor::pick(Type type, Inst before) {
  if (random.chance(88)) {
    if (const Value v = pick_existing(type, before); !v.is_none()) return v;
  }
  return random_constant(type, before);
}

Type Editor::any_type() { return random.chance(10) ? kI128 : kTypes[random.below(4)]; }

Inst Editor::insert(const InstData& data, Inst before) {
  const Inst inst = f.make_inst(data);
  f.make_results(inst);
  f.insert_inst_before(inst, before);
  return inst;
}

Value Editor::constant(Type type, Bits bits, Inst before) {
  InstBuilder builder(f);
  builder.set_before(before);
  return builder.constant(type, bits);
}

Value Editor::random_constant(Type type, Inst before) {
  const Bits bits = type.is_float() ? random_float_bits(random, type.bits()) : random_bits(random, type.bits());
  return constant(type, bits, before);
}

Value Editor::unary(Opcode opcode, Type type, Value x, Inst before) {
  return emit({.opcode = opcode, .type = type, .args = f.make_values({&x, 1})}, before);
}

Value Editor::binary(Opcode opcode, Value x, Value y, Inst before) {
  const Value args[] = {x, y};
  return emit({.opcode = opcode, .type = f.value_type(x), .args = f.make_values(args)}, before);
}

Value Editor::compare(IntCC cc, Value x, Value y, Inst before) {
  const Value args[] = {x, y};
  return emit(
      {.opcode = Opcode::kIcmp, .code = static_cast<uint8_t>(cc), .type = f.value_type(x), .args = f.make_values(args)},
      before);
}

Value Editor::convert(Value v, Type to, Inst before) {
  const unsigned from = f.value_type(v).bits();
  if (f.value_type(v).is_float()) v = unary(Opcode::kBitcast, Type::integer(from), v, before);
  if (from == to.bits()) return v;
  if (from > to.bits()) return unary(Opcode::kIreduce, to, v, before);
  return unary(random.chance(50) ? Opcode::kUextend : Opcode::kSextend, to, v, before);
}

Inst Editor::jump(Block from, Block to, std::span<const Value> args) {
  const BlockCall call = f.make_block_call(to, args);
  const Inst inst = f.make_inst({.opcode = Opcode::kJump, .calls = f.make_calls({&call, 1})});
  f.append_inst(inst, from);
  return inst;
}

Inst Editor::brif(Block from, Value condition, BlockCall then_call, BlockCall else_call) {
  const BlockCall calls[] = {then_call, else_call};
  const Inst inst = f.make_inst({.opcode = Opcode::kBrif,
                                 .type = f.value_type(condition),
                                 .args = f.make_values({&condition, 1}),
                                 .calls = f.make_calls(calls)});
  f.append_inst(inst, from);
  return inst;
}

void Editor::replace_uses(Value old, Value now, Inst except) {
  for (Block block : f.blocks()) {
    for (Inst inst : f.insts(block)) {
      if (inst == except) continue;
      f.for_each_use_mutable(inst, [&](Value& v) {
        if (v == old) v = now;
      });
    }
  }
}

Block Editor::split_before(Inst inst) {
  const Block rest = f.make_block(), block = f.inst_block(inst);
  f.insert_block_after(rest, block);
  f.move_tail(inst, rest);
  return rest;
}

std::vector<Inst> Editor::segment(uint32_t longest) {
  std::vector<Inst> out;
  const auto fits = [&](Inst inst) { return !f.info(inst).is_terminator() && !is_protected(inst); };
  Inst inst = any(fits);
  for (uint32_t n = 1 + random.below(longest); n != 0 && !inst.is_none() && fits(inst); --n) {
    out.push_back(inst);
    inst = f.next_inst(inst);
  }
  return out;
}

}  // namespace assay::fuzz
