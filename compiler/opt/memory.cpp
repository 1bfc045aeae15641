// See memory.h.
#include "compiler/opt/memory.h"

#include <algorithm>

namespace assay::opt {

using ir::Block;
using ir::Inst;
using ir::Opcode;
using ir::Value;

namespace {

// Names of states: instructions have odd numbers, blocks even ones.
uint32_t state_of(Inst inst) { return inst.index * 2 + 3; }
uint32_t state_of(Block block) { return block.index * 2 + 2; }

}  // namespace

bool Memory::writes(const ir::OperationInfo& info) {
  return (info.effects & (ir::kCanStore | ir::kCalls | ir::kOtherSideEffects)) != 0;
}

bool Memory::is_load(Opcode opcode) {
  switch (opcode) {
    case Opcode::kLoad:
    case Opcode::kUload8:
    case Opcode::kSload8:
    case Opcode::kUload16:
    case Opcode::kSload16:
    case Opcode::kUload32:
    case Opcode::kSload32:
      return true;
    default:
      return false;
  }
}

bool Memory::is_store(Opcode opcode) {
  return opcode == Opcode::kStore || opcode == Opcode::kIstore8 || opcode == Opcode::kIstore16 ||
         opcode == Opcode::kIstore32;
}

size_t Memory::KeyHash::operator()(const Key& key) const {
  uint64_t h = key.state;
  for (const uint64_t word : {uint64_t{key.address}, key.offset, uint64_t{key.what} << 16 | key.type}) {
    h = (h ^ word) * 0x9e3779b97f4a7c15u;
    h ^= h >> 29;
  }
  return h;
}

// The index of the access's state: kRegions if it names no region that is tracked.
unsigned Memory::region(Inst inst) const {
  const ir::AliasRegion region = function_->inst(inst).flags.region();
  return region.is_none() ? kRegions : std::min<unsigned>(region.index, kRegions);
}

void Memory::apply(Inst inst, States& states) const {
  const ir::OperationInfo& info = function_->info(inst);
  if (!writes(info)) return;
  const State state = state_of(inst);
  const unsigned region = is_store(function_->inst(inst).opcode) ? this->region(inst) : kRegions;
  if (region == kRegions) {
    states.fill(state);
  } else {
    states[region] = states[kRegions] = state;
  }
}

void Memory::analyze(const ir::Function& function, const ir::ControlFlowGraph& cfg,
                     const ir::DominatorTree& dominators) {
  function_ = &function;
  cfg_ = &cfg;
  dominators_ = &dominators;
  known_.clear();
  pending_ = {};
  at_entry_.assign(function.block_count(), {});
  const auto order = cfg.reverse_postorder();
  if (order.empty()) return;
  at_entry_[order[0].index].fill(state_of(order[0]));
  // Each state goes from unknown to one writer to the block itself: a few rounds.
  for (bool changed = true; changed;) {
    changed = false;
    for (const Block block : order) {
      if (at_entry_[block.index][kRegions] == 0) continue;
      States states = at_entry_[block.index];
      for (const Inst inst : function.insts(block)) apply(inst, states);
      for (const Block successor : cfg.successors(block)) {
        States& into = at_entry_[successor.index];
        for (unsigned i = 0; i <= kRegions; ++i) {
          const State met = into[i] == 0 ? states[i] : into[i] == states[i] ? into[i] : state_of(successor);
          changed |= met != into[i];
          into[i] = met;
        }
      }
    }
  }
}

void Memory::enter(Block block) {
  block_ = block;
  now_ = at_entry_[block.index];
  pending_ = {};
}

Memory::Key Memory::key(Inst inst, Value address, ir::Type type) const {
  const ir::InstData& data = function_->inst(inst);
  return {.state = now_[region(inst)],
          .address = address.index,
          .offset = data.imm,
          .what = uint32_t(data.opcode) | uint32_t(data.flags.endianness()) << 16,
          .type = type.number()};
}

Value Memory::known(Inst load, Value address, Steps* steps) {
  const auto found = known_.find(key(load, address, function_->value_type(function_->result(load))));
  if (found == known_.end() || !dominators_->dominates(found->second.block, block_)) return {};
  if (!may_take(steps, [&] { return answers_for(load, found->second); })) return {};
  ++(found->second.is_stored ? stats_.loads_forwarded : stats_.loads_shared);
  return found->second.value;
}

Inst Memory::needless(Inst store, Value address, Steps* steps) const {
  if (pending_.is_none() || pending_address_ != address) return {};
  const ir::InstData& before = function_->inst(pending_);
  const ir::InstData& data = function_->inst(store);
  const auto stored = [&](Inst inst) { return function_->value_type(function_->arg(inst, 0)); };
  const bool same = before.opcode == data.opcode && before.imm == data.imm && before.flags == data.flags &&
                    stored(pending_) == stored(store);
  if (!same || !may_take(steps, [&] { return answers_for_drop(store); })) return {};
  return pending_;
}

void Memory::passed(Inst inst, Value address, Value value) {
  const ir::OperationInfo& info = function_->info(inst);
  const Opcode opcode = function_->inst(inst).opcode;
  if (info.effects != 0) pending_ = {};
  if (is_load(opcode)) {
    known_.insert_or_assign(key(inst, address, function_->value_type(value)),
                            Known{value, block_, false, inst, opcode});
    return;
  }
  apply(inst, now_);
  if (!is_store(opcode)) return;
  pending_ = inst;
  pending_address_ = address;
  if (opcode != Opcode::kStore) return;
  Key stored = key(inst, address, function_->value_type(value));
  stored.what = uint32_t(Opcode::kLoad) | stored.what >> 16 << 16;
  known_.insert_or_assign(stored, Known{value, block_, true, inst, opcode});
}

}  // namespace assay::opt
